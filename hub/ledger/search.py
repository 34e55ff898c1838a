"""The list of envelopes: filters, free text, and steps to older and newer ones.

Free text is what auditors' questions call words (``question_letters``: the same index, with and without diacritics), or
an identifier, or an agency. Where no index narrows it, a list is read in windows of ``WINDOW`` candidates by
time-ordered identifier: nothing costs a scan of years, and nothing is counted that nobody asked for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union

from hub import clock
from hub.clock import VIETNAM
from hub.language.folding import words_of
from hub.ledger import finding, question_letters
from hub.ledger.engine import Transaction
from hub.ledger.questions import MOST_WORDS, Question
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import agency, agency_alias, delivery, envelope

WINDOW = 10_000
AGENCY_LIMIT = 20
_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Direction = Literal["", "sent", "received"]
StateFilter = Literal["", "open", "arrived", "refused", "dead"]

_STATES: dict[str, tuple[str, ...]] = {
    "open": ("pending", "published", "ready", "leased"),
    "arrived": ("settled",),
    "refused": ("refused",),
    "dead": ("dead",),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asked for. ``own_agency`` is whose letters the reader may see at all; None means everyone's.

    ``direction`` is seen from ``agency`` when that is given, else from ``own_agency``. Days are Vietnam's.
    """

    text: str = ""
    direction: Direction = ""
    agency: str = ""
    state: StateFilter = ""
    first_day: date | None = None
    last_day: date | None = None
    own_agency: str | None = None


@dataclass(frozen=True, slots=True)
class EnvelopeRow:
    """One line of the list. ``states`` counts the deliveries that the reader may see, by state."""

    id: str
    sender_code: str
    sender_name: str
    number: str
    notation: str
    document_type: str
    subject: str
    priority: int
    business_type: int
    due_on: date | None
    received_at: datetime
    first_recipient: str = ""
    recipients: int = 0
    states: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnvelopePage:
    """A page, newest first. ``older`` and ``newer`` are cursors; ``window_ended`` says that the search stopped at
    the window's end with ``older`` pointing beyond it, so that there may be more."""

    rows: list[EnvelopeRow]
    older: str | None
    newer: str | None
    window_ended: bool


def page(
    transaction: Transaction, filters: Filters, *, before: str = "", after: str = "", limit: int = 50
) -> EnvelopePage:
    """Envelopes older than ``before``, or newer than ``after``, or the newest. ``limit`` is at most 200."""
    limit = max(1, min(limit, 200))
    forward = bool(after) and not before
    candidates = _candidates(transaction, filters, before, after if forward else "")
    ids = candidates.subquery("candidates")
    order = envelope.c.id.asc() if forward else envelope.c.id.desc()
    sender = agency.alias("sender")
    statement = (
        select(
            envelope.c.id,
            envelope.c.sender_code,
            sender.c.name,
            envelope.c.number,
            envelope.c.notation,
            envelope.c.document_type,
            envelope.c.subject,
            envelope.c.priority,
            envelope.c.business_type,
            envelope.c.due_on,
            envelope.c.received_at,
        )
        .join(ids, ids.c.id == envelope.c.id)
        .join(sender, sender.c.code == envelope.c.sender_code)
        .where(*_conditions(transaction, filters))
        .order_by(order)
        .limit(limit + 1)
    )
    found = [EnvelopeRow(*row) for row in transaction.execute(statement)]
    more, found = len(found) > limit, found[:limit]
    beyond = None if more else _window_end(transaction, candidates, forward)
    if forward:
        found.reverse()
        return EnvelopePage(
            _with_recipients(transaction, found, filters.own_agency),
            older=found[-1].id if found else after,
            newer=found[0].id if more else beyond,
            window_ended=beyond is not None,
        )
    return EnvelopePage(
        _with_recipients(transaction, found, filters.own_agency),
        older=found[-1].id if more else beyond,
        newer=(found[0].id if found else before) if before else None,
        window_ended=beyond is not None,
    )


