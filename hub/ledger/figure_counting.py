"""What counting the monthly figures reads and writes: the log after a position, letters, cases, sums.

Whoever counts holds the row of ``figure_state``: two at once wait for each other, and what was counted and how far are
one transaction. A process that is killed has counted nothing or all of it.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    Text,
    TextClause,
    any_,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hub import clock
from hub.ledger import bulk
from hub.ledger.engine import Transaction
from hub.ledger.feed import Cursor, settled
from hub.ledger.figure_tables import (
    MEASURES,
    figure_case,
    figure_code,
    figure_month,
    figure_overdue,
    figure_state,
    figure_time,
)
from hub.ledger.registry_tables import trial
from hub.ledger.tables import agency, audit_entry, delivery, envelope

# what happens so often and says so little that no figure counts it
UNCOUNTED = (
    "envelope.repeated", "delivery.published", "delivery.republished", "delivery.ready", "delivery.leased",
    "delivery.released", "delivery.extended", "delivery.attempted", "delivery.handed", "delivery.bounced",
    "delivery.chased", "chase.asked", "circuit.opened", "circuit.closed",
)  # fmt: skip
# parameters of one statement; SQLite takes 32,766
AT_ONCE = 5000
# no administration is deeper; a registry whose parents go in a circle must not hang the counting
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Counted:
    """An entry of the log as the counting reads it."""

    tx: int
    seq: int
    at: datetime
    kind: str
    agency_code: str
    envelope_id: str
    delivery_id: str
    code: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """``paper``: 1 a paper copy follows, 0 none does, None the sender does not say. ``signed``: its signature held."""

    id: str
    sender_code: str
    business_type: int
    received_at: datetime
    paper: int | None
    signed: bool
    trial: bool


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """What of a delivery never changes."""

    id: str
    envelope_id: str
    recipient_code: str
    confirm_by: datetime | None
    process_by: datetime | None


@dataclass(slots=True)
class Case:
    """A letter at one recipient, as far as it was counted. ``open``: its current delivery was not given up."""

    envelope_id: str
    recipient_code: str
    open: bool = True
    status: str | None = None
    confirm_by: datetime | None = None
    process_by: datetime | None = None
    arrived_at: datetime | None = None
    accepted_at: datetime | None = None
    finished_at: datetime | None = None
    overdue_from: datetime | None = None


_CASE = list(Case.__slots__)
_ENTRY = [audit_entry.c[name] for name in Counted.__slots__]
_FIRST = text("INSERT INTO figure_state (id) VALUES (1) ON CONFLICT DO NOTHING")


def position(transaction: Transaction, *, lock: bool = False) -> tuple[Cursor, int]:
    """How far the log is counted, and the number of recounts. ``lock``: nobody else counts until the end."""
    statement = select(figure_state.c.tx, figure_state.c.seq, figure_state.c.recounts)
    if lock:
        transaction.execute(_FIRST)
        statement = statement.with_for_update()
    row = transaction.execute(statement).one_or_none()
    return (Cursor(0, 0), 0) if row is None else (Cursor(row.tx, row.seq), row.recounts)


def move(transaction: Transaction, to: Cursor, newest: datetime) -> None:
    transaction.execute(update(figure_state).values(tx=to.tx, seq=to.seq, counted_to=newest))


def level(transaction: Transaction, at: datetime) -> None:
    """Note that at this moment there was nothing more to count."""
    transaction.execute(_FIRST)
    transaction.execute(update(figure_state).values(level_at=at))


def recounted(transaction: Transaction) -> None:
    transaction.execute(update(figure_state).values(recounts=figure_state.c.recounts + 1))


def forget(transaction: Transaction) -> None:
    """Empty every figure and begin the log anew."""
    transaction.execute(_FIRST)
    transaction.execute(select(figure_state.c.id).with_for_update())
    for table in (figure_case, figure_month, figure_time, figure_code, figure_overdue):
        transaction.execute(delete(table))
    values = {"tx": 0, "seq": 0, "counted_to": None, "level_at": None, "overdue_at": None}
    transaction.execute(update(figure_state).values(recounts=figure_state.c.recounts + 1, **values))


def entries(transaction: Transaction, after: Cursor, limit: int) -> list[Counted]:
    """What is to be counted after a position, in the order of commits, below every transaction that still runs."""
    column = audit_entry.c
    statement = (
        select(*_ENTRY)
        .where(tuple_(column.tx, column.seq) > tuple_(after.tx, after.seq), column.kind.not_in(UNCOUNTED))
        .order_by(column.tx, column.seq)
        .limit(limit)
    )
    rows = transaction.execute(settled(statement, audit_entry, transaction))
    return [Counted(*tuple(row)) for row in rows]


def letters(transaction: Transaction, ids: Collection[str]) -> dict[str, LetterFacts]:
    """Letters by their envelope's id; without those that are not there."""
    found: dict[str, LetterFacts] = {}
    signer = _signer(transaction.dialect.name)
    chosen = [envelope.c[name] for name in ("id", "sender_code", "business_type", "received_at", "paper")]
    tried = exists().where(trial.c.envelope_id == envelope.c.id)
    for part in _parts(ids):
        for row in transaction.execute(select(*chosen, signer, tried).where(_among(transaction, envelope.c.id, part))):
            found[row[0]] = LetterFacts(row[0], row[1], row[2], row[3], row[4], bool(row[5]), bool(row[6]))
    return found


