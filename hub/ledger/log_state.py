"""How the transparency log stands: for metrics, for the overview, and for the page that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, func, select, tuple_

from hub.audit.note import VerifierKey
from hub.ledger import log_proofs, log_troubles, timestamps, transparency
from hub.ledger.engine import Transaction
from hub.ledger.log_tables import log_cosignature, log_head, log_watch
from hub.ledger.log_troubles import LogTrouble
from hub.ledger.tables import audit_entry, receipt

# what is further behind is not counted to the end
MOST_COUNTED = 100_000
_COSIGNATURES_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """``size``: leaves sealed; ``behind``: entries and receipts that are not yet; ``oldest``: since when."""

    size: int
    sealed_at: datetime | None
    behind: int
    oldest: datetime | None
    troubles: list[LogTrouble]

    @property
    def rewritten(self) -> list[LogTrouble]:
        """Of this log and of logs that this hub watches."""
        return [one for one in self.troubles if one.kind == "rewritten"]

    def seconds_behind(self, now: datetime) -> float:
        return 0.0 if self.oldest is None else max(0.0, (now - self.oldest).total_seconds())


def progress(transaction: Transaction) -> Progress:
    """How far the log is sealed, and what is wrong with it."""
    head = transaction.execute(select(log_head)).one_or_none()
    after = (0, 0, 0, 0) if head is None else (head.entry_tx, head.entry_seq, head.receipt_tx, head.receipt_seq)
    waiting = [_unsealed(transaction, audit_entry, *after[:2]), _unsealed(transaction, receipt, *after[2:])]
    return Progress(
        0 if head is None else head.size,
        None if head is None else head.sealed_at,
        sum(count for count, _ in waiting),
        min((oldest for _, oldest in waiting if oldest is not None), default=None),
        log_troubles.every(transaction),
    )


def _unsealed(transaction: Transaction, table: Table, tx: int, seq: int) -> tuple[int, datetime | None]:
    """How many rows come after that one, up to ``MOST_COUNTED``, and the time of the first."""
    column = table.c
    later = select(column.at).where(tuple_(column.tx, column.seq) > tuple_(tx, seq)).order_by(column.tx, column.seq)
    count = transaction.execute(select(func.count()).select_from(later.limit(MOST_COUNTED).subquery())).scalar_one()
    return count, transaction.execute(later.limit(1)).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Seen:
    """The last that an outside party signed: a witness by its name, an authority by its address."""

    name: str
    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LogState:
    """All that the page shows. ``stamp_pending_since``: of the oldest sealed leaf without a time stamp."""

    origin: str
    progress: Progress
    checkpoint: str
    keys: list[str]
    witnesses: list[Seen]
    stamps: list[Seen]
    stamp_pending_since: datetime | None
    watched_number: int
    round_at: datetime | None


def read(transaction: Transaction) -> LogState:
    """The log as it stands; without a name before it was first sealed."""
    origin = transaction.execute(select(log_head.c.origin)).scalar_one_or_none() or ""
    now = progress(transaction)
    newest = transparency.newest(transaction)
    stamps = [Seen(one.authority, one.size, one.stamped_at) for one in timestamps.latest(transaction)]
    watch = transaction.execute(select(log_watch.c.number, log_watch.c.round_at)).one_or_none()
    return LogState(
        origin,
        now,
        "" if newest is None else log_proofs.cosigned(transaction, newest),
        log_proofs.verifier_keys(transaction, origin) if origin else [],
        _witnesses(transaction),
        stamps,
        timestamps.bounds(transaction, max((one.size for one in stamps), default=0)).pending_since,
        0 if watch is None else watch.number,
        None if watch is None else watch.round_at,
    )


def _witnesses(transaction: Transaction) -> list[Seen]:
    """Each witness with the largest tree that it cosigned lately, by name."""
    column = log_cosignature.c
    wanted = select(column.witness, column.size, column.at).order_by(column.size.desc(), column.at.desc())
    found: dict[str, Seen] = {}
    for row in transaction.execute(wanted.limit(_COSIGNATURES_LOOKED_AT)):
        found.setdefault(row.witness, Seen(VerifierKey.parse(row.witness).name, row.size, row.at))
    return sorted(found.values(), key=lambda one: one.name)
