"""What a sheet of monthly figures shows, read in one view of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub import clock
from hub.dashboard import figuring
from hub.dashboard.desk import with_query
from hub.dashboard.month_chart import month_chart
from hub.figures.tally import month_of
from hub.ledger import Transaction, agency_tree, figures
from hub.ledger.figures import Histogram, Sums
from hub.problems import Refused

MONTHS = 13
CHOICE = 36


@dataclass(frozen=True, slots=True)
class Asked:
    """``code``: whose figures; empty for the whole hub. ``scope``: its own alone, or its branch."""

    code: str
    scope: str
    month: str
    after: str = ""
    before: str = ""

    @property
    def both(self) -> tuple[str, str]:
        """The month and the one before."""
        return self.month, figuring.neighbour(self.month, -1)

    @property
    def current(self) -> bool:
        return self.month == month_of(clock.now())

    @property
    def filters(self) -> dict[str, str]:
        return {"under": self.code, "month": self.month}


def read(transaction: Transaction, asked: Asked) -> dict[str, Any]:
    """All that the sheet shows, without a word in any language: readers' threads know none."""
    path = agency_tree.path(transaction, asked.code) if asked.code else []
    if asked.code and not path:
        raise Refused("not-found", asked.code)
    months = [figuring.neighbour(asked.month, place) for place in range(1 - MONTHS, 1)]
    sums = figures.sums(transaction, [asked.code], asked.scope, months)
    of: dict[str, Sums] = {month: sums.get((asked.code, month), {}) for month in months}
    here, then = (of[month] | {"overdue_at_end": _overdue(transaction, asked, month)} for month in asked.both)
    spans = [_spans(transaction, asked, month) for month in asked.both]
    by_month = [(month, of[month].get("received", 0), of[month].get("sent", 0)) for month in months]
    return {
        "path": path,
        "standing": figures.standing(transaction),
        "here": here,
        "then": then,
        "spans": spans,
        "chart": month_chart(by_month),
        "drawn": any(received or sent for _, received, sent in by_month),
        "current": asked.current,
        "counts": figures.codes(transaction, asked.code, asked.scope, asked.both),
        "units": _units(transaction, asked),
        **choices(transaction, asked.month),
    }


def worded(asked: Asked, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "groups": figuring.groups(found["here"], found["then"], going_on=asked.current),
        "times": figuring.times(*found["spans"]),
        "refusals": figuring.refusals(found["counts"], asked.month),
        "share": figuring.share,
        "change": figuring.change,
    }


def _overdue(transaction: Transaction, asked: Asked, month: str) -> int:
    """What was overdue when a month ended, or is now."""
    if month == month_of(clock.now()):
        return figures.overdue_now(transaction, [asked.code], asked.scope).get(asked.code, 0)
    return figures.overdue_at_end(transaction, [asked.code], asked.scope, month).get(asked.code, 0)


def _spans(transaction: Transaction, asked: Asked, month: str) -> dict[str, Histogram]:
    found = figures.histograms(transaction, [asked.code], asked.scope, month)
    return {span: histogram for (_, span), histogram in found.items()}


def choices(transaction: Transaction, month: str) -> dict[str, Any]:
    """The months that a sheet may be of, newest first, and its neighbours."""
    this, first = month_of(clock.now()), figures.first_month(transaction)
    offered = [figuring.neighbour(this, -place) for place in range(CHOICE)]
    offered = [one for one in offered if one == this or (first is not None and one >= first)]
    return {
        "offered": offered if month in offered else [month, *offered],
        "next": figuring.neighbour(month, 1) if month < this else "",
        "previous": figuring.neighbour(month, -1),
        "month_words": figuring.month_words,
    }


def _units(transaction: Transaction, asked: Asked) -> dict[str, Any]:
    """The agencies right below, with the figures of their branches."""
    if asked.scope == "own":
        return {"rows": [], "earlier": "", "later": ""}
    page = agency_tree.branch(transaction, asked.code or None, asked.after, asked.before)
    names = [one.code for one in page.rows]
    sums = figures.sums(transaction, names, "branch", [asked.month])
    if asked.current:
        ends = figures.overdue_now(transaction, names, "branch")
    else:
        ends = figures.overdue_at_end(transaction, names, "branch", asked.month)
    rows = [
        {"unit": one, "address": with_query("/figures", asked.filters | {"under": one.code}),
         "sums": sums.get((one.code, asked.month), {}), "overdue": ends.get(one.code, 0)}
        for one in page.rows
    ]  # fmt: skip
    return {
        "rows": rows,
        "earlier": with_query("/figures", asked.filters | {"before": page.earlier}) if page.earlier else "",
        "later": with_query("/figures", asked.filters | {"after": page.later}) if page.later else "",
    }
