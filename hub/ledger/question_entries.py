"""The entries of the exchange log that a question is about.

Two orders. *Commit order* is a feed: whoever reads on from a cursor misses nothing, however late it is committed.
*Newest first* is for people: by the moment an entry says. What an entry does not say itself is looked up at its letter:
in windows, so that a page costs at most ``WINDOWS`` of them. Such a page may be short, or empty, with more behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, literal, not_, select, true, tuple_

from hub import clock
from hub.ledger import question_letters as letters
from hub.ledger.columns import Instant
from hub.ledger.engine import Transaction
from hub.ledger.feed import Cursor, settled
from hub.ledger.journey import ENTRY_COLUMNS, Entry, entry_of
from hub.ledger.question_letters import Narrow
from hub.ledger.questions import Question
from hub.ledger.tables import audit_entry, envelope
from hub.problems import Refused

Order = Literal["commit", "newest"]
WINDOW = 2000
WINDOWS = 2
# entries of more letters than these are looked for by time
LETTERS = 250
_FORM = re.compile("n([0-9a-f]{1,14})-([0-9a-f]{1,16})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_entry = audit_entry.c


class EntryPage(NamedTuple):
    """``next`` is the cursor behind the last row; ``more``: that something may be there already."""

    rows: list[Entry]
    next: str
    more: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page of the newest-first list ended."""

    at: datetime
    seq: int

    def __str__(self) -> str:
        return f"n{(self.at - _EPOCH) // _MICROSECOND:x}-{self.seq:x}"


def page(
    transaction: Transaction,
    asked: Question,
    *,
    order: Order = "commit",
    after: str = "",
    limit: int = 100,
    asker: str = "",
) -> EntryPage:
    """Entries behind the cursor. ``asker``: whose own reading of the log does not show up, unless asked for by kind.

    Raises ``Refused('request-invalid')`` for a cursor that no page of this order has given out.
    """
    start = _place(order, after)
    letters.plan_anew(transaction)
    if not asked.asks_of_letters or letters.named(asked):
        return _all(transaction, asked, None, order, start, after, limit, asker)
    if order == "commit" and start is None and asked.since is not None:
        # entries before the time are passed over once, not for every statement
        first = select(_entry.tx, _entry.seq).where(*_when(asked)).order_by(_entry.tx, _entry.seq).limit(1)
        found = transaction.execute(first).one_or_none()
        start = None if found is None else Cursor(found.tx, found.seq - 1)
    rows: list[Any] = []
    begin = start
    for number in range(WINDOWS):
        # what is frequent fills a page from the first entries; an index is asked only for what does not
        few = letters.few(transaction, asked, clock.now(), LETTERS) if number == 1 else None
        if few is not None:
            return _all(transaction, asked, few, order, begin, after, limit, asker)
        walked = _behind(matching(transaction, asked, order=order, asker=asker, by_letter=False), start)
        window = walked.limit(WINDOW).subquery("walked")
        rows += transaction.execute(_about(transaction, asked, window, order).limit(limit + 1 - len(rows)))
        if len(rows) > limit:
            return _page(rows, limit, order, after, more=False)
        last = transaction.execute(_last(window, order)).one_or_none()
        if last is None or last.number < WINDOW:
            return _page(rows, limit, order, after, more=False)
        start = _Place(last.at, last.seq) if order == "newest" else Cursor(last.tx, last.seq)
    return EntryPage([entry_of(row[:-1]) for row in rows], str(start), more=True)


def _all(
    transaction: Transaction,
    asked: Question,
    among: Narrow | None,
    order: Order,
    start: _Place | Cursor | None,
    after: str,
    limit: int,
    asker: str,
) -> EntryPage:
    statement = _behind(_among(transaction, asked, among, order, asker), start)
    return _page([*transaction.execute(statement.limit(limit + 1))], limit, order, after, more=False)


def _among(transaction: Transaction, asked: Question, among: Narrow | None, order: Order, asker: str) -> Select[Any]:
    if among is None:
        return matching(transaction, asked, order=order, asker=asker)
    statement = matching(transaction, asked, order=order, asker=asker, by_words=among.by_words)
    return statement.where(_entry.envelope_id.in_(among.ids))


def _page(found: list[Any], limit: int, order: Order, after: str, *, more: bool) -> EntryPage:
    more, kept = more or len(found) > limit, found[:limit]
    if not kept:
        return EntryPage([], after, more)
    last = kept[-1]
    end = _Place(last.at, last.seq) if order == "newest" else Cursor(last.tx, last.seq)
    return EntryPage([entry_of(row[:-1]) for row in kept], str(end), more)