def _signer(dialect: str) -> Any:
    """The subject of whoever signed: a letter that was accepted without a signature that holds has none."""
    if dialect == "sqlite":
        return literal_column("json_extract(envelope.details, '$.signer.subject')")
    return literal_column("envelope.details #>> '{signer,subject}'")


_FACTS = [delivery.c[name] for name in DeliveryFacts.__slots__]


def deliveries(transaction: Transaction, ids: Collection[str]) -> dict[str, DeliveryFacts]:
    """Deliveries by id."""
    found: dict[str, DeliveryFacts] = {}
    for part in _parts(ids):
        for row in transaction.execute(select(*_FACTS).where(_among(transaction, delivery.c.id, part))):
            found[row.id] = DeliveryFacts(*tuple(row))
    return found


def first_deliveries(transaction: Transaction, envelope_ids: Collection[str]) -> dict[str, list[DeliveryFacts]]:
    """The deliveries that letters were accepted with, not those of replays."""
    found: dict[str, list[DeliveryFacts]] = {one: [] for one in envelope_ids}
    for part in _parts(envelope_ids):
        wanted = select(*_FACTS).where(_among(transaction, delivery.c.envelope_id, part), delivery.c.round == 1)
        for row in transaction.execute(wanted):
            found[row.envelope_id].append(DeliveryFacts(*tuple(row)))
    return found


def recipients(transaction: Transaction, envelope_ids: Collection[str]) -> dict[str, int]:
    """How many deliveries letters have: what counting them costs."""
    found: dict[str, int] = {}
    for part in _parts(envelope_ids):
        theirs = _among(transaction, delivery.c.envelope_id, part)
        counted = select(delivery.c.envelope_id, func.count()).where(theirs).group_by(delivery.c.envelope_id)
        found |= {row[0]: row[1] for row in transaction.execute(counted)}
    return found


