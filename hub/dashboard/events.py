"""Entries of the exchange log as sentences, with what was found and why something failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.audit import Event
from hub.dashboard import failing, moments, rulebook, wording
from hub.delivery.failures import FAILURES
from hub.language import current, gettext, mark
from hub.ledger.journey import Entry, Names, recipient_of
from hub.problems import CATALOGUE
from hub.validation.rules import Profile

REVOKED = "certificate-revoked"

# kind: shape, tone, sentence; ``%(who)s`` is the recipient or the agency of the entry
_SENTENCES: dict[str, tuple[str, str, str]] = {
    Event.ENVELOPE_ACCEPTED: ("check", "ink", mark("The hub accepted the letter and signed the acknowledgement")),
    Event.ENVELOPE_REPEATED: ("dot", "muted", mark("Sent again unchanged; the first acknowledgement was returned")),
    Event.ENVELOPE_REFUSED: ("cross", "bad", mark("A submission of %(who)s was refused")),
    Event.ENVELOPE_DEFERRED: (
        "hourglass",
        "warn",
        mark("A submission of %(who)s could not be judged; asked to repeat"),
    ),
    Event.OPERATOR_ALERTED: ("cross", "bad", mark("The operator was alerted to what %(who)s sent")),
    Event.DELIVERY_PUBLISHED: ("half", "muted", mark("On its way to %(who)s")),
    Event.DELIVERY_REPUBLISHED: ("half", "warn", mark("Put on its way to %(who)s again")),
    Event.DELIVERY_READY: ("ring", "muted", mark("Waiting to be taken by %(who)s")),
    Event.DELIVERY_LEASED: ("half", "muted", mark("The system of %(who)s is taking it")),
    Event.DELIVERY_RELEASED: ("ring", "warn", mark("The system of %(who)s gave it back for later")),
    Event.DELIVERY_EXTENDED: ("half", "muted", mark("The system of %(who)s needs more time")),
    Event.DELIVERY_SETTLED: ("dot", "act", mark("Arrived at %(who)s")),
    Event.DELIVERY_REFUSED: ("cross", "bad", mark("%(who)s refused the letter")),
    Event.DELIVERY_ATTEMPTED: ("hourglass", "warn", mark("Handing over to %(who)s failed for now")),
    Event.DELIVERY_HANDED: ("half", "muted", mark("Handed to %(who)s, which has not confirmed it yet")),
    Event.DELIVERY_DEAD: ("box", "bad", mark("Could not be delivered to %(who)s")),
    Event.DELIVERY_BOUNCED: ("box", "bad", mark("The mail to %(who)s came back as undeliverable")),
    Event.DELIVERY_WITHDRAWN: ("back", "muted", mark("Withdrawn before %(who)s took it")),
    Event.DELIVERY_CHASED: ("hourglass", "warn", mark("Reminded of the deadline: %(who)s")),
    Event.DELIVERY_REPLAYED: ("half", "warn", mark("Sent again to %(who)s by an operator")),
    Event.CHASE_ASKED: ("hourglass", "ink", mark("The sender asked to remind %(who)s")),
    Event.CHANGE_ASKED: ("back", "ink", mark("%(who)s was asked about a recall or change")),
    Event.CHANGE_ANSWERED: ("check", "ink", mark("%(who)s answered about the recall or change")),
    Event.REPLAY_ASKED: ("dot", "ink", mark("A replay was proposed")),
    Event.REPLAY_DECIDED: ("dot", "ink", mark("A replay was decided by a second person")),
    Event.PROPOSAL_ASKED: ("dot", "ink", mark("A change was proposed that takes two people")),
    Event.PROPOSAL_DECIDED: ("dot", "ink", mark("A proposed change was decided")),
    Event.PROPOSAL_ACTED: ("dot", "warn", mark("A change was carried out; a second person has yet to look at it")),
    Event.CIRCUIT_OPENED: ("hourglass", "warn", mark("Hand-over to a system pauses after failures")),
    Event.CIRCUIT_CLOSED: ("check", "ok", mark("A system takes documents again")),
    Event.SYSTEM_CHANGED: ("dot", "ink", mark("A system was changed")),
    Event.SYSTEM_DISABLED: ("cross", "bad", mark("Hand-over to a system was stopped")),
    Event.SYSTEM_ENABLED: ("check", "ok", mark("Hand-over to a system was allowed again")),
    Event.CONTACT_ADDED: ("dot", "ink", mark("A duty contact was registered for %(who)s")),
    Event.CONTACT_REMOVED: ("dot", "ink", mark("A duty contact of %(who)s was removed")),
    Event.STATUS_RECEIVED: ("check", "ink", mark("%(who)s reported: %(status)s")),
    Event.STATUS_REFUSED: ("cross", "bad", mark("A status report of %(who)s was refused")),
    Event.SYSTEM_ADDED: ("dot", "ink", mark("A system was registered")),
    Event.SYSTEM_TESTED: ("dot", "ink", mark("The channel of a system was tried")),
    Event.TRIAL_SENT: ("half", "ink", mark("A test document was sent to %(who)s")),
    Event.AGENCY_ADDED: ("dot", "ink", mark("Agency registered: %(who)s")),
    Event.AGENCY_CHANGED: ("dot", "ink", mark("Name or codes of %(who)s were changed")),
    Event.AGENCY_MOVED: ("dot", "warn", mark("Another system serves %(who)s")),
    Event.AGENCY_SUSPENDED: ("cross", "bad", mark("Suspended: %(who)s")),
    Event.AGENCY_RESUMED: ("check", "ok", mark("Takes part again: %(who)s")),
    Event.CERTIFICATE_ADDED: ("dot", "ink", mark("A certificate was registered for %(who)s")),
    Event.ANCHOR_ADDED: ("dot", "ink", mark("A trust anchor was added")),
    Event.CRL_ADDED: ("dot", "ink", mark("A revocation list was added")),
    Event.REVOCATION_SETTLED: ("dot", "ink", mark("It became known whether the signer's certificate was revoked")),
    Event.CERTIFICATE_REHEARSED: ("dot", "ink", mark("The next key of %(who)s was rehearsed")),
    Event.CREDENTIAL_ROTATED: ("dot", "ink", mark("A system got another client secret")),
    Event.CREDENTIAL_ENDED: ("dot", "ink", mark("A system's client secrets of before were ended")),
    Event.PERSON_ADDED: ("dot", "ink", mark("A person was registered")),
    Event.CERTIFICATE_WITHDRAWN: ("dot", "ink", mark("A certificate was withdrawn from an agency")),
    Event.RULE_SET: ("dot", "ink", mark("A rule was changed for an agency or for all")),
    Event.RULE_REMOVED: ("dot", "ink", mark("A rule is as the profile has it again")),
    Event.PERSON_LOGIN: ("dot", "muted", mark("A person logged in")),
    Event.PERSON_LOGIN_FAILED: ("cross", "warn", mark("A login failed")),
    Event.PERSON_LOCKED: ("hourglass", "bad", mark("A login was locked for a while after failures in a row")),
    Event.PERSON_UNLOCKED: ("check", "ink", mark("A login was unlocked")),
    Event.FACTOR_SET: ("check", "ink", mark("A person set a second factor up")),
    Event.FACTOR_REMOVED: ("dot", "warn", mark("A person's second factor was removed")),
    Event.CODES_RENEWED: ("dot", "ink", mark("A person got new recovery codes")),
    Event.PASSWORD_CHANGED: ("dot", "ink", mark("A person chose another password")),
    Event.SESSION_ENDED: ("dot", "muted", mark("A session was ended")),
    Event.LINK_MADE: ("dot", "ink", mark("A one-time link for a person was made")),
    Event.PERSON_CHANGED: ("dot", "ink", mark("A person was changed")),
    Event.LOG_QUERIED: ("dot", "muted", mark("The exchange log was viewed")),
    Event.KEY_ADDED: ("dot", "ink", mark("A key of the hub was published")),
    Event.KEY_ROTATED: ("dot", "ink", mark("Another key of the hub signs from now on")),
    Event.KEY_RETIRED: ("dot", "ink", mark("A key of the hub signs no more")),
    Event.HOLD_PLACED: ("dot", "muted", mark("A legal hold was placed")),
    Event.HOLD_LIFTED: ("dot", "muted", mark("A legal hold was lifted")),
    Event.LIFT_ASKED: ("dot", "warn", mark("Lifting a legal hold was proposed")),
    Event.LIFT_DECLINED: ("dot", "muted", mark("A legal hold stays")),
    Event.PURGE_ASKED: ("dot", "warn", mark("A purge was asked for")),
    Event.PURGE_DECIDED: ("dot", "muted", mark("A purge was decided")),
    Event.PAYLOAD_PURGED: ("dot", "warn", mark("The content was purged, its proofs stay")),
    Event.QUESTION_SAVED: ("dot", "muted", mark("A question was saved")),
    Event.QUESTION_REMOVED: ("dot", "muted", mark("A saved question was removed")),
    Event.LOG_EXPORTED: ("dot", "muted", mark("The exchange log was exported")),
    Event.EVIDENCE_TAKEN: ("dot", "muted", mark("An evidence pack was handed out")),
    Event.FIGURES_EXPORTED: ("dot", "muted", mark("Monthly figures were exported")),
    Event.FIGURES_RECOUNTED: ("dot", "muted", mark("The figures of a month were counted anew")),
    Event.SYSTEM_SUSPENDED: ("cross", "bad", mark("A system was suspended")),
    Event.SYSTEM_RESUMED: ("check", "ok", mark("A suspended system was let in again")),
    Event.ALERT_RAISED: ("refusals", "warn", mark("An alert was raised")),
    Event.ALERT_ACKNOWLEDGED: ("check", "muted", mark("An alert was acknowledged")),
    Event.ALERT_ENDED: ("check", "ok", mark("An alert is over")),
    Event.INCIDENT_REPORTED: ("refusals", "bad", mark("%(who)s reported a security incident")),
    Event.INCIDENT_CLOSED: ("check", "muted", mark("A security incident of %(who)s was closed")),
}

# what became known of a certificate: shape, tone, sentence
_SETTLED: dict[bool, tuple[str, str, str]] = {
    True: ("cross", "bad", mark("It became known that the signer's certificate was revoked")),
    False: ("check", "ok", mark("It became known that the signer's certificate was not revoked")),
}

# what the chaser did, by the entry's code: shape, tone, sentence
_CHASED: dict[str, tuple[str, str, str]] = {
    "remind": ("hourglass", "warn", mark("Reminded: %(who)s")),
    "contact": ("letters", "warn", mark("The duty contact of %(who)s was written to")),
    "contact-failed": (
        "letters",
        "muted",
        mark("The duty contact of %(who)s could not be written to; it is tried again later"),
    ),
    "warn": ("hourglass", "warn", mark("The sender was told that the time of %(who)s ends soon")),
    "unconfirmed": ("hourglass", "bad", mark("%(who)s did not confirm in time; the sender has a signed notice")),
    "not-processed": ("hourglass", "bad", mark("%(who)s did not finish in time; the sender has a signed notice")),
}

_FAILED = frozenset({Event.DELIVERY_ATTEMPTED.value, Event.DELIVERY_DEAD.value})
_STATUS_KINDS = frozenset({Event.STATUS_RECEIVED.value, Event.STATUS_REFUSED.value})

KINDS: tuple[str, ...] = tuple(event.value for event in Event)


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: the code, its title and remedy in the reader's language, what exactly and where.

    ``asked`` and ``clause`` say what the ``rule`` of the profile asks and where that is written, if it was one.
    """

    code: str
    title: str
    remedy: str
    detail: str
    location: str
    rule: str = ""
    asked: str = ""
    clause: str = ""


