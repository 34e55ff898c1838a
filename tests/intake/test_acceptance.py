"""The door: what stands in the ledger and on the disk after each outcome, on both stores."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.client.proof import verify_receipt
from adapters.sandbox.pki import Identity, Pki
from hub import clock, wiring
from hub.intake import Admitted, IncomingPart, Intake, Rejected
from hub.ledger import Ledger, PayloadStore, deliveries, envelopes, exchange_log, outbox, registration, systems
from hub.ledger.exchange_log import LogQuery
from hub.problems import Deferred
from hub.receipts.signing import ReceiptSigner
from hub.registry.directory import Directory
from hub.registry.model import System
from hub.signatures.jws import HubKey
from hub.validation.examination import Policy
from tests.hostile.multipart import ONE, TWO, bound
from tests.intake.register import signed_letter
from tests.world import x509_lists

SENDER, RECIPIENTS = "H33.02", ("H33.90", "H33.91")
INTAKE_KINDS = ("envelope.accepted", "envelope.repeated", "envelope.refused", "envelope.deferred")


@dataclass
class Door:
    """An intake over a furnished ledger, with its payload store; ``wakes`` counts what the relay was told."""

    ledger: Ledger
    directory: Path
    pki: Pki = field(default_factory=Pki.create)
    wakes: int = 0

    def __post_init__(self) -> None:
        self.payloads = PayloadStore(self.directory)
        self.key = HubKey(Ed25519PrivateKey.generate())
        for name, codes in (("sender", (SENDER,)), ("recipients", RECIPIENTS)):
            self.ledger.write_now(registration.add_system, name, "pull")
            for code in codes:
                self.ledger.write_now(registration.add_agency, code, f"Cơ quan {code}", name)
        self.identity: Identity = self.pki.issue(SENDER, "Sở Nội vụ")
        self.ledger.write_now(registration.add_certificate, SENDER, self.identity.certificate)
        system = self.ledger.read_now(systems.by_name, "sender")
        assert system is not None
        self.system: System = system
        self.open()

    def trust(self) -> None:
        self.ledger.write_now(registration.add_anchor, self.pki.root.certificate)
        for crl in x509_lists(self.pki.crls_pem):
            self.ledger.write_now(registration.add_list, crl)

    def open(self) -> None:
        """A new process: empty caches."""
        registry = Directory(wiring.LedgerDirectory(self.ledger))
        self.intake = Intake(
            self.ledger, registry, ReceiptSigner(self.key, "hub.test", "hub.test/log"), Policy(), self._wake
        )

    def _wake(self) -> None:
        self.wakes += 1

    async def submit(self, body: bytes, **parts: bytes) -> Admitted | Rejected:
        writer = self.payloads.writer()
        beside = [IncomingPart(name, "text/plain", self.payloads.writer()) for name in parts]
        try:
            writer.write(body)
            for part in beside:
                part.octets.write(parts[part.content_id])
            return await self.intake.submit(writer, self.system, "", beside)
        finally:
            for one in (writer, *(part.octets for part in beside)):
                one.discard()

    async def check(self, body: bytes) -> str:
        """The verdict, by its word."""
        writer = self.payloads.writer()
        try:
            writer.write(body)
            report = await self.intake.check(writer, self.system.id, "en")
            return str(report["verdict"])
        finally:
            writer.discard()

    def letter(self, **changes: object) -> bytes:
        return signed_letter(self.identity, *RECIPIENTS, **changes)

    def logged(self) -> Counter[str]:
        rows, _ = self.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
        return Counter(row["kind"] for row in rows if row["kind"] in INTAKE_KINDS)

    def files(self) -> list[str]:
        return sorted(file.name for file in (self.directory / "sha256").rglob("*") if file.is_file())


@pytest.fixture
def door(ledger: Ledger, tmp_path: Path) -> Door:
    made = Door(ledger, tmp_path / "payloads")
    made.trust()
    return made


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def test_what_is_accepted_stands_whole_in_the_ledger_and_on_the_disk(door: Door) -> None:
    body = door.letter()
    outcome = await door.submit(body)
    assert isinstance(outcome, Admitted)
    assert outcome.stored.new
    record = door.ledger.read_now(envelopes.find, outcome.stored.envelope_id)
    assert record is not None
    assert (record.sha256, record.size, record.sender_code) == (digest(body), len(body), SENDER)
    rows = door.ledger.read_now(deliveries.matrix, record.id)
    assert sorted((row.code, row.state) for row in rows) == [(code, "pending") for code in RECIPIENTS]
    assert door.ledger.read_now(outbox.waiting) == 2
    acknowledgement = verify_receipt(outcome.stored.acknowledgement, {"keys": [door.key.jwk]})
    assert (acknowledgement["sha256"], acknowledgement["recipients"]) == (digest(body), list(RECIPIENTS))
    assert (door.directory / "sha256" / digest(body)[:2] / digest(body)).read_bytes() == body
    assert (door.logged(), door.wakes) == ({"envelope.accepted": 1}, 1)


async def test_an_exact_repeat_gets_the_first_answer_also_from_another_process(door: Door) -> None:
    body = door.letter()
    first = await door.submit(body)
    door.open()
    again = await door.submit(body)
    assert isinstance(first, Admitted)
    assert isinstance(again, Admitted)
    assert not again.stored.new
    assert again.stored.acknowledgement == first.stored.acknowledgement
    assert again.stored.deliveries == first.stored.deliveries
    assert door.ledger.read_now(outbox.waiting) == 2
    assert (door.logged(), door.wakes) == ({"envelope.accepted": 1, "envelope.repeated": 1}, 1)


async def test_many_at_once_with_the_same_octets_are_one_envelope(door: Door) -> None:
    body = door.letter()
    outcomes = [
        one for one in await asyncio.gather(*(door.submit(body) for _ in range(24))) if isinstance(one, Admitted)
    ]
    assert len({one.stored.acknowledgement for one in outcomes}) == 1
    assert [one.stored.new for one in outcomes].count(True) == 1
    assert door.ledger.read_now(outbox.waiting) == 2
    assert door.logged() == {"envelope.accepted": 1, "envelope.repeated": 23}


async def test_of_many_at_once_with_one_document_id_one_is_accepted(door: Door) -> None:
    bodies = [door.letter(document_id="42/2026", subject=f"Bản {number}") for number in range(12)]
    outcomes = await asyncio.gather(*(door.submit(body) for body in bodies))
    rejected = [one for one in outcomes if isinstance(one, Rejected)]
    assert len(rejected) == 11
    assert {one.findings[0].code for one in rejected} == {"document-conflict"}
    assert door.ledger.read_now(outbox.waiting) == 2
    assert door.logged() == {"envelope.accepted": 1, "envelope.refused": 11}


async def test_what_is_refused_leaves_a_signed_refusal_and_no_octets(door: Door) -> None:
    body = door.letter(subject="")
    outcome = await door.submit(body)
    assert isinstance(outcome, Rejected)
    refusal = verify_receipt(outcome.refusal, {"keys": [door.key.jwk]})
    assert (refusal["code"], refusal["sha256"]) == ("metadata-missing", digest(body))
    assert (refusal["sender"], refusal["document_id"]) == (SENDER, "H33.02,2026/11/20,128/UBND-VP")
    assert (door.files(), door.ledger.read_now(outbox.waiting), door.wakes) == ([], 0, 0)
    assert door.logged() == {"envelope.refused": 1}


async def test_a_refused_letter_that_was_mended_is_accepted(door: Door) -> None:
    """Only an accepted document takes its id."""
    assert isinstance(await door.submit(door.letter(subject="")), Rejected)
    assert isinstance(await door.submit(door.letter()), Admitted)


async def test_checking_stores_and_logs_nothing(door: Door) -> None:
    assert await door.check(door.letter()) == "accepted"
    assert await door.check(door.letter(subject="")) == "refused"
    assert (door.files(), door.ledger.read_now(outbox.waiting), door.logged()) == ([], 0, {})


async def test_checking_says_that_a_document_id_is_taken_and_takes_an_exact_repeat(door: Door) -> None:
    first, other = door.letter(), door.letter(subject="Bản khác")
    assert isinstance(await door.submit(first), Admitted)
    assert (await door.check(first), await door.check(other)) == ("accepted", "refused")
    rejected = await door.submit(other)
    assert isinstance(rejected, Rejected)
    assert [one.code for one in rejected.findings] == ["document-conflict"]


async def test_without_trust_nothing_is_decided_and_the_same_letter_is_taken_later(
    ledger: Ledger, tmp_path: Path
) -> None:
    door = Door(ledger, tmp_path / "payloads")
    body = door.letter()
    with pytest.raises(Deferred) as deferral:
        await door.submit(body)
    assert deferral.value.code == "trust-unavailable"
    assert (door.files(), door.ledger.read_now(outbox.waiting), door.logged()) == ([], 0, {"envelope.deferred": 1})
    door.trust()
    door.open()
    assert isinstance(await door.submit(body), Admitted)


async def test_what_cannot_be_made_durable_is_not_accepted_until_it_can(door: Door) -> None:
    body = door.letter()
    shelf = door.directory / "sha256" / digest(body)[:2]
    shutil.rmtree(shelf)
    shelf.write_bytes(b"")  # a file where the directory should be: no write can succeed, not even root's
    with pytest.raises(Deferred) as deferral:
        await door.submit(body)
    assert deferral.value.code == "payload-unavailable"
    assert (door.ledger.read_now(outbox.waiting), door.wakes) == (0, 0)
    assert "envelope.accepted" not in door.logged()
    shelf.unlink()
    shelf.mkdir()
    assert isinstance(await door.submit(body), Admitted)


async def test_a_certificate_revoked_meanwhile_is_refused_by_the_same_process_within_a_second_or_so(door: Door) -> None:
    assert isinstance(await door.submit(door.letter()), Admitted)
    door.pki.issuing.revoke(door.identity.certificate)
    for crl in x509_lists(door.pki.issuing.crl_pem(issued=clock.now(), days=30)):
        door.ledger.write_now(registration.add_list, crl)
    await asyncio.sleep(1.1)
    outcome = await door.submit(door.letter(document_id="43/2026"))
    assert isinstance(outcome, Rejected)
    assert outcome.findings[0].code == "certificate-revoked"


def with_parts(door: Door) -> bytes:
    return door.letter(attachments=(bound("a2", TWO), bound("a1", ONE), bound("a3", ONE)))


async def test_what_lies_beside_the_document_stands_on_the_disk_once_and_in_the_manifests_order(door: Door) -> None:
    body = with_parts(door)
    outcome = await door.submit(body, a1=ONE, a2=TWO, a3=ONE)
    assert isinstance(outcome, Admitted), outcome
    assert door.files() == sorted(map(digest, (body, ONE, TWO)))
    record = door.ledger.read_now(envelopes.find, outcome.stored.envelope_id)
    assert record is not None
    assert (record.size, record.parts, record.parts_size) == (len(body), 3, 2 * len(ONE) + len(TWO))
    parts = door.ledger.read_now(envelopes.parts_of, record.id)
    assert [(one.content_id, one.name, one.content_type, one.sha256, one.size) for one in parts] == [
        (name, f"{name}.txt", "text/plain", digest(content), len(content))
        for name, content in (("a2", TWO), ("a1", ONE), ("a3", ONE))
    ]
    again = await door.submit(body, a1=ONE, a2=TWO, a3=ONE)
    assert isinstance(again, Admitted)
    assert not again.stored.new
    assert door.ledger.read_now(envelopes.parts_of, record.id) == parts


async def test_a_letter_and_one_with_parts_are_committed_together(door: Door) -> None:
    plain, rich = door.letter(document_id="x"), with_parts(door)
    outcomes = await asyncio.gather(door.submit(plain), door.submit(rich, a1=ONE, a2=TWO, a3=ONE))
    counted = []
    for outcome in outcomes:
        assert isinstance(outcome, Admitted), outcome
        counted.append(len(door.ledger.read_now(envelopes.parts_of, outcome.stored.envelope_id)))
    assert counted == [0, 3]


async def test_a_part_that_cannot_be_made_durable_keeps_the_whole_out_of_the_ledger(door: Door) -> None:
    body = with_parts(door)
    shelf = door.directory / "sha256" / digest(TWO)[:2]
    shutil.rmtree(shelf)
    shelf.write_bytes(b"")
    with pytest.raises(Deferred) as deferral:
        await door.submit(body, a1=ONE, a2=TWO, a3=ONE)
    assert deferral.value.code == "payload-unavailable"
    assert (door.ledger.read_now(outbox.waiting), door.wakes) == (0, 0)
    shelf.unlink()
    shelf.mkdir()
    assert isinstance(await door.submit(body, a1=ONE, a2=TWO, a3=ONE), Admitted)


async def test_parts_that_are_refused_leave_no_file(door: Door) -> None:
    outcome = await door.submit(with_parts(door), a1=ONE, a2=ONE, a3=ONE)
    assert isinstance(outcome, Rejected)
    assert [finding.code for finding in outcome.findings] == ["attachment-digest"]
    assert door.files() == []
