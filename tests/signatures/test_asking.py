"""Issuers are asked over real HTTP: what they give, every way in which they fail, and what a failure costs."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from adapters.sandbox.pki import Addresses, Authority, Identity, Pki, new_key
from adapters.sandbox.responder import Responder
from hub import clock
from hub.signatures.revocation import asking
from hub.signatures.revocation.http import HttpFetch
from hub.signatures.revocation.judging import Revocation
from hub.signatures.revocation.sources import sources
from hub.signatures.revocation.standing import Standing
from tests.services.issuer import Issuer, Reply
from tests.services.processes import free_port
from tests.signatures.revocations import DAY, HOUR, crl, der, path, trust

PATIENCE = 0.6  # seconds for one request; few tests wait for it
LIST, ANSWER = "/list.crl", "/ocsp"


class Stage:
    """One process of a hub, and a PKI whose issuing authority names what ``addresses`` says; the root's list is

    configured.
    """

    def __init__(self, issuer: Issuer, fetch: HttpFetch, addresses: Addresses) -> None:
        self.issuer = issuer
        self.fetch = fetch
        self.pki = Pki.create(issuing=addresses)
        self.identity = self.pki.issue("H33.02", "Sở Nội vụ")
        self.trust = trust(self.pki, self.pki.root.crl())
        self.open()

    def open(self, max_age: timedelta | None = None) -> None:
        """A process that remembers nothing."""
        self.judge = Revocation(fetch=self.fetch, max_age=max_age, patience=1.5 * PATIENCE)

    async def leaf(self, identity: Identity | None = None) -> Standing:
        chain = path(identity or self.identity, self.pki)
        leaf, issuing = await self.judge.standings(chain, self.trust, clock.now())
        assert issuing.status == "good"
        return leaf

    def responder(self, *known: Identity) -> Callable[[bytes], Reply]:
        """A responder that knows these certificates."""
        by_serial = {one.certificate.serial_number: one.certificate for one in (self.identity, *known)}
        own = Responder.own(self.pki.issuing)
        return lambda body: Reply(own.respond(body, by_serial))


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


@pytest.fixture
async def fetch() -> AsyncIterator[HttpFetch]:
    made = HttpFetch(PATIENCE)
    yield made
    await made.close()


@pytest.fixture
def listed(issuer: Issuer, fetch: HttpFetch) -> Stage:
    """The certificates name a list."""
    return Stage(issuer, fetch, Addresses(lists=(issuer.url + LIST,)))


@pytest.fixture
def answered(issuer: Issuer, fetch: HttpFetch) -> Stage:
    """The certificates name a responder."""
    return Stage(issuer, fetch, Addresses(responders=(issuer.url + ANSWER,)))


async def test_a_list_is_fetched_once_for_all_certificates_of_its_issuer(listed: Stage) -> None:
    made = listed.pki.issuing.crl()
    listed.issuer.serve(LIST, der(made))
    other = listed.pki.issue("H33.03", "Sở Tài chính")
    for identity in (listed.identity, other, listed.identity):
        found = await listed.leaf(identity)
        assert (found.status, found.kind, found.source) == ("good", "crl", listed.issuer.url + LIST)
        assert (found.this_update, found.next_update) == (made.last_update_utc, made.next_update_utc)
    assert listed.issuer.asked == {LIST: 1}


async def test_a_list_in_pem_is_understood(listed: Stage) -> None:
    listed.issuer.serve(LIST, listed.pki.issuing.crl_pem())
    assert (await listed.leaf()).status == "good"


async def test_a_responder_is_asked_once_for_each_certificate(answered: Stage) -> None:
    other = answered.pki.issue("H33.03", "Sở Tài chính")
    answered.issuer.serve(ANSWER, answered.responder(other))
    for identity in (answered.identity, other, answered.identity, other):
        found = await answered.leaf(identity)
        assert (found.status, found.kind, found.source) == ("good", "ocsp", answered.issuer.url + ANSWER)
    assert answered.issuer.asked == {ANSWER: 2}


async def test_revoked_is_revoked_by_either(listed: Stage, answered: Stage) -> None:
    for stage in (listed, answered):
        stage.pki.issuing.revoke(stage.identity.certificate, reason=x509.ReasonFlags.key_compromise)
    listed.issuer.serve(LIST, der(listed.pki.issuing.crl()))
    answered.issuer.serve(ANSWER, answered.responder())
    for stage in (listed, answered):
        found = await stage.leaf()
        assert found.status == "revoked"
        assert found.revoked is not None
        assert found.revoked.reason == "keyCompromise"
        assert "keyCompromise" in found.reason


async def test_the_second_address_helps_where_the_first_fails(issuer: Issuer, fetch: HttpFetch) -> None:
    dead = f"http://127.0.0.1:{free_port()}/list.crl"
    stage = Stage(issuer, fetch, Addresses((dead, issuer.url + LIST), (issuer.url + ANSWER,)))
    issuer.serve(ANSWER, stage.responder())
    assert (await stage.leaf()).kind == "ocsp"
    issuer.serve(LIST, der(stage.pki.issuing.crl()))
    stage.open()
    assert (await stage.leaf()).kind == "crl"


def failing_lists(stage: Stage) -> dict[str, tuple[Reply | bytes, str]]:
    pki = stage.pki
    elsewhere = stage.issuer.serve("/elsewhere", der(pki.issuing.crl()))
    good = der(pki.issuing.crl())
    impostor = Authority(new_key("p384"), pki.issuing.certificate)
    return {
        "not there": (Reply(status=404), "404"),
        "broken": (Reply(b"no", status=500), "500"),
        "moved": (Reply(status=302, headers={"Location": elsewhere}), "redirects are not followed"),
        "a web page": (b"<html>not a list</html>", ""),
        "nothing": (b"", ""),
        "half": (good[: len(good) // 2], ""),
        "broken off": (Reply(good, headers={"Content-Length": str(len(good) + 100)}), ""),
        "compressed": (Reply(gzip.compress(good), headers={"Content-Encoding": "gzip"}), "compressed"),
        "huge": (Reply(bytes(17 * 1024 * 1024)), "more than"),
        "slow to begin": (Reply(good, pause=3 * PATIENCE), "no answer within"),
        "slow to end": (Reply(good, drip=PATIENCE / 4), "no answer within"),
        "stale": (der(pki.issuing.crl(issued=clock.now() - 30 * DAY)), "stale"),
        "from the future": (der(pki.issuing.crl(issued=clock.now() + HOUR)), "future"),
        "a stranger's": (der(impostor.crl()), "own issuer"),
        "the parent's": (der(pki.root.crl()), "own issuer"),
        "a delta": (der(crl(pki.issuing, (x509.DeltaCRLIndicator(1), True))), "delta"),
    }


FAILING_LISTS = (
    "not there", "broken", "moved", "a web page", "nothing", "half", "broken off", "compressed", "huge",
    "slow to begin", "slow to end", "stale", "from the future", "a stranger's", "the parent's", "a delta",
)  # fmt: skip


@pytest.mark.parametrize("name", FAILING_LISTS)
async def test_a_list_that_fails_is_not_known_with_the_reason_and_not_asked_for_again_at_once(
    listed: Stage, name: str
) -> None:
    reply, words = failing_lists(listed)[name]
    listed.issuer.serve(LIST, reply if isinstance(reply, bytes) else lambda _body: reply)
    for _ in range(3):
        found = await listed.leaf()
        assert found.status == "unknown"
        assert words in found.reason
        assert 0 < found.retry_after <= asking.PAUSE_SECONDS
    other = await listed.leaf(listed.pki.issue("H33.03", "Sở Tài chính"))
    assert other.status == "unknown"
    assert listed.issuer.asked == {LIST: 1}, "one request, however many envelopes and certificates"


def test_every_failing_list_is_tried(listed: Stage) -> None:
    assert set(failing_lists(listed)) == set(FAILING_LISTS)


def failing_answers(stage: Stage) -> dict[str, tuple[Reply | bytes, str]]:
    pki, leaf = stage.pki, stage.identity.certificate
    own, other = Responder.own(pki.issuing), pki.issue("H33.03", "Sở Tài chính").certificate
    now = clock.now()
    return {
        "try later": (
            ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER),
            "try_later",
        ),
        "unknown": (own.answer(leaf, status=ocsp.OCSPCertStatus.UNKNOWN), "does not know"),
        "about another": (own.answer(other), "another certificate"),
        "replayed": (own.answer(leaf, issued=now - 9 * DAY, lives=2 * DAY), "stale"),
        "replayed without end": (own.answer(leaf, issued=now - 2 * HOUR, lives=None), "stale"),
        "replayed with its nonce": (own.answer(leaf, nonce=b"n" * 16), "nonce"),
        "from the future": (own.answer(leaf, issued=now + HOUR), "future"),
        "huge": (Reply(bytes(65 * 1024)), "more than"),
        "broken": (Reply(status=503), "503"),
    }


FAILING_ANSWERS = (
    "try later", "unknown", "about another", "replayed", "replayed without end", "replayed with its nonce",
    "from the future", "huge", "broken",
)  # fmt: skip


@pytest.mark.parametrize("name", FAILING_ANSWERS)
async def test_an_answer_that_fails_is_not_known_with_the_reason_and_not_asked_for_again_at_once(
    answered: Stage, name: str
) -> None:
    reply, words = failing_answers(answered)[name]
    answered.issuer.serve(ANSWER, reply if isinstance(reply, bytes) else lambda _body: reply)
    for _ in range(3):
        found = await answered.leaf()
        assert found.status == "unknown"
        assert words in found.reason
    assert answered.issuer.asked == {ANSWER: 1}


def test_every_failing_answer_is_tried(answered: Stage) -> None:
    assert set(failing_answers(answered)) == set(FAILING_ANSWERS)


async def test_a_responder_that_does_not_know_one_certificate_is_still_asked_about_others(answered: Stage) -> None:
    answered.issuer.serve(ANSWER, answered.responder())
    assert (await answered.leaf(answered.pki.issue("H33.03", "Sở Tài chính"))).status == "unknown"
    assert (await answered.leaf()).status == "good"


async def test_many_who_wait_for_one_answer_share_one_request(answered: Stage) -> None:
    ready = answered.responder()
    answered.issuer.serve(ANSWER, lambda body: Reply(ready(body).body, pause=0.2))
    found = await asyncio.gather(*(answered.leaf() for _ in range(40)))
    assert {one.status for one in found} == {"good"}
    assert answered.issuer.asked == {ANSWER: 1}


async def test_a_waiter_who_leaves_takes_the_answer_from_nobody(answered: Stage) -> None:
    ready = answered.responder()
    answered.issuer.serve(ANSWER, lambda body: Reply(ready(body).body, pause=0.2))
    leaving, staying = (asyncio.create_task(answered.leaf()) for _ in range(2))
    await asyncio.sleep(0.05)
    leaving.cancel()
    assert (await staying).status == "good"
    assert answered.issuer.asked == {ANSWER: 1}


async def test_after_the_pause_a_failed_address_is_asked_again(listed: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAUSE_SECONDS", 0.2)
    assert (await listed.leaf()).status == "unknown"
    listed.issuer.serve(LIST, der(listed.pki.issuing.crl()))
    await asyncio.sleep(1.05)  # Retry-After is whole seconds, and so is what is remembered
    assert (await listed.leaf()).status == "good"
    assert listed.issuer.asked == {LIST: 2}


async def test_an_older_list_never_takes_the_place_of_a_newer_one(listed: Stage) -> None:
    """Both are authentic and in their time: replaying the older would make the revoked good again."""
    old = listed.pki.issuing.crl(issued=clock.now() - HOUR)
    listed.pki.issuing.revoke(listed.identity.certificate)
    listed.issuer.serve(LIST, der(listed.pki.issuing.crl()))
    assert (await listed.leaf()).status == "revoked"
    listed.issuer.serve(LIST, der(old))
    assert listed.judge.asking is not None
    [link] = [one for one in path(listed.identity, listed.pki).links if one.certificate == listed.identity.certificate]
    said = await listed.judge.asking.renew(link, sources(listed.identity.certificate)[0])
    assert said is not None
    assert "older" in said
    assert (await listed.leaf()).status == "revoked"


async def test_a_policy_on_age_counts_for_fetched_answers_too(listed: Stage) -> None:
    listed.issuer.serve(LIST, der(listed.pki.issuing.crl(issued=clock.now() - 3 * DAY)))
    listed.open(max_age=2 * DAY)
    assert (await listed.leaf()).status == "unknown"
    listed.open(max_age=4 * DAY)
    assert (await listed.leaf()).status == "good"


async def test_an_answer_that_ends_is_asked_for_again(answered: Stage) -> None:
    own, leaf = Responder.own(answered.pki.issuing), answered.identity.certificate
    brief = timedelta(seconds=2)
    answered.issuer.serve(ANSWER, lambda _body: Reply(own.answer(leaf, issued=clock.now(), lives=brief)))
    assert (await answered.leaf()).status == "good"
    await asyncio.sleep(2.2)
    assert (await answered.leaf()).status == "good"
    assert answered.issuer.asked == {ANSWER: 2}


async def test_issuers_are_asked_through_the_proxy_where_there_is_one(issuer: Issuer) -> None:
    through = HttpFetch(PATIENCE, proxy=issuer.url)
    address = "http://ca.example.test/list.crl"  # nobody can look this name up
    stage = Stage(issuer, through, Addresses(lists=(address,)))
    issuer.paths[address] = lambda _body: Reply(der(stage.pki.issuing.crl()))
    assert (await stage.leaf()).status == "good"
    assert issuer.asked == {address: 1}
    await through.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/list.crl",
        "ldap://127.0.0.1/cn=x",
        "file:///etc/passwd",
        "http://user:secret@127.0.0.1/",
        "http:///list.crl",
        "http://127.0.0.1:0/",
        "http://127.0.0.1/a b",
        "http://" + "a" * 3000,
    ],
)
def test_other_addresses_than_plain_http_are_not_asked(url: str) -> None:
    pki = Pki.create(issuing=Addresses((url,), (url,)))
    assert sources(pki.issue("H33.02", "Sở Nội vụ").certificate) == ()


def test_a_certificate_cannot_make_the_hub_ask_many(listed: Stage) -> None:
    many = tuple(f"http://127.0.0.1/{number}" for number in range(50))
    pki = Pki.create(issuing=Addresses(many, many))
    assert len(sources(pki.issue("H33.02", "Sở Nội vụ").certificate)) == 6
