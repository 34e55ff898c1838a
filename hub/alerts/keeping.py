"""Keeping alerts: one for as long as a trouble lasts, its notices, and what people say to it.

A trouble that comes back within ``REOPENED`` is the same one, and only after that people are told that one is over:
nobody is told of what flickers. Everything happens in the caller's transaction; the turn that it took
(``hub.ledger.alarm_readings``) puts several sweeps in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hub import clock
from hub.alerts.kinds import KINDS
from hub.alerts.watches import Wanted
from hub.audit import Entry, Event
from hub.ledger import Transaction, alert_notices, alerts, exchange_log
from hub.ledger.alarm_readings import Seen
from hub.ledger.alerts import AlertRecord
from hub.problems import Refused

REOPENED = timedelta(minutes=5)
LONGEST_NOTE = 500
_OF_CODE = {
    "attachment-malware": "malware",
    "secret-document": "secret-document",
    "certificate-revoked": "revoked-signer",
}


@dataclass(frozen=True, slots=True)
class Keeper:
    """``addressees``: who is told of every alert (``mail:…``, ``webhook:…``)."""

    addressees: Sequence[str] = ()

    def keep(self, transaction: Transaction, wanted: Iterable[Wanted], covered: frozenset[str], now: datetime) -> None:
        """Bring the alerts of the kinds that were looked at in line with what is wanted."""
        standing = {(one.kind, one.subject): one for one in alerts.standing(transaction) if one.kind in covered}
        lately = {(one.kind, one.subject): one for one in alerts.ended_since(transaction, now - REOPENED)}
        lasting = []
        for one in wanted:
            key = (one.kind, one.subject)
            known = standing.pop(key, None)
            if known is not None:
                lasting.append(known.id)
                self._renew(transaction, known, one, now)
            elif key in lately:
                self._reopen(transaction, lately[key], one, now)
            else:
                self._raise(transaction, one, now)
        alerts.seen(transaction, lasting, now)
        for over in standing.values():
            self._end(transaction, over, now)

    def note(self, transaction: Transaction, seen: Iterable[Seen], now: datetime) -> None:
        """What happened once: counted as long as nobody has taken note, then anew."""
        standing = {(one.kind, one.subject): one for one in alerts.standing(transaction)}
        for one in seen:
            kind = _OF_CODE.get(one.code)
            if kind is None:
                continue
            subject = one.envelope_id if kind == "revoked-signer" else one.agency_code
            known = standing.get((kind, subject))
            if known is not None:
                standing[kind, subject] = replace(known, count=known.count + 1)
                alerts.change(transaction, known.id, count=known.count + 1, last_at=one.at)
                continue
            detail = {"agency": one.agency_code, "name": one.agency, "envelope": one.envelope_id}
            standing[kind, subject] = self._raise(transaction, Wanted(kind, subject, detail, one.at), now)

    def repeat(self, transaction: Transaction, now: datetime) -> None:
        """Tell once more of what nobody has taken note of."""
        for one in alerts.standing(transaction):
            again = KINDS[one.kind].again if one.kind in KINDS else None
            if one.acknowledged_at is None and one.again_at is not None and one.again_at <= now and again is not None:
                alerts.change(transaction, one.id, again_at=now + again)
                alert_notices.add(transaction, one.id, self.addressees, "again", now)

    def _raise(self, transaction: Transaction, one: Wanted, now: datetime) -> AlertRecord:
        kind = KINDS[one.kind]
        record = AlertRecord(
            id=clock.new_id(),
            kind=one.kind,
            subject=one.subject,
            rank=kind.rank,
            step=one.step,
            detail=dict(one.detail),
            since=one.since or now,
            last_at=now,
            count=one.count,
            again_at=None if kind.again is None else now + kind.again,
        )
        alerts.add(transaction, record)
        alert_notices.add(transaction, record.id, self.addressees, "raised", now)
        _log(transaction, Event.ALERT_RAISED, record, "sweep", now)
        return record

    def _renew(self, transaction: Transaction, known: AlertRecord, one: Wanted, now: datetime) -> None:
        values: dict[str, Any] = {}
        if dict(one.detail) != known.detail:
            values["detail"] = dict(one.detail)
        if one.count != known.count:
            values["count"] = one.count
        if one.step != known.step:
            values["step"] = one.step
        if one.step > known.step:
            # who took note of less has not taken note of this
            values |= {"acknowledged_by": None, "acknowledged_at": None, "note": ""}
            alert_notices.add(transaction, known.id, self.addressees, "worse", now)
            _log(transaction, Event.ALERT_RAISED, known, "sweep", now, step=one.step)
        if values:
            alerts.change(transaction, known.id, **values)

    def _reopen(self, transaction: Transaction, known: AlertRecord, one: Wanted, now: datetime) -> None:
        values = {"detail": dict(one.detail), "count": one.count, "step": one.step, "last_at": now, "ended_at": None}
        alerts.change(transaction, known.id, **values)
        alert_notices.drop(transaction, known.id, ("ended",), now)
        if one.step > known.step:
            alert_notices.add(transaction, known.id, self.addressees, "worse", now)
        _log(transaction, Event.ALERT_RAISED, known, "sweep", now)

    def _end(self, transaction: Transaction, known: AlertRecord, now: datetime) -> None:
        alerts.change(transaction, known.id, ended_at=now)
        alert_notices.drop(transaction, known.id, ("again",), now)
        alert_notices.add(transaction, known.id, self.addressees, "ended", now, now + REOPENED)
        _log(transaction, Event.ALERT_ENDED, known, "sweep", now)


def acknowledge(transaction: Transaction, alert_id: str, login: str, note: str) -> AlertRecord:
    """Take note: it is not sent again, and what happened once is over. Twice is once.

    Raises ``Refused``: ``not-found``, ``request-invalid`` (a note that is too long).
    """
    text = " ".join(note.split())
    if len(text) > LONGEST_NOTE:
        raise Refused("request-invalid", f"a note has at most {LONGEST_NOTE} characters", "note")
    found = alerts.find(transaction, alert_id, lock=True)
    if found is None:
        raise Refused("not-found", alert_id)
    if found.state != "open":
        return found
    now = clock.now()
    values: dict[str, Any] = {"acknowledged_by": login, "acknowledged_at": now, "note": text}
    if found.kind in KINDS and KINDS[found.kind].momentary:
        values["ended_at"] = now
    alerts.change(transaction, alert_id, **values)
    alert_notices.drop(transaction, alert_id, ("again",), now)
    _log(transaction, Event.ALERT_ACKNOWLEDGED, found, f"person:{login}", now, note=text)
    return alerts.of_ids(transaction, [alert_id])[alert_id]


def _log(transaction: Transaction, kind: Event, record: AlertRecord, actor: str, now: datetime, **more: Any) -> None:
    detail = {"alert": record.id, "kind": record.kind, "subject": record.subject, **more}
    agency = record.detail.get("agency", "")
    entry = Entry(kind, now, actor=actor, agency_code=str(agency), code=record.kind, detail=detail)
    exchange_log.append(transaction, [entry])
