"""A letter's timeline: what happened, grouped by day, the newest last; what is routine is folded, failures say why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.audit import Event
from hub.dashboard import moments
from hub.dashboard.events import concerned, look_of, reason, sentence, text_of
from hub.language import mark_plural, ngettext
from hub.ledger.journey import Entry, Names

PERSON = "person:"
FOLD_WITHIN = timedelta(minutes=2)
NAMED = 3  # so many recipients of one step are named, more are counted

# the same step for many recipients is one line
_FOLDED: dict[str, tuple[str, str]] = {
    Event.DELIVERY_PUBLISHED: mark_plural("On its way to %(num)d recipient", "On its way to %(num)d recipients"),
    Event.DELIVERY_REPUBLISHED: mark_plural(
        "Put on its way again for %(num)d recipient", "Put on its way again for %(num)d recipients"
    ),
    Event.DELIVERY_READY: mark_plural(
        "Waiting to be taken by %(num)d recipient", "Waiting to be taken by %(num)d recipients"
    ),
    Event.DELIVERY_LEASED: mark_plural("%(num)d recipient is taking it", "%(num)d recipients are taking it"),
    Event.DELIVERY_RELEASED: mark_plural("Given back %(num)d time", "Given back %(num)d times"),
    Event.DELIVERY_EXTENDED: mark_plural("More time needed %(num)d time", "More time needed %(num)d times"),
    Event.DELIVERY_SETTLED: mark_plural("Arrived at %(num)d recipient", "Arrived at %(num)d recipients"),
    Event.DELIVERY_ATTEMPTED: mark_plural(
        "Handing over failed for now %(num)d time", "Handing over failed for now %(num)d times"
    ),
    Event.DELIVERY_HANDED: mark_plural(
        "Handed to %(num)d recipient, not confirmed yet", "Handed to %(num)d recipients, not confirmed yet"
    ),
    Event.DELIVERY_DEAD: mark_plural(
        "Could not be delivered to %(num)d recipient", "Could not be delivered to %(num)d recipients"
    ),
    Event.DELIVERY_WITHDRAWN: mark_plural(
        "Withdrawn before %(num)d recipient took it", "Withdrawn before %(num)d recipients took it"
    ),
    Event.DELIVERY_CHASED: mark_plural(
        "The deadline was pointed out %(num)d time", "The deadline was pointed out %(num)d times"
    ),
    Event.DELIVERY_REPLAYED: mark_plural(
        "Sent again to %(num)d recipient by an operator", "Sent again to %(num)d recipients by an operator"
    ),
    Event.CHANGE_ASKED: mark_plural(
        "%(num)d recipient was asked about a recall or change", "%(num)d recipients were asked about a recall or change"
    ),
    Event.ENVELOPE_REPEATED: mark_plural("Sent again unchanged %(num)d time", "Sent again unchanged %(num)d times"),
}

_TRIED = mark_plural(
    "Handing over to %(who)s failed for now: %(num)d attempt",
    "Handing over to %(who)s failed for now: %(num)d attempts",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a timeline. ``folded`` are the lines behind it; ``reason`` is what was said, shown unfolded.

    ``by`` is the login of the person who did it; empty when a system or the hub did.
    """

    at: datetime
    shape: str
    tone: str
    sentence: str
    reason: str
    folded: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    heading: str
    steps: tuple[Step, ...]


def timeline(entries: list[Entry], names: Names, now: datetime, *, people: bool = False) -> list[Day]:
    """Entries, oldest first, as days of steps; the same routine step for many recipients becomes one.

    ``people``: the reader may know who of the hub's people did something.
    """
    days: list[Day] = []
    steps: list[Step] = []
    heading = ""
    for group in _groups(entries):
        title = moments.heading(group[0].at, now)
        if title != heading and steps:
            days.append(Day(heading, tuple(steps)))
            steps = []
        heading = title
        steps.append(_step(group, names, people))
    return [*days, Day(heading, tuple(steps))] if steps else days


def _groups(entries: list[Entry]) -> list[list[Entry]]:
    groups: list[list[Entry]] = []
    open_groups: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: (one.at, one.seq)):
        same = _same(entry)
        group = open_groups.get(same)
        if group is not None and _near(group[0], entry):
            group.append(entry)
            continue
        groups.append([entry])
        if entry.kind in _FOLDED:
            open_groups[same] = groups[-1]
    return groups


def _same(entry: Entry) -> str:
    """What is told in one line."""
    if entry.kind == Event.DELIVERY_CHASED:  # what was done about a deadline differs by its code
        return f"{entry.kind} {entry.code}"
    if entry.kind == Event.DELIVERY_ATTEMPTED:  # a day's attempts at one system
        return f"{entry.kind} {text_of(entry.detail, 'system') or entry.delivery_id}"
    return entry.kind


def _near(first: Entry, second: Entry) -> bool:
    if moments.local(first.at).date() != moments.local(second.at).date():
        return False
    return first.kind == Event.DELIVERY_ATTEMPTED or second.at - first.at <= FOLD_WITHIN


def _step(group: list[Entry], names: Names, people: bool) -> Step:
    first = group[0]
    shape, tone = look_of(first)
    by = first.actor.removeprefix(PERSON) if first.actor.startswith(PERSON) else ""
    if by and tone == "muted":
        tone = "ink"
    by = by if people else ""
    if len(group) == 1:
        return Step(first.at, shape, tone, sentence(first, names), reason(first), by=by)
    whos = list(dict.fromkeys(concerned(entry, names) for entry in group))
    if first.kind == Event.DELIVERY_ATTEMPTED and len(whos) <= NAMED:
        words = ngettext(*_TRIED, len(group)) % {"who": ", ".join(whos), "num": len(group)}
        lines = tuple(f"{moments.local(one.at):%H:%M:%S} · {reason(one)}" for one in group)
        return Step(first.at, shape, tone, words, reason(group[-1]), lines)
    if len(whos) <= NAMED and len(whos) == len(group):
        return Step(first.at, shape, tone, sentence(first, names, ", ".join(whos)), "", by=by)
    singular, plural = _FOLDED[first.kind]
    words = ngettext(singular, plural, len(group)) % {"num": len(group)}
    return Step(first.at, shape, tone, words, "", tuple(_line(entry, names) for entry in group), by)


def _line(entry: Entry, names: Names) -> str:
    return " · ".join(part for part in (sentence(entry, names), reason(entry)) if part)
