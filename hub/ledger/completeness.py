"""All letters from A to B in a time, with the stretch of the log that proves the list complete (``hub.audit``)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_

from hub.clock import rfc3339
from hub.ledger import log_export
from hub.ledger.engine import Transaction
from hub.ledger.log_export import Written
from hub.ledger.log_tables import log_leaf
from hub.ledger.tables import audit_entry, delivery
from hub.problems import Refused

MARGIN = timedelta(hours=1)
LONGEST = timedelta(days=400)
_entry = audit_entry.c


def opening(
    transaction: Transaction, sender: str, recipient: str, since: datetime, until: datetime, margin: timedelta = MARGIN
) -> Written:
    """The first line of the file; ``log_export.lines`` writes it. What is not sealed yet is not in it.

    Raises ``Refused('request-invalid')`` for a time that is too long or before all that is sealed.
    """
    if until - since > LONGEST:
        raise Refused("request-invalid", f"at most {LONGEST.days} days", "until")
    start, end = _stretch(transaction, since - margin, until + margin)
    matches, recipients = _letters(transaction, sender, recipient, since, until, end)
    question = {
        "from": sender,
        "to": recipient,
        "since": rfc3339(since),
        "until": rfc3339(until),
        "margin": int(margin.total_seconds()),
        "matches": matches,
        "recipients": recipients,
    }
    return log_export.opening(transaction, start, end, question=question)


def _stretch(transaction: Transaction, early: datetime, late: datetime) -> tuple[int, int | None]:
    """The leaves from the last sealed entry before that time to the first one behind it; to the end where none is."""
    within = (_entry.at >= early, _entry.at < late)
    first = _sealed(transaction, within, newest=False)
    last = _sealed(transaction, within, newest=True)
    place = tuple_(_entry.tx, _entry.seq)
    before = [_entry.at < early] if first is None else [_entry.at < early, place < tuple_(first[0], first[1])]
    edge = _sealed(transaction, before, newest=True)
    behind = [_entry.at >= late] if last is None else [_entry.at >= late, place > tuple_(last[0], last[1])]
    end = _sealed(transaction, behind, newest=False)
    return 0 if edge is None else edge[2], None if end is None else end[2] + 1


def _sealed(transaction: Transaction, conditions: Any, *, newest: bool) -> tuple[int, int, int] | None:
    """The first or the last entry in commit order that has a leaf: its place and the leaf's number."""
    order = (_entry.tx.desc(), _entry.seq.desc()) if newest else (_entry.tx, _entry.seq)
    joined = select(_entry.tx, _entry.seq, log_leaf.c.number).join(log_leaf, log_leaf.c.id == _entry.id)
    row = transaction.execute(joined.where(*conditions).order_by(*order).limit(1)).one_or_none()
    return None if row is None else (row.tx, row.seq, row.number)


def _letters(
    transaction: Transaction, sender: str, recipient: str, since: datetime, until: datetime, end: int | None
) -> tuple[list[str], dict[str, list[str]]]:
    """Envelopes in the order of their leaves, and all recipients of those whose leaf has no room for them."""
    conditions: list[ColumnElement[bool]] = [
        _entry.kind == "envelope.accepted",
        _entry.agency_code == sender,
        _entry.at >= since,
        _entry.at < until,
    ]
    if end is not None:
        conditions.append(log_leaf.c.number < end)
    joined = select(_entry.envelope_id, _entry.detail).join(log_leaf, log_leaf.c.id == _entry.id)
    matches: list[str] = []
    lists: dict[str, list[str]] = {}
    for envelope_id, detail in transaction.execute(joined.where(*conditions).order_by(log_leaf.c.number)):
        codes = list(detail.get("recipients", []))
        if "recipients" in detail.get("shortened", {}):
            codes = lists[envelope_id] = _all_of(transaction, envelope_id)
        if recipient in codes:
            matches.append(envelope_id)
    return matches, lists


def _all_of(transaction: Transaction, envelope_id: str) -> list[str]:
    """In the order in which the letter names them: deliveries were numbered in it."""
    wanted = select(delivery.c.recipient_code).where(delivery.c.envelope_id == envelope_id, delivery.c.round == 1)
    return list(transaction.execute(wanted.order_by(delivery.c.id)).scalars())
