"""How the hub itself is: log, alerts, when each role was last at work; and certificates that end soon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, select

from hub.ledger import alerts, log_state, timestamps
from hub.ledger.alert_tables import alert_watch
from hub.ledger.alerts import Open
from hub.ledger.engine import Transaction
from hub.ledger.log_state import Progress
from hub.ledger.tables import agency_certificate, delivery, outbox

# certificates are named at these distances from their end, in days
DISTANCES = (1, 7, 30, 60)
MOST = 1000


@dataclass(frozen=True, slots=True)
class Condition:
    """``unsent_since``: of the oldest message that the relay has not handed to the broker. ``stamped``: authority and
    time of its last stamp. ``swept_at``: when the role sweep last looked for trouble."""

    log: Progress
    alerts: Open
    unsent_since: datetime | None
    stamped: list[tuple[str, datetime]]
    swept_at: datetime | None


def read(transaction: Transaction, now: datetime) -> Condition:
    return Condition(
        log_state.progress(transaction),
        alerts.count_open(transaction),
        _unsent_since(transaction),
        [(one.authority, one.stamped_at) for one in timestamps.latest(transaction)],
        transaction.execute(select(alert_watch.c.looked_at)).scalar_one_or_none(),
    )


def _unsent_since(transaction: Transaction) -> datetime | None:
    first = select(delivery.c.since).join(outbox, outbox.c.delivery_id == delivery.c.id).order_by(outbox.c.seq).limit(1)
    return transaction.execute(first).scalar_one_or_none()


def expiring(transaction: Transaction, now: datetime, agency_code: str | None = None) -> dict[int, int]:
    """How many certificates end in at most so many days, each counted once, at its nearest of ``DISTANCES``.

    Of all agencies or of one; not those whose agency has another that lasts; up to ``MOST``.
    """
    last = now + timedelta(days=DISTANCES[-1])
    other = agency_certificate.alias("other")
    follows = exists().where(
        and_(
            other.c.agency_code == agency_certificate.c.agency_code,
            other.c.withdrawn_at.is_(None),
            other.c.not_after > last,
        )
    )
    ending = select(agency_certificate.c.not_after).where(
        agency_certificate.c.withdrawn_at.is_(None),
        agency_certificate.c.not_after.between(now, last),
        ~follows,
    )
    if agency_code is not None:
        ending = ending.where(agency_certificate.c.agency_code == agency_code)
    found = dict.fromkeys(DISTANCES, 0)
    for end in transaction.execute(ending.limit(MOST)).scalars():
        found[next(days for days in DISTANCES if end <= now + timedelta(days=days))] += 1
    return found
