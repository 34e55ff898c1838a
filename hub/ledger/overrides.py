"""What rules mean for an agency otherwise than the profile says."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import delete, insert, select

from hub.ledger.agencies import raise_revision
from hub.ledger.engine import Transaction
from hub.ledger.tables import rule_override
from hub.registry.model import Override, Severity


def put(transaction: Transaction, override: Override, at: datetime) -> None:
    """Set one; an earlier one for the same agency and rule is replaced."""
    _remove(transaction, override.agency_code, override.rule)
    transaction.execute(
        insert(rule_override).values(
            agency_code=override.agency_code,
            rule=override.rule,
            severity=override.severity,
            until=override.until,
            reason=override.reason,
            added_at=at,
        )
    )
    raise_revision(transaction)


def remove(transaction: Transaction, agency_code: str, rule: str) -> bool:
    """Go back to the profile's severity; false when there was no override."""
    removed = _remove(transaction, agency_code, rule)
    if removed:
        raise_revision(transaction)
    return removed


def _remove(transaction: Transaction, agency_code: str, rule: str) -> bool:
    chosen = (rule_override.c.agency_code == agency_code) & (rule_override.c.rule == rule)
    return bool(transaction.execute(delete(rule_override).where(chosen)).rowcount)


def every(transaction: Transaction, on: date | None = None) -> tuple[Override, ...]:
    """All of them, or those still valid on a day, by agency and rule."""
    table = rule_override.c
    statement = select(table.agency_code, table.rule, table.severity, table.until, table.reason)
    if on is not None:
        statement = statement.where(table.until >= on)
    rows = transaction.execute(statement.order_by(table.agency_code, table.rule))
    return tuple(Override(row.agency_code, row.rule, _severity(row.severity), row.until, row.reason) for row in rows)


def _severity(text: str) -> Severity:
    return "warn" if text == "warn" else "ignore" if text == "ignore" else "refuse"
