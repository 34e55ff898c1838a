"""What a confirmed replay writes: new deliveries with their outbox rows, and who follows whom."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

from sqlalchemy import TextClause, literal, null, select, text, update

from hub.ledger import bulk
from hub.ledger.delivery_tables import replay_item
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import OUTBOX
from hub.ledger.tables import delivery, outbox

_NEW = [
    "id", "envelope_id", "recipient_code", "system_id", "state", "priority", "since", "expires_at", "confirm_by",
    "process_by", "chase_at", "round", "replay_id", "status_code", "status_description", "status_at",
]  # fmt: skip


@functools.cache
def _sending(dialect: str) -> tuple[TextClause, TextClause]:
    return text(bulk.insert(delivery, dialect, _NEW)), text(bulk.insert(outbox, dialect, OUTBOX))


def send_again(
    transaction: Transaction, replay_id: str, deliveries: list[dict[str, Any]], publications: list[dict[str, Any]]
) -> None:
    """New deliveries with their outbox rows (JSON-ready); those before them, and the items, name the new ones."""
    new_deliveries, new_publications = _sending(transaction.dialect.name)
    transaction.execute(new_deliveries, {"delivery": bulk.dumps(deliveries)})
    transaction.execute(new_publications, {"outbox": bulk.dumps(publications)})
    made = delivery.alias("made")
    sent = select(replay_item.c.delivery_id).where(replay_item.c.replay_id == replay_id, replay_item.c.skipped == "")
    following = (
        select(made.c.id)
        .where(
            made.c.recipient_code == delivery.c.recipient_code,
            made.c.envelope_id == delivery.c.envelope_id,
            made.c.round == delivery.c.round + 1,
            made.c.replay_id == replay_id,
        )
        .scalar_subquery()
    )
    transaction.execute(
        update(delivery).where(delivery.c.id.in_(sent)).values(superseded_by=following, chase_at=null())
    )
    successor = select(delivery.c.superseded_by).where(delivery.c.id == replay_item.c.delivery_id).scalar_subquery()
    transaction.execute(
        update(replay_item)
        .where(replay_item.c.replay_id == replay_id, replay_item.c.skipped == "")
        .values(new_delivery_id=successor)
    )


def leave_out(transaction: Transaction, replay_id: str, delivery_ids: Collection[str], why: str) -> None:
    """These are not sent again after all."""
    if delivery_ids:
        transaction.execute(
            update(replay_item)
            .where(replay_item.c.replay_id == replay_id, replay_item.c.delivery_id.in_(list(delivery_ids)))
            .values(skipped=literal(why))
        )
