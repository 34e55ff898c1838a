"""The policy of retention: for how many years the octets of a class of documents are kept.

Years count from the Vietnamese day of acceptance, which itself does not count, to the end of the corresponding day;
where there is none, to the end of that month (Bộ luật Dân sự 2015, art. 147.2, 148.3, 148.4).
"""

from __future__ import annotations

import calendar
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from hub.language import Language
from hub.ledger.holds import start_of
from hub.ledger.purges import Due, Kind
from hub.problems import Finding, Misconfigured
from hub.receipts.office_time import schemas

SETTING = "LIENTHONG_RETENTION"
LONGEST_YEARS = 70
_YEARS = re.compile(r"([1-9]\d?) years?")
_CLASS = {"name", "en", "vi", "match", "keep"}
_MATCH = {"priority": 4, "business_type": 3}


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A row of the policy. An empty set matches everything; ``years`` None is for ever."""

    name: str
    en: str
    vi: str
    priorities: frozenset[int]
    business_types: frozenset[int]
    document_types: frozenset[str]
    years: int | None

    def matches(self, kind: Kind) -> bool:
        return (
            (not self.priorities or kind.priority in self.priorities)
            and (not self.business_types or kind.business_type in self.business_types)
            and (not self.document_types or kind.document_type.strip().casefold() in self.document_types)
        )

    def title(self, language: Language) -> str:
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Classes in the order in which they count; the last one takes the rest."""

    classes: tuple[RetentionClass, ...]

    def class_of(self, kind: Kind) -> RetentionClass:
        return next(one for one in self.classes if one.matches(kind))

    def latest(self, day: date) -> datetime | None:
        """Nothing accepted from then on is past its time on a day; None when nothing ever is."""
        years = [one.years for one in self.classes if one.years is not None]
        return past_before(day, min(years)) if years else None

    def due(self, day: date, kinds: Iterable[Kind]) -> list[Due]:
        """By class, what of these kinds is past its time on a day."""
        chosen: dict[str, list[Kind]] = {}
        for kind in kinds:
            chosen.setdefault(self.class_of(kind).name, []).append(kind)
        return [
            Due(one.name, past_before(day, one.years), tuple(chosen[one.name]))
            for one in self.classes
            if one.years is not None and one.name in chosen
        ]


def past_before(day: date, years: int) -> datetime:
    """What was accepted before this moment has been kept for so many years when a Vietnamese day begins."""
    ended = day - timedelta(days=1)  # the last day to which those due were kept
    year = ended.year - years
    last_of_month = calendar.monthrange(year, ended.month)[1]
    # the last day of a February takes those in whose final year there is no 29th
    whole_month = ended.day == calendar.monthrange(ended.year, ended.month)[1]
    accepted = date(year, ended.month, last_of_month if whole_month else min(ended.day, last_of_month))
    return start_of(accepted + timedelta(days=1))


def load(file: Path | None = None) -> RetentionPolicy:
    """The policy in ``file``, else the one that comes with the hub. Raises ``Misconfigured('settings-invalid')``."""
    path = file or schemas() / "policies" / "retention.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, not TOML
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Misconfigured("settings-invalid", f"{path}: {reason}", SETTING) from error
    reader = _Reader()
    policy = reader.policy(table)
    if reader.wrong:
        findings = tuple(Finding("settings-invalid", f"{path.name}: {one}", SETTING) for one in reader.wrong)
        raise Misconfigured("settings-invalid", findings=findings)
    return policy


class _Reader:
    """Goes through the whole file and notes everything that is wrong."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def policy(self, table: dict[str, Any]) -> RetentionPolicy:
        self._only(table, {"class"}, "the file")
        rows = table.get("class")
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            self.wrong.append("class: at least one [[class]]")
            return RetentionPolicy(())
        classes = tuple(self._class(row, number) for number, row in enumerate(rows, 1))
        self._check_order(classes)
        return RetentionPolicy(classes)

    def _class(self, row: dict[str, Any], number: int) -> RetentionClass:
        name = str(row.get("name", ""))
        place = f"class {name or number}"
        self._only(row, _CLASS, place)
        if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
            self.wrong.append(f"{place}: name: small letters, digits and hyphens")
        match = row.get("match", {})
        if not isinstance(match, dict):
            self.wrong.append(f"{place}: match: a table such as {{ priority = [0] }}")
            match = {}
        self._only(match, {*_MATCH, "document_type"}, f"{place}: match")
        priorities, business_types = (self._numbers(match, one, most, place) for one, most in _MATCH.items())
        return RetentionClass(
            name=name,
            en=str(row.get("en", name)),
            vi=str(row.get("vi", name)),
            priorities=priorities,
            business_types=business_types,
            document_types=self._words(match, place),
            years=self._years(row.get("keep"), place),
        )

    def _years(self, given: Any, place: str) -> int | None:
        if given == "permanent":
            return None
        found = _YEARS.fullmatch(given) if isinstance(given, str) else None
        if found is None or int(found[1]) > LONGEST_YEARS:
            self.wrong.append(f'{place}: keep: "permanent", or "1 year" to "{LONGEST_YEARS} years"')
            return None
        return int(found[1])

    def _check_order(self, classes: tuple[RetentionClass, ...]) -> None:
        names = [one.name for one in classes]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.wrong.append(f"class {name} is there twice")
        bounded = [bool(one.priorities or one.business_types or one.document_types) for one in classes]
        if bounded[-1]:
            self.wrong.append(f"class {names[-1]}: the last one takes the rest: it has no match")
        for name, is_bounded in zip(names[:-1], bounded[:-1], strict=True):
            if not is_bounded:
                self.wrong.append(f"class {name}: without a match it hides those after it")

    def _numbers(self, match: dict[str, Any], name: str, most: int, place: str) -> frozenset[int]:
        values = match.get(name)
        if values is None:
            return frozenset()
        if (
            not isinstance(values, list)
            or not values
            or not all(type(one) is int and 0 <= one <= most for one in values)
        ):
            self.wrong.append(f"{place}: match.{name}: a list of numbers from 0 to {most}")
            return frozenset()
        return frozenset(values)

    def _words(self, match: dict[str, Any], place: str) -> frozenset[str]:
        values = match.get("document_type")
        if values is None:
            return frozenset()
        if (
            not isinstance(values, list)
            or not values
            or not all(isinstance(one, str) and one.strip() for one in values)
        ):
            self.wrong.append(f"{place}: match.document_type: a list of names")
            return frozenset()
        return frozenset(one.strip().casefold() for one in values)

    def _only(self, row: dict[str, Any], known: set[str], place: str) -> None:
        if strange := sorted(set(row) - known):
            self.wrong.append(f"{place}: unknown {', '.join(strange)}")
