"""One sender, agencies with a system each, and the real rooms between them over one ledger: what a letter can meet.

Importable by every test that tells the life of documents without HTTP.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select, update

from adapters.sandbox.pki import Identity, Pki
from hub import clock, wiring
from hub.delivery.lease import Close, Leases
from hub.envelope.model import ParsedStatus, Party, ResponseFor
from hub.envelope.writing import Business
from hub.intake import Admitted, Intake, Rejected
from hub.ledger import Ledger, PayloadStore, agencies, changes, deliveries, receipts, registration, systems
from hub.ledger.changes import ChangeRow, LedgerSent
from hub.ledger.deliveries import MatrixRow
from hub.ledger.receipts import ReceiptRecord
from hub.ledger.tables import delivery, outbox
from hub.receipts.signing import ReceiptSigner
from hub.receipts.statuses import Reported, Statuses, StatusReport
from hub.registry.directory import Directory
from hub.signatures.jws import HubKey
from hub.validation import VerifiedStatus
from hub.validation.examination import Policy
from tests.intake.register import signed_letter
from tests.world import x509_lists

SENDER = "H33.02"
DOCUMENT = "H33.02,2026/11/20,128/UBND-VP"
# how far a delivery can be when something happens to its document
STATES = ("pending", "published", "ready", "released", "leased", "lapsed", "settled", "refused", "dead")
UNTAKEN, TAKEN = ("pending", "published", "ready", "released"), ("leased", "lapsed", "settled")
PEOPLE = {state: f"H33.{90 + number}" for number, state in enumerate(STATES)}


@dataclass
class Exchange:
    """``codes`` are the agencies; each is served by a system of its own that is named like it."""

    ledger: Ledger
    directory: Path
    codes: Sequence[str] = tuple(PEOPLE.values())
    key: HubKey = field(default_factory=lambda: HubKey(Ed25519PrivateKey.generate()))
    minutes: Any = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        pki = Pki.create()
        self.payloads = PayloadStore(self.directory)
        self.ledger.write_now(registration.add_anchor, pki.root.certificate)
        for crl in x509_lists(pki.crls_pem):
            self.ledger.write_now(registration.add_list, crl)
        for code in (SENDER, *self.codes):
            self.ledger.write_now(registration.add_system, code, "pull")
            self.ledger.write_now(registration.add_agency, code, f"Cơ quan {code}", code)
        self.identity: Identity = pki.issue(SENDER, "Sở Nội vụ")
        self.ledger.write_now(registration.add_certificate, SENDER, self.identity.certificate)
        self.signer = ReceiptSigner(self.key, "hub.test", "hub.test/log")
        self.leases = Leases(self.ledger, self.signer)
        self.statuses = Statuses(self.ledger, self.signer)
        self.systems = {code: self.system_id(code) for code in (SENDER, *self.codes)}
        self.intake = self.door()

    def door(self, ledger: Ledger | None = None, **policy: Any) -> Intake:
        """Another process's intake."""
        ledger = ledger or self.ledger
        registry = Directory(wiring.LedgerDirectory(ledger))
        return Intake(ledger, registry, self.signer, Policy(sent=LedgerSent(ledger), **policy))

    def system_id(self, name: str) -> str:
        found = self.ledger.read_now(systems.by_name, name)
        assert found is not None
        return found.id

    # ---------------------------------------------------------------- the sender

    def letter(
        self,
        *to: str,
        kind: int = 0,
        document_id: str = DOCUMENT,
        reason: str = "Gửi nhầm",
        business: Business | None = None,
        **more: Any,
    ) -> bytes:
        """Every letter has a time stamp of its own: it tells two changes of one document apart."""
        more.setdefault("written_at", datetime(2026, 11, 20, 1, 0, tzinfo=UTC) + timedelta(minutes=next(self.minutes)))
        more.setdefault("priority", 0)
        asked = business or Business(kind, reason if kind else "")
        return signed_letter(self.identity, *to, business=asked, document_id=document_id, **more)

    async def post(self, body: bytes, intake: Intake | None = None) -> Admitted | Rejected:
        system = self.ledger.read_now(systems.by_name, SENDER)
        assert system is not None
        writer = self.payloads.writer()
        try:
            writer.write(body)
            return await (intake or self.intake).submit(writer, system)
        finally:
            writer.discard()

    async def send(self, *to: str, **more: Any) -> Admitted:
        outcome = await self.post(self.letter(*to, **more))
        assert isinstance(outcome, Admitted), outcome
        return outcome

    async def refusal(self, *to: str, **more: Any) -> list[tuple[str, str]]:
        outcome = await self.post(self.letter(*to, **more))
        assert isinstance(outcome, Rejected), outcome
        return [(one.code, one.detail) for one in outcome.findings]

    async def report(self, code: str, delivery_id: str, text: str = "", *, by: str = "", at: int = 0) -> Reported:
        """A status in JSON, by the sender (13) or by the recipient."""
        who = by or (SENDER if code == "13" else self.row(delivery_id).recipient_code)
        moment = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(minutes=at)
        return await self.statuses.report(self.systems[who], StatusReport(delivery_id, code, text, moment))

    async def message(self, code: str, by: str, about: str, text: str = "", document_id: str = DOCUMENT) -> Reported:
        """A status message in edXML by agency ``by`` about a document of (13: to) agency ``about``."""
        content = ParsedStatus(Party(by), ResponseFor(about, "", document_id), code, text, f"{next(self.minutes)}")
        reporter = self.ledger.read_now(agencies.find, [by])[by]
        return await self.statuses.report_message(
            self.systems[by], VerifiedStatus(content, reporter, None), b"<status/>"
        )

    # ---------------------------------------------------------------- the recipients

    async def move(self, delivery_id: str, state: str) -> None:
        """Bring a pending delivery to a state the way it gets there."""
        if state == "pending":
            return
        # what the relay does once the broker has confirmed
        self.ledger.write_now(lambda tx: tx.execute(delete(outbox).where(outbox.c.delivery_id == delivery_id)))
        if state == "published":
            self._set(delivery_id, state=state)
            return
        if state == "dead":
            self.ledger.write_now(deliveries.end, [delivery_id], "dead", "expired", clock.now())
            return
        self.ledger.write_now(deliveries.take_over, [delivery_id], clock.now())
        if state != "ready":
            await self._take(delivery_id, state)

    async def _take(self, delivery_id: str, state: str) -> None:
        system = self.row(delivery_id).system_id
        [leased] = await self.leases.take(system, 1, 600, 0)
        assert leased.id == delivery_id
        close = Close(system, delivery_id, leased.lease_id)
        match state:
            case "lapsed":
                self._set(delivery_id, available_at=clock.now() - timedelta(seconds=1))
            case "released":
                await self.leases.release(close)
            case "settled":
                await self.leases.settle(close)
            case "refused":
                await self.leases.refuse(close, "Sai thẩm quyền")

    def _set(self, delivery_id: str, **values: Any) -> None:
        self.ledger.write_now(
            lambda tx: tx.execute(update(delivery).where(delivery.c.id == delivery_id).values(values))
        )

    async def inbox(self, code: str) -> list[str]:
        """What the system of this agency may take now; it keeps it."""
        waiting = self.ledger.read_now(lambda tx: tx.execute(select(delivery.c.id)).scalars().all())
        self.ledger.write_now(deliveries.take_over, list(waiting), clock.now())
        return [one.id for one in await self.leases.take(self.systems[code], 50, 600, 0)]

    # ---------------------------------------------------------------- what stands

    def row(self, delivery_id: str) -> deliveries.DeliveryRecord:
        return self.ledger.read_now(deliveries.find, [delivery_id])[delivery_id]

    def matrix(self, envelope_id: str) -> dict[str, MatrixRow]:
        return {one.code: one for one in self.ledger.read_now(deliveries.matrix, envelope_id)}

    def states(self, envelope_id: str) -> dict[str, str]:
        return {code: one.state for code, one in self.matrix(envelope_id).items()}

    def changes(self, envelope_id: str, code: str) -> list[ChangeRow]:
        return list(self.ledger.read_now(changes.of_envelope, envelope_id).get(code, []))

    def outcomes(self, envelope_id: str, code: str) -> list[tuple[str, str]]:
        return [(one.kind, one.outcome) for one in self.changes(envelope_id, code)]

    def feed(self, code: str) -> list[ReceiptRecord]:
        found, _ = self.ledger.read_now(receipts.feed, self.systems[code], None, 1000)
        return found

    def told(self, code: str, event: str) -> list[ReceiptRecord]:
        return [one for one in self.feed(code) if one.event == event]


def ids(stored: Admitted) -> dict[str, str]:
    return dict(stored.stored.deliveries)
