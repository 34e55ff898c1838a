"""Which envelopes have lost their octets, and which octets are still needed.

Digests, receipts and proofs of such an envelope stay; whoever asks for its octets is told when they went and by whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select

from hub.clock import rfc3339
from hub.ledger.audit_tables import purge, purge_item
from hub.ledger.engine import Transaction
from hub.ledger.tables import envelope, envelope_part
from hub.problems import Refused


@dataclass(frozen=True, slots=True)
class Purged:
    """An envelope without octets: since when, by which purge, who asked and who confirmed it."""

    envelope_id: str
    at: datetime
    purge_id: str
    asked_by: str
    decided_by: str


_GONE = purge_item.alias("gone")


def is_gone(envelope_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an envelope's octets went or are on their way out."""
    return exists().where(_GONE.c.envelope_id == envelope_id, _GONE.c.going_at.is_not(None))


IS_GONE = is_gone(envelope.c.id)


def of_envelopes(transaction: Transaction, envelope_ids: Sequence[str]) -> dict[str, Purged]:
    """Those of the envelopes whose octets went or are on their way out."""
    rows = transaction.execute(
        select(
            purge_item.c.envelope_id,
            func.coalesce(purge_item.c.purged_at, purge_item.c.going_at, type_=purge_item.c.going_at.type),
            purge.c.id,
            purge.c.asked_by,
            purge.c.decided_by,
        )
        .join(purge, purge.c.id == purge_item.c.purge_id)
        .where(purge_item.c.envelope_id.in_(list(envelope_ids)), purge_item.c.going_at.is_not(None))
    )
    return {row[0]: Purged(*row) for row in rows}


def of_envelope(transaction: Transaction, envelope_id: str) -> Purged | None:
    """When and by whom one envelope's octets went, None while they are there."""
    return of_envelopes(transaction, [envelope_id]).get(envelope_id)


def require_octets(transaction: Transaction, envelope_id: str) -> None:
    """Raises ``Refused('content-purged')``, which names when and by which purge, if the octets went."""
    if found := of_envelope(transaction, envelope_id):
        raise Refused("content-purged", f"{rfc3339(found.at)}, purge {found.purge_id}")


def newest_envelope(transaction: Transaction) -> str | None:
    """The identifier of the envelope that was accepted last."""
    found: str | None = transaction.execute(select(func.max(envelope.c.id))).scalar_one()
    return found


def knows(transaction: Transaction, envelope_id: str) -> bool:
    """Whether the envelope stands in this ledger: none is ever deleted."""
    return transaction.execute(select(envelope.c.id).where(envelope.c.id == envelope_id)).first() is not None


def accepted_before(transaction: Transaction, sha256: str) -> bool:
    """Whether an envelope names this digest whose octets went: a repeat of it may come all the same."""
    statement = select(envelope.c.id).where(envelope.c.sha256 == sha256, IS_GONE).limit(1)
    return transaction.execute(statement).scalar_one_or_none() is not None


def needed(transaction: Transaction, digests: Sequence[str]) -> set[str]:
    """Those of the digests that an envelope names whose octets did not go."""
    wanted = list(digests)
    documents = select(envelope.c.sha256).where(envelope.c.sha256.in_(wanted), ~IS_GONE)
    parts = select(envelope_part.c.sha256).where(
        envelope_part.c.sha256.in_(wanted), ~is_gone(envelope_part.c.envelope_id)
    )
    return {str(one) for statement in (documents, parts) for one in transaction.execute(statement.distinct()).scalars()}
