"""Deadlines: until when what must have happened with a delivery, by class of document. Pure.

The classes are data (``schemas/policies/deadlines.toml`` says what the words mean). A letter's deadlines are the same
for all its recipients: they are worked out once, when it is accepted, and stand in each delivery's row from then on.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, Protocol

from hub.clock import VIETNAM
from hub.language import Language
from hub.receipts.office_time import OfficeTime

Kind = Literal["remind", "contact", "warn", "notice", "end"]
Phase = Literal["confirm", "process", "expires"]
PHASES: tuple[Phase, ...] = ("confirm", "process", "expires")


class Letter(Protocol):
    """What a letter's class and deadlines depend on."""

    @property
    def priority(self) -> int: ...
    @property
    def business_type(self) -> int: ...
    @property
    def document_type(self) -> str: ...
    @property
    def due_on(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """A ``Letter`` by its values."""

    priority: int = 0
    business_type: int = 0
    document_type: str = ""
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time as the policy says it; 0 days is the same day."""

    count: int
    unit: Literal["minute", "hour", "day"]


@dataclass(frozen=True, slots=True)
class Offset:
    """So long before a deadline, or after it."""

    length: Length
    after: bool


@dataclass(frozen=True, slots=True)
class Term:
    """One of the three things that are waited for, and who is told around its time."""

    within: Length | None
    remind: tuple[Offset, ...] = ()
    contact: tuple[Offset, ...] = ()
    warn: tuple[Offset, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentClass:
    """A row of the policy. An empty set matches everything; document types are folded to lower case."""

    name: str
    en: str
    vi: str
    priorities: frozenset[int]
    business_types: frozenset[int]
    document_types: frozenset[str]
    office: bool
    terms: Mapping[Phase, Term]

    def matches(self, letter: Letter) -> bool:
        return (
            (not self.priorities or letter.priority in self.priorities)
            and (not self.business_types or letter.business_type in self.business_types)
            and (not self.document_types or letter.document_type.strip().casefold() in self.document_types)
        )

    def title(self, language: Language) -> str:
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Of one delivery. ``chase_at`` is when the chaser looks for the first time."""

    confirm_by: datetime
    expires_at: datetime
    process_by: datetime | None
    chase_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the chaser does at a time, unless it is moot by then. ``deadline`` is the one that it is about."""

    name: str
    phase: Phase
    kind: Kind
    at: datetime
    deadline: datetime


# by identity: one policy a process, and its caches ask for it at every letter
@dataclass(frozen=True, slots=True, eq=False)
class DeadlinePolicy:
    """The classes in order, the office's time, and how often a sender may have a recipient reminded."""

    classes: tuple[DocumentClass, ...]
    office: OfficeTime
    again: timedelta

    def class_of(self, letter: Letter) -> DocumentClass:
        """The first class that matches; the last one matches everything."""
        return next(one for one in self.classes if one.matches(letter))

    def of(self, letter: Letter, accepted: datetime, not_before: datetime | None = None) -> Deadlines:
        """The deadlines of a letter accepted then, or shown from ``not_before`` on. None lies before that."""
        start = accepted if not_before is None else max(accepted, not_before)
        chosen = self.class_of(letter)
        confirm_by = self._end(chosen, "confirm", start)
        assert confirm_by is not None, "the policy was read with a time to confirm for every class"
        process_by = self._process_by(chosen, letter.due_on, start, confirm_by)
        gives_up = self._end(chosen, "expires", start)
        assert gives_up is not None, "the policy was read with a time to give up for every class"
        due = confirm_by if letter.due_on is None else _end_of(letter.due_on)
        expires_at = max(gives_up, due, confirm_by)
        steps = _schedule(self, chosen.name, confirm_by, process_by, expires_at)
        first = next(step.at for step in steps if step.at > start)
        return Deadlines(confirm_by, expires_at, process_by, first)

    def steps(
        self, letter: Letter, confirm_by: datetime | None, process_by: datetime | None, expires_at: datetime | None
    ) -> tuple[Step, ...]:
        """Everything to be done around these deadlines, in the order of time."""
        return _schedule(self, self.class_of(letter).name, confirm_by, process_by, expires_at)

    def late(self, letter: Letter, deadline: datetime, now: datetime) -> timedelta:
        """For how long the deadline is over, in the time by which the letter's class counts."""
        if self.class_of(letter).office:
            return self.office.between(deadline, now)
        return max(timedelta(), now - deadline)

    def _process_by(
        self, chosen: DocumentClass, due_on: date | None, start: datetime, confirm_by: datetime
    ) -> datetime | None:
        """The letter's own due date before the policy's time; one that is over already asks no more than to confirm."""
        if "process" not in chosen.terms:
            return None
        end = self._end(chosen, "process", start) if due_on is None else _end_of(due_on)
        return None if end is None else max(end, confirm_by)

    def _end(self, chosen: DocumentClass, phase: Phase, start: datetime) -> datetime | None:
        within = chosen.terms[phase].within
        if within is None:
            return None
        if not chosen.office:
            return start + _clock_length(within)
        if within.unit == "day":
            return self.office.end_of_day(start, within.count)
        return self.office.after(start, _clock_length(within))

    def shifted(self, chosen: DocumentClass, moment: datetime, offset: Offset) -> datetime:
        """A time before or after ``moment``, counted as the class counts."""
        length = _clock_length(offset.length)
        if not chosen.office:
            return moment + length if offset.after else moment - length
        if offset.length.unit == "day":
            length = self.office.day_length * offset.length.count
        return self.office.after(moment, length) if offset.after else self.office.before(moment, length)


@functools.lru_cache(maxsize=4096)
def _schedule(
    policy: DeadlinePolicy,
    name: str,
    confirm_by: datetime | None,
    process_by: datetime | None,
    expires_at: datetime | None,
) -> tuple[Step, ...]:
    """Kept: all ordinary letters of a day have the same."""
    chosen = next(one for one in policy.classes if one.name == name)
    steps: list[Step] = []
    for phase, deadline in zip(PHASES, (confirm_by, process_by, expires_at), strict=True):
        if deadline is None:
            continue
        term = chosen.terms.get(phase, Term(None))
        kinds: tuple[tuple[Kind, tuple[Offset, ...]], ...] = (
            ("remind", term.remind),
            ("contact", term.contact),
            ("warn", term.warn),
        )
        for kind, offsets in kinds:
            for number, offset in enumerate(offsets, 1):
                at = policy.shifted(chosen, deadline, offset)
                steps.append(Step(f"{phase}.{kind}.{number}", phase, kind, at, deadline))
        last: Kind = "end" if phase == "expires" else "notice"
        steps.append(Step(f"{phase}.{last}", phase, last, deadline, deadline))
    return tuple(sorted(steps, key=lambda step: step.at))


def _clock_length(length: Length) -> timedelta:
    return {
        "minute": timedelta(minutes=length.count),
        "hour": timedelta(hours=length.count),
        "day": timedelta(days=length.count),
    }[length.unit]


def _end_of(day: date) -> datetime:
    """The last second of a day in Vietnam."""
    return datetime.combine(day, time(23, 59, 59), VIETNAM)
