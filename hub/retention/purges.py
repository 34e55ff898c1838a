"""Purges: one person has the octets past their time chosen and says why, another one confirms.

1. The plan (a dry run) counts what the policy gives up on a day, by class, and what stays though it is past its time:
   what is held, and what is not closed. Nothing is stored.
2. Asking stores exactly those envelopes. What was shown and what is stored are compared: ``seen``.
3. Confirming lets the role ``sweep`` carry it out (``hub.retention.carrying_out``), which looks at holds and deliveries
   of every envelope once more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hub import clock
from hub.audit import Event
from hub.ledger import Transaction, holds, purges
from hub.ledger.purges import Due, Group, Progress, PurgeRecord
from hub.problems import Refused
from hub.retention.deciding import ASKING, DECIDING, log, person_of, reason_of
from hub.retention.policy import RetentionPolicy

LARGEST = 100_000
# a recipient may still be reading what it settled
QUIET = timedelta(days=1)
# there was nothing to keep before
FIRST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """A dry run. ``day`` is a Vietnamese day; ``seen`` names exactly what it shows."""

    day: date
    policy_class: str
    sender: str
    groups: tuple[Group, ...]
    seen: str

    @property
    def due(self) -> tuple[Group, ...]:
        return tuple(one for one in self.groups if not one.kept)

    @property
    def kept(self) -> tuple[Group, ...]:
        return tuple(one for one in self.groups if one.kept)

    @property
    def envelopes(self) -> int:
        return sum(one.envelopes for one in self.due)

    @property
    def octets(self) -> int:
        return sum(one.octets for one in self.due)


@dataclass(frozen=True, slots=True)
class View:
    """A purge and how far it is."""

    record: PurgeRecord
    progress: Progress


class Purges:
    """Every method works in the caller's transaction; people are named by their logins."""

    def __init__(self, policy: RetentionPolicy) -> None:
        self.policy = policy

    def plan(self, transaction: Transaction, day: date | None = None, policy_class: str = "", sender: str = "") -> Plan:
        """What is past its time when a Vietnamese day begins (None: today), of one class or sender if one is given.

        Raises ``Refused('request-invalid')`` for a day to come, and for a class that the policy does not have.
        """
        wanted, due = self._due(transaction, day, policy_class)
        found = purges.plan(transaction, due, sender, holds.standing(transaction), clock.now() - QUIET)
        return Plan(wanted, policy_class, sender, tuple(found), _fingerprint(found))

    def ask(
        self,
        transaction: Transaction,
        reason: str,
        login: str,
        day: date | None = None,
        policy_class: str = "",
        sender: str = "",
        seen: str = "",
    ) -> str:
        """Store what the plan shows, the oldest 100,000 of it; the purge's identifier. It waits for a second person.

        Raises ``Refused``: as ``plan``, ``forbidden``, ``reason-missing``, ``purge-empty``, and ``purge-changed`` when
        ``seen`` is not what stands now.
        """
        person = person_of(transaction, login, ASKING)
        reason = reason_of(reason)
        holds.wait_for_turn(transaction)
        plan = self.plan(transaction, day, policy_class, sender)
        if seen and seen != plan.seen:
            raise Refused("purge-changed")
        if not plan.envelopes:
            raise Refused("purge-empty")
        at = clock.now()
        _, due = self._due(transaction, plan.day, policy_class)
        record = PurgeRecord(clock.new_id(), "asked", _scope(plan, due), reason, person.login, at)
        purges.add(transaction, record)
        self._choose(transaction, record.id, due, sender, at)
        progress = purges.progress(transaction, record.id)
        detail = {"purge": record.id, "reason": reason, "scope": record.scope}
        sums = {"envelopes": progress.chosen, "octets": progress.octets}
        log(transaction, Event.PURGE_ASKED, person, at, detail | sums)
        return record.id

    def view(self, transaction: Transaction, purge_id: str) -> View:
        """Raises ``Refused('not-found')``."""
        record = _found(purges.find(transaction, purge_id), purge_id)
        return View(record, purges.progress(transaction, purge_id))

    def confirm(self, transaction: Transaction, purge_id: str, login: str) -> View:
        """Let it be carried out; confirming twice is one decision.

        Raises ``Refused``: ``not-found``, ``forbidden``, ``purge-second-person`` (the one who asked),
        ``purge-decided`` (declined).
        """
        person, at = person_of(transaction, login, DECIDING), clock.now()
        record = _found(purges.find(transaction, purge_id, lock=True), purge_id)
        if record.asked_by == person.login:
            raise Refused("purge-second-person", record.asked_by)
        if record.state == "declined":
            raise Refused("purge-decided", record.state)
        if record.state == "asked":
            _decide(transaction, record, "confirmed", login, at)
        return self.view(transaction, purge_id)

    def decline(self, transaction: Transaction, purge_id: str, login: str) -> View:
        """Nothing goes; whoever asked may take it back too. Raises ``Refused``: as ``confirm``."""
        person_of(transaction, login, DECIDING)
        record = _found(purges.find(transaction, purge_id, lock=True), purge_id)
        if record.state in ("confirmed", "done"):
            raise Refused("purge-decided", record.state)
        if record.state == "asked":
            _decide(transaction, record, "declined", login, clock.now())
        return self.view(transaction, purge_id)

    def _due(self, transaction: Transaction, day: date | None, policy_class: str) -> tuple[date, list[Due]]:
        today = clock.now().astimezone(clock.VIETNAM).date()
        wanted = day or today
        if not FIRST <= wanted <= today:
            raise Refused("request-invalid", f"{wanted}: a day from {FIRST} to today", "day")
        if policy_class and policy_class not in {one.name for one in self.policy.classes}:
            raise Refused("request-invalid", f"the policy has no class {policy_class}", "class")
        before = self.policy.latest(wanted)
        found = [] if before is None else self.policy.due(wanted, purges.kinds(transaction, before))
        return wanted, [one for one in found if policy_class in ("", one.name)]

    def _choose(self, transaction: Transaction, purge_id: str, due: list[Due], sender: str, at: datetime) -> None:
        left, standing = LARGEST, holds.standing(transaction)
        for one in due:
            left -= purges.choose(transaction, purge_id, one, sender, standing, at - QUIET, left)


def _scope(plan: Plan, due: list[Due]) -> dict[str, object]:
    """What was asked for, and what the policy said of it then."""
    given = {"class": plan.policy_class, "sender": plan.sender}
    classes = {one.name: clock.rfc3339(one.before) for one in due}
    said: dict[str, object] = {"day": plan.day.isoformat(), "accepted_before": classes}
    return said | {name: value for name, value in given.items() if value}


def _decide(transaction: Transaction, record: PurgeRecord, state: str, login: str, at: datetime) -> None:
    person = person_of(transaction, login, DECIDING)
    purges.decide(transaction, record.id, state, person.login, at)
    progress = purges.progress(transaction, record.id)
    detail = {"purge": record.id, "decision": state, "reason": record.reason, "asked_by": record.asked_by}
    sums = {"envelopes": progress.chosen, "octets": progress.octets}
    log(transaction, Event.PURGE_DECIDED, person, at, detail | sums)


def _found(record: PurgeRecord | None, purge_id: str) -> PurgeRecord:
    if record is None:
        raise Refused("not-found", purge_id)
    return record


def _fingerprint(groups: list[Group]) -> str:
    lines = (f"{one.name} {one.kept or '-'} {one.envelopes} {one.octets}\n" for one in groups)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
