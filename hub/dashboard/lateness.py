"""Deadlines as people read them: until when, how late in working time, what was done about it, who may chase."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.dashboard import moments
from hub.dashboard.access import Visitor
from hub.dashboard.wording import Tag
from hub.language import current, gettext, mark, ngettext
from hub.ledger.journey import Letter, RecipientRow
from hub.ledger.overdue import ENDED, REPORTED_ENDS, OverdueRow
from hub.receipts.chasing import Progress, overdue
from hub.receipts.deadlines import DeadlinePolicy, DocumentClass, Phase

CHASERS = frozenset({"operator", "administrator"})

_MISSED: dict[str, str] = {"unconfirmed": mark("Not confirmed"), "unprocessed": mark("Not finished")}
_UNTAKEN = mark("Not taken")
# kinds of steps in the order in which they are named
_DONE: dict[str, str] = {
    "remind": mark("recipient reminded"),
    "contact": mark("duty contact written to"),
    "warn": mark("sender warned"),
    "notice": mark("sender told"),
}
OUTCOMES: dict[str, tuple[str, str]] = {
    "done": ("check", mark("The recipient was reminded. Its duty contact, if one is registered, gets mail.")),
    "too-soon": ("hourglass", mark("The recipient was reminded a short time ago. Please wait before you ask again.")),
    "needless": ("info", mark("Nothing is waited for from this recipient any more.")),
}


@dataclass(frozen=True, slots=True)
class Late:
    """A line of the overdue list. ``late`` is in working time where the class counts in office hours."""

    row: OverdueRow
    tag: Tag
    document_class: str
    late: str
    done: str


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline of one recipient; ``missed`` when it is over and what it asks has not happened."""

    words: str
    at: datetime
    missed: bool


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class of letters with what it asks, in the reader's words."""

    name: str
    title: str
    counted: str
    confirm: str
    process: str
    expires: str


def classes(policy: DeadlinePolicy) -> list[ClassRow]:
    """The classes in the order in which they are tried."""
    return [
        ClassRow(
            one.name,
            one.title(current.get()),
            gettext("in office hours") if one.office else gettext("round the clock"),
            _within(one, "confirm"),
            _within(one, "process"),
            _within(one, "expires"),
        )
        for one in policy.classes
    ]


def _within(chosen: DocumentClass, phase: Phase) -> str:
    term = chosen.terms.get(phase)
    if term is None:
        return "–"
    if term.within is None:
        return gettext("by the letter's due date")
    if chosen.office and term.within.unit == "day" and term.within.count == 0:
        return gettext("on the same working day")
    if chosen.office and term.within.unit == "day":
        days = term.within.count
        return ngettext("%(num)d working day", "%(num)d working days", days) % {"num": days}
    unit = timedelta(**{f"{term.within.unit}s": 1})
    return moments.age(term.within.count * unit)


def late(policy: DeadlinePolicy, row: OverdueRow, now: datetime, *, may_chase: bool) -> tuple[Late, bool]:
    """The line, and whether its reader may have the recipient reminded."""
    word = _UNTAKEN if row.which == "unconfirmed" and row.state != "settled" else _MISSED[row.which]
    chosen = policy.class_of(row)
    span = policy.late(row, row.deadline, now)
    words = _working(span, policy.office.day_length) if chosen.office else moments.age(span)
    tag = Tag("hourglass", gettext(word), "bad")
    return Late(row, tag, chosen.title(current.get()), words, done(row.chase_step)), may_chase


def done(chase_step: str) -> str:
    """What was done so far, in a few words."""
    kinds = {name.split(".")[1] for name in Progress.read(chase_step).sent if "." in name}
    return ", ".join(gettext(word) for kind, word in _DONE.items() if kind in kinds)


def dues(row: RecipientRow, now: datetime) -> list[Due]:
    """The deadlines of one recipient that still matter, and those that were missed."""
    if row.state in ENDED or row.status_code in REPORTED_ENDS:
        return []
    missed = overdue(row.state, row.status_code, row.confirm_by, row.process_by, now)
    found = []
    if row.confirm_by is not None and row.status_code is None:
        found.append(Due(gettext("confirm by"), row.confirm_by, missed == "unconfirmed"))
    if row.process_by is not None:
        found.append(Due(gettext("finish by"), row.process_by, row.process_by < now))
    if row.expires_at is not None and row.state != "settled":
        found.append(Due(gettext("hub gives up"), row.expires_at, False))
    return found


def may_chase(visitor: Visitor, sender_code: str) -> bool:
    """Whether this person may have a recipient of that sender's letters reminded."""
    if visitor.own_agency is not None:
        return visitor.own_agency == sender_code
    return bool(visitor.person.roles & CHASERS)


def chaseable(visitor: Visitor, letter: Letter, row: RecipientRow) -> bool:
    """Whether a button is of use: somebody may press it, and something is waited for."""
    ended = row.state in ENDED or row.status_code in REPORTED_ENDS
    return not ended and not letter.is_trial and may_chase(visitor, letter.sender_code)


def outcome(name: str) -> tuple[str, str] | None:
    """Icon and words of what came of pressing the button."""
    found = OUTCOMES.get(name)
    return None if found is None else (found[0], gettext(found[1]))


def _working(span: timedelta, day: timedelta) -> str:
    """Working time in its greatest unit; a working day has as many hours as the office."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:
        return ngettext("%(num)d working minute", "%(num)d working minutes", minutes) % {"num": minutes}
    if span < 2 * day:
        hours = minutes // 60
        return ngettext("%(num)d working hour", "%(num)d working hours", hours) % {"num": hours}
    days = int(span / day)
    return ngettext("%(num)d working day", "%(num)d working days", days) % {"num": days}