def kind_name(kind: str) -> str:
    """A kind of entry without names in it, for lists and filters."""
    _shape, _tone, words = _SENTENCES.get(kind, ("", "", kind))
    text = gettext(words)
    return text % {"who": "…", "status": "…"} if "%(" in text else text


def sentence(entry: Entry, names: Names, who: str = "") -> str:
    """What happened, as a sentence; ``who`` stands for several agencies at once."""
    _shape, _tone, words = _SENTENCES.get(entry.kind, ("dot", "muted", entry.kind))
    if entry.kind == Event.REVOCATION_SETTLED:
        _shape, _tone, words = _SETTLED[entry.code == REVOKED]
    if entry.kind == Event.DELIVERY_CHASED and entry.code in _CHASED:
        _shape, _tone, words = _CHASED[entry.code]
    text = gettext(words)
    values = {"who": who or concerned(entry, names), "status": wording.tag(entry.code).word}
    return text % values if "%(" in text else text


def concerned(entry: Entry, names: Names) -> str:
    """The agency that an entry is about, by its name."""
    # a status may be the sender's (13, recall requested); everything else about a delivery is its recipient's
    code = entry.agency_code if entry.kind in _STATUS_KINDS else recipient_of(entry) or entry.agency_code
    return names.agencies.get(code, code) or gettext("an unknown agency")