def _candidates(transaction: Transaction, filters: Filters, before: str, after: str) -> Select[Any]:
    """Identifiers of at most ``WINDOW`` envelopes next to the cursor, by the indexes that lead with time."""
    forward = bool(after)

    def bounded(column: ColumnElement[str]) -> Select[Any]:
        statement = select(column.label("id"))
        if before:
            statement = statement.where(column < before)
        if after:
            statement = statement.where(column > after)
        if filters.first_day is not None:
            statement = statement.where(column >= first_id(filters.first_day))
        if filters.last_day is not None:
            statement = statement.where(column < first_id(filters.last_day + timedelta(days=1)))
        return statement.order_by(column.asc() if forward else column.desc()).limit(WINDOW)

    codes = _listed_codes(transaction, filters)
    if codes is None:
        narrowed = _narrowed(transaction, filters.text)
        if narrowed is None:
            return bounded(envelope.c.id)
        branches = [bounded(envelope.c.id).where(narrowed.ids)]
        codes, filters = narrowed.codes, replace(filters, direction="")
        if not codes:
            return branches[0]
    else:
        branches = []
    if filters.direction != "received":
        branches.append(bounded(envelope.c.id).where(envelope.c.sender_code.in_(codes)))
    if filters.direction != "sent":
        received = bounded(delivery.c.envelope_id).where(delivery.c.recipient_code.in_(codes))
        branches.append(received if filters.own_agency is None else received.where(TO_RECIPIENT))
    # SQLite allows ORDER BY and LIMIT in a branch only inside a subquery
    both = union(*(select(branch.subquery().c.id) for branch in branches)).subquery()
    return select(both.c.id).order_by(both.c.id.asc() if forward else both.c.id.desc()).limit(WINDOW)


class _Narrowed(NamedTuple):
    """Where letters with a text are found at once: by condition, and all that these agencies sent or received."""

    ids: ColumnElement[bool]
    codes: Sequence[str] = ()


def _narrowed(transaction: Transaction, text: str) -> _Narrowed | None:
    """None when no index tells which few letters a text can be about."""
    text = text.strip()
    if not text:
        return None
    if _IDENTIFIER.fullmatch(text.lower()):
        return _Narrowed(envelope.c.id == text.lower())
    known = select(envelope.c.id).where(envelope.c.document_id == text)
    if transaction.execute(known.limit(1)).first() is not None:
        return _Narrowed(envelope.c.document_id == text)
    words = words_of(text)[:MOST_WORDS]
    if question_letters.frequent(transaction, words):
        return None
    few = question_letters.few(transaction, Question(words=" ".join(words)), clock.now())
    return None if few is None else _Narrowed(envelope.c.id.in_(few.ids), agencies_meant(transaction, text))


def _listed_codes(transaction: Transaction, filters: Filters) -> Sequence[str] | None:
    """Whose letters are listed: the reader's own agency, else the agencies asked for, else all (None)."""
    if filters.own_agency is not None:
        return (filters.own_agency,)
    return agencies_named(transaction, filters.agency) if filters.agency else None


