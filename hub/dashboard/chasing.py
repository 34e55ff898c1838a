"""Reminding many recipients at once, in the reader's words: who would be reminded, who is left out and why, what came
of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.dashboard import lateness
from hub.dashboard.access import Visitor
from hub.dashboard.wording import Tag
from hub.language import gettext, mark
from hub.ledger.overdue import OverdueRow

# shape, words, tone
_TAGS: dict[str, tuple[str, str, str]] = {
    "due": ("check", mark("Will be reminded"), "ok"),
    "done": ("check", mark("Reminded"), "ok"),
    "too-soon": ("hourglass", mark("Left out: reminded a short time ago"), "warn"),
    "others": ("cross", mark("Left out: the sender's clerks and operators remind"), "muted"),
    "failed": ("refusals", mark("Not reminded: nothing is waited for any more"), "warn"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """``what`` is a key of the table above; ``reminded_at`` when the recipient was reminded last."""

    row: OverdueRow
    what: str
    reminded_at: datetime | None

    @property
    def tag(self) -> Tag:
        shape, words, tone = _TAGS[self.what]
        return Tag(shape, gettext(words), tone)


def planned(
    visitor: Visitor, rows: Sequence[OverdueRow], last: Mapping[str, datetime], pause: timedelta, now: datetime
) -> list[Candidate]:
    """``last`` has the latest reminder by delivery; nobody is reminded twice within ``pause``."""
    return [Candidate(row, _before(visitor, row, last.get(row.id), pause, now), last.get(row.id)) for row in rows]


def done(rows: Sequence[OverdueRow], last: Mapping[str, datetime], pause: timedelta, at: datetime) -> list[Candidate]:
    """What came of a run that began at ``at``: told from the reminders that were signed."""
    return [Candidate(row, _after(last.get(row.id), pause, at), last.get(row.id)) for row in rows]


def _before(visitor: Visitor, row: OverdueRow, last: datetime | None, pause: timedelta, now: datetime) -> str:
    if not lateness.may_chase(visitor, row.sender_code):
        return "others"
    return "too-soon" if last is not None and last <= now < last + pause else "due"


def _after(last: datetime | None, pause: timedelta, at: datetime) -> str:
    if last is None:
        return "failed"
    if last >= at:
        return "done"
    return "too-soon" if at < last + pause else "failed"
