"""The monthly figures as people read them: sums of agencies and branches that stand ready. Nothing is counted here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from hub.ledger.engine import Transaction
from hub.ledger.figure_counting import AT_ONCE
from hub.ledger.figure_tables import (
    MEASURES,
    figure_code,
    figure_month,
    figure_overdue,
    figure_state,
    figure_time,
)
from hub.ledger.tables import agency

WHOLE = ""
"""The code whose branch is the whole hub."""
Sums = dict[str, int]
Histogram = dict[int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the log is counted: the newest counted entry; when nothing was left; as of when overdue is counted."""

    counted_to: datetime | None
    level_at: datetime | None
    overdue_at: datetime | None


def standing(transaction: Transaction) -> Standing:
    """Of an empty hub there is nothing to say."""
    row = transaction.execute(
        select(figure_state.c.counted_to, figure_state.c.level_at, figure_state.c.overdue_at)
    ).one_or_none()
    return Standing(None, None, None) if row is None else Standing(*tuple(row))


def first_month(transaction: Transaction) -> str | None:
    """The first month with any figure; None before anything was counted."""
    firsts = [
        transaction.execute(
            select(func.min(table.c.month)).where(table.c.agency_code == WHOLE, table.c.scope == "branch")
        ).scalar_one()
        for table in (figure_month, figure_code)
    ]
    return min((one for one in firsts if one is not None), default=None)


def sums(
    transaction: Transaction, codes: Collection[str], scope: str, months: Sequence[str]
) -> dict[tuple[str, str], Sums]:
    """What agencies did, by code and month; of those that did nothing there is no row."""
    table, found = figure_month.c, {}
    columns = [table.agency_code, table.month, *(table[name] for name in MEASURES)]
    wanted = select(*columns).where(table.agency_code.in_(codes), table.scope == scope, table.month.in_(months))
    for row in transaction.execute(wanted):
        found[row[0], row[1]] = dict(zip(MEASURES, row[2:], strict=True))
    return found


def overdue_at_end(transaction: Transaction, codes: Collection[str], scope: str, month: str) -> dict[str, int]:
    """What was overdue when a month ended: all that came to be overdue up to then less all that ceased to be."""
    table = figure_month.c
    wanted = select(table.agency_code, func.sum(table.overdue)).where(
        table.agency_code.in_(codes), table.scope == scope, table.month <= month
    )
    return {row[0]: int(row[1]) for row in transaction.execute(wanted.group_by(table.agency_code))}


def overdue_now(transaction: Transaction, codes: Collection[str], scope: str) -> dict[str, int]:
    """What was overdue when that was last counted (``Standing.overdue_at``)."""
    number = figure_overdue.c[scope]
    wanted = select(figure_overdue.c.agency_code, number).where(figure_overdue.c.agency_code.in_(codes))
    return {row[0]: row[1] for row in transaction.execute(wanted)}


def histograms(
    transaction: Transaction, codes: Collection[str], scope: str, month: str
) -> dict[tuple[str, str], Histogram]:
    """How many took how long, by code and span (``arrive``, ``accept``, ``finish``)."""
    table, found = figure_time.c, dict[tuple[str, str], Histogram]()
    wanted = select(table.agency_code, table.span, table.bucket, table.letters).where(
        table.agency_code.in_(codes), table.scope == scope, table.month == month, table.letters > 0
    )
    for row in transaction.execute(wanted):
        found.setdefault((row.agency_code, row.span), {})[row.bucket] = row.letters
    return found


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How often entries of a kind with a code were written in a month."""

    month: str
    kind: str
    code: str
    entries: int


def codes(transaction: Transaction, code: str, scope: str, months: Sequence[str]) -> list[CodeCount]:
    """Entries of the log by kind and code, for one agency or branch."""
    table = figure_code.c
    wanted = select(table.month, table.kind, table.code, table.entries).where(
        table.agency_code == code, table.scope == scope, table.month.in_(months), table.entries > 0
    )
    return [CodeCount(*tuple(row)) for row in transaction.execute(wanted)]


@dataclass(frozen=True, slots=True)
class Unit:
    """An agency in the list of a branch."""

    code: str
    name: str
    parent_code: str | None
    level: int


def units(transaction: Transaction, code: str) -> list[Unit]:
    """An agency and all below it, each before those below it; every agency for the whole hub. For files."""
    columns = (agency.c.code, agency.c.name, agency.c.parent_code, agency.c.level)
    wanted = select(*columns)
    if code != WHOLE:
        top = select(agency.c.code).where(agency.c.code == code).cte("below", recursive=True)
        # UNION, not UNION ALL: parents that go in a circle end it
        below = top.union(select(agency.c.code).join(top, agency.c.parent_code == top.c.code))
        wanted = wanted.where(agency.c.code.in_(select(below.c.code)))
    rows = transaction.execute(wanted.order_by(agency.c.level, agency.c.code))
    return [Unit(*tuple(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """What one agency itself did in a month."""

    unit: Unit
    sums: Sums
    overdue: int
    histograms: dict[str, Histogram]


def unit_figures(
    transaction: Transaction, code: str, month: str, *, going_on: bool, page: int = AT_ONCE // 10
) -> Iterator[UnitFigures]:
    """The figures of an agency and of all below it, each of its own, some at a time.

    ``going_on``: the month has not ended; overdue is then what is now, else what was when it ended.
    """
    every = units(transaction, code)
    for start in range(0, len(every), page):
        some = every[start : start + page]
        names = [one.code for one in some]
        counted = sums(transaction, names, "own", [month])
        times = histograms(transaction, names, "own", month)
        late = overdue_now(transaction, names, "own") if going_on else overdue_at_end(transaction, names, "own", month)
        for one in some:
            spans = {span: times.get((one.code, span), {}) for span in ("arrive", "accept", "finish")}
            of = counted.get((one.code, month), dict.fromkeys(MEASURES, 0))
            yield UnitFigures(one, of, late.get(one.code, 0), spans)
