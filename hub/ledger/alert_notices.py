"""The outbox of alerts: what is to be sent to whom. Claimed with a deadline, closed once it was taken.

Whoever dies between sending and closing leaves a claim that runs out: the notice is then sent once more, under the same
identifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from hub import clock
from hub.ledger.alert_tables import alert_notice
from hub.ledger.engine import Transaction

LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Notice:
    """``addressee``: ``mail:…`` or ``webhook:…``. ``reason``: raised, worse, again or ended."""

    id: str
    alert_id: str
    addressee: str
    reason: str
    made_at: datetime
    state: str
    attempts: int
    next_at: datetime
    closed_at: datetime | None = None
    error: str = ""


def add(
    transaction: Transaction,
    alert_id: str,
    addressees: Sequence[str],
    reason: str,
    at: datetime,
    not_before: datetime | None = None,
) -> None:
    if addressees:
        rows = [
            {
                "id": clock.new_id(),
                "alert_id": alert_id,
                "addressee": one,
                "reason": reason,
                "made_at": at,
                "next_at": not_before or at,
            }
            for one in addressees
        ]
        transaction.execute(insert(alert_notice), rows)


def claim(transaction: Transaction, at: datetime, until: datetime, limit: int) -> list[Notice]:
    """Those that are due, the oldest first; nobody else gets them until ``until``."""
    free = (
        select(alert_notice.c.id)
        .where(alert_notice.c.state == "waiting", alert_notice.c.next_at <= at)
        .order_by(alert_notice.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = list(transaction.execute(free).scalars())
    if not found:
        return []
    moved = (
        update(alert_notice)
        .where(alert_notice.c.id.in_(found))
        .values(next_at=until, attempts=alert_notice.c.attempts + 1)
        .returning(*alert_notice.c)
    )
    return sorted((_record(row) for row in transaction.execute(moved)), key=lambda one: one.id)


def close(transaction: Transaction, notice_ids: Sequence[str], state: str, at: datetime, error: str = "") -> None:
    """``sent``, ``given-up`` or ``dropped``."""
    waiting = (alert_notice.c.id.in_(list(notice_ids)), alert_notice.c.state == "waiting")
    values = {"state": state, "closed_at": at, "error": error[:LONGEST_ERROR]}
    transaction.execute(update(alert_notice).where(*waiting).values(values))


def put_off(transaction: Transaction, notice_id: str, next_at: datetime, error: str) -> None:
    """It was not taken: again at ``next_at``."""
    values = {"next_at": next_at, "error": error[:LONGEST_ERROR]}
    waiting = (alert_notice.c.id == notice_id, alert_notice.c.state == "waiting")
    transaction.execute(update(alert_notice).where(*waiting).values(values))


def drop(transaction: Transaction, alert_id: str, reasons: Sequence[str], at: datetime) -> None:
    """What has no sense any more is not sent."""
    chosen = (alert_notice.c.alert_id == alert_id, alert_notice.c.reason.in_(list(reasons)))
    waiting = alert_notice.c.state == "waiting"
    transaction.execute(update(alert_notice).where(*chosen, waiting).values(state="dropped", closed_at=at))


def of_alerts(transaction: Transaction, alert_ids: Sequence[str]) -> dict[str, list[Notice]]:
    """Notices by alert, the newest first."""
    rows = transaction.execute(
        select(alert_notice).where(alert_notice.c.alert_id.in_(list(alert_ids))).order_by(alert_notice.c.id.desc())
    )
    found: dict[str, list[Notice]] = {one: [] for one in alert_ids}
    for row in rows:
        found[row.alert_id].append(_record(row))
    return found


def _record(row: Row[Any]) -> Notice:
    return Notice(**row._mapping)
