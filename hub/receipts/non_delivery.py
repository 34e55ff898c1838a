"""Giving a delivery up: dead letter, signed non-delivery to the sender, entry, alert; in the caller's transaction.

The octets stay where they are, so that the letter can be sent again (replay).
"""

from __future__ import annotations

from datetime import datetime

import structlog

from hub.audit import Event
from hub.ledger import Transaction, deliveries, receipts
from hub.ledger.deliveries import DeliveryRecord
from hub.receipts.signing import Audience, ReceiptSigner, Subject

log = structlog.get_logger()
LONGEST_DETAIL = 500


def subject_of(record: DeliveryRecord) -> Subject:
    """What a receipt about this delivery is about."""
    return Subject(
        record.envelope_id, record.document_id, record.sender_code, record.sha256, record.id, record.recipient_code
    )


def sender_of(record: DeliveryRecord) -> Audience:
    """The sender, as a receipt's audience."""
    return Audience(record.sender_system_id, record.sender_code)


def recipient_of(record: DeliveryRecord) -> Audience:
    """The recipient, as a notice's audience."""
    return Audience(record.system_id, record.recipient_code)


def give_up(
    transaction: Transaction, signer: ReceiptSigner, record: DeliveryRecord, code: str, detail: str, at: datetime
) -> bool:
    """Close as dead for ``code`` (``hub.delivery.failures``); False, and nothing done, when it was closed already."""
    detail = detail[:LONGEST_DETAIL]
    if not deliveries.end(transaction, [record.id], "dead", f"{code}: {detail}" if detail else code, at):
        return False
    receipt = signer.undelivered(subject_of(record), sender_of(record), code, detail, at)
    receipts.add(transaction, [receipt.row])
    deliveries.log(transaction, Event.DELIVERY_DEAD, record, at, actor="hub", code=code, reason=detail)
    log.error("delivery.dead", delivery=record.id, recipient=record.recipient_code, code=code, detail=detail)
    return True
