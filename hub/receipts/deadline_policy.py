"""Reading the policy of deadlines: every mistake in the file is named, before the hub starts."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Any, cast

from hub.problems import Finding, Misconfigured
from hub.receipts.deadlines import PHASES, DeadlinePolicy, DocumentClass, Length, Offset, Phase, Term
from hub.receipts.office_time import OfficeTime, calendar_of, schemas

SETTING = "LIENTHONG_DEADLINES"
LONGEST = {"minute": 60 * 24 * 365, "hour": 24 * 365, "day": 365}
_LENGTH = re.compile(r"(\d{1,6}) (minute|hour|day)s?")
_OFFSET = re.compile(r"(\d{1,6} (?:minute|hour|day)s?) (before|after)")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_CLASS = {"name", "en", "vi", "match", "counted", *PHASES}


def load(file: Path | None = None) -> DeadlinePolicy:
    """The policy in ``file``, else the one that comes with the hub. Raises ``Misconfigured('settings-invalid')``."""
    path = file or schemas() / "policies" / "deadlines.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, not TOML
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Misconfigured("settings-invalid", f"{path}: {reason}", SETTING) from error
    reader = _Reader(path)
    policy = reader.policy(table)
    if policy is None or reader.wrong:
        findings = tuple(Finding("settings-invalid", f"{path.name}: {one}", SETTING) for one in reader.wrong)
        raise Misconfigured("settings-invalid", findings=findings)
    return policy


class _Reader:
    """Goes through the whole file and notes everything that is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.wrong: list[str] = []

    def policy(self, table: dict[str, Any]) -> DeadlinePolicy | None:
        self._only(table, {"calendar", "office", "chase", "class"}, "the file")
        office = self._office(table)
        again = self._attempt("chase.again", lambda: _length(_table(table, "chase").get("again", "30 minutes")))
        rows = table.get("class", [])
        if not isinstance(rows, list) or not rows:
            self.wrong.append("class: at least one [[class]]")
            return None
        classes = [self._class(row, number) for number, row in enumerate(rows, 1)]
        self._check_order(classes)
        if office is None or again is None or self.wrong:
            return None
        return DeadlinePolicy(tuple(classes), office, _again(again))

    def _office(self, table: dict[str, Any]) -> OfficeTime | None:
        given = _table(table, "office").get("hours", ["07:30-11:30", "13:00-17:00"])
        hours = self._attempt("office.hours", lambda: _hours(given))
        named = str(table.get("calendar", "vietnam"))
        inside = schemas() / "calendars" / f"{named}.toml"
        file = self._path.parent / named if named.endswith(".toml") else inside
        calendar = self._attempt(f"calendar {named}", lambda: calendar_of(file))
        return None if hours is None or calendar is None else OfficeTime(calendar, hours)

    def _class(self, row: dict[str, Any], number: int) -> DocumentClass:
        name = str(row.get("name", ""))
        place = f"class {name or number}"
        self._only(row, _CLASS, place)
        if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
            self.wrong.append(f"{place}: name: small letters, digits and hyphens")
        counted = row.get("counted", "office")
        if counted not in ("office", "clock"):
            self.wrong.append(f'{place}: counted: "office" or "clock"')
        match = _table(row, "match")
        self._only(match, {"priority", "document_type", "business_type"}, f"{place}: match")
        terms: dict[Phase, Term] = {
            phase: self._term(_table(row, phase), f"{place}: {phase}") for phase in PHASES if phase in row
        }
        for phase in ("confirm", "expires"):
            if phase not in row or terms[cast(Phase, phase)].within is None:
                self.wrong.append(f"{place}: {phase}.within is missing")
        return DocumentClass(
            name=name,
            en=str(row.get("en", name)),
            vi=str(row.get("vi", name)),
            priorities=self._numbers(match, "priority", 4, place),
            business_types=self._numbers(match, "business_type", 3, place),
            document_types=self._words(match, "document_type", place),
            office=counted == "office",
            terms=terms,
        )

    def _term(self, row: dict[str, Any], place: str) -> Term:
        self._only(row, {"within", "remind", "contact", "warn"}, place)
        within = self._attempt(f"{place}.within", lambda: _length(row["within"])) if "within" in row else None
        offsets = {
            kind: self._attempt(f"{place}.{kind}", lambda kind=kind: _offsets(row.get(kind, [])))  # type: ignore[misc]  # a default in a lambda
            for kind in ("remind", "contact", "warn")
        }
        return Term(within, *(offsets[kind] or () for kind in ("remind", "contact", "warn")))

    def _check_order(self, classes: list[DocumentClass]) -> None:
        names = [one.name for one in classes]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.wrong.append(f"class {name} is there twice")
        unbounded = [bool(one.priorities or one.business_types or one.document_types) for one in classes]
        if unbounded[-1]:
            self.wrong.append(f"class {names[-1]}: the last one takes the rest: it has no match")
        for name, bounded in zip(names[:-1], unbounded[:-1], strict=True):
            if not bounded:
                self.wrong.append(f"class {name}: without a match it hides those after it")

    def _numbers(self, match: dict[str, Any], name: str, most: int, place: str) -> frozenset[int]:
        values = match.get(name, [])
        right = isinstance(values, list) and all(type(one) is int and 0 <= one <= most for one in values)
        if not right or (name in match and not values):
            self.wrong.append(f"{place}: match.{name}: a list of numbers from 0 to {most}")
            return frozenset()
        return frozenset(values)

    def _words(self, match: dict[str, Any], name: str, place: str) -> frozenset[str]:
        values = match.get(name, [])
        right = isinstance(values, list) and all(isinstance(one, str) and one.strip() for one in values)
        if not right or (name in match and not values):
            self.wrong.append(f"{place}: match.{name}: a list of names")
            return frozenset()
        return frozenset(one.strip().casefold() for one in values)

    def _only(self, row: dict[str, Any], known: set[str], place: str) -> None:
        if strange := sorted(set(row) - known):
            self.wrong.append(f"{place}: unknown {', '.join(strange)}")

    def _attempt(self, place: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except OSError as error:
            self.wrong.append(f"{place}: {error.strerror}")
        except ValueError as error:
            self.wrong.append(f"{place}: {error}")
        return None


def _table(row: dict[str, Any], name: str) -> dict[str, Any]:
    value = row.get(name, {})
    return value if isinstance(value, dict) else {"not a table": value}


def _length(text: Any) -> Length:
    """Raises ``ValueError``."""
    if text == "same day":
        return Length(0, "day")
    found = _LENGTH.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f'{text!r}: "same day", "30 minutes", "2 hours" or "5 days"')
    length = Length(int(found[1]), cast(Any, found[2]))
    if not 1 <= length.count <= LONGEST[length.unit]:
        raise ValueError(f"{text!r}: more than nothing, a year at most")
    return length


