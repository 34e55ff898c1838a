"""Replays: which deliveries were chosen to be sent again, what stood then and stands now, and what was made of them.

A delivery that is sent again stays as it ended; a new one (round + 1) names its replay, and the old one names the new.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    TextClause,
    and_,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from hub.clock import parse_rfc3339, rfc3339
from hub.ledger import bulk
from hub.ledger.delivery_tables import change, replay, replay_item
from hub.ledger.engine import Transaction
from hub.ledger.purged import IS_GONE
from hub.ledger.tables import FINAL, agency, delivery, envelope, system

_TIMES = ("since", "until")
_TEXTS = ("sender", "recipient", "agency", "system", "state", "document_id", "envelope_id", "code")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which deliveries; what is empty does not matter.

    ``since`` and ``until`` bound when a delivery came into its present state; ``system`` is a name, ``code`` why a dead
    letter was given up, ``deliveries`` their identifiers, ``agency`` who sent or received it.
    """

    since: datetime | None = None
    until: datetime | None = None
    sender: str = ""
    recipient: str = ""
    system: str = ""
    state: str = ""
    document_id: str = ""
    envelope_id: str = ""
    code: str = ""
    deliveries: tuple[str, ...] = ()
    agency: str = ""

    def json(self) -> dict[str, Any]:
        """What was given, by name; times RFC 3339."""
        times = {name: getattr(self, name) for name in _TIMES}
        shown: dict[str, Any] = {name: rfc3339(moment) for name, moment in times.items() if moment is not None}
        shown |= {name: getattr(self, name) for name in _TEXTS if getattr(self, name)}
        return shown | ({"deliveries": list(self.deliveries)} if self.deliveries else {})

    @classmethod
    def of(cls, given: dict[str, Any]) -> Choice:
        """The inverse of ``json``."""
        values: dict[str, Any] = {name: parse_rfc3339(given[name]) for name in _TIMES if name in given}
        values |= {name: str(given[name]) for name in _TEXTS if name in given}
        return cls(**values, deliveries=tuple(given.get("deliveries", ())))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that may be sent again. ``skipped`` says why it is not: under-way, withdrawn, recalled, superseded,
    recipient-inactive, form-unsupported, purged (its octets went).

    ``system_id`` is the system that serves the recipient now. ``ended_at`` is None while it is under way.
    """

    id: str
    envelope_id: str
    document_id: str
    sha256: str
    sender_code: str
    sender_system_id: str
    number: str
    notation: str
    subject: str
    document_type: str
    business_type: int
    due_on: date | None
    traceparent: str
    recipient_code: str
    recipient_name: str
    system_id: str
    system_name: str
    priority: int
    state: str
    reason: str
    ended_at: datetime | None
    status_code: str | None
    status_description: str
    status_at: datetime | None
    round: int
    skipped: str

    @property
    def has_it(self) -> bool:
        """Whether the recipient's system took the document before."""
        return self.state == "settled"


