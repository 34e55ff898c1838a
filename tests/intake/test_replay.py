"""Duplicates and replays, judged on the finished outcome, on both stores; certificates are judged at receipt."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from adapters.client.proof import verify_receipt
from adapters.sandbox.pki import Pki
from hub import clock
from hub.clock import VIETNAM
from hub.envelope.model import ReceivedEnvelope
from hub.envelope.writing import Business, Party, Reference, StatusReport, status_message
from hub.ledger import Ledger, outbox, overrides, registration, systems
from hub.problems import Deferred, Refused
from hub.registry.model import Override
from hub.signatures.sign import sign, without_signatures
from hub.validation import judge_status
from tests.intake.register import Register, signed_letter
from tests.intake.test_acceptance import SENDER, Admitted, Door, Rejected
from tests.world import x509_lists

LATER = timedelta(days=4 * 365)


@pytest.fixture
def door(ledger: Ledger, tmp_path: Path) -> Door:
    made = Door(ledger, tmp_path / "payloads")
    made.trust()
    return made


async def refusal(door: Door, body: bytes) -> str:
    outcome = await door.submit(body)
    assert isinstance(outcome, Rejected)
    return outcome.findings[0].code


def timestamped(body: bytes, stamp: str) -> bytes:
    """The same octets with another time stamp of the sender."""
    changed = re.sub(rb"(<edXML:Timestamp>)[^<]*", rb"\g<1>" + stamp.encode(), body)
    assert changed != body
    return changed


async def test_a_letter_refused_by_a_rule_is_accepted_unchanged_when_the_rule_softens(door: Door) -> None:
    """The refused first try is no first: the second is new, not a repeat and no conflict."""
    body = door.letter(subject="x" * 501)
    assert await refusal(door, body) == "metadata-too-long"
    until = clock.now().date() + timedelta(days=2)
    door.ledger.write_now(overrides.put, Override(SENDER, "subject.length", "warn", until), clock.now())
    door.open()
    outcome = await door.submit(body)
    assert isinstance(outcome, Admitted)
    assert outcome.stored.new
    assert door.ledger.read_now(outbox.waiting) == 2


class Silent:
    """A scanner that cannot be reached, and then can."""

    reachable = False

    async def scan(self, content: BinaryIO, size: int) -> str:
        if not self.reachable:
            raise Deferred("malware-scan-unavailable", "connection refused")
        return ""

    async def reports_limits(self) -> bool:
        return True


async def test_a_deferred_letter_is_new_when_it_comes_again(door: Door) -> None:
    scanner, body = Silent(), door.letter()
    door.intake.policy = replace(door.intake.policy, scanner=scanner)
    for _ in range(3):
        with pytest.raises(Deferred):
            await door.submit(body)
    scanner.reachable = True
    outcome = await door.submit(body)
    assert isinstance(outcome, Admitted)
    assert outcome.stored.new
    assert door.logged() == {"envelope.deferred": 3, "envelope.accepted": 1}
    again = await door.submit(body)
    assert isinstance(again, Admitted)
    assert not again.stored.new


async def test_a_changed_time_stamp_breaks_the_signature(door: Door) -> None:
    body = door.letter()
    assert isinstance(await door.submit(body), Admitted)
    assert await refusal(door, timestamped(body, "2026/11/22 08:00:00")) == "signature-digest"


async def test_an_accepted_letter_signed_again_under_a_new_time_is_a_conflict(door: Door) -> None:
    body = door.letter()
    first = await door.submit(body)
    assert isinstance(first, Admitted)
    renewed = sign(timestamped(without_signatures(body), "2026/11/22 08:00:00"), door.identity.signer)
    outcome = await door.submit(renewed)
    assert isinstance(outcome, Rejected)
    assert outcome.findings[0].code == "document-conflict"
    assert first.stored.envelope_id in outcome.findings[0].detail
    assert verify_receipt(outcome.refusal, {"keys": [door.key.jwk]})["code"] == "document-conflict"
    assert door.ledger.read_now(outbox.waiting) == 2


async def test_the_same_letter_signed_anew_is_a_conflict_too(door: Door) -> None:
    """ECDSA values differ each time: the octets are others, the document is the same."""
    body = door.letter()
    assert isinstance(await door.submit(body), Admitted)
    assert await refusal(door, sign(without_signatures(body), door.identity.signer)) == "document-conflict"


async def test_a_recall_of_the_same_document_is_no_repeat_of_it(door: Door) -> None:
    assert isinstance(await door.submit(door.letter()), Admitted)
    recall = door.letter(business=Business(type=1, reason="Nhầm nơi nhận"))
    outcome = await door.submit(recall)
    assert isinstance(outcome, Admitted)
    assert outcome.stored.new
    assert await refusal(door, door.letter(business=Business(type=1, reason="Nhầm số"))) == "document-conflict"


async def test_the_same_octets_from_another_system_are_refused_before_and_after(door: Door) -> None:
    body, own = door.letter(), door.system
    other = door.ledger.read_now(systems.by_name, "recipients")
    assert other is not None
    door.system = other
    assert await refusal(door, body) == "sender-not-served"
    door.system = own
    assert isinstance(await door.submit(body), Admitted)
    door.system = other
    assert await refusal(door, body) == "sender-not-served"


async def test_an_accepted_letter_that_would_be_refused_today_gets_its_first_acknowledgement_again(door: Door) -> None:
    """Its sender's answer was lost; meanwhile a rule became stricter, and the certificate was revoked."""
    body = door.letter(place="y" * 51)
    first = await door.submit(body)
    assert isinstance(first, Admitted)
    until = clock.now().date() + timedelta(days=2)
    door.ledger.write_now(overrides.put, Override("", "place.length", "refuse", until), clock.now())
    door.open()
    assert await refusal(door, door.letter(place="y" * 51, document_id="46/2026")) == "metadata-too-long"
    await repeats(door, body, first)
    door.pki.issuing.revoke(door.identity.certificate)
    (crl,) = x509_lists(door.pki.issuing.crl_pem(issued=clock.now(), days=30))
    door.ledger.write_now(registration.add_list, crl)
    door.open()
    assert await refusal(door, door.letter(document_id="47/2026")) == "certificate-revoked"
    await repeats(door, body, first)
    assert door.logged()["envelope.repeated"] == 2
    assert door.ledger.read_now(outbox.waiting) == 2


