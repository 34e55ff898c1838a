"""Replays: one person chooses deliveries to be sent again and says why, another one confirms.

1. A dry run lists the exact deliveries, what became of each, and which are left out and why. Nothing is stored.
2. Asking stores exactly that list. What was shown and what is stored are compared: ``seen``.
3. Confirming looks at every delivery again, sends what may still be sent as deliveries of their own (round + 1), and
   leaves the rest out with the reason; all in one transaction, so that it happens wholly or not at all, and once.
A new delivery names its replay and the one before: the recipient's system can tell it from an accident. The sender gets
a signed notice for each, and every one is in the exchange log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub import clock
from hub.audit import Entry, Event
from hub.envelope.lifecycle import MOVES
from hub.ledger import Transaction, exchange_log, holds, people, receipts, replays, sending_again
from hub.ledger.people import Person
from hub.ledger.replays import Candidate, Choice, Item, ReplayRecord
from hub.problems import Refused
from hub.receipts.deadlines import DeadlinePolicy, Facts
from hub.receipts.signing import Audience, ReceiptSigner, Subject

ACTORS = frozenset({"operator", "administrator"})
LARGEST = 10_000
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """A dry run. ``seen`` names exactly what it shows."""

    choice: Choice
    candidates: tuple[Candidate, ...]
    seen: str

    @property
    def sendable(self) -> tuple[Candidate, ...]:
        return tuple(one for one in self.candidates if not one.skipped)

    @property
    def left_out(self) -> tuple[Candidate, ...]:
        return tuple(one for one in self.candidates if one.skipped)

    @property
    def had(self) -> int:
        """How many of those to be sent the recipient's system took before."""
        return sum(one.has_it for one in self.sendable)


@dataclass(frozen=True, slots=True)
class View:
    """A replay with its deliveries as they stand; ``seen`` names what it shows."""

    record: ReplayRecord
    items: tuple[Item, ...]
    seen: str

    @property
    def sendable(self) -> int:
        return sum(not (one.now.skipped or one.kept) for one in self.items)

    @property
    def changed(self) -> int:
        """How many stand otherwise than when they were chosen, while the replay waits."""
        return sum(one.changed for one in self.items) if self.record.state == "asked" else 0

    @property
    def had(self) -> int:
        return sum(one.now.has_it for one in self.items if not (one.now.skipped or one.kept))


@dataclass(frozen=True, slots=True)
class Done:
    """What a confirmation did. ``again``: it had been done before."""

    replay_id: str
    sent: int
    left_out: int
    again: bool = False


