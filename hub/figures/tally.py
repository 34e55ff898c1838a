"""Sums on their way into the ledger: what each agency did in each month, and what that makes for the branches above."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.figures.spans import bucket
from hub.ledger.figure_tables import MEASURES

_VIETNAM = timedelta(hours=7)  # without summer time since 1975; much quicker than the zone's table


def month_of(moment: datetime) -> str:
    """Vietnam's month: ``2026-11``."""
    here = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)) + _VIETNAM
    return f"{here.year:04d}-{here.month:02d}"


@dataclass
class Tally:
    """Counts by agency code, month and what is counted. Those of only one ``month`` are kept, if one is named."""

    month: str = ""
    measures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    times: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)
    codes: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    def count(self, agency_code: str, at: datetime, measure: str, number: int = 1) -> None:
        month = month_of(at)
        if self.month in ("", month):
            self.measures[agency_code, month, measure] += number

    def span(self, agency_code: str, at: datetime, span: str, since: datetime) -> None:
        month = month_of(at)
        if self.month in ("", month):
            self.times[agency_code, month, span, bucket((at - since).total_seconds())] += 1

    def entry(self, agency_code: str, at: datetime, kind: str, code: str) -> None:
        month = month_of(at)
        if self.month in ("", month):
            self.codes[agency_code, month, kind, code] += 1

    @property
    def agencies(self) -> set[str]:
        return {key[0] for counts in (self.measures, self.times, self.codes) for key in counts}


Rows = tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]


def rows(tally: Tally, above: Mapping[str, Iterable[str]]) -> Rows:
    """The rows of ``figure_month``, ``figure_time`` and ``figure_code``: own, and summed up for every branch."""
    months: dict[tuple[str, str, str], dict[str, int]] = {}
    for (agency, month, measure), number in tally.measures.items():
        for code, scope in _scopes(agency, above):
            of = months.setdefault((code, scope, month), dict.fromkeys(MEASURES, 0))
            of[measure] += number
    times: Counter[tuple[str, str, str, str, int]] = Counter()
    for (agency, month, span, number_of), number in tally.times.items():
        for code, scope in _scopes(agency, above):
            times[code, scope, month, span, number_of] += number
    codes: Counter[tuple[str, str, str, str, str]] = Counter()
    for (agency, month, kind, what), number in tally.codes.items():
        for code, scope in _scopes(agency, above):
            codes[code, scope, month, kind, what] += number
    key = ("agency_code", "scope", "month")
    return (
        [dict(zip(key, one, strict=True)) | of for one, of in sorted(months.items()) if any(of.values())],
        [_row((*key, "span", "bucket"), one) | {"letters": number} for one, number in sorted(times.items()) if number],
        [_row((*key, "kind", "code"), one) | {"entries": number} for one, number in sorted(codes.items()) if number],
    )


def _row(names: tuple[str, ...], values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _scopes(agency: str, above: Mapping[str, Iterable[str]]) -> Iterable[tuple[str, str]]:
    yield agency, "own"
    for code in above[agency]:
        yield code, "branch"