def _place(order: Order, after: str) -> _Place | Cursor | None:
    """Raises ``Refused('request-invalid')``."""
    if order == "commit" or not after:
        return Cursor.parse(after)
    given = _FORM.fullmatch(after)
    seq = int(given[2], 16) if given else -1
    if given is None or seq >= 2**63:
        raise Refused("request-invalid", "not a cursor", "after")
    try:
        return _Place(_EPOCH + int(given[1], 16) * _MICROSECOND, seq)
    except OverflowError as error:
        raise Refused("request-invalid", "not a cursor", "after") from error


def _behind(statement: Select[Any], start: _Place | Cursor | None) -> Select[Any]:
    if isinstance(start, _Place):
        shown = tuple_(literal(start.at, Instant()), literal(start.seq))
        return statement.where(_entry.at <= start.at, tuple_(_entry.at, _entry.seq) < shown)
    if start is not None:
        return statement.where(tuple_(_entry.tx, _entry.seq) > tuple_(start.tx, start.seq))
    return statement


def _about(transaction: Transaction, asked: Question, window: Subquery, order: Order) -> Select[Any]:
    """Those entries of the window whose letter the question is about."""
    letter = letters.matching(asked, transaction.dialect.name, clock.now())
    column = window.c
    about = select(envelope.c.id).where(envelope.c.id == column.envelope_id, letter).exists()
    ordered = (column.at.desc(), column.seq.desc()) if order == "newest" else (column.tx, column.seq)
    return select(window).where(about).order_by(*ordered)


def _last(window: Subquery, order: Order) -> Select[Any]:
    column = window.c
    backwards = (column.at, column.seq) if order == "newest" else (column.tx.desc(), column.seq.desc())
    counted = func.count().over().label("number")
    return select(column.at, column.tx, column.seq, counted).order_by(*backwards).limit(1)


def every(transaction: Transaction, asked: Question, *, order: Order = "commit", asker: str = "") -> Iterator[Entry]:
    """All of them in that order, fetched as they are wanted."""
    few = letters.few(transaction, asked, clock.now(), LETTERS) if asked.asks_of_letters else None
    statement = _among(transaction, asked, few, order, asker)
    return (entry_of(row[:-1]) for row in transaction.execute(statement))


def matching(
    transaction: Transaction,
    asked: Question,
    *,
    order: Order = "commit",
    asker: str = "",
    by_letter: bool = True,
    by_words: bool = False,
) -> Select[Any]:
    """All entries that the question is about, as one statement; ``journey.entry_of`` reads its rows."""
    statement = select(*ENTRY_COLUMNS, _entry.tx).where(*_of_entry(asked, asker if order == "commit" else ""))
    if by_letter and asked.asks_of_letters:
        letter = letters.matching(asked, transaction.dialect.name, clock.now(), by_words=by_words)
        statement = statement.where(select(envelope.c.id).where(envelope.c.id == _entry.envelope_id, letter).exists())
    if order == "newest":
        return statement.order_by(_entry.at.desc(), _entry.seq.desc())
    return settled(statement.order_by(_entry.tx, _entry.seq), audit_entry, transaction)


def _of_entry(asked: Question, asker: str) -> list[ColumnElement[bool]]:
    """The first of them by its index, the others for each entry that it finds (IS TRUE): see ``letters.of_envelope``.

    In the order of how few entries they find.
    """
    found: list[ColumnElement[bool]] = []
    if asked.envelope:
        found.append(_entry.envelope_id == asked.envelope)
    if asked.document_id:
        found.append(_entry.document_id == asked.document_id)
    step = and_(true(), *letters.of_step(asked))
    kind = "envelope.refused" if asked.outcome == "refused" else ""
    status = asked.code.isdigit()
    if letters.rare(asked):
        found.append(step)
    if kind:
        found.append(_entry.kind == kind)
    if asked.code and not status:
        found.append(_coded(asked.code))
    if asked.agency and not asked.direction:
        found.append(_entry.agency_code == asked.agency)
    if (asked.kind or asked.actor) and not letters.rare(asked):
        found.append(step)
    if asker and not asked.kind:
        found.append(not_(and_(_entry.kind == "log.queried", _entry.actor == asker)))
    if asked.code and status:
        found.append(_coded(asked.code))
    return [*found[:1], *(one.is_(True) for one in found[1:]), *_when(asked)]


def _coded(code: str) -> ColumnElement[bool]:
    return and_(_entry.code == code, _entry.code != "")  # as ix_audit_entry_code has it


def _when(asked: Question) -> list[ColumnElement[bool]]:
    found = []
    if asked.since is not None:
        found.append(_entry.at >= asked.since)
    if asked.until is not None:
        found.append(_entry.at < asked.until)
    return found
