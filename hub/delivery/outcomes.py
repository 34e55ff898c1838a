"""What came of an attempt, written down: one transaction for state, attempt, receipt, breaker and log.

delivered         settled, with a delivery receipt to the sender; a fact even when the claim has run out meanwhile
handed            stays leased until the system settles by itself or the time is up
failed, transient back into the inbox until ``next_at``; the breaker counts failures of the system
failed, permanent a dead letter: its octets are kept, the sender gets a signed non-delivery, an operator an alert
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from hub import clock
from hub.audit import Event
from hub.delivery import retry
from hub.delivery.carrier import Delivered, Failed, Handed, Outcome
from hub.delivery.failures import FAILURES
from hub.ledger import Transaction, carriage, deliveries, receipts
from hub.ledger.carriage import Attempt, Claimed
from hub.ledger.deliveries import DeliveryRecord
from hub.receipts import taking_back
from hub.receipts.non_delivery import LONGEST_DETAIL, give_up, sender_of, subject_of
from hub.receipts.signing import ReceiptSigner
from hub.registry.model import System

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt that has ended. ``expires``: when the hub gives the delivery up."""

    system: System
    claimed: Claimed
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    expires: datetime


def write(transaction: Transaction, signer: ReceiptSigner, tried: Tried) -> None:
    """Commit an outcome. Of a delivery that was closed or put back meanwhile only the attempt is kept."""
    record = carriage.find(transaction, tried.claimed.letter.id)
    assert record is not None, "a claimed delivery is never deleted"
    match tried.outcome:
        case Delivered():
            _delivered(transaction, signer, tried, record, tried.outcome)
        case Handed():
            _handed(transaction, tried, record, tried.outcome)
        case Failed():
            _failed(transaction, signer, tried, record, tried.outcome)


def _delivered(
    transaction: Transaction, signer: ReceiptSigner, tried: Tried, record: DeliveryRecord, outcome: Delivered
) -> None:
    _answers(transaction, tried)
    carriage.record(transaction, [_attempt(tried, "delivered")])
    if record.state != "leased":
        return
    at = tried.ended_at
    how = {"channel": tried.system.channel, **outcome.evidence}
    receipt = signer.delivered(subject_of(record), sender_of(record), at, how)
    deliveries.close(transaction, [record.id], "settled", at)
    receipts.add(transaction, [receipt.row])
    deliveries.log(transaction, Event.DELIVERY_SETTLED, record, at, actor="courier", sha256=record.sha256, how=how)


def _handed(transaction: Transaction, tried: Tried, record: DeliveryRecord, outcome: Handed) -> None:
    _answers(transaction, tried)
    # not beyond its time: who was to take it until then must not keep it from being given up
    until = min(outcome.until, max(tried.expires, tried.ended_at))
    carriage.record(transaction, [_attempt(tried, "handed", next_at=until)])
    # the recipient may have been faster than this: it settled already
    if carriage.keep(transaction, record.id, tried.claimed.letter.lease_id, until):
        how = {"channel": tried.system.channel, **outcome.evidence}
        deliveries.log(transaction, Event.DELIVERY_HANDED, record, tried.ended_at, actor="courier", how=how)


def _failed(
    transaction: Transaction, signer: ReceiptSigner, tried: Tried, record: DeliveryRecord, outcome: Failed
) -> None:
    failure = FAILURES[outcome.code]
    failures = tried.claimed.letter.attempts
    if failure.of == "system":
        _breaker(transaction, tried, outcome)
    else:
        _answers(transaction, tried)
    urgency = tried.claimed.letter.priority
    next_at = retry.next_try(tried.ended_at, failures, urgency, outcome.retry_after, tried.expires)
    # a system that is gone may come back: its documents wait, and are given up when their own time is up
    mine = record.state == "leased" and record.lease_id == tried.claimed.letter.lease_id
    if failure.transient or outcome.disable:
        if next_at is None:
            carriage.record(transaction, [_attempt(tried, "permanent")])
            if mine:
                give_up(transaction, signer, record, "expired", _said(outcome), tried.ended_at)
            return
        carriage.record(transaction, [_attempt(tried, "transient", next_at=next_at)])
        if mine:
            carriage.put_back(transaction, record.id, tried.ended_at, next_at, _said(outcome))
            _log_failure(transaction, tried, record, outcome, next_at)
            taking_back.given_back(transaction, signer, record.id, tried.ended_at)
        return
    carriage.record(transaction, [_attempt(tried, "permanent")])
    if mine:
        give_up(transaction, signer, record, outcome.code, outcome.detail, tried.ended_at)


def _said(outcome: Failed) -> str:
    return f"{outcome.code}: {outcome.detail}"[:LONGEST_DETAIL] if outcome.detail else outcome.code


def _log_failure(
    transaction: Transaction, tried: Tried, record: DeliveryRecord, outcome: Failed, next_at: datetime
) -> None:
    deliveries.log(
        transaction,
        Event.DELIVERY_ATTEMPTED,
        record,
        tried.ended_at,
        actor="courier",
        code=outcome.code,
        channel=tried.system.channel,
        attempt=tried.claimed.letter.attempts,
        reason=_said(outcome),
        next_at=clock.rfc3339(next_at),
    )


def _breaker(transaction: Transaction, tried: Tried, outcome: Failed) -> None:
    """The system did not answer as it should: leave it alone for as long as it asked for, or a growing pause."""
    system, at = tried.system, tried.ended_at
    failures = carriage.failures_of(transaction, system.id) + 1
    until = retry.breaker_until(at, failures, outcome.retry_after)
    carriage.note_failure(transaction, system.id, failures, until, outcome.code, outcome.detail[:LONGEST_DETAIL], at)
    if failures == retry.BREAKER_FAILURES:
        carriage.log_system(transaction, Event.CIRCUIT_OPENED, system.id, outcome.code, at, reason=_said(outcome))
    if outcome.disable and carriage.disable(transaction, system.id, _said(outcome), at):
        carriage.log_system(transaction, Event.SYSTEM_DISABLED, system.id, outcome.code, at, reason=_said(outcome))
        log.error("system.disabled", system=system.name, reason=_said(outcome))


def _answers(transaction: Transaction, tried: Tried) -> None:
    before = carriage.note_success(transaction, tried.system.id)
    if retry.breaker_opens(before):
        carriage.log_system(transaction, Event.CIRCUIT_CLOSED, tried.system.id, "", tried.ended_at, failures=before)


def _attempt(tried: Tried, outcome: str, next_at: datetime | None = None) -> Attempt:
    said = tried.outcome if isinstance(tried.outcome, Failed) else Failed("")
    return Attempt(
        tried.claimed.letter.id,
        tried.claimed.letter.attempts,
        tried.system.channel,
        tried.started_at,
        tried.ended_at,
        outcome,
        said.code,
        said.detail[:LONGEST_DETAIL],
        next_at,
    )
