"""Links by which an office without a system takes its documents.

Looking changes nothing (mail scanners follow links); taking settles the delivery. After the first taking the link stays
open for a while, so that a download that broke off can be repeated, and a second click is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import clock
from hub.audit import Event
from hub.ledger import Ledger, Transaction, deliveries, envelopes, mail, receipts, systems
from hub.ledger.deliveries import DeliveryRecord
from hub.ledger.envelopes import EnvelopeRecord, PartRecord
from hub.problems import Refused
from hub.receipts.non_delivery import sender_of, subject_of
from hub.receipts.signing import ReceiptSigner

OPEN_AFTER_USE = timedelta(hours=24)
_WAITING = ("ready", "leased")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a link gives. ``taken_at`` is None while nobody has taken it by a link."""

    delivery_id: str
    recipient: str
    letter: EnvelopeRecord
    parts: tuple[PartRecord, ...]
    until: datetime
    taken_at: datetime | None


class Links:
    """Every method raises ``Refused('link-closed')``: unknown, expired, withdrawn, given up, its office suspended; one
    answer for all."""

    def __init__(self, ledger: Ledger, signer: ReceiptSigner) -> None:
        self._ledger = ledger
        self._signer = signer

    async def look(self, token: str) -> Offer:
        """What lies behind the link."""
        return await self._ledger.read(lambda transaction: _offer(transaction, token, clock.now())[0])

    async def take(self, token: str) -> Offer:
        """Settle, unless that was done before; returns what to hand out."""
        return await self._ledger.write(self._take, token)

    def _take(self, transaction: Transaction, token: str) -> Offer:
        at = clock.now()
        offer, record = _offer(transaction, token, at, lock=True)
        if record.state in _WAITING:
            self._settle(transaction, record, at)
        mail.use_links(transaction, record.id, at)
        return offer

    def _settle(self, transaction: Transaction, record: DeliveryRecord, at: datetime) -> None:
        mail.hold(transaction, record.id, clock.new_id(), at)
        deliveries.close(transaction, [record.id], "settled", at)
        how = {"channel": "mail", "description": "taken by the link that was mailed to the office"}
        receipt = self._signer.delivered(subject_of(record), sender_of(record), at, how)
        receipts.add(transaction, [receipt.row])
        deliveries.log(transaction, Event.DELIVERY_SETTLED, record, at, actor="link", sha256=record.sha256, how=how)


def _offer(transaction: Transaction, token: str, at: datetime, *, lock: bool = False) -> tuple[Offer, DeliveryRecord]:
    link = mail.link(transaction, token)
    if link is None or link.expires_at <= at:
        raise Refused("link-closed")
    record = deliveries.find(transaction, [link.delivery_id], lock=lock)[link.delivery_id]
    link = mail.link(transaction, token) or link  # as it is now that the delivery is held
    used = link.used_at
    again = record.state == "settled" and used is not None and at < used + OPEN_AFTER_USE
    if record.state not in _WAITING and not again:
        raise Refused("link-closed")
    office = systems.by_id(transaction, record.system_id)
    if office is None or not office.active:
        raise Refused("link-closed")
    letter = envelopes.find(transaction, record.envelope_id)
    assert letter is not None, "a delivery has its envelope"
    parts = envelopes.parts_of(transaction, record.envelope_id)
    until = link.expires_at if used is None else min(link.expires_at, used + OPEN_AFTER_USE)
    return Offer(record.id, record.recipient_code, letter, parts, until, used), record
