"""Witnesses in the ledger: what this hub cosigned for other logs, and what others cosigned of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, exists, func, insert, or_, select, text, update

from hub import clock
from hub.audit import merkle
from hub.audit.note import Checkpoint
from hub.audit.witness import MOST_EVIDENCE, NOTHING, Evidence, Judged, Offer, Seen, judge
from hub.audit.witnessing import Signed
from hub.ledger import log_troubles, transparency
from hub.ledger.columns import Instant
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.log_tables import log_cosignature, log_trouble, witness_evidence, witnessed_log

_FIRST = text(
    "INSERT INTO witnessed_log (origin, size, root, note, at) VALUES (:origin, 0, :root, '', :at)"
    " ON CONFLICT DO NOTHING"
).bindparams(bindparam("at", type_=Instant()))
_COSIGNATURE = text(
    "INSERT INTO log_cosignature (size, witness, line, at) VALUES (:size, :witness, :line, :at)"
    " ON CONFLICT (size, witness) DO NOTHING"
).bindparams(bindparam("at", type_=Instant()))
_SEEN = select(witnessed_log.c.size, witnessed_log.c.root, witnessed_log.c.note)


def last_seen(transaction: Transaction, origin: str) -> Seen:
    """The checkpoint of a log that this hub cosigned last."""
    row = transaction.execute(_SEEN.where(witnessed_log.c.origin == origin)).one_or_none()
    return NOTHING if row is None else Seen(*row)


def advance(transaction: Transaction, offer: Offer) -> Judged:
    """See ``Memory.advance``. The row is locked from reading to commit."""
    origin = offer.checkpoint.origin
    transaction.execute(_FIRST, {"origin": origin, "root": merkle.EMPTY, "at": clock.now()})
    row = transaction.execute(_SEEN.where(witnessed_log.c.origin == origin).with_for_update()).one()
    at = clock.now()
    judged = Judged(judge(last := Seen(*row), offer), last, at)
    if judged.kind == "accepted":
        new = {"size": offer.seen.size, "root": offer.seen.root, "note": offer.note, "at": at}
        transaction.execute(update(witnessed_log).where(witnessed_log.c.origin == origin).values(new))
        _relieve(transaction, offer.checkpoint)
    return judged


def _relieve(transaction: Transaction, accepted: Checkpoint) -> None:
    """``answered``, in SQL."""
    column = witness_evidence.c
    stands = or_(
        column.kind == "forked",
        column.size > accepted.size,
        and_(column.size == accepted.size, column.root != accepted.root),
    )
    if not transaction.execute(select(exists().where(column.origin == accepted.origin, stands))).scalar_one():
        log_troubles.clear(transaction, "rewritten", accepted.origin)


def accuse(transaction: Transaction, evidence: Evidence) -> None:
    """See ``Memory.accuse``; the trouble is there for all to see."""
    _keep(transaction, evidence)
    if evidence.kind == "forked":
        detail = f"it signed two trees of {evidence.size} leaves"
    else:
        detail = f"nothing proves that its {evidence.size} leaves continue those that were cosigned"
    log_troubles.note(transaction, "rewritten", evidence.origin, detail, evidence.at)


def _keep(transaction: Transaction, evidence: Evidence) -> None:
    table, column = witness_evidence, witness_evidence.c
    alike = and_(column.origin == evidence.origin, column.kind == evidence.kind)
    same = and_(alike, column.size == evidence.size, column.root == evidence.root)
    if transaction.execute(select(exists().where(same))).scalar_one():
        return
    if transaction.execute(select(func.count()).select_from(table).where(alike)).scalar_one() >= MOST_EVIDENCE:
        if evidence.kind == "forked":
            return
        oldest = select(func.min(column.at)).where(alike).scalar_subquery()
        transaction.execute(delete(table).where(alike, column.at == oldest))
    values = {
        "origin": evidence.origin,
        "kind": evidence.kind,
        "size": evidence.size,
        "root": evidence.root,
        "earlier": evidence.earlier,
        "later": evidence.later,
        "proof": [one.hex() for one in evidence.proof],
        "at": evidence.at,
    }
    transaction.execute(insert(table).values(values))


def evidence_of(transaction: Transaction, origin: str) -> list[Evidence]:
    """What speaks against a log, the oldest first."""
    column = witness_evidence.c
    rows = transaction.execute(select(witness_evidence).where(column.origin == origin).order_by(column.at))
    return [
        Evidence(
            row.kind,
            row.origin,
            row.size,
            row.root,
            row.earlier,
            row.later,
            tuple(map(bytes.fromhex, row.proof)),
            row.at,
        )
        for row in rows
    ]


class LedgerMemory:
    """``Memory`` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def advance(self, offer: Offer) -> Judged:
        at = clock.now()
        last = await self.ledger.read(last_seen, offer.checkpoint.origin)
        kind = judge(last, offer)
        if kind == "conflict" or (kind == "accepted" and offer.checkpoint.size == last.size):
            # nothing would change: whatever strangers repeat costs no lock and no write
            return Judged(kind, last, at)
        return await self.ledger.write(advance, offer)

    async def accuse(self, evidence: Evidence) -> None:
        await self.ledger.write(accuse, evidence)


def cosigned(transaction: Transaction, witness: str) -> int:
    """See ``CosignatureStore.cosigned``."""
    newest = select(func.max(log_cosignature.c.size)).where(log_cosignature.c.witness == witness)
    return transaction.execute(newest).scalar_one() or 0


def _proof(transaction: Transaction, old: int, size: int) -> list[bytes]:
    return merkle.consistency_proof(old, size, transparency.Tree(transaction, size))


def keep(transaction: Transaction, size: int, witness: str, signature: str, at: datetime) -> None:
    """See ``CosignatureStore.keep``."""
    transaction.execute(_COSIGNATURE, {"size": size, "witness": witness, "line": signature, "at": at})
    log_troubles.clear(transaction, "witness", witness)


def only(transaction: Transaction, witnesses: Sequence[str], logs: Sequence[str]) -> None:
    """See ``CosignatureStore.only``. What this hub is told of its own log stays, whatever is set."""
    column = log_trouble.c
    former = and_(column.kind == "witness", column.subject.not_in(witnesses))
    unwatched = and_(column.kind == "rewritten", column.subject != "", column.subject.not_in(logs))
    transaction.execute(delete(log_trouble).where(or_(former, unwatched)))


class LedgerCosignatures:
    """``CosignatureStore`` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def newest(self) -> Signed | None:
        found = await self._ledger.read(transparency.newest)
        return None if found is None else Signed(found.size, found.note)

    async def cosigned(self, witness: str) -> int:
        return await self._ledger.read(cosigned, witness)

    async def proof(self, old: int, size: int) -> Sequence[bytes]:
        return await self._ledger.read(_proof, old, size)

    async def keep(self, size: int, witness: str, signature: str) -> None:
        await self._ledger.write(keep, size, witness, signature, clock.now())

    async def rewritten(self, detail: str) -> None:
        await self._ledger.write(log_troubles.note, "rewritten", "", detail, clock.now())

    async def silent(self, witness: str, detail: str) -> None:
        await self._ledger.write(log_troubles.note, "witness", witness, detail, clock.now())

    async def only(self, witnesses: Sequence[str], logs: Sequence[str]) -> None:
        await self._ledger.write(only, witnesses, logs)
