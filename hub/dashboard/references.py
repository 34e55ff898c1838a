"""What a letter refers to and what refers to it, for its page: answers, versions, and what was asked of whom."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.dashboard import wording
from hub.dashboard.wording import Tag
from hub.language import gettext, mark
from hub.ledger import Transaction, answering, changes, envelopes
from hub.ledger.answering import Reader
from hub.ledger.changes import ChangeRow

_KINDS = {
    "recall": mark("Recall"),
    "update": mark("Update"),
    "replace": mark("Replacement"),
    "remove": mark("Taken off the list of recipients"),
}
_OUTCOMES: dict[str, tuple[str, str, str]] = {
    "asked": ("hourglass", mark("Asked; no answer yet"), "warn"),
    "agreed": ("check", mark("Agreed"), "ok"),
    "declined": ("cross", mark("Declined"), "bad"),
}
_PAPER = {0: mark("No paper copy follows"), 1: mark("A paper copy follows")}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: ``before`` says how far the office was when it came; ``request`` is the asking letter's address.

    Of what was withdrawn the delivery itself says all: no tag.
    """

    kind: str
    tag: Tag | None
    at: datetime
    before: str
    acted: bool
    request: str


def asked(row: ChangeRow, page: str) -> Asked:
    shape, word, tone = _OUTCOMES.get(row.outcome, ("", "", ""))
    request = "" if row.request_envelope_id is None else f"/envelopes/{row.request_envelope_id}"
    return Asked(
        kind=gettext(_KINDS[row.kind]),
        tag=Tag(shape, gettext(word), tone) if word else None,
        at=row.answered_at or row.asked_at,
        before="" if row.outcome == "withdrawn" else _before(row),
        acted=row.acted_before,
        request="" if request == page else request,
    )


def _before(row: ChangeRow) -> str:
    if row.acted_before:
        status = wording.tag(row.status_then or "03").word
        return gettext("The office had acted on it before: %(status)s") % {"status": status}
    if row.state_then == "settled":
        return gettext("It had arrived; the office had not acted on it")
    return gettext("Its system was just taking it")


def of_letter(
    transaction: Transaction,
    envelope_id: str,
    own_agency: str | None,
    answers: list[dict[str, Any]],
    codes: Collection[str],
) -> dict[str, Any]:
    """The page's values; ``own_agency`` is the reader's, None for those who see all. ``codes``: recipients shown."""
    reader = Reader(agency=own_agency)
    record = envelopes.find(transaction, envelope_id)
    previous = None if record is None else record.previous_id
    return {
        "answered": answering.answered(transaction, reader, answers),
        "previous": previous if previous and answering.visible(transaction, reader, [previous]) else None,
        "followers": answering.followers(transaction, reader, envelope_id),
        "paper": None if record is None else record.paper,
        "not_before": None if record is None else record.details.get("not_before"),
        "changes": changes.of_envelope(transaction, envelope_id, codes),
    }


def spoken(values: dict[str, Any], page: str) -> None:
    """The same in the reader's language; not in the ledger's thread, which does not know it."""
    values["asked"] = {code: [asked(row, page) for row in rows] for code, rows in values.pop("changes").items()}
    paper = _PAPER.get(values["paper"])
    values["paper"] = gettext(paper) if paper else ""
    moment = values["not_before"]
    values["not_before"] = None if moment is None else datetime.fromisoformat(moment)
