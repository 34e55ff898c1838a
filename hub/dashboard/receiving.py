"""The receipts of a letter in the reader's words: what each says, for whom it was signed, where to get it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.dashboard.access import Visitor
from hub.dashboard.wording import tag
from hub.language import gettext, mark
from hub.ledger.letter_receipts import ReceiptRow

_EVENTS: dict[str, str] = {
    "envelope.accepted": mark("Acknowledgement"),
    "envelope.refused": mark("Refusal by the hub"),
    "delivery.settled": mark("Arrived"),
    "delivery.refused": mark("Refused by the recipient"),
    "delivery.withdrawn": mark("Withdrawn"),
    "delivery.dead": mark("Undeliverable"),
    "delivery.reminder": mark("Reminder"),
    "delivery.expires-soon": mark("Time ends soon"),
    "delivery.unconfirmed": mark("Not confirmed in time"),
    "document.not-processed": mark("Not finished in time"),
    "delivery.replayed": mark("Sent again"),
    "delivery.bounced": mark("The mail came back"),
    "change.asked": mark("Recall or change asked for"),
    "change.answered": mark("Recall or change answered"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """``audience`` is whom it was signed for. ``proof`` is empty for who may not read the log."""

    words: str
    recipient: str
    audience: str
    at: datetime
    file: str
    proof: str


def line(row: ReceiptRow, visitor: Visitor, envelope_id: str) -> Line:
    words = gettext("Status: %(status)s") % {"status": tag(row.code).word} if row.kind == "status" else ""
    known = _EVENTS.get(row.event)
    return Line(
        words or (gettext(known) if known else row.event),
        row.recipient if row.recipient != row.audience else "",
        row.audience,
        row.at,
        f"/envelopes/{envelope_id}/receipts/{row.id}",
        f"/log/proof/{row.id}" if visitor.reads_log else "",
    )
