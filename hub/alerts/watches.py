"""Watches: pure functions from what is seen to the alerts that are wanted. Each is in charge of its kinds.

An alert of these kinds that no watch wants any more is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from hub import clock
from hub.ledger.alarm_readings import Disabled, Pile, State

# within so long a moment's delay is no trouble
PATIENCE = timedelta(minutes=2)
UNSEALED = timedelta(minutes=5)
CERTIFICATE_DAYS = (60, 30, 7, 1)
EXPIRED_STEP = len(CERTIFICATE_DAYS) + 1
FULL, VERY_FULL = 0.10, 0.03


@dataclass(frozen=True, slots=True)
class Limits:
    """From how many letters, and from which age on, what waits for a system is too much."""

    backlog: int = 1000
    waiting: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Probes:
    """What was asked from outside the ledger: empty text is well, else the reason. ``None``: there is none to ask.

    ``free`` and ``size`` of the payload store's disk, in octets.
    """

    broker: str | None = None
    scanner: str | None = None
    free: int = 1
    size: int = 1


@dataclass(frozen=True, slots=True)
class Look:
    now: datetime
    state: State = field(default_factory=State)
    probes: Probes = field(default_factory=Probes)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An alert that stands as long as it is wanted. ``step``: how far the trouble has gone; a higher one is told anew.

    ``since`` None: from now on.
    """

    kind: str
    subject: str
    detail: Mapping[str, Any]
    since: datetime | None = None
    count: int = 1
    step: int = 0


def incidents(look: Look) -> Iterator[Wanted]:
    for one in look.state.incidents:
        detail = {
            "incident": one.id,
            "agency": one.agency_code,
            "name": one.agency_name,
            "category": one.category,
        }
        yield Wanted("incident", one.id, detail, one.reported_at)


def dead_letters(look: Look) -> Iterator[Wanted]:
    for one in look.state.dead:
        yield Wanted("dead-letter", one.system_id, _pile(one), one.oldest, one.count)


def backlogs(look: Look) -> Iterator[Wanted]:
    for one in look.state.waiting:
        if one.count > look.limits.backlog or look.now - one.oldest > look.limits.waiting:
            yield Wanted("backlog", one.system_id, _pile(one), None, one.count)


def disabled(look: Look) -> Iterator[Wanted]:
    for one in look.state.disabled:
        yield Wanted("disabled", one.system_id, _disabled(one), one.since)


def certificates(look: Look) -> Iterator[Wanted]:
    """Sixty, thirty, seven days and one day before the end, and from the end on."""
    for one in look.state.certificates:
        left = one.not_after - look.now
        step = EXPIRED_STEP if left <= timedelta() else sum(left <= timedelta(days=day) for day in CERTIFICATE_DAYS)
        if step:
            detail = {
                "agency": one.agency_code,
                "agency_path": quote(one.agency_code, safe=""),
                "name": one.agency,
                "ends_on": clock.rfc3339(one.not_after),
                "certificate": one.sha256,
            }
            yield Wanted("certificate", one.agency_code, detail, step=step)


def log_troubles(look: Look) -> Iterator[Wanted]:
    log = look.state.log
    if log is None:
        return
    for one in log.troubles:
        kind = "log-rewritten" if one.kind == "rewritten" else one.kind
        name = one.subject.partition("+")[0] if one.kind == "witness" else one.subject
        yield Wanted(kind, one.subject, {"log": one.subject, "name": name, "reason": one.detail}, one.since)
    if log.oldest is not None and look.now - log.oldest > UNSEALED:
        yield Wanted("unsealed", "", {"oldest_at": clock.rfc3339(log.oldest)}, log.oldest)


def judging(look: Look) -> Iterator[Wanted]:
    """What keeps submissions from being judged, while it does, and lists that are out of date."""
    reason = look.probes.scanner
    for one in look.state.deferrals:
        detail = {"count": one.count, "code": one.code}
        if one.code == "malware-scan-unavailable":
            reason = reason or one.code
        elif one.code == "revocation-unavailable":
            yield Wanted("revocation", "", detail, count=one.count)
        else:
            yield Wanted("deferred", one.code, detail, count=one.count)
    if reason:
        yield Wanted("scanner", "", {"reason": reason})
    for stale in look.state.stale_lists:
        detail = {"issuer": stale.issuer, "oldest_at": clock.rfc3339(stale.next_update)}
        yield Wanted("stale-list", stale.issuer, detail, stale.next_update)


def ways(look: Look) -> Iterator[Wanted]:
    """The broker, and the roles that pass letters on."""
    if look.probes.broker:
        yield Wanted("broker", "", {"reason": look.probes.broker})
        return  # what stands behind it waits for it
    for kind, since in (("relay", look.state.pending), ("courier", look.state.published)):
        if since is not None and look.now - since > PATIENCE:
            yield Wanted(kind, "", {"oldest_at": clock.rfc3339(since)}, since)


def disk(look: Look) -> Iterator[Wanted]:
    share = look.probes.free / max(1, look.probes.size)
    if share < FULL:
        detail = {"percent": int(share * 100), "free": look.probes.free}
        yield Wanted("disk", "", detail, step=2 if share < VERY_FULL else 1)


Watch = Callable[[Look], Iterator[Wanted]]
WATCHES: tuple[tuple[Watch, frozenset[str]], ...] = (
    (incidents, frozenset({"incident"})),
    (dead_letters, frozenset({"dead-letter"})),
    (backlogs, frozenset({"backlog"})),
    (disabled, frozenset({"disabled"})),
    (certificates, frozenset({"certificate"})),
    (log_troubles, frozenset({"log-rewritten", "witness", "timestamp", "unsealed"})),
    (judging, frozenset({"scanner", "revocation", "deferred", "stale-list"})),
    (ways, frozenset({"broker", "relay", "courier"})),
    (disk, frozenset({"disk"})),
)
COVERED = frozenset[str]().union(*(kinds for _watch, kinds in WATCHES))
URGENT = frozenset({"incident"})
"""Kinds that are looked at in every round."""


def wanted(look: Look) -> list[Wanted]:
    """All that is wanted now."""
    return [one for watch, _kinds in WATCHES for one in watch(look)]


def urgent(look: Look) -> list[Wanted]:
    return list(incidents(look))


def _disabled(one: Disabled) -> dict[str, Any]:
    return {"system": one.system, "system_id": quote(one.system_id, safe=""), "reason": one.reason}


def _pile(one: Pile) -> dict[str, Any]:
    return {
        "system": one.system,
        "system_id": quote(one.system_id, safe=""),
        "system_query": quote(one.system, safe=""),
        "count": one.count,
        "oldest_at": clock.rfc3339(one.oldest),
    }
