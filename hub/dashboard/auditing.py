"""What the auditors' pages share: the question in the address, its tags, its files, and the questions that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.requests import Request

from hub import clock
from hub.audit import Entry, Event, sheets
from hub.dashboard import moments, wording
from hub.dashboard.access import Visitor
from hub.dashboard.desk import REFRESH_HEADER, Desk, with_query
from hub.dashboard.events import KINDS, kind_name
from hub.dashboard.forms import text_of
from hub.language import gettext, mark
from hub.ledger import saved_questions
from hub.ledger.questions import Question
from hub.ledger.saved_questions import SavedQuestion, What
from hub.problems import Refused

# name in the address, what people call it; in the order of the form
LABELS = {
    "words": mark("Words"),
    "agency": mark("Agency code"),
    "direction": mark("Direction"),
    "since": mark("From day"),
    "until": mark("To day"),
    "kind": mark("Step"),
    "outcome": mark("Outcome"),
    "from": mark("From (sender's code)"),
    "to": mark("To (recipient's code)"),
    "number": mark("Number"),
    "notation": mark("Notation"),
    "document_type": mark("Document type"),
    "business_type": mark("Kind of message"),
    "document_id": mark("Document id"),
    "envelope": mark("Envelope"),
    "code": mark("Code"),
    "actor": mark("Who (person:login, or a system)"),
}
# the rest is unfolded when one of it is asked for
FIRST = ("words", "agency", "direction", "since", "until", "kind", "outcome")
OUTCOMES = {
    "accepted": mark("Accepted by the hub"),
    "waiting": mark("Not arrived yet"),
    "delivered": mark("Arrived"),
    "declined": mark("Refused by the recipient"),
    "dead": mark("Undeliverable"),
    "withdrawn": mark("Withdrawn"),
    "overdue": mark("Overdue"),
    "refused": mark("Refused by the hub"),
}
DIRECTIONS = {"sent": mark("Sent"), "received": mark("Received"), "either": mark("Sent or received")}
GROUPS = {
    "operator": mark("Alerts"),
    "envelope": mark("Letters"),
    "delivery": mark("Deliveries"),
    "status": mark("Statuses"),
    "policy": mark("Rules"),
    "registry": mark("Registry"),
    "person": mark("People"),
    "retention": mark("Retention"),
    "log": mark("Log"),
}
ADDRESS: dict[What, str] = {"entries": "/log", "messages": "/messages"}


@dataclass(frozen=True, slots=True)
class Tag:
    """One thing that is asked for, and the address of the same page without it."""

    label: str
    value: str
    without: str


def asked_in(request: Request, visitor: Visitor) -> Question:
    """The question in the address; what cannot be understood is left out of it.

    An agency's own people do not ask by steps of the log: those may be of others.
    """
    given = {name: text_of(request, name) for name in LABELS}
    if not visitor.reads_log:
        given |= {"kind": "", "actor": ""}
    kept = {name: value for name, value in given.items() if value and _understood(name, value)}
    try:
        return Question.of(kept)
    except Refused:  # it ends before it begins
        return Question.of(kept | {"until": ""})


def _understood(name: str, value: str) -> bool:
    try:
        Question.of({name: value})
    except Refused:
        return False
    return True


async def record(desk: Desk, request: Request, visitor: Visitor, what: What, asked: Question) -> None:
    """Whoever reads the log leaves a line in it; the page script's own repeats do not."""
    if REFRESH_HEADER not in request.headers:
        detail = {"what": what, "filters": asked.filters()}
        entry = Entry(Event.LOG_QUERIED, clock.now(), actor=owner_of(visitor), detail=detail)
        await desk.ledger.write(desk.context.record, [entry])


def owner_of(visitor: Visitor) -> str:
    return f"person:{visitor.person.login}"


async def values(desk: Desk, visitor: Visitor, what: What, asked: Question, older: str, after: str) -> dict[str, Any]:
    """What the frame of a list needs; ``older`` and ``after`` are cursors."""
    filters, address = asked.filters(), ADDRESS[what]
    kept = await desk.ledger.read(saved_questions.of_owner, owner_of(visitor))
    return {
        "what": what,
        "address": address,
        "filters": dict.fromkeys(LABELS, "") | filters,
        "days": {name: _day_of(name, filters[name]).isoformat() for name in ("since", "until") if name in filters},
        "exact": filters,
        "unfolded": bool(set(filters) - set(FIRST)),
        "tags": [_tag(name, filters, address) for name in LABELS if name in filters],
        "labels": {name: gettext(label) for name, label in LABELS.items()},
        "outcomes": _choices(OUTCOMES),
        "directions": _choices(DIRECTIONS),
        "business_types": [("", gettext("Any")), *((str(n), wording.business_type(n)) for n in range(4))],
        "groups": _choices(GROUPS)[1:],
        "kinds": KINDS,
        "saved": [_saved(one, visitor) for one in kept if visitor.reads_log or one.what == "messages"],
        "files": [
            (one.upper(), with_query("/log/export", filters | {"what": what, "format": one})) for one in sheets.FORMATS
        ],
        "entries_address": with_query("/log", filters) if visitor.reads_log else "",
        "messages_address": with_query("/messages", filters),
        "older": with_query(address, filters | {"after": older}) if older else "",
        "newest": with_query(address, filters) if after else "",
    }


def _choices(words: dict[str, str]) -> list[tuple[str, str]]:
    return [("", gettext("Any")), *((key, gettext(word)) for key, word in words.items())]


def _saved(one: SavedQuestion, visitor: Visitor) -> dict[str, str]:
    return {"id": one.id, "name": one.name, "address": with_query(ADDRESS[one.what], one.filters)}


def _tag(name: str, filters: dict[str, str], address: str) -> Tag:
    rest = {other: value for other, value in filters.items() if other != name}
    return Tag(gettext(LABELS[name]), _worded(name, filters[name]), with_query(address, rest))


def _worded(name: str, value: str) -> str:
    if name in ("since", "until"):
        at = datetime.fromisoformat(value)
        whole = moments.local(at).time() == time()
        return moments.day(_day_of(name, value)) if whole else moments.exact(at)
    words = {"outcome": OUTCOMES, "direction": DIRECTIONS, "kind": GROUPS}.get(name, {})
    if value in words:
        return gettext(words[value])
    if name == "business_type":
        return wording.business_type(int(value))
    return kind_name(value) if name == "kind" and value in KINDS else value


def _day_of(name: str, moment: str) -> date:
    """The day that a field shows. ``until`` is the moment after its last day."""
    at = datetime.fromisoformat(moment)
    return moments.local(at - timedelta(microseconds=name == "until")).date()