class Replays:
    """Every method works in the caller's transaction; people are named by their logins."""

    def __init__(self, signer: ReceiptSigner, deadlines: DeadlinePolicy) -> None:
        self._signer = signer
        self._deadlines = deadlines

    def plan(self, transaction: Transaction, choice: Choice) -> Plan:
        """The dry run. Raises ``Refused``: ``request-invalid`` (nothing said or no such state), ``replay-too-many``."""
        _check(choice)
        found = replays.candidates(transaction, choice, LARGEST + 1)
        if len(found) > LARGEST:
            raise Refused("replay-too-many", f"more than {LARGEST}")
        return Plan(choice, tuple(found), _fingerprint(found))

    def ask(self, transaction: Transaction, choice: Choice, reason: str, login: str, seen: str = "") -> str:
        """Store what the dry run shows; the identifier of the replay, which waits for a second person.

        Raises ``Refused``: as ``plan``, ``forbidden``, ``reason-missing``, ``replay-empty``, and ``replay-changed``
        when ``seen`` is not what stands now.
        """
        actor = _actor(transaction, login)
        reason = _reason(reason)
        plan = self.plan(transaction, choice)
        if seen and seen != plan.seen:
            raise Refused("replay-changed")
        if not plan.sendable:
            raise Refused("replay-empty", f"{len(plan.left_out)} left out")
        at = clock.now()
        record = ReplayRecord(clock.new_id(), reason, choice, actor.login, at, None, None, "asked")
        replays.add(transaction, record, plan.candidates)
        detail = {"replay": record.id, "reason": reason, "chosen": len(plan.sendable), "filter": choice.json()}
        _log(transaction, Event.REPLAY_ASKED, actor, at, detail)
        return record.id

    def view(self, transaction: Transaction, replay_id: str) -> View:
        """A replay as it stands. Raises ``Refused('not-found')``."""
        return _view(transaction, _found(replays.find(transaction, replay_id), replay_id))

    def confirm(self, transaction: Transaction, replay_id: str, login: str, seen: str = "") -> Done:
        """Send again what may be sent; confirming twice is one execution.

        Raises ``Refused``: ``not-found``, ``forbidden``, ``replay-second-person`` (the one who asked),
        ``replay-decided`` (declined), ``replay-changed`` (``seen`` is not what stands now), ``replay-empty``.
        """
        actor = _actor(transaction, login)
        holds.wait_for_turn(transaction)  # what is sent again must not be purged meanwhile
        record = _found(replays.find(transaction, replay_id, lock=True), replay_id)
        if record.asked_by == actor.login:
            raise Refused("replay-second-person", record.asked_by)
        if record.state == "declined":
            raise Refused("replay-decided", record.state)
        view = _view(transaction, record, lock=record.state == "asked")
        if record.state == "confirmed":
            sent = sum(one.new_delivery_id is not None for one in view.items)
            return Done(record.id, sent, len(view.items) - sent, again=True)
        if seen and seen != view.seen:
            raise Refused("replay-changed")
        return self._carry_out(transaction, view, actor, clock.now())

    def decline(self, transaction: Transaction, replay_id: str, login: str) -> None:
        """Send nothing; whoever asked may take it back too. Raises ``Refused``: as ``confirm``."""
        actor, at = _actor(transaction, login), clock.now()
        record = _found(replays.find(transaction, replay_id, lock=True), replay_id)
        if record.state == "confirmed":
            raise Refused("replay-decided", record.state)
        if record.state == "asked":
            replays.decide(transaction, record.id, "declined", actor.login, at)
            detail = {"replay": record.id, "decision": "declined", "reason": record.reason}
            _log(transaction, Event.REPLAY_DECIDED, actor, at, detail)

    def _carry_out(self, transaction: Transaction, view: View, actor: Person, at: datetime) -> Done:
        record = view.record
        chosen = [one.now for one in view.items if not (one.kept or one.now.skipped)]
        if not chosen:
            raise Refused("replay-empty", f"{len(view.items)} left out")
        for why in {one.now.skipped for one in view.items if not one.kept} - {""}:
            late = [one.now.id for one in view.items if one.now.skipped == why and not one.kept]
            sending_again.leave_out(transaction, record.id, late, why)
        rows = [self._delivery(one, record.id, at) for one in chosen]
        sending_again.send_again(
            transaction, record.id, rows, [_publication(row, one) for row, one in zip(rows, chosen, strict=True)]
        )
        made = [(row["id"], one) for row, one in zip(rows, chosen, strict=True)]
        notices = [self._notice(identifier, one, record, at) for identifier, one in made]
        receipts.add(transaction, notices)
        exchange_log.append(transaction, [_entry(identifier, one, record, actor, at) for identifier, one in made])
        replays.decide(transaction, record.id, "confirmed", actor.login, at)
        done = Done(record.id, len(chosen), len(view.items) - len(chosen))
        detail = {"replay": record.id, "decision": "confirmed", "reason": record.reason}
        _log(transaction, Event.REPLAY_DECIDED, actor, at, detail | {"sent": done.sent, "left_out": done.left_out})
        return done

    def _delivery(self, one: Candidate, replay_id: str, at: datetime) -> dict[str, Any]:
        """The new delivery: the letter's urgency, its deadlines counted from now; what the office said stands."""
        facts = Facts(one.priority, one.business_type, one.document_type, one.due_on)
        due = self._deadlines.of(facts, at)
        in_time = due.process_by is not None and due.process_by > at
        return {
            "id": clock.new_id(),
            "envelope_id": one.envelope_id,
            "recipient_code": one.recipient_code,
            "system_id": one.system_id,
            "state": "pending",
            "priority": one.priority,
            "since": clock.rfc3339(at),
            "expires_at": clock.rfc3339(due.expires_at),
            "confirm_by": clock.rfc3339(due.confirm_by),
            "process_by": clock.rfc3339(due.process_by) if due.process_by is not None and in_time else None,
            "chase_at": clock.rfc3339(due.chase_at),
            "round": one.round + 1,
            "replay_id": replay_id,
            "status_code": one.status_code,
            "status_description": one.status_description,
            "status_at": None if one.status_at is None else clock.rfc3339(one.status_at),
        }

    def _notice(self, identifier: str, one: Candidate, record: ReplayRecord, at: datetime) -> dict[str, Any]:
        subject = Subject(one.envelope_id, one.document_id, one.sender_code, one.sha256, identifier, one.recipient_code)
        audience = Audience(one.sender_system_id, one.sender_code)
        more = {"replay": record.id, "round": one.round + 1, "previous": one.id}
        return self._signer.notice("delivery.replayed", subject, audience, at, record.reason, **more).row