def who_sent(entry: Entry, names: Names) -> str:
    """Whose submission it was: the agency that it named, else the system that sent it."""
    agency = names.agencies.get(entry.agency_code, entry.agency_code)
    return agency or names.systems.get(entry.actor) or gettext("an unknown agency")


def actor(entry: Entry, names: Names) -> str:
    """Who did it: a system by its name, a person by login, or the part of the hub."""
    return names.systems.get(entry.actor, entry.actor)


def reason(entry: Entry) -> str:
    """Why, where the entry says so: what the recipient gave as reason, or the problem's title."""
    if entry.kind in _FAILED and entry.code in FAILURES:
        return _failure(entry)
    for name in ("reason", "description"):
        if words := text_of(entry.detail, name):
            return words
    if entry.code in CATALOGUE:
        return CATALOGUE[entry.code].title(current.get())
    return ""


def _failure(entry: Entry) -> str:
    """Why a hand-over failed, in the reader's words, and when the next one is due."""
    words, said = failing.failure(entry.code), text_of(entry.detail, "reason")
    seen = said.removeprefix(entry.code).removeprefix(":").strip()
    next_at = text_of(entry.detail, "next_at")
    parts = (f"{words}: {seen}" if seen else words, _next(next_at) if next_at else "")
    return " · ".join(part for part in parts if part)