def cases(transaction: Transaction, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Case]:
    """Cases by envelope and recipient; those never met before are absent."""
    found: dict[tuple[str, str], Case] = {}
    wanted = frozenset(keys)
    column = figure_case.c
    for part in _parts(wanted, AT_ONCE // 2):
        # each column for itself: two lists travel as two parameters, and few rows come that were not asked for
        theirs = _among(transaction, column.envelope_id, sorted({envelope_id for envelope_id, _ in part}))
        there = _among(transaction, column.recipient_code, sorted({code for _, code in part}))
        for row in transaction.execute(select(*(column[name] for name in _CASE)).where(theirs, there)):
            case = Case(*row)
            if (key := (case.envelope_id, case.recipient_code)) in wanted:
                case.open = bool(case.open)
                found[key] = case
    return found


def keep_cases(transaction: Transaction, changed: Iterable[Case]) -> None:
    rows = [{name: _json(getattr(case, name)) for name in _CASE} for case in changed]
    _upsert(transaction, "figure_case", rows)


def above(transaction: Transaction, codes: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For each code the agencies whose branch it belongs to: itself, those above it, and the empty code for the hub."""
    parents: dict[str, str | None] = {}
    asked = set(codes) - {""}
    for _ in range(DEEPEST):
        for part in _parts(asked):
            rows = transaction.execute(select(agency.c.code, agency.c.parent_code).where(agency.c.code.in_(part)))
            parents |= {row.code: row.parent_code for row in rows}
        asked = {one for one in parents.values() if one is not None} - parents.keys()
        if not asked:
            break
    return {code: (*_chain(code, parents), "") for code in codes}


def _chain(code: str, parents: Mapping[str, str | None]) -> list[str]:
    chain: list[str] = []
    at: str | None = code
    while at and at not in chain:
        chain.append(at)
        at = parents.get(at)
    return chain


Row = Mapping[str, Any]


def add(transaction: Transaction, months: Sequence[Row], times: Sequence[Row], codes: Sequence[Row]) -> None:
    """Add to the sums: rows with the columns of ``figure_month``, ``figure_time`` and ``figure_code``."""
    for name, rows in (("figure_month", months), ("figure_time", times), ("figure_code", codes)):
        _upsert(transaction, name, rows)


def overdue_now(transaction: Transaction, now: datetime) -> dict[str, int]:
    """How many letters are overdue at each recipient."""
    column = figure_case.c
    counted = select(column.recipient_code, func.count()).where(column.overdue_from < now)
    return {row[0]: row[1] for row in transaction.execute(counted.group_by(column.recipient_code))}


def keep_overdue(transaction: Transaction, rows: Sequence[Row], now: datetime) -> None:
    """Replace what is overdue by rows of agency code, own and branch."""
    transaction.execute(delete(figure_overdue))
    _upsert(transaction, "figure_overdue", rows)
    transaction.execute(update(figure_state).values(overdue_at=now))


# table: its columns, its key, whether values are added to what is there or replace it
_WRITTEN: dict[str, tuple[Table, list[str], int, bool]] = {
    "figure_case": (figure_case, _CASE, 2, False),
    "figure_month": (figure_month, ["agency_code", "scope", "month", *MEASURES], 3, True),
    "figure_time": (figure_time, ["agency_code", "scope", "month", "span", "bucket", "letters"], 5, True),
    "figure_code": (figure_code, ["agency_code", "scope", "month", "kind", "code", "entries"], 5, True),
    "figure_overdue": (figure_overdue, ["agency_code", "own", "branch"], 1, False),
}


def _upsert(transaction: Transaction, name: str, rows: Sequence[Row]) -> None:
    if rows:
        transaction.execute(_writing(name, transaction.dialect.name), {name: bulk.dumps([dict(one) for one in rows])})


@functools.cache
def _writing(name: str, dialect: str) -> TextClause:
    table, columns, keys, adding = _WRITTEN[name]
    values = (f"{one} = {f'{name}.{one} + ' if adding else ''}excluded.{one}" for one in columns[keys:])
    key, changed = ", ".join(columns[:keys]), ", ".join(values)
    return text(f"{bulk.insert(table, dialect, columns)} ON CONFLICT ({key}) DO UPDATE SET {changed}")


def _json(value: Any) -> Any:
    return clock.rfc3339(value) if isinstance(value, datetime) else value


def _among(transaction: Transaction, column: Column[str], values: list[str]) -> ColumnElement[bool]:
    """On PostgreSQL one parameter however many there are: a thousand of them cost more than what they ask for."""
    if transaction.dialect.name == "postgresql":
        return column == any_(literal(values, ARRAY(Text())))
    return column.in_(values)


def _parts(values: Collection[Any], size: int = AT_ONCE) -> Iterable[list[Any]]:
    every = sorted(values)
    return (every[start : start + size] for start in range(0, len(every), size))