def _conditions(transaction: Transaction, filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.agency and filters.own_agency is not None:
        conditions.append(_touches(agencies_named(transaction, filters.agency)))
    if filters.state:
        conditions.append(_has_delivery(delivery.c.state.in_(_STATES[filters.state]), own_agency=filters.own_agency))
    if filters.text.strip():
        conditions.append(_about(transaction, filters.text.strip()))
    return conditions


def _about(transaction: Transaction, text: str) -> ColumnElement[bool]:
    """That a letter has the words of the text, is named by it, or was sent or received by the agency that it names."""
    ways: list[ColumnElement[bool]] = [envelope.c.id == text.lower(), envelope.c.document_id == text]
    words = words_of(text)[:MOST_WORDS]
    if words:
        # a text without a word as part of it is passed over quickly
        parts = (envelope.c.search.contains(word, autoescape=True) for word in words)
        ways.append(and_(*parts, question_letters.has_words(words, transaction.dialect.name, indexed=False)))
    named = agencies_meant(transaction, text)
    return or_(*ways, _touches(named)) if named else or_(*ways)


def _touches(codes: Sequence[str]) -> ColumnElement[bool]:
    return or_(envelope.c.sender_code.in_(codes), _has_delivery(delivery.c.recipient_code.in_(codes)))


def _has_delivery(condition: ColumnElement[bool], own_agency: str | None = None) -> ColumnElement[bool]:
    current = (delivery.c.envelope_id == envelope.c.id, delivery.c.superseded_by.is_(None))
    matching = select(delivery.c.id).where(*current, condition)
    if own_agency is not None:
        matching = matching.where(or_(envelope.c.sender_code == own_agency, delivery.c.recipient_code == own_agency))
    return matching.exists()


def _window_end(transaction: Transaction, candidates: Select[Any], forward: bool) -> str | None:
    """The last candidate when the window was full, so that the search can go on behind it."""
    ids = candidates.subquery()
    edge = func.max(ids.c.id) if forward else func.min(ids.c.id)
    count, last = transaction.execute(select(func.count(), edge).select_from(ids)).one()
    return last if count >= WINDOW else None


def agencies_named(transaction: Transaction, text: str, limit: int = AGENCY_LIMIT) -> list[str]:
    """Codes of up to ``limit`` agencies with this code, this former code, or these words (or their beginnings) in the
    name, with or without diacritics."""
    text = text.strip()
    if not text:
        return []
    exact = select(agency.c.code).where(agency.c.code == text)
    alias = select(agency_alias.c.code).where(agency_alias.c.alias == text)
    codes = list(transaction.execute(exact.union(alias)).scalars())
    words = words_of(text)[:MOST_WORDS]
    if codes or not words:
        return codes
    by_name = finding.begun_by(agency.c.search, words, transaction.dialect.name)
    return list(transaction.execute(select(agency.c.code).where(by_name).limit(limit)).scalars())


def agencies_meant(transaction: Transaction, text: str) -> list[str]:
    """The agencies that free text names; none when it names more than anybody can mean."""
    codes = agencies_named(transaction, text, AGENCY_LIMIT + 1)
    return codes if len(codes) <= AGENCY_LIMIT else []


def first_id(day: date) -> str:
    """The least UUIDv7 of a day in Vietnam (RFC 9562 §5.7: the leading 48 bits are milliseconds)."""
    milliseconds = int(datetime.combine(day, time(), VIETNAM).timestamp() * 1000)
    digits = f"{milliseconds & (2**48 - 1):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def _with_recipients(transaction: Transaction, rows: list[EnvelopeRow], own_agency: str | None) -> list[EnvelopeRow]:
    """The rows completed with how their deliveries stand; a recipient's clerk sees the own delivery only."""
    if not rows:
        return rows
    visible: ColumnElement[bool] = delivery.c.envelope_id.in_([row.id for row in rows])
    visible &= delivery.c.superseded_by.is_(None)
    if own_agency is not None:
        sent = [row.id for row in rows if row.sender_code == own_agency]
        visible &= or_(delivery.c.envelope_id.in_(sent), delivery.c.recipient_code == own_agency)
    shown = _shown_state()
    counted = (
        select(
            delivery.c.envelope_id,
            shown.label("shown"),
            func.count().label("number"),
            func.min(delivery.c.recipient_code).label("first"),
        )
        .where(visible)
        .group_by(delivery.c.envelope_id, shown)
        .subquery()
    )
    statement = select(counted, agency.c.name).join(agency, agency.c.code == counted.c["first"])
    states: dict[str, dict[str, int]] = defaultdict(dict)
    first: dict[str, tuple[str, str]] = {}
    for envelope_id, state, number, code, name in transaction.execute(statement):
        states[envelope_id][state] = number
        first[envelope_id] = min(first.get(envelope_id, (code, name)), (code, name))
    return [_completed(row, states.get(row.id, {}), first.get(row.id, ("", ""))[1]) for row in rows]


def _shown_state() -> ColumnElement[str]:
    """The business status where the recipient's office said one, else the delivery's state."""
    return func.coalesce(delivery.c.status_code, delivery.c.state)


def _completed(row: EnvelopeRow, states: dict[str, int], first_recipient: str) -> EnvelopeRow:
    return replace(row, states=states, recipients=sum(states.values()), first_recipient=first_recipient)
