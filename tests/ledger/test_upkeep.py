"""Several processes over one ledger: an answer is fetched once for all, renewed in time, its change noticed by all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from adapters.sandbox.pki import Addresses, Identity, Pki
from adapters.sandbox.responder import Responder
from hub import clock
from hub.ledger import Ledger
from hub.ledger.pending import LedgerPending
from hub.ledger.revocation import LedgerAnswers
from hub.signatures.chain import TrustStore
from hub.signatures.revocation import asking, shelf, upkeep
from hub.signatures.revocation.http import HttpFetch
from hub.signatures.revocation.judging import Revocation
from hub.signatures.revocation.standing import Standing
from hub.signatures.revocation.upkeep import Upkeep
from tests.ledger.stage import Store
from tests.services.issuer import Issuer, Reply
from tests.signatures.revocations import der, path, trust


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


@pytest.fixture
async def fetch() -> AsyncIterator[HttpFetch]:
    made = HttpFetch(2.0)
    yield made
    await made.close()


class Axis:
    """A PKI whose certificates name a list and a responder, and the processes of one hub."""

    def __init__(self, store: Store, issuer: Issuer, fetch: HttpFetch) -> None:
        self.store = store
        self.issuer = issuer
        self.fetch = fetch
        self.pki = Pki.create(issuing=Addresses((issuer.url + "/list",), (issuer.url + "/ocsp",)))
        self.identity = self.pki.issue("H33.02", "Sở Nội vụ")
        self.trust = trust(self.pki, self.pki.root.crl())
        self.serve_list()

    def serve_list(self) -> None:
        made = der(self.pki.issuing.crl(issued=clock.now()))
        self.issuer.serve("/list", lambda _body: Reply(made))

    def process(self) -> tuple[Revocation, Ledger]:
        ledger = self.store.open()
        return Revocation(LedgerAnswers(ledger), self.fetch), ledger

    def upkeep(self, *, refresh: float = 3600.0) -> Upkeep:
        judge, ledger = self.process()

        async def configured() -> TrustStore:
            return self.trust

        return Upkeep(judge, LedgerAnswers(ledger), LedgerPending(ledger), configured, refresh=refresh)

    async def leaf(self, judge: Revocation, identity: Identity | None = None) -> Standing:
        found = await judge.standings(path(identity or self.identity, self.pki), self.trust, clock.now())
        return found[0]


@pytest.fixture
def axis(store: Store, issuer: Issuer, fetch: HttpFetch) -> Axis:
    return Axis(store, issuer, fetch)


async def test_what_one_process_fetched_the_others_and_the_next_ones_have(axis: Axis) -> None:
    for _ in range(3):
        judge, _ledger = axis.process()
        assert (await axis.leaf(judge)).status == "good"
    assert axis.issuer.asked == {"/list": 1}


async def test_a_renewal_by_one_process_is_noticed_by_the_others(axis: Axis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "COMPARE_SECONDS", 0.0)
    judges = [axis.process()[0] for _ in range(2)]
    assert [(await axis.leaf(judge)).status for judge in judges] == ["good", "good"]
    axis.pki.issuing.revoke(axis.identity.certificate)
    axis.serve_list()
    assert [(await axis.leaf(judge)).status for judge in judges] == ["good", "good"], "nobody has asked again"
    assert await axis.upkeep(refresh=0.0).renew() == 1
    assert [(await axis.leaf(judge)).status for judge in judges] == ["revoked", "revoked"]
    assert axis.issuer.asked == {"/list": 2}


async def test_only_what_is_due_is_renewed(axis: Axis) -> None:
    judge, _ledger = axis.process()
    await axis.leaf(judge)
    assert await axis.upkeep().renew() == 0
    assert await axis.upkeep(refresh=0.0).renew() == 1
    assert axis.issuer.asked == {"/list": 2}


async def test_an_answer_about_to_end_is_renewed_and_intake_never_waits_for_it(
    axis: Axis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "AGAIN", timedelta(seconds=1))
    del axis.issuer.paths["/list"]
    own, lives = Responder.own(axis.pki.issuing), upkeep.AHEAD - timedelta(seconds=10)
    known = axis.identity.certificate
    axis.issuer.serve("/ocsp", lambda _body: Reply(own.answer(known, issued=clock.now(), lives=lives)))
    judge, _ledger = axis.process()
    first = await axis.leaf(judge)
    assert (first.status, first.kind) == ("good", "ocsp")
    assert await axis.upkeep().renew() == 0, "it has only just come"
    await asyncio.sleep(1.1)  # the sandbox's answers tell whole seconds
    assert await axis.upkeep().renew() == 1
    again, _other = axis.process()
    second = await axis.leaf(again)
    assert second.this_update is not None
    assert first.this_update is not None
    assert second.this_update > first.this_update
    assert axis.issuer.asked["/ocsp"] == 2


async def test_a_renewal_that_fails_leaves_the_answer_in_force_and_the_issuer_in_peace(axis: Axis) -> None:
    judge, _ledger = axis.process()
    await axis.leaf(judge)
    axis.issuer.serve("/list", lambda _body: Reply(status=503))
    keeper = axis.upkeep(refresh=0.0)
    assert [await keeper.renew() for _ in range(4)] == [0, 0, 0, 0]
    assert axis.issuer.asked == {"/list": 2}, f"not again within {asking.PAUSE_SECONDS:g} seconds"
    assert (await axis.leaf(judge)).status == "good"


async def test_a_burst_of_certificates_of_one_authority_costs_one_list(axis: Axis) -> None:
    judge, _ledger = axis.process()
    identities = [axis.pki.issue(f"H33.{number}", "Cơ quan") for number in range(20)]
    found = await asyncio.gather(*(axis.leaf(judge, one) for one in identities))
    assert {one.status for one in found} == {"good"}
    assert axis.issuer.asked == {"/list": 1}