def _offsets(rows: Any) -> tuple[Offset, ...]:
    """Raises ``ValueError``."""
    if not isinstance(rows, list):
        raise ValueError('a list such as ["30 minutes before"]')
    found = [_OFFSET.fullmatch(row) if isinstance(row, str) else None for row in rows]
    if None in found:
        raise ValueError(f'{rows[found.index(None)]!r}: such as "30 minutes before" or "1 day after"')
    return tuple(Offset(_length(one[1]), one[2] == "after") for one in found if one is not None)


def _hours(rows: Any) -> tuple[tuple[time, time], ...]:
    """Raises ``ValueError``."""
    found = [_HOURS.fullmatch(row) if isinstance(row, str) else None for row in rows] if isinstance(rows, list) else []
    if not found or None in found:
        raise ValueError('a list such as ["07:30-11:30", "13:00-17:00"]')
    spans = tuple((time(int(one[1]), int(one[2])), time(int(one[3]), int(one[4]))) for one in found if one is not None)
    edges = [edge for span in spans for edge in span]
    if any(later <= earlier for earlier, later in itertools.pairwise(edges)):
        raise ValueError("in the order of the day, none within another")
    return spans


def _again(length: Length) -> timedelta:
    return timedelta(**{f"{length.unit}s": length.count})
