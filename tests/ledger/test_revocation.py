"""Answers and evidence in the ledger: the newest counts, nothing is ever lost, and what was pending is settled once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select

from adapters.sandbox.pki import Addresses, Authority, Identity, Pki, new_key
from adapters.sandbox.responder import Responder
from hub import clock
from hub.audit import Event
from hub.ledger import Ledger, envelopes, evidence, exchange_log, pending, registration, revocation, trust
from hub.ledger.exchange_log import LogQuery
from hub.ledger.pending import LedgerPending
from hub.ledger.revocation import LedgerAnswers
from hub.ledger.revocation_tables import evidence as evidence_table
from hub.problems import Refused
from hub.signatures.revocation.answers import Held, Revoked
from hub.signatures.revocation.asking import subject
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.ocsp import OcspAnswer
from hub.signatures.revocation.port import When
from hub.signatures.revocation.sources import Source
from hub.signatures.revocation.standing import Standing
from tests.ledger.stage import Stage
from tests.signatures.revocations import DAY, HOUR, crl, der, link

URL = "http://ca.example.test/list.crl"
LIST, ANSWER = Source("crl", URL), Source("ocsp", "http://ca.example.test/ocsp")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create(issuing=Addresses((URL,), (ANSWER.url,)))


@pytest.fixture(scope="module")
def identity(pki: Pki) -> Identity:
    return pki.issue("G22", "Cơ quan G22")


def held(found: x509.CertificateRevocationList) -> Held:
    return Held(RevocationList.load(der(found)), URL)


def answered(pki: Pki, identity: Identity) -> Held:
    octets = Responder.own(pki.issuing).answer(identity.certificate)
    return Held(OcspAnswer.load(octets, identity.chain[0], identity.chain[1]), ANSWER.url)


def octets_kept(ledger: Ledger) -> int:
    return ledger.read_now(lambda t: t.execute(select(func.count()).select_from(evidence_table)).scalar_one())


async def test_the_newest_list_is_current_and_the_older_ones_are_kept(
    ledger: Ledger, pki: Pki, identity: Identity
) -> None:
    store, about = LedgerAnswers(ledger), subject(link(identity), LIST)
    old, new = (held(crl(pki.issuing, number=n, issued=clock.now() - age)) for n, age in ((1, DAY), (2, HOUR)))
    assert await store.current(about.authority, "", clock.now()) is None
    assert await store.keep(about, old, clock.now())
    assert await store.keep(about, new, clock.now())
    assert not await store.keep(about, old, clock.now())
    kept = await store.current(about.authority, "", clock.now())
    assert kept is not None
    assert (kept.der, kept.kind, kept.source) == (new.answer.der, "crl", URL)
    assert octets_kept(ledger) == 4  # both lists, the certificate that named them, and its issuer's


async def test_a_lower_number_with_a_later_time_does_not_take_the_place(
    ledger: Ledger, pki: Pki, identity: Identity
) -> None:
    store, about = LedgerAnswers(ledger), subject(link(identity), LIST)
    assert await store.keep(about, held(crl(pki.issuing, number=9, issued=clock.now() - DAY)), clock.now())
    assert not await store.keep(about, held(crl(pki.issuing, number=8)), clock.now())


async def test_lists_and_answers_of_one_authority_stand_side_by_side(
    ledger: Ledger, pki: Pki, identity: Identity
) -> None:
    store, one, at = LedgerAnswers(ledger), link(identity), clock.now()
    answer = answered(pki, identity)
    await store.keep(subject(one, LIST), held(crl(pki.issuing)), at)
    await store.keep(subject(one, ANSWER), answer, at)
    kept = await store.current(one.authority, one.serial, at)
    assert kept is not None
    assert (kept.kind, kept.der) == ("ocsp", answer.answer.der)
    changed = {(authority, serial) for authority, serial, _ in await store.changed(at - HOUR)}
    assert changed == {(one.authority, ""), (one.authority, one.serial)}
    assert await store.changed(at + HOUR) == []


async def test_what_is_in_use_is_due_before_it_ends_and_what_is_not_is_left_alone(
    ledger: Ledger, pki: Pki, identity: Identity
) -> None:
    store, about, now = LedgerAnswers(ledger), subject(link(identity), LIST), clock.now()
    await store.keep(about, held(crl(pki.issuing, lives=2 * HOUR)), now)
    soon, past, day_ago = now + timedelta(seconds=1), now - HOUR, now - DAY
    moments = {
        "young": When(past, now, soon, day_ago),
        "old": When(soon, now, past, day_ago),
        "ending": When(past, now + 3 * HOUR, soon, day_ago),
        "ending, and asked for just now": When(past, now + 3 * HOUR, past, day_ago),
    }
    due = {name: await store.due(when) for name, when in moments.items()}
    assert [len(rows) for rows in due.values()] == [0, 1, 1, 0]
    [row] = due["old"]
    assert (row.kind, row.certificate, row.issuer, row.source) == ("crl", *identity.chain[:2], URL)
    unused = When(now + DAY, now + DAY, now + DAY, now + HOUR)
    assert await store.due(unused) == [], "nobody has used it since"
    await store.current(about.authority, "", now + 2 * HOUR)
    assert len(await store.due(unused)) == 1, "asking for it is using it"


async def test_evidence_is_kept_once(ledger: Ledger, pki: Pki, identity: Identity) -> None:
    store, made = LedgerAnswers(ledger), held(crl(pki.issuing))
    for _ in range(2):
        await store.keep_evidence([*identity.chain, pki.root.certificate], [made], clock.now())
    assert octets_kept(ledger) == 4


def test_a_configured_list_of_a_known_authority_must_be_its_own(stage: Stage, pki: Pki) -> None:
    write = stage.ledger.write_now
    impostor = Authority(new_key("p384"), pki.root.certificate)
    assert not write(registration.add_list, pki.issuing.crl()).verified, "its authority is not known yet"
    write(registration.add_anchor, pki.root.certificate)
    with pytest.raises(Refused, match="not signed by") as refusal:
        write(registration.add_list, impostor.crl())
    assert refusal.value.code == "registry-invalid"
    assert write(registration.add_list, pki.root.crl()).verified
    write(revocation.keep_evidence, [revocation.of_certificate(pki.issuing.certificate, clock.now())])
    assert write(registration.add_list, pki.issuing.crl(issued=clock.now())).verified


@pytest.mark.parametrize("wrong", ["delta", "future"])
def test_a_list_that_must_not_be_relied_on_is_not_added(stage: Stage, pki: Pki, wrong: str) -> None:
    made = {
        "delta": crl(pki.issuing, (x509.DeltaCRLIndicator(1), True)),
        "future": crl(pki.issuing, issued=clock.now() + HOUR),
    }[wrong]
    with pytest.raises(Refused, match=wrong) as refusal:
        stage.ledger.write_now(registration.add_list, made)
    assert refusal.value.code == "registry-invalid"
    assert stage.ledger.read_now(trust.store).lists == ()


def test_an_authority_with_two_keys_has_a_list_for_each(stage: Stage) -> None:
    """After a renewal with a new key both lists are issued under one name."""
    old, new = Pki.create(), Pki.create()
    for pki in (old, new, old):
        stage.ledger.write_now(registration.add_list, pki.issuing.crl(issued=clock.now()))
    lists = stage.ledger.read_now(trust.store).lists
    assert [sum(one.signed_by(pki.issuing.certificate) for one in lists) for pki in (old, new)] == [1, 1]
    assert len(lists) == 2


def test_the_states_of_lists_are_told_for_people(stage: Stage, pki: Pki) -> None:
    write, at = stage.ledger.write_now, clock.now()
    write(registration.add_anchor, pki.root.certificate)
    write(registration.add_list, pki.root.crl())
    write(registration.add_list, pki.issuing.crl(issued=at - DAY, days=0.5))
    states = {one.issuer: (one.state, one.source) for one in stage.ledger.read_now(trust.list_states, at)}
    root, issuing = (one.certificate.subject.rfc4514_string() for one in (pki.root, pki.issuing))
    assert states == {root: ("fresh", "configured"), issuing: ("stale", "configured")}
    identity = pki.issue("H33", "UBND tỉnh")
    write(revocation.keep, subject(link(identity), LIST), held(pki.issuing.crl()), at)
    states = {one.issuer: (one.state, one.source) for one in stage.ledger.read_now(trust.list_states, at)}
    assert states == {root: ("fresh", "configured"), issuing: ("fresh", URL)}


def pending_letter(stage: Stage, identity: Identity, document_id: str) -> str:
    """A letter accepted before it was known whether its signer was revoked; its envelope id."""
    made = stage.acceptance("H33", document_id=document_id)
    one = link(identity)
    row = {
        "envelope_id": made.envelope["id"],
        "certificate_sha256": one.sha256,
        "issuer_sha256": hashlib.sha256(der(one.issuer)).hexdigest(),
        "since": made.envelope["received_at"],
    }
    stage.ledger.write_now(envelopes.accept, [replace(made, pending=[row])])
    return str(made.envelope["id"])


async def test_what_was_pending_is_settled_once_with_an_entry_for_each_letter(
    stage: Stage, pki: Pki, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "BATCH", 2)
    other = pki.issue("H40", "Cơ quan H40")
    ids = [pending_letter(stage, identity, f"{number}/2026") for number in range(3)]
    untouched = pending_letter(stage, other, "9/2026")
    settled = stage.accept("H33", document_id="10/2026")
    answers, open_ = LedgerAnswers(stage.ledger), LedgerPending(stage.ledger)
    await answers.keep_evidence([*identity.chain, *other.chain], [], clock.now())
    assert {one for one, _ in await open_.questions()} == {identity.certificate, other.certificate}
    answer = answered(pki, identity)
    await answers.keep(subject(link(identity), ANSWER), answer, clock.now())
    revoked = Revoked(clock.now() + HOUR, "keyCompromise")
    found = Standing(
        link(identity).sha256, "", "Cơ quan G22", "revoked", "ocsp", ANSWER.url, answer.answer.this_update,
        answer.answer.next_update, answer.answer.sha256, revoked,
    )  # fmt: skip
    assert [await open_.settle(found, clock.now()) for _ in range(3)] == [2, 1, 0]
    assert {one for one, _ in await open_.questions()} == {other.certificate}
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind=Event.REVOCATION_SETTLED), None, 10)
    assert sorted(one["envelope_id"] for one in entries) == sorted(ids)
    assert {one["code"] for one in entries} == {"certificate-revoked"}
    assert {one["detail"]["revoked_before_acceptance"] for one in entries} == {False}
    alerts, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind=Event.OPERATOR_ALERTED), None, 10)
    assert alerts == [], "it was good when the letters were accepted"
    pieces = {
        name: stage.ledger.read_now(evidence.of_envelope, name) for name in (ids[0], untouched, settled.envelope_id)
    }
    assert [(one.role, one.kind) for one in pieces[ids[0]]] == [("settlement", "ocsp")]
    assert pieces[untouched] == pieces[settled.envelope_id] == []


async def test_a_letter_of_a_signer_who_was_revoked_already_alerts_the_operator(
    stage: Stage, pki: Pki, identity: Identity
) -> None:
    envelope_id = pending_letter(stage, identity, "1/2026")
    await LedgerAnswers(stage.ledger).keep_evidence(identity.chain, [], clock.now())
    answer = answered(pki, identity)
    await LedgerAnswers(stage.ledger).keep(subject(link(identity), ANSWER), answer, clock.now())
    found = Standing(
        link(identity).sha256, "", "Cơ quan G22", "revoked", "ocsp", ANSWER.url, answer.answer.this_update,
        answer.answer.next_update, answer.answer.sha256, Revoked(clock.now() - DAY, "keyCompromise"), "why",
    )  # fmt: skip
    assert await LedgerPending(stage.ledger).settle(found, clock.now()) == 1
    [alert], _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind=Event.OPERATOR_ALERTED), None, 10)
    assert (alert["envelope_id"], alert["code"], alert["agency_code"]) == (envelope_id, "certificate-revoked", "G22")
    assert alert["detail"]["findings"][0]["detail"] == "Cơ quan G22, why"


def test_a_letter_refused_as_a_duplicate_leaves_nothing_pending(stage: Stage, identity: Identity) -> None:
    stage.accept("H33", document_id="1/2026")
    pending_letter(stage, identity, "1/2026")
    assert stage.ledger.read_now(pending.questions) == []


def test_pem_is_not_evidence_but_its_octets_are(stage: Stage, pki: Pki) -> None:
    """The digest is that of the DER, however the list was handed in."""
    made = pki.root.crl()
    added = stage.ledger.write_now(registration.add_list, x509.load_pem_x509_crl(made.public_bytes(Encoding.PEM)))
    assert added.sha256 == hashlib.sha256(der(made)).hexdigest()
