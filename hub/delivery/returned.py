"""Mail that came back: what a bounce means for the delivery it was about.

still open                 given up as ``bounced``: dead letter, signed non-delivery
settled by the mail itself a signed notice ``delivery.bounced``: the receipt before it said no more than was known
taken by a link, closed    noted only: the document had arrived otherwise, or was given up before
"""

from __future__ import annotations

from datetime import datetime

import structlog

from hub import clock
from hub.audit import Event
from hub.ledger import Ledger, Transaction, carriage, deliveries, mail, receipts
from hub.ledger.carriage import Attempt
from hub.ledger.deliveries import DeliveryRecord
from hub.ledger.mail import Mailing
from hub.receipts.non_delivery import give_up, sender_of, subject_of
from hub.receipts.signing import ReceiptSigner

log = structlog.get_logger()


class Returned:
    """``came_back`` is idempotent: the same report again changes nothing."""

    def __init__(self, ledger: Ledger, signer: ReceiptSigner) -> None:
        self._ledger = ledger
        self._signer = signer

    async def came_back(self, token: str, status: str, recipient: str, words: str, *, failed: bool) -> str:
        """``unknown`` (no mail of ours), ``delayed``, ``again``, ``dead``, ``told`` or ``noted``."""
        said = " ".join(part for part in (status, recipient, words) if part)
        return await self._ledger.write(self._came_back, token, said, failed=failed)

    def _came_back(self, transaction: Transaction, token: str, said: str, *, failed: bool) -> str:
        mailing = mail.by_token(transaction, token)
        if mailing is None:
            return "unknown"
        record = carriage.find(transaction, mailing.delivery_id)
        assert record is not None, "a delivery with a mailing is never deleted"
        at = clock.now()
        if not failed:
            deliveries.log(transaction, Event.DELIVERY_ATTEMPTED, record, at, actor="hub", code="busy", reason=said)
            return "delayed"
        if not mail.bounced(transaction, record.id, said, at):
            return "again"
        attempt = Attempt(record.id, mailing.mails, "mail", at, at, "permanent", "bounced", said)
        carriage.record(transaction, [attempt])
        if give_up(transaction, self._signer, record, "bounced", said, at):
            return "dead"
        if record.state == "settled" and mailing.policy == "document":
            self._tell(transaction, record, mailing, said, at)
            return "told"
        return "noted"

    def _tell(
        self, transaction: Transaction, record: DeliveryRecord, mailing: Mailing, said: str, at: datetime
    ) -> None:
        notice = self._signer.notice(
            "delivery.bounced", subject_of(record), sender_of(record), at, said, code="bounced", address=mailing.address
        )
        receipts.add(transaction, [notice.row])
        deliveries.log(transaction, Event.DELIVERY_BOUNCED, record, at, actor="hub", code="bounced", reason=said)
        log.error("delivery.bounced", delivery=record.id, recipient=record.recipient_code, reason=said)
