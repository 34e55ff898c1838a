"""Time stamps of checkpoints in the ledger, and between which times they put a leaf of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, bindparam, delete, select, text

from hub import clock
from hub.audit import Event
from hub.audit.stamping import Unstamped
from hub.ledger import log_troubles, transparency
from hub.ledger.columns import Instant
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.log_tables import log_checkpoint, log_timestamp, log_trouble
from hub.ledger.tables import audit_entry
from hub.signatures.timestamps import Stamp

KIND = "timestamp"
# authorities stamp each on its own: among so many stamps there is one of every authority that is at work
_NEAR = 50
_KEEP = text(
    "INSERT INTO log_timestamp (size, authority, token, stamped_at, at)"
    " VALUES (:size, :authority, :token, :stamped_at, :at) ON CONFLICT (size, authority) DO NOTHING"
).bindparams(bindparam("stamped_at", type_=Instant()), bindparam("at", type_=Instant()))


def due(transaction: Transaction, authority: str, pause: float, now: datetime) -> Unstamped | None:
    """See ``StampingStore.due``."""
    newest = transparency.newest(transaction)
    if newest is None:
        return None
    for one in latest(transaction):
        # one of the future was kept when this machine's clock was wrong: it is no reason to wait
        recent = now - timedelta(seconds=pause) < one.at <= now
        if one.authority == authority and (one.size == newest.size or recent):
            return None
    return Unstamped(newest.size, newest.note)


def keep(transaction: Transaction, authority: str, size: int, stamp: Stamp, at: datetime) -> None:
    """A stamp, once for each checkpoint and authority; the authority is well again."""
    row = {"size": size, "authority": authority, "token": stamp.token, "stamped_at": stamp.at, "at": at}
    transaction.execute(_KEEP, row)
    log_troubles.clear(transaction, KIND, authority)


def only(transaction: Transaction, authorities: Sequence[str]) -> None:
    """See ``StampingStore.only``."""
    gone = log_trouble.c.subject.not_in(list(authorities))
    transaction.execute(delete(log_trouble).where(log_trouble.c.kind == KIND, gone))


@dataclass(frozen=True, slots=True)
class StampRecord:
    """A token (CMS, DER) of ``authority`` over ``note``, the checkpoint of ``size`` as the log signed it.

    ``stamped_at``: what the authority says (genTime); ``at``: when it came.
    """

    size: int
    authority: str
    token: bytes
    stamped_at: datetime
    at: datetime
    note: str


_STAMP = select(
    log_timestamp.c.size,
    log_timestamp.c.authority,
    log_timestamp.c.token,
    log_timestamp.c.stamped_at,
    log_timestamp.c.at,
    log_checkpoint.c.note,
).join(log_checkpoint, log_checkpoint.c.size == log_timestamp.c.size)


def covering(transaction: Transaction, number: int) -> list[StampRecord]:
    """Of each authority the first stamp on a tree that holds leaf ``number``; the smallest tree first."""
    wanted = _STAMP.where(log_timestamp.c.size > number).order_by(log_timestamp.c.size, log_timestamp.c.stamped_at)
    return _first_of_each(transaction.execute(wanted.limit(_NEAR)).mappings())


def latest(transaction: Transaction) -> list[StampRecord]:
    """The last stamp of each authority, the largest tree first."""
    wanted = _STAMP.order_by(log_timestamp.c.size.desc(), log_timestamp.c.stamped_at.desc())
    return _first_of_each(transaction.execute(wanted.limit(_NEAR)).mappings())


def _first_of_each(rows: Iterable[RowMapping]) -> list[StampRecord]:
    found: dict[str, StampRecord] = {}
    for row in rows:
        found.setdefault(row["authority"], StampRecord(**row))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which times a leaf was sealed, as outside authorities tell it.

    ``not_after``: genTime of the first stamp on a tree that holds the leaf; proved by the token, by nobody's word.
    ``not_before``: genTime of the last stamp on a tree without it that was given before the leaf was sealed; that
    nothing was sealed in between without being told rests on the log's checkpoints. ``sealed_at``: when the log says;
    None while it is not sealed.
    """

    sealed_at: datetime | None
    not_before: datetime | None
    not_after: datetime | None
    authority: str = ""

    @property
    def pending_since(self) -> datetime | None:
        """Since when the sealed leaf waits for a stamp; None when it has one, or is not sealed yet."""
        return self.sealed_at if self.not_after is None else None


def bounds(transaction: Transaction, number: int | None) -> Bounds:
    """The bounds of leaf ``number``; None: not sealed yet."""
    sealed = None if number is None else transparency.covering(transaction, number)
    stamped = log_timestamp.c
    before = select(stamped.stamped_at).order_by(stamped.size.desc(), stamped.stamped_at.desc()).limit(1)
    if number is not None and sealed is not None:
        # a stamp that was asked for before, and given after, proves nothing about what came in between
        before = before.where(stamped.size <= number, stamped.stamped_at <= sealed.at)
    not_before = transaction.execute(before).scalar_one_or_none()
    if number is None or sealed is None:
        return Bounds(None, not_before, None)
    after = select(stamped.stamped_at, stamped.authority).where(stamped.size > number)
    row = transaction.execute(after.order_by(stamped.size, stamped.stamped_at).limit(1)).one_or_none()
    if row is None:
        return Bounds(sealed.at, not_before, None)
    return Bounds(sealed.at, not_before, row.stamped_at, row.authority)


def bounds_of(transaction: Transaction, identifier: str) -> Bounds:
    """The bounds of an entry or a receipt by its identifier."""
    return bounds(transaction, transparency.numbers_of(transaction, [identifier]).get(identifier))


def bounds_of_letter(transaction: Transaction, envelope_id: str) -> Bounds:
    """When the acceptance of an envelope came into the log."""
    accepted = select(audit_entry.c.id).where(
        audit_entry.c.envelope_id == envelope_id, audit_entry.c.kind == Event.ENVELOPE_ACCEPTED
    )
    identifier = transaction.execute(accepted.order_by(audit_entry.c.seq).limit(1)).scalar_one_or_none()
    return bounds(transaction, None) if identifier is None else bounds_of(transaction, identifier)


class LedgerStamping:
    """``StampingStore`` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def due(self, authority: str, pause: float) -> Unstamped | None:
        return await self._ledger.read(due, authority, pause, clock.now())

    async def keep(self, authority: str, size: int, stamp: Stamp) -> None:
        await self._ledger.write(keep, authority, size, stamp, clock.now())

    async def alarm(self, authority: str, detail: str) -> None:
        await self._ledger.write(log_troubles.note, KIND, authority, detail, clock.now())

    async def only(self, authorities: Sequence[str]) -> None:
        await self._ledger.write(only, authorities)