def _check(choice: Choice) -> None:
    if not choice.json():
        raise Refused("request-invalid", "say which deliveries: a filter or their identifiers", "filter")
    if choice.state and choice.state not in MOVES:
        raise Refused("request-invalid", f"states are {', '.join(MOVES)}", "state")


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason:
        raise Refused("reason-missing", "", "reason")
    if len(reason) > LONGEST_REASON:
        raise Refused("request-invalid", f"the reason has at most {LONGEST_REASON} characters", "reason")
    return reason


def _actor(transaction: Transaction, login: str) -> Person:
    """The person, as the registry knows them now. Raises ``Refused('forbidden')``."""
    found = people.find_by_login(transaction, login)
    if found is None or not found[0].active or not found[0].roles & ACTORS:
        raise Refused("forbidden", "replays are for operators and administrators")
    return found[0]


def _found(record: ReplayRecord | None, replay_id: str) -> ReplayRecord:
    if record is None:
        raise Refused("not-found", replay_id)
    return record


def _view(transaction: Transaction, record: ReplayRecord, *, lock: bool = False) -> View:
    found = replays.items(transaction, record.id, lock=lock)
    return View(record, tuple(found), _fingerprint(one.now for one in found))


def _fingerprint(candidates: Iterable[Candidate]) -> str:
    lines = (f"{one.id} {one.state} {one.status_code or '-'} {one.skipped or '-'}\n" for one in candidates)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _publication(row: dict[str, Any], one: Candidate) -> dict[str, Any]:
    shared = ("envelope_id", "system_id", "recipient_code", "priority")
    made = {name: row[name] for name in shared}
    return {"delivery_id": row["id"], "document_id": one.document_id, "traceparent": one.traceparent, **made}


def _entry(identifier: str, one: Candidate, record: ReplayRecord, actor: Person, at: datetime) -> Entry:
    return Entry(
        Event.DELIVERY_REPLAYED,
        at,
        actor=f"person:{actor.login}",
        agency_code=one.recipient_code,
        envelope_id=one.envelope_id,
        delivery_id=identifier,
        document_id=one.document_id,
        detail={
            "recipient": one.recipient_code,
            "system": one.system_id,
            "replay": record.id,
            "reason": record.reason,
            "round": one.round + 1,
            "previous": one.id,
        },
    )


def _log(transaction: Transaction, kind: Event, actor: Person, at: datetime, detail: dict[str, Any]) -> None:
    exchange_log.append(transaction, [Entry(kind, at, actor=f"person:{actor.login}", detail=detail)])
