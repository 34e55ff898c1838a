"""Office time: which days are worked, by a calendar that is data, and how working hours add up. Pure.

Days and hours are Vietnam's, which has no summer time; moments are aware, as everywhere. The calendars are
``schemas/calendars/*.toml`` (Bộ luật Lao động 2019 art. 111.3, 112).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hub.clock import VIETNAM

ONE_DAY = timedelta(days=1)
BASES = ("law", "announced", "derived")
KINDS = ("holiday", "made-up", "swapped")
# the law gives eleven days a year; a file that closes offices for longer is a slip of the pen
MOST_OFF = 60


@dataclass(frozen=True, slots=True)
class DayOff:
    """A day on which offices are closed though it may be no weekend, why, and on what ground."""

    day: date
    occasion: str
    kind: str
    basis: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked. ``worked``: weekend days exchanged for working days. ``years``: those with data."""

    name: str
    years: frozenset[int]
    off: dict[date, DayOff]
    worked: frozenset[date]

    def __str__(self) -> str:
        years = sorted(self.years)
        return f"{self.name} {years[0]}–{years[-1]}" if years else self.name

    def works(self, day: date) -> bool:
        """Whether offices are open; a year without data has weekends only."""
        return day in self.worked or (day.weekday() < 5 and day not in self.off)

    def from_day(self, day: date) -> date:
        """That day if it is worked, else the next one that is."""
        while not self.works(day):
            day += ONE_DAY
        return day

    def following(self, day: date, count: int = 1) -> date:
        """The ``count``-th working day after ``day``."""
        for _ in range(count):
            day = self.from_day(day + ONE_DAY)
        return day


@dataclass(frozen=True, slots=True)
class OfficeTime:
    """Working hours on the calendar's days. ``hours``: spans of local time, in order, apart from each other."""

    calendar: Calendar
    hours: tuple[tuple[time, time], ...]

    @property
    def day_length(self) -> timedelta:
        return sum((_span(start, end) for start, end in self.hours), timedelta())

    def end_of_day(self, moment: datetime, later: int = 0) -> datetime:
        """The end of the office day that ``moment`` counts for, or of the ``later``-th working day after that.

        What comes after hours, at a weekend or on a holiday counts for the next working day.
        """
        local = moment.astimezone(VIETNAM)
        day = self.calendar.from_day(local.date())
        if local >= self._at(day, self.hours[-1][1]):
            day = self.calendar.following(day)
        return self._at(self.calendar.following(day, later), self.hours[-1][1])

    def after(self, moment: datetime, length: timedelta) -> datetime:
        """The moment by which ``length`` of office time has passed since ``moment``."""
        left = length
        for start, end in self._spans(moment.astimezone(VIETNAM).date()):
            begins = max(start, moment)
            if begins >= end:
                continue
            if end - begins >= left:
                return begins + left
            left -= end - begins
        raise AssertionError("working days do not end")

    def before(self, moment: datetime, length: timedelta) -> datetime:
        """The moment from which ``length`` of office time passes until ``moment``."""
        left = length
        for start, end in self._spans(moment.astimezone(VIETNAM).date(), backwards=True):
            ends = min(end, moment)
            if ends <= start:
                continue
            if ends - start >= left:
                return ends - left
            left -= ends - start
        raise AssertionError("working days have no beginning")

    def between(self, first: datetime, second: datetime) -> timedelta:
        """Office time that passes from ``first`` to ``second``; nothing when that is not later."""
        if second <= first:
            return timedelta()
        day, last = first.astimezone(VIETNAM).date(), second.astimezone(VIETNAM).date()
        passed = self._within(day, first, second)
        if day < last:
            passed += self._within(last, first, second)
        while (day := day + ONE_DAY) < last:
            if self.calendar.works(day):
                passed += self.day_length
        return passed

    def _within(self, day: date, first: datetime, second: datetime) -> timedelta:
        """Office time of one day that lies between two moments."""
        if not self.calendar.works(day):
            return timedelta()
        spans = ((self._at(day, start), self._at(day, end)) for start, end in self.hours)
        return sum((max(timedelta(), min(end, second) - max(start, first)) for start, end in spans), timedelta())

    def _spans(self, day: date, *, backwards: bool = False) -> Iterator[tuple[datetime, datetime]]:
        """Working spans from the beginning of ``day`` on, or back from its end."""
        while True:
            if self.calendar.works(day):
                for start, end in reversed(self.hours) if backwards else self.hours:
                    yield self._at(day, start), self._at(day, end)
            day += -ONE_DAY if backwards else ONE_DAY

    def _at(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, VIETNAM)


