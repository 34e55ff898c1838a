"""What a recipient's side may see: not what was withdrawn before it was shown, nor a scheduled letter before its hour.

The sender and those who run the hub see all.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, or_

from hub import clock
from hub.ledger.columns import Instant
from hub.ledger.tables import delivery

# the moment is read when the statement runs
_NOW: ColumnElement[object] = bindparam("seen_at", callable_=clock.now, type_=Instant(), unique=True)

TO_RECIPIENT: ColumnElement[bool] = and_(
    or_(delivery.c.state != "withdrawn", delivery.c.attempts > 0),
    or_(delivery.c.not_before.is_(None), delivery.c.attempts > 0, delivery.c.not_before <= _NOW),
)
