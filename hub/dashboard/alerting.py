"""Alerts and incidents in the reader's words: how bad, who was told, and what may be done about an incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.alerts import wording
from hub.alerts.kinds import KINDS
from hub.alerts.wording import Spoken
from hub.dashboard.access import Right, Visitor
from hub.dashboard.wording import Tag
from hub.language import current, gettext, mark
from hub.ledger import Transaction, agencies, systems
from hub.ledger.agencies import HeldCertificate
from hub.ledger.alert_notices import Notice
from hub.ledger.alerts import AlertRecord
from hub.ledger.incidents import CATEGORIES, Incident
from hub.problems import Refused, explain
from hub.registry.model import System

# state, or how bad an open one is: shape, word, tone
_ALERTS: dict[str, tuple[str, str, str]] = {
    "bad": ("refusals", mark("Act now"), "bad"),
    "warn": ("hourglass", mark("Look into it"), "warn"),
    "acknowledged": ("check", mark("Acknowledged"), "muted"),
    "ended": ("check", mark("Over"), "ok"),
}
_INCIDENTS: dict[str, tuple[str, str, str]] = {
    "open": ("refusals", mark("Open"), "bad"),
    "closed": ("check", mark("Closed"), "muted"),
}
_NOTICES: dict[str, str] = {
    "waiting": mark("about to be told"),
    "failing": mark("could not be told so far: %(reason)s"),
    "sent": mark("told"),
    "given-up": mark("could not be told, and the hub has given up: %(reason)s"),
    "dropped": mark("need not be told any more"),
}


# what a person mends on the page itself
MENDABLE = frozenset(
    {
        "reason-missing",
        "request-invalid",
        "registry-unknown",
        "registry-conflict",
        "incidents-waiting",
        "incident-closed",
    }
)


@dataclass(frozen=True, slots=True)
class Teller:
    """What became of the newest notice to one addressee. ``at``: when it was sent, or will be tried again."""

    addressee: str
    words: str
    at: datetime | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """An alert as its page shows it. ``times``: how often it happened; 1 for what lasts."""

    record: AlertRecord
    said: Spoken
    tag: Tag
    told: Sequence[Teller]
    times: int


def line(record: AlertRecord, notices: Sequence[Notice]) -> Line:
    """``notices``: the newest first."""
    state = record.state if record.state != "open" else ("bad" if record.rank == 0 else "warn")
    shape, word, tone = _ALERTS[state]
    newest: dict[str, Notice] = {}
    for one in notices:
        newest.setdefault(one.addressee, one)
    told = [_teller(one) for one in newest.values()]
    kind = KINDS.get(record.kind)
    times = record.count if kind is not None and kind.momentary else 1
    return Line(record, wording.spoken(record, current.get()), Tag(shape, gettext(word), tone), told, times)


def _teller(one: Notice) -> Teller:
    failed = one.state == "given-up" or (one.state == "waiting" and bool(one.error))
    state = "failing" if one.state == "waiting" and one.error else one.state
    words = gettext(_NOTICES[state])
    return Teller(
        one.addressee.partition(":")[2],
        words % {"reason": one.error} if "%(" in words else words,
        one.closed_at or (one.next_at if one.error else None),
        failed,
    )


def incident_tag(one: Incident) -> Tag:
    shape, word, tone = _INCIDENTS[one.state]
    return Tag(shape, gettext(word), tone)


def categories() -> list[tuple[str, str]]:
    """Names and words, for a form."""
    return [(name, wording.category(name)) for name in CATEGORIES]


@dataclass(frozen=True, slots=True)
class Reach:
    """What an operator can shut out because of an incident, and what has been shut out since it was reported."""

    system: System | None
    certificates: Sequence[HeldCertificate]
    shut: Sequence[HeldCertificate]


def reach(transaction: Transaction, one: Incident) -> Reach:
    known = agencies.find(transaction, [one.agency_code])[one.agency_code]
    held = agencies.certificates(transaction, one.agency_code)
    return Reach(
        systems.by_id(transaction, known.system_id),
        [cert for cert in held if cert.withdrawn_at is None],
        [cert for cert in held if cert.withdrawn_at is not None and cert.withdrawn_at >= one.reported_at],
    )


def scope_of(visitor: Visitor) -> str | None:
    """The agency whose incidents a person sees; None: all. Raises ``Refused('forbidden')``."""
    if not visitor.may(Right.EXCHANGE) and visitor.own_agency is None:
        raise Refused("forbidden", "a clerk has an agency")
    return visitor.own_agency


def trouble(refusal: Refused | None) -> dict[str, Any]:
    """What a page says above a form that was refused."""
    return {
        "problem": None if refusal is None else explain(refusal.code),
        "problem_detail": "" if refusal is None else refusal.detail,
    }