async def repeats(door: Door, body: bytes, first: Admitted) -> None:
    again = await door.submit(body)
    assert isinstance(again, Admitted)
    assert not again.stored.new
    assert again.stored.acknowledgement == first.stored.acknowledgement
    assert again.warnings == first.warnings, "those that the acknowledgement names"


async def test_an_exact_repeat_is_warned_of_as_the_first_time_when_a_rule_is_softer_today(door: Door) -> None:
    body = door.letter(place="y" * 51)
    first = await door.submit(body)
    assert isinstance(first, Admitted)
    assert "place.length" in {one.rule for one in first.warnings}
    until = clock.now().date() + timedelta(days=2)
    door.ledger.write_now(overrides.put, Override("", "place.length", "ignore", until), clock.now())
    door.open()
    await repeats(door, body, first)


async def test_an_accepted_letter_comes_again_while_nothing_can_be_told_and_is_not_deferred(door: Door) -> None:
    body = door.letter()
    first = await door.submit(body)
    assert isinstance(first, Admitted)
    door.intake.policy = replace(door.intake.policy, scanner=Silent())
    with pytest.raises(Deferred):
        await door.submit(door.letter(document_id="48/2026"))
    await repeats(door, body, first)


async def test_a_letter_of_years_ago_is_warned_of_and_refusable(door: Door) -> None:
    old = {"written_at": clock.now() - timedelta(days=3 * 365)}
    outcome = await door.submit(door.letter(**old))
    assert isinstance(outcome, Admitted)
    acknowledged = verify_receipt(outcome.stored.acknowledgement, {"keys": [door.key.jwk]})
    assert "timestamp.old" in [one["rule"] for one in acknowledged["warnings"]]
    until = clock.now().date() + timedelta(days=2)
    door.ledger.write_now(overrides.put, Override("", "timestamp.old", "refuse", until), clock.now())
    door.open()
    assert await refusal(door, door.letter(**old, document_id="44/2026")) == "envelope-old"
    fresh = {"written_at": clock.now().astimezone(VIETNAM)}
    assert isinstance(await door.submit(door.letter(**fresh, document_id="45/2026")), Admitted)


async def test_a_letter_signed_while_the_certificate_was_valid_is_refused_after_it_ended() -> None:
    register = Register()
    register.agency("H33.90")
    body = signed_letter(register.identity(SENDER), "H33.90")
    assert await register.codes(body, SENDER) == []
    found = await register.findings(body, SENDER, at=clock.now() + LATER)
    assert [one.code for one in found] == ["certificate-expired"]


# statuses


REPORT = StatusReport(Party(SENDER), Reference("H33.90", "1"), "03", "Đã vào sổ")


async def judged(
    register: Register, body: bytes, system: str = f"system of {SENDER}", after: timedelta = timedelta()
) -> str:
    """The code with which a status message is refused; empty when it is taken."""
    received = ReceivedEnvelope(body, "", system, clock.now() + after)
    try:
        await judge_status(received, register.directory, register.policy)
    except Refused as refused:
        return refused.code
    return ""


async def test_a_signed_status_is_judged_at_receipt_and_by_who_brings_it() -> None:
    register = Register()
    register.agency("H33.90")
    identity = register.identity(SENDER)
    body = sign(status_message(REPORT), identity.signer)
    assert await judged(register, body) == ""
    assert await judged(register, body) == ""  # a repeat is told by the receipts, not here
    assert await judged(register, body, after=LATER) == "certificate-expired"
    assert await judged(register, body, "system of H33.90") == "sender-not-served"
    assert await judged(register, timestamped(body, "2020/01/01 00:00:00")) == "signature-digest"


async def test_a_status_signed_with_a_revoked_certificate_is_refused() -> None:
    pki = Pki.create()
    identity = pki.issue(SENDER, "Sở Nội vụ")
    pki.issuing.revoke(identity.certificate)
    register = Register(pki)
    for code in (SENDER, "H33.90"):
        register.agency(code)
    register.certify(SENDER, identity)
    assert await judged(register, sign(status_message(REPORT), identity.signer)) == "certificate-revoked"
    assert await judged(register, status_message(REPORT)) == ""


async def test_a_signature_cut_out_of_a_status_leaves_a_claim_of_the_system_that_brings_it() -> None:
    """Statuses need no signature, so nothing is gained by cutting: only the agency's own system may bring it."""
    register = Register()
    register.agency("H33.90")
    body = sign(status_message(REPORT), register.identity(SENDER).signer)
    bare = without_signatures(body)
    assert await judged(register, bare, "system of H33.90") == "sender-not-served"
    received = ReceivedEnvelope(bare, "", f"system of {SENDER}", clock.now())
    assert (await judge_status(received, register.directory, register.policy)).signer is None
