"""Legal holds: one person places a hold, and it counts at once; to lift it one proposes and another one agrees."""

from __future__ import annotations

from hub import clock
from hub.audit import Event
from hub.ledger import Transaction, holds
from hub.ledger.holds import Hold, Reach, Scope
from hub.problems import Refused
from hub.retention.deciding import DECIDING, log, person_of, reason_of


def place(transaction: Transaction, scope: Scope, reason: str, login: str) -> tuple[str, Reach]:
    """Place a hold; its identifier and what it reaches now (it also keeps what comes later).

    Raises ``Refused``: ``forbidden``, ``reason-missing``, ``request-invalid`` (nothing said, or days the wrong way).
    """
    person = person_of(transaction, login, DECIDING)
    reason = reason_of(reason)
    if not scope.json():
        raise Refused("request-invalid", "say what to hold: envelope, document, sender, recipient or days", "scope")
    if scope.since is not None and scope.until is not None and scope.since > scope.until:
        raise Refused("request-invalid", "the first day lies after the last", "since")
    holds.wait_for_turn(transaction)
    hold = Hold(clock.new_id(), scope, reason, person.login, clock.now())
    holds.add(transaction, hold)
    reached = holds.reach(transaction, scope)
    detail = {"hold": hold.id, "scope": scope.json(), "reason": reason, "envelopes": reached.envelopes}
    log(transaction, Event.HOLD_PLACED, person, hold.placed_at, detail, envelope_id=scope.envelope)
    return hold.id, reached


def lift(transaction: Transaction, hold_id: str, login: str, reason: str = "") -> Hold:
    """Propose to lift a hold, or lift it as the second person; the hold as it stands then.

    Raises ``Refused``: ``not-found``, ``forbidden``, ``reason-missing`` (of the first), ``hold-second-person`` (the one
    who proposed it), ``hold-lifted`` (it was before).
    """
    person, at = person_of(transaction, login, DECIDING), clock.now()
    hold = _standing(transaction, hold_id)
    if hold.lift_asked_by is None:
        reason = reason_of(reason)
        holds.ask_lift(transaction, hold.id, person.login, at, reason)
        log(transaction, Event.LIFT_ASKED, person, at, {"hold": hold.id, "scope": hold.scope.json(), "reason": reason})
    elif hold.lift_asked_by == person.login:
        raise Refused("hold-second-person", hold.lift_asked_by)
    else:
        holds.lift(transaction, hold.id, person.login, at)
        detail = {"hold": hold.id, "scope": hold.scope.json(), "asked_by": hold.lift_asked_by}
        log(transaction, Event.HOLD_LIFTED, person, at, detail | {"reason": hold.lift_reason})
    return _found(transaction, hold_id)


def keep(transaction: Transaction, hold_id: str, login: str) -> Hold:
    """Leave a hold standing that somebody proposed to lift. Raises ``Refused``: as ``lift``."""
    person, at = person_of(transaction, login, DECIDING), clock.now()
    hold = _standing(transaction, hold_id)
    if hold.lift_asked_by is not None:
        holds.keep(transaction, hold.id)
        detail = {"hold": hold.id, "scope": hold.scope.json(), "asked_by": hold.lift_asked_by}
        log(transaction, Event.LIFT_DECLINED, person, at, detail)
    return _found(transaction, hold_id)


def _standing(transaction: Transaction, hold_id: str) -> Hold:
    holds.wait_for_turn(transaction)
    hold = holds.find(transaction, hold_id, lock=True)
    if hold is None:
        raise Refused("not-found", hold_id)
    if hold.lifted_at is not None:
        raise Refused("hold-lifted", hold_id)
    return hold


def _found(transaction: Transaction, hold_id: str) -> Hold:
    hold = holds.find(transaction, hold_id)
    assert hold is not None, "it was found before in this transaction"
    return hold
