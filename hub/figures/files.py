"""The figures as files: an agency a row, each with its own figures, so that rows can be added up; plain numbers.

Times are whole minutes; an empty cell where nothing took any time. Months are ``2026-11``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.audit import Entry, Event, sheets
from hub.audit.sheets import Column
from hub.clock import now
from hub.figures import security
from hub.figures.recounting import span_of
from hub.figures.spans import percentile
from hub.figures.tally import month_of
from hub.language import Language, gettext, mark
from hub.ledger import Ledger, Transaction, figures
from hub.ledger.figure_tables import MEASURES
from hub.ledger.figures import UnitFigures

Format = Literal["xlsx", "csv"]
FORMATS: tuple[Format, ...] = ("xlsx", "csv")

_UNITS = (
    ("agency", mark("Agency code"), 16),
    ("name", mark("Agency"), 40),
    ("parent", mark("Agency above"), 16),
    ("level", mark("Level"), 8),
    ("month", mark("Month"), 10),
    ("sent", mark("Documents sent"), 12),
    ("sent_signed", mark("Sent with a valid signature"), 12),
    ("sent_electronic", mark("Sent electronically only"), 12),
    ("sent_paper", mark("Sent with a paper copy"), 12),
    ("addressed", mark("Recipients of documents sent"), 12),
    ("received", mark("Documents received"), 12),
    ("received_signed", mark("Received with a valid signature"), 12),
    ("received_electronic", mark("Received electronically only"), 12),
    ("received_paper", mark("Received with a paper copy"), 12),
    ("accepted", mark("Accepted by the office"), 12),
    ("finished", mark("Finished by the office"), 12),
    ("confirmed_on_time", mark("First reported on time"), 12),
    ("confirmed_late", mark("First reported late"), 12),
    ("finished_on_time", mark("Finished on time"), 12),
    ("finished_late", mark("Finished late"), 12),
    ("returned", mark("Returned by the recipient"), 12),
    ("undelivered", mark("Undeliverable"), 12),
    ("withdrawn", mark("Withdrawn by the sender"), 12),
    ("refused", mark("Refused by the hub"), 12),
    ("overdue", mark("Overdue at the end of the month"), 12),
    ("accept_median", mark("Minutes to be accepted: median"), 14),
    ("accept_ninth", mark("Minutes to be accepted: 90th percentile"), 14),
    ("finish_median", mark("Minutes to be finished: median"), 14),
    ("finish_ninth", mark("Minutes to be finished: 90th percentile"), 14),
)
_COUNTS = tuple(name for name, _, _ in _UNITS if name in MEASURES and name != "overdue")
_SO_FAR = mark("Overdue now")
_SECURITY = (
    ("group", mark("Group"), 30),
    ("what", mark("What"), 50),
    ("kind", mark("Step"), 26),
    ("code", mark("Code"), 26),
    ("month", mark("Month"), 10),
    ("number", mark("Number"), 10),
    ("before", mark("Month before"), 12),
)


@dataclass(frozen=True, slots=True)
class FigureFile:
    """What is taken out. ``what``: agencies of a branch (``code``; empty is the whole hub), or the security sheet."""

    what: Literal["units", "security"]
    format: Format
    month: str
    code: str = ""
    own: bool = False
    language: Language = "vi"
    kinds: Mapping[str, str] = field(default_factory=dict)  # what kinds of entries are called in that language

    def __post_init__(self) -> None:
        """Raises ``Refused('request-invalid')`` for what is no month."""
        span_of(self.month)

    @property
    def going_on(self) -> bool:
        """The month has not ended."""
        return self.month == month_of(now())

    @property
    def name(self) -> str:
        about = "security" if self.what == "security" else self.code or "hub"
        safe = "".join(one if one.isascii() and (one.isalnum() or one in ".-") else "-" for one in about)
        return f"figures-{safe}-{self.month}.{self.format}"

    def entry(self, asker: str) -> Entry:
        """That it was taken, for the log: written before the first row goes out."""
        detail = {"what": self.what, "format": self.format, "month": self.month, "own": self.own}
        return Entry(Event.FIGURES_EXPORTED, now(), actor=asker, agency_code=self.code, detail=detail)


def written(ledger: Ledger, wanted: FigureFile) -> Generator[bytes]:
    """The file, piece by piece; some may be empty. Raises ``Deferred('export-limit')`` with the first piece."""
    named = _SECURITY if wanted.what == "security" else _UNITS
    so_far = {"overdue": _SO_FAR} if wanted.going_on else {}
    columns = [
        Column(name, gettext(so_far.get(name, heading), wanted.language), width) for name, heading, width in named
    ]
    with ledger.long_read() as transaction:
        rows = _security(transaction, wanted) if wanted.what == "security" else _units(transaction, wanted)
        if wanted.format == "csv":
            yield from sheets.as_csv(columns, rows)
        else:
            yield from sheets.xlsx(columns, rows, wanted.month)


def _units(transaction: Transaction, wanted: FigureFile) -> Iterator[tuple[Any, ...]]:
    for one in figures.unit_figures(transaction, wanted.code, wanted.month, going_on=wanted.going_on):
        if not wanted.own or one.unit.code == wanted.code:
            yield _unit(one, wanted.month)


def _unit(one: UnitFigures, month: str) -> tuple[Any, ...]:
    unit = one.unit
    spans = (one.histograms["accept"], one.histograms["finish"])
    minutes = [_minutes(percentile(span, share)) for span in spans for share in (0.5, 0.9)]
    counts = (one.sums[name] for name in _COUNTS)
    return unit.code, unit.name, unit.parent_code, unit.level, month, *counts, one.overdue, *minutes


def _minutes(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds / 60)


def _security(transaction: Transaction, wanted: FigureFile) -> Iterator[tuple[Any, ...]]:
    for group in security.groups(transaction, wanted.month, wanted.kinds, wanted.language):
        for line in group.lines:
            yield group.heading, line.words, line.kind, line.code, wanted.month, line.now, line.before