@dataclass(frozen=True, slots=True)
class Item:
    """A delivery of a replay: as it was chosen, and as it is now. ``kept`` is why it is left out by decision."""

    now: Candidate
    state_then: str
    status_then: str | None
    kept: str
    new_delivery_id: str | None

    @property
    def changed(self) -> bool:
        """Whether it stands otherwise than when it was chosen."""
        return (self.state_then, self.status_then, self.kept) != (
            self.now.state,
            self.now.status_code,
            self.now.skipped,
        )


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A replay. ``state``: asked, confirmed or declined; people are named by their logins."""

    id: str
    reason: str
    choice: Choice
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    state: str


_LATER = envelope.alias("later")
_FOR_IT = delivery.alias("for_it")
# the document was asked back, and the recipient did not insist on keeping it
_RECALLED = or_(
    exists().where(
        change.c.delivery_id == delivery.c.id,
        change.c.kind.in_(("recall", "remove", "replace")),
        change.c.outcome != "declined",
    ),
    exists().where(
        _LATER.c.previous_id == envelope.c.id,
        _LATER.c.business_type == 1,
        # one within the other: few letters have a recall, and SQLite would begin with the recipient
        exists().where(_FOR_IT.c.envelope_id == _LATER.c.id, _FOR_IT.c.recipient_code == delivery.c.recipient_code),
    ),
)
_OF_LETTER = (
    "document_id", "sha256", "sender_code", "sender_system_id", "number", "notation", "subject", "document_type",
    "business_type", "due_on", "traceparent",
)  # fmt: skip
_COLUMNS = (
    delivery.c.id,
    delivery.c.envelope_id,
    *(envelope.c[name] for name in _OF_LETTER),
    delivery.c.recipient_code,
    agency.c.name.label("recipient_name"),
    system.c.id.label("system_id"),
    system.c.name.label("system_name"),
    delivery.c.priority,
    delivery.c.state,
    delivery.c.reason,
    delivery.c.closed_at.label("ended_at"),
    delivery.c.status_code,
    delivery.c.status_description,
    delivery.c.status_at,
    delivery.c.round,
)
_CIRCUMSTANCES = (
    delivery.c.superseded_by,
    and_(agency.c.active, system.c.active).label("reachable"),
    and_(system.c.inline_only, envelope.c.parts > 0).label("unfit"),
    _RECALLED.label("recalled"),
    IS_GONE.label("gone"),
)


def _joined(*more: Any) -> Select[Any]:
    return (
        select(*_COLUMNS, *_CIRCUMSTANCES, *more)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .join(agency, agency.c.code == delivery.c.recipient_code)
        .join(system, system.c.id == agency.c.system_id)
    )


def _candidate(row: Row[Any]) -> Candidate:
    names = Candidate.__slots__[:-1]
    return Candidate(**{name: getattr(row, name) for name in names}, skipped=_skipped(row))


def _skipped(row: Row[Any]) -> str:
    if row.superseded_by is not None:
        return "superseded"
    if row.state == "withdrawn":
        return "withdrawn"
    if row.state not in FINAL:
        return "under-way"
    if row.gone:
        return "purged"
    if row.recalled:
        return "recalled"
    if not row.reachable:
        return "recipient-inactive"
    return "form-unsupported" if row.unfit else ""


def candidates(transaction: Transaction, choice: Choice, limit: int) -> list[Candidate]:
    """The deliveries that a choice means, at most ``limit``, in the order in which they were made."""
    statement = _joined().where(delivery.c.superseded_by.is_(None), *_conditions(choice))
    return [_candidate(row) for row in transaction.execute(statement.order_by(delivery.c.id).limit(limit))]


def _conditions(choice: Choice) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    # what has ended has an index by state and time
    moment = delivery.c.closed_at if choice.state in FINAL else delivery.c.since
    if choice.since is not None:
        found.append(moment >= choice.since)
    if choice.until is not None:
        found.append(moment < choice.until)
    for column, wanted in (
        (envelope.c.sender_code, choice.sender),
        (delivery.c.recipient_code, choice.recipient),
        (system.c.name, choice.system),
        (delivery.c.state, choice.state),
        (envelope.c.document_id, choice.document_id),
        (delivery.c.envelope_id, choice.envelope_id),
    ):
        if wanted:
            found.append(column == wanted)
    if choice.agency:
        found.append(or_(envelope.c.sender_code == choice.agency, delivery.c.recipient_code == choice.agency))
    if choice.code:
        found += [delivery.c.state == "dead", given_up_for(choice.code)]
    if choice.deliveries:
        found.append(delivery.c.id.in_(choice.deliveries))
    return found


def given_up_for(code: str) -> ColumnElement[bool]:
    """Dead letters of one failure code: the reason begins with it."""
    return or_(delivery.c.reason == code, delivery.c.reason.startswith(f"{code}:", autoescape=True))


def add(transaction: Transaction, record: ReplayRecord, chosen: Sequence[Candidate]) -> None:
    """Keep a replay that waits for a second person, with all that was shown."""
    transaction.execute(
        insert(replay).values(
            id=record.id,
            reason=record.reason,
            filter=record.choice.json(),
            asked_by=record.asked_by,
            asked_at=record.asked_at,
            state=record.state,
        )
    )
    rows = [
        {
            "replay_id": record.id,
            "delivery_id": one.id,
            "state_then": one.state,
            "status_then": one.status_code,
            "skipped": one.skipped,
        }
        for one in chosen
    ]
    transaction.execute(_adding(transaction.dialect.name), {"replay_item": bulk.dumps(rows)})


@functools.cache
def _adding(dialect: str) -> TextClause:
    columns = ["replay_id", "delivery_id", "state_then", "status_then", "skipped"]
    return text(bulk.insert(replay_item, dialect, columns))


def find(transaction: Transaction, replay_id: str, *, lock: bool = False) -> ReplayRecord | None:
    """A replay; ``lock`` lets nobody else decide it until the transaction ends."""
    statement = select(replay).where(replay.c.id == replay_id)
    row = transaction.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _record(row)


def _record(row: Row[Any]) -> ReplayRecord:
    return ReplayRecord(
        row.id, row.reason, Choice.of(row.filter), row.asked_by, row.asked_at, row.decided_by, row.decided_at, row.state
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list: ``chosen`` deliveries, ``sent`` of them again."""

    record: ReplayRecord
    chosen: int
    sent: int