def _span(start: time, end: time) -> timedelta:
    return timedelta(hours=end.hour - start.hour, minutes=end.minute - start.minute)


def schemas() -> Path:
    """The data files: in the wheel inside the package, in a checkout at the top."""
    installed = Path(__file__).parents[1] / "schemas"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "schemas"


@functools.cache
def calendar_of(file: Path) -> Calendar:
    """Read a calendar. Raises ``OSError``, and ``ValueError`` that names the row and what is wrong with it."""
    return read_calendar(tomllib.loads(file.read_text(encoding="utf-8")))


def read_calendar(table: dict[str, Any]) -> Calendar:
    """A calendar from its TOML table; raises ``ValueError``."""
    _only(table, {"name", "years", "off", "worked"}, "calendar")
    years = table.get("years", [])
    if not isinstance(years, list) or not all(isinstance(year, int) for year in years):
        raise ValueError("years: a list of numbers")
    off = _days_off(table.get("off", []))
    worked: set[date] = set()
    for number, row in enumerate(table.get("worked", []), 1):
        place = f"worked {number}"
        _only(row, {"day", "instead_of", "basis"}, place)
        day, free = _day(row, "day", place), _day(row, "instead_of", place)
        _one_of(row.get("basis"), BASES, f"{place}: basis")
        if day.weekday() < 5:
            raise ValueError(f"{place}: {day} is no Saturday or Sunday")
        if free not in off or off[free].kind != "swapped":
            raise ValueError(f'{place}: {free} is not off with kind "swapped"')
        worked.add(day)
    for day in off:
        if day.year not in years:
            raise ValueError(f"{day} is in no year of `years`")
    for year in years:
        if sum(day.year == year for day in off) > MOST_OFF:
            raise ValueError(f"{year}: more than {MOST_OFF} days off")
    return Calendar(str(table.get("name", "")), frozenset(years), off, frozenset(worked))


def _days_off(rows: list[dict[str, Any]]) -> dict[date, DayOff]:
    off: dict[date, DayOff] = {}
    for number, row in enumerate(rows, 1):
        place = f"off {number}"
        _only(row, {"from", "to", "occasion", "kind", "basis"}, place)
        first = _day(row, "from", place)
        last = _day(row, "to", place) if "to" in row else first
        kind, basis = row.get("kind", "holiday"), row.get("basis")
        _one_of(kind, KINDS, f"{place}: kind")
        _one_of(basis, BASES, f"{place}: basis")
        if not 0 <= (last - first).days < MOST_OFF:
            raise ValueError(f"{place}: {first} to {last}")
        for day in (first + ONE_DAY * count for count in range((last - first).days + 1)):
            if day in off:
                raise ValueError(f"{place}: {day} is named twice")
            off[day] = DayOff(day, str(row.get("occasion", "")), kind, str(basis))
    return off


def _only(row: dict[str, Any], known: set[str], place: str) -> None:
    if strange := sorted(set(row) - known):
        raise ValueError(f"{place}: unknown {', '.join(strange)}")


def _one_of(value: Any, allowed: tuple[str, ...], place: str) -> None:
    if value not in allowed:
        raise ValueError(f"{place}: one of {', '.join(allowed)}")


def _day(row: dict[str, Any], name: str, place: str) -> date:
    value = row.get(name)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"{place}: {name} must be a day such as 2026-09-02")
    return value
