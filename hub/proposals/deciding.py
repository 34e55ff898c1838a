"""Asking and deciding: one person says what and why, another one confirms; each step is an entry of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Transaction, exchange_log, people, proposals
from hub.ledger.people import Person
from hub.ledger.proposals import ProposalRecord
from hub.problems import Refused
from hub.proposals.kinds import KINDS, Effect, Kind

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class View:
    """A proposal and what it would do now. ``effect`` None: it is decided, or cannot be done (``hindrance``)."""

    record: ProposalRecord
    kind: Kind
    effect: Effect | None
    hindrance: Refused | None = None

    @property
    def changed(self) -> bool:
        """What it would do now is not what whoever asked was shown."""
        return self.record.state == "asked" and (self.effect is None or fingerprint(self.effect) != self.record.seen)


class Proposals:
    """Every method works in the caller's transaction; people are named by their logins."""

    def __init__(self, kinds: Mapping[str, Kind] = KINDS) -> None:
        self.kinds = kinds

    def plan(self, transaction: Transaction, kind: str, arguments: Mapping[str, Any]) -> Effect:
        """The dry run. Raises ``Refused``: ``request-invalid`` for an unknown kind, and what the kind raises."""
        return self._kind(kind).effect(transaction, arguments)

    def ask(
        self, transaction: Transaction, kind: str, arguments: Mapping[str, Any], reason: str, login: str
    ) -> ProposalRecord:
        """Propose a change. As long as the hub knows nobody else who could decide, it is carried out (``alone``).

        Raises ``Refused``: ``forbidden``, ``reason-missing``, ``request-invalid``, and what the kind raises.
        """
        known = self._kind(kind)
        person = _person(transaction, login, known.asking)
        record = self._record(transaction, known, arguments, reason, person, "asked")
        if not _others(transaction, person, known.deciding):
            return self._at_once(transaction, known, record, person, "alone")
        proposals.add(transaction, record)
        _log(transaction, Event.PROPOSAL_ASKED, person, record, record.asked_at)
        return record

    def act(
        self, transaction: Transaction, kind: str, arguments: Mapping[str, Any], reason: str, login: str
    ) -> ProposalRecord:
        """Carry out at once what cannot wait; a second person looks at it afterwards. Raises: as ``ask``."""
        known = self._kind(kind)
        if not known.urgent:
            raise Refused("forbidden", f"{kind} waits for a second person")
        person = _person(transaction, login, known.asking)
        record = self._record(transaction, known, arguments, reason, person, "acted")
        return self._at_once(transaction, known, record, person, "acted")

    def view(self, transaction: Transaction, proposal_id: str) -> View:
        """Raises ``Refused('not-found')``."""
        record = _found(transaction, proposal_id)
        kind = self._kind(record.kind)
        if record.state != "asked":
            return View(record, kind, None)
        try:
            return View(record, kind, kind.effect(transaction, record.arguments))
        except Refused as hindrance:
            return View(record, kind, None, hindrance)

    def confirm(self, transaction: Transaction, proposal_id: str, login: str) -> ProposalRecord:
        """Carry it out, or uphold what was carried out at once; confirming twice is one decision.

        Raises ``Refused``: ``not-found``, ``forbidden``, ``proposal-second-person`` (the one who asked),
        ``proposal-decided`` (declined or reverted), ``proposal-changed`` (it would do something else than was shown),
        and what the kind raises.
        """
        record = _found(transaction, proposal_id, lock=True)
        kind = self._kind(record.kind)
        person = _person(transaction, login, kind.deciding)
        if record.asked_by == person.login:
            raise Refused("proposal-second-person", record.asked_by)
        if record.state in ("confirmed", "upheld"):
            return record
        if not record.waits:
            raise Refused("proposal-decided", record.state)
        if record.state == "acted":
            return _decided(transaction, record, "upheld", person)
        if fingerprint(kind.effect(transaction, record.arguments)) != record.seen:
            raise Refused("proposal-changed")
        kind.carry_out(transaction, record.arguments, f"person:{person.login}")
        return _decided(transaction, record, "confirmed", person)

    def decline(self, transaction: Transaction, proposal_id: str, login: str) -> ProposalRecord:
        """Do nothing, or take back what was carried out at once; whoever asked may, too. Raises: as ``confirm``."""
        record = _found(transaction, proposal_id, lock=True)
        kind = self._kind(record.kind)
        mine = record.asked_by == login.strip().lower()
        person = _person(transaction, login, kind.asking if mine else kind.deciding)
        if record.state in ("declined", "reverted"):
            return record
        if not record.waits:
            raise Refused("proposal-decided", record.state)
        if record.state == "acted":
            kind.undo(transaction, record.arguments, f"person:{person.login}")
            return _decided(transaction, record, "reverted", person)
        return _decided(transaction, record, "declined", person)

    def _kind(self, name: str) -> Kind:
        if name not in self.kinds:
            raise Refused("request-invalid", f"{name}: one of {', '.join(sorted(self.kinds))}", "kind")
        return self.kinds[name]

    def _record(
        self,
        transaction: Transaction,
        kind: Kind,
        arguments: Mapping[str, Any],
        reason: str,
        person: Person,
        state: str,
    ) -> ProposalRecord:
        effect = kind.effect(transaction, arguments)
        return ProposalRecord(
            id=clock.new_id(),
            kind=kind.name,
            subject=effect.subject,
            arguments=dict(arguments),
            reason=_reason(reason),
            state=state,
            seen=fingerprint(effect),
            shown=[list(line) for line in effect.lines],
            asked_by=person.login,
            asked_at=clock.now(),
        )

    def _at_once(
        self, transaction: Transaction, kind: Kind, record: ProposalRecord, person: Person, state: str
    ) -> ProposalRecord:
        kept = ProposalRecord(**(_values(record) | {"state": state}))
        proposals.add(transaction, kept)
        _log(transaction, Event.PROPOSAL_ACTED, person, kept, kept.asked_at)
        kind.carry_out(transaction, record.arguments, f"person:{person.login}")
        return kept