def listing(transaction: Transaction, state: str = "", limit: int = 100) -> list[Listed]:
    """Replays, those that wait first, then the newest first."""
    counted = (
        select(
            replay_item.c.replay_id,
            func.count().label("chosen"),
            func.count(replay_item.c.new_delivery_id).label("sent"),
        )
        .group_by(replay_item.c.replay_id)
        .subquery()
    )
    statement = (
        select(replay, counted.c.chosen, counted.c.sent)
        .outerjoin(counted, counted.c.replay_id == replay.c.id)
        .order_by((replay.c.state == "asked").desc(), replay.c.asked_at.desc(), replay.c.id.desc())
        .limit(limit)
    )
    if state:
        statement = statement.where(replay.c.state == state)
    return [Listed(_record(row), row.chosen or 0, row.sent or 0) for row in transaction.execute(statement)]


def waiting(transaction: Transaction) -> int:
    """Replays that wait for a second person."""
    statement = select(func.count()).select_from(replay).where(replay.c.state == "asked")
    return transaction.execute(statement).scalar_one()


def items(transaction: Transaction, replay_id: str, *, lock: bool = False) -> list[Item]:
    """The deliveries of a replay as they stand; ``lock`` keeps other writers off them."""
    columns = (
        replay_item.c.state_then,
        replay_item.c.status_then,
        replay_item.c.skipped.label("kept"),
        replay_item.c.new_delivery_id,
    )
    statement = (
        _joined(*columns)
        .join(replay_item, replay_item.c.delivery_id == delivery.c.id)
        .where(replay_item.c.replay_id == replay_id)
        .order_by(delivery.c.id)
    )
    if lock:
        statement = statement.with_for_update(of=delivery)
    return [
        Item(_candidate(row), row.state_then, row.status_then, row.kept, row.new_delivery_id)
        for row in transaction.execute(statement)
    ]


def decide(transaction: Transaction, replay_id: str, state: str, by: str, at: datetime) -> None:
    """Close a replay as confirmed or declined; the store refuses a confirmation by the person who asked."""
    transaction.execute(
        update(replay)
        .where(replay.c.id == replay_id, replay.c.state == "asked")
        .values(state=state, decided_by=by, decided_at=at)
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """Why a delivery came once more: by which replay, for what reason, and which delivery it follows."""

    id: str
    reason: str
    previous: str


def of_deliveries(transaction: Transaction, delivery_ids: Sequence[str]) -> dict[str, Replayed]:
    """For those of the deliveries that a replay made."""
    before = delivery.alias("before")
    same = (before.c.recipient_code == delivery.c.recipient_code) & (before.c.envelope_id == delivery.c.envelope_id)
    rows = transaction.execute(
        select(delivery.c.id, replay.c.id, replay.c.reason, before.c.id)
        .join(replay, replay.c.id == delivery.c.replay_id)
        .join(before, same & (before.c.round == delivery.c.round - 1))
        .where(delivery.c.id.in_(list(delivery_ids)))
    )
    return {row[0]: Replayed(*row[1:]) for row in rows}