def _next(moment: str) -> str:
    return gettext("next attempt") + " " + moments.exact_of_text(moment)


def look(kind: str) -> tuple[str, str]:
    """Shape and tone of a kind of entry."""
    shape, tone, _sentence = _SENTENCES.get(kind, ("dot", "muted", ""))
    return shape, tone


def look_of(entry: Entry) -> tuple[str, str]:
    """Shape and tone of one entry: what was reported, found or done decides where the kind does not."""
    if entry.kind == Event.STATUS_RECEIVED:
        status = wording.tag(entry.code)
        return status.shape, status.tone
    if entry.kind == Event.REVOCATION_SETTLED:
        return _SETTLED[entry.code == REVOKED][:2]
    if entry.kind == Event.DELIVERY_CHASED and entry.code in _CHASED:
        return _CHASED[entry.code][:2]
    return look(entry.kind)


def findings(entry: Entry, profile: Profile) -> list[Finding]:
    """The findings of a refusal or the reason of a deferral, in the reader's language."""
    listed = entry.detail.get("findings")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    if not rows and entry.code:
        rows = [{"code": entry.code, "detail": text_of(entry.detail, "detail")}]
    return [finding_of(row, profile) for row in rows]


def finding_of(row: Mapping[str, Any], profile: Profile) -> Finding:
    """A finding as it is stored and reported; rules that the profile no longer has keep their name only."""
    code, name = text_of(row, "code"), text_of(row, "rule")
    problem, rule = CATALOGUE.get(code), profile.rules.get(name)
    language = current.get()
    return Finding(
        code=code,
        title=problem.title(language) if problem else code,
        remedy=problem.remedy(language) if problem else "",
        detail=text_of(row, "detail"),
        location=text_of(row, "location"),
        rule=name,
        asked="" if rule is None else rulebook.text_of(rule),
        clause="" if rule is None else rule.clause,
    )


def text_of(detail: Mapping[str, Any], name: str) -> str:
    """A text in an entry's detail; empty when it is absent or no text."""
    value = detail.get(name)
    return value if isinstance(value, str) else ""