def fingerprint(effect: Effect) -> str:
    """Names exactly what was shown."""
    text = "\n".join((effect.subject, *(f"{label}\t{value}" for label, value in effect.lines)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _values(record: ProposalRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _decided(transaction: Transaction, record: ProposalRecord, state: str, person: Person) -> ProposalRecord:
    at = clock.now()
    proposals.decide(transaction, record.id, state, person.login, at)
    decided = ProposalRecord(**(_values(record) | {"state": state, "decided_by": person.login, "decided_at": at}))
    _log(transaction, Event.PROPOSAL_DECIDED, person, decided, at)
    return decided


def _log(transaction: Transaction, kind: Event, person: Person, record: ProposalRecord, at: datetime) -> None:
    detail = {
        "proposal": record.id,
        "kind": record.kind,
        "subject": record.subject,
        "reason": record.reason,
        "state": record.state,
        "asked_by": record.asked_by,
    }
    exchange_log.append(transaction, [Entry(kind, at, actor=f"person:{person.login}", detail=detail)])


def _person(transaction: Transaction, login: str, roles: frozenset[str]) -> Person:
    """The person, as the registry knows them now. Raises ``Refused('forbidden')``."""
    found = people.find_by_login(transaction, login)
    if found is None or not found[0].active or not found[0].roles & roles:
        raise Refused("forbidden", f"this is for {', '.join(sorted(roles))}")
    return found[0]


def _others(transaction: Transaction, person: Person, roles: frozenset[str]) -> bool:
    """Whether anybody else could decide."""
    found = people.with_roles(transaction, sorted(roles))
    return any(one.active and one.id != person.id for one in found)


def _found(transaction: Transaction, proposal_id: str, *, lock: bool = False) -> ProposalRecord:
    record = proposals.find(transaction, proposal_id, lock=lock)
    if record is None:
        raise Refused("not-found", proposal_id)
    return record


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason:
        raise Refused("reason-missing", "", "reason")
    if len(reason) > LONGEST_REASON:
        raise Refused("request-invalid", f"the reason has at most {LONGEST_REASON} characters", "reason")
    return reason
