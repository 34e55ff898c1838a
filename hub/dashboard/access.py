"""Who may open what: every address of the dashboard and the right it takes. One table, enforced before any screen runs.

An address that is not in the table cannot be served: the router refuses to be built with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from hub.ledger.people import Person

EVERYONE = frozenset({"operator", "administrator", "auditor", "reporting", "clerk"})


class Right(Enum):
    """A right and the roles that have it; ``OPEN`` asks for no account."""

    OPEN = "open", frozenset[str]()
    SIGNED_IN = "signed in", EVERYONE
    LETTERS = "letters", frozenset({"operator", "administrator", "auditor", "clerk"})
    # what stands in a letter is for its parties and for auditors, not for those who only run the hub
    CONTENT = "content", frozenset({"auditor", "clerk"})
    EXCHANGE = "exchange", frozenset({"operator", "administrator", "auditor"})
    OPERATION = "operation", frozenset({"operator", "administrator"})
    LOG = "log", frozenset({"operator", "administrator", "auditor"})
    DECISIONS = "decisions", frozenset({"operator", "administrator", "auditor"})
    REGISTRY = "registry", frozenset({"operator", "administrator", "auditor"})
    REGISTRATION = "registration", frozenset({"administrator"})
    SUSPENSION = "suspension", frozenset({"operator", "administrator"})
    RETENTION = "retention", frozenset({"administrator", "auditor"})
    FIGURES = "figures", frozenset({"operator", "administrator", "auditor", "reporting", "clerk"})
    SECURITY_SHEET = "security sheet", frozenset({"operator", "administrator", "auditor", "reporting"})
    INCIDENTS = "incidents", frozenset({"operator", "administrator", "auditor", "clerk"})
    INCIDENT_REPORT = "incident report", frozenset({"operator", "administrator", "clerk"})
    PEOPLE = "people", frozenset({"administrator"})

    def __init__(self, label: str, roles: frozenset[str]) -> None:
        self.label = label
        self.roles = roles


ACCESS: dict[Right, tuple[str, ...]] = {
    Right.OPEN: (
        "GET /login",
        "GET /login/openid",
        "GET /login/openid/back",
        "POST /login",
        # a half session, known to these alone
        "GET /login/code",
        "POST /login/code",
        "GET /login/factor",
        "POST /login/factor",
        # the link is the right
        "GET /welcome/{token}",
        "POST /welcome/{token}",
        "POST /logout",
        "POST /preferences",
        "GET /problems",
        "GET /problems/{code}",
        # the link is the right: offices without a system have no account
        "GET /fetch/{token}",
        "POST /fetch/{token}",
    ),
    # who may see no letters is led to what is theirs
    Right.SIGNED_IN: (
        "GET /",
        "GET /live",
        "GET /account",
        "POST /account/password",
        "POST /account/sessions/end",
        "POST /account/sessions/{session_id}/end",
        "GET /account/factor",
        "POST /account/factor",
        "POST /account/factor/confirm",
        "POST /account/factor/remove",
        "POST /account/codes",
    ),
    Right.LETTERS: (
        "GET /envelopes",
        "GET /envelopes/{envelope_id}",
        "GET /envelopes/{envelope_id}/verification",
        "GET /envelopes/{envelope_id}/receipts/{receipt_id}",
        "POST /envelopes/{envelope_id}/evidence",
        "GET /overdue",
        "POST /overdue/chase",
        "GET /overdue/chases",
        "POST /overdue/chases",
        "GET /overdue/chases/new",
        "GET /dead-letters",
        "GET /refusals",
        "GET /check",
        "POST /check",
        "GET /rules",
        "GET /messages",
        "GET /log/export",
        "POST /questions",
        "POST /questions/forget",
    ),
    Right.CONTENT: ("GET /envelopes/{envelope_id}/attachments/{number}/page-one.png",),
    Right.LOG: ("GET /log", "GET /log/proof", "GET /log/proof/{leaf_id}"),
    Right.EXCHANGE: ("GET /replays", "GET /replays/{replay_id}", "GET /alerts"),
    Right.INCIDENTS: (
        "GET /incidents",
        "GET /incidents/{incident_id}",
    ),
    Right.INCIDENT_REPORT: ("GET /incidents/new", "POST /incidents"),
    Right.SUSPENSION: (
        "POST /incidents/{incident_id}/suspend",
        "POST /incidents/{incident_id}/close",
        "POST /agencies/{code}/suspend",
        "POST /agencies/{code}/resume",
    ),
    Right.OPERATION: (
        "POST /alerts/{alert_id}/acknowledge",
        "POST /systems/{system_id}/enable",
        "POST /systems/{system_id}/test",
        "POST /systems/{system_id}/trial",
        "GET /replays/new",
        "POST /replays",
        "POST /replays/{replay_id}/confirm",
        "POST /replays/{replay_id}/decline",
    ),
    Right.REGISTRY: (
        "GET /agencies",
        "GET /agencies/{code}",
        "GET /systems",
        "GET /systems/{system_id}",
        "GET /policies",
        "GET /certificates",
        "GET /agencies/{code}/certificates",
        "GET /rehearsals/{rehearsal_id}",
        "GET /rehearsals/{rehearsal_id}/challenge",
    ),
    Right.REGISTRATION: (
        "GET /agencies/new",
        "POST /agencies",
        "POST /agencies/{code}/name",
        "POST /agencies/{code}/aliases",
        "POST /agencies/{code}/contacts",
        "POST /agencies/{code}/contacts/remove",
        "POST /agencies/{code}/move",
        "GET /systems/new",
        "POST /systems",
        "POST /systems/{system_id}/change",
        "POST /policies",
        "POST /policies/remove",
        "POST /agencies/{code}/certificates",
        "POST /agencies/{code}/certificates/check",
        "POST /agencies/{code}/certificates/{sha256}/withdraw",
        "POST /agencies/{code}/certificates/{sha256}/rehearse",
        "POST /rehearsals/{rehearsal_id}",
        "GET /systems/{system_id}/credentials",
        "POST /systems/{system_id}/credentials",
        "POST /systems/{system_id}/credentials/end",
    ),
    Right.DECISIONS: (
        "GET /decisions",
        "GET /decisions/{proposal_id}",
        "POST /decisions/{proposal_id}/confirm",
        "POST /decisions/{proposal_id}/decline",
    ),
    Right.PEOPLE: (
        "GET /people",
        "POST /people",
        "GET /people/new",
        "GET /people/{person_id}",
        "GET /people/{person_id}/identity",
        "POST /people/{person_id}/identity",
        "POST /people/{person_id}/identity/remove",
        "POST /people/{person_id}/name",
        "POST /people/{person_id}/roles",
        "POST /people/{person_id}/active",
        "POST /people/{person_id}/factor",
        "POST /people/{person_id}/link",
        "POST /people/{person_id}/unlock",
        "POST /people/{person_id}/sessions/end",
        "POST /people/{person_id}/sessions/{session_id}/end",
    ),
    Right.FIGURES: ("GET /figures", "GET /figures/export"),
    Right.SECURITY_SHEET: ("GET /figures/security", "GET /figures/security/export"),
    Right.RETENTION: (
        "GET /retention",
        "POST /retention/holds",
        "POST /retention/holds/{hold_id}/lift",
        "POST /retention/holds/{hold_id}/keep",
        "GET /retention/plan",
        "POST /retention/purges",
        "GET /retention/purges/{purge_id}",
        "POST /retention/purges/{purge_id}/confirm",
        "POST /retention/purges/{purge_id}/decline",
    ),
}

RIGHTS = {route: right for right, routes in ACCESS.items() for route in routes}


def right_of(methods: Iterable[str], path: str) -> Right:
    """The right that a route takes. Raises ``LookupError`` when the table does not say, or not one thing."""
    found = {RIGHTS[f"{method} {path}"] for method in methods}
    if len(found) != 1:
        raise LookupError(f"{path}: one right for each route")
    return found.pop()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking. ``own_agency`` None means every agency's letters."""

    person: Person
    own_agency: str | None

    def may(self, right: Right) -> bool:
        return right is Right.OPEN or bool(self.person.roles & right.roles)

    @property
    def reads_log(self) -> bool:
        return self.may(Right.LOG)


def visitor_of(person: Person) -> Visitor:
    """A clerk sees the letters of the own agency; everyone else who sees letters sees all."""
    sees_all = bool(person.roles & Right.EXCHANGE.roles)
    return Visitor(person, None if sees_all else person.agency_code)


def permitted(visitor: Visitor, right: Right) -> bool:
    """Whether the person has the right; a clerk without an agency sees no letters at all."""
    if not visitor.may(right):
        return False
    return right is not Right.LETTERS or visitor.own_agency is not None or visitor.may(Right.EXCHANGE)
