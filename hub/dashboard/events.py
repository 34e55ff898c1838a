"""Entries of the exchange log as sentences, and a letter's timeline made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub.audit import Event
from hub.dashboard import failing, moments, rulebook, wording
from hub.delivery.failures import FAILURES
from hub.language import current, gettext, mark, mark_plural, ngettext
from hub.ledger.journey import Entry, Names, recipient_of
from hub.problems import CATALOGUE
from hub.validation.rules import Profile

REVOKED = "certificate-revoked"
FOLD_WITHIN = timedelta(minutes=2)
NAMED = 3  # so many recipients of one step are named, more are counted

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
    Event.SYSTEM_SUSPENDED: ("cross", "bad", mark("A system was suspended")),
    Event.SYSTEM_RESUMED: ("check", "ok", mark("A suspended system was let in again")),
    Event.ALERT_RAISED: ("refusals", "warn", mark("An alert was raised")),
    Event.ALERT_ACKNOWLEDGED: ("check", "muted", mark("An alert was acknowledged")),
    Event.ALERT_ENDED: ("check", "ok", mark("An alert is over")),
    Event.INCIDENT_REPORTED: ("refusals", "bad", mark("%(who)s reported a security incident")),
    Event.INCIDENT_CLOSED: ("check", "muted", mark("A security incident of %(who)s was closed")),
}

# the same step for many recipients is one line
_FOLDED: dict[str, tuple[str, str]] = {
    Event.DELIVERY_PUBLISHED: mark_plural("On its way to %(num)d recipient", "On its way to %(num)d recipients"),
    Event.DELIVERY_REPUBLISHED: mark_plural(
        "Put on its way again for %(num)d recipient", "Put on its way again for %(num)d recipients"
    ),
    Event.DELIVERY_READY: mark_plural(
        "Waiting to be taken by %(num)d recipient", "Waiting to be taken by %(num)d recipients"
    ),
    Event.DELIVERY_LEASED: mark_plural("%(num)d recipient is taking it", "%(num)d recipients are taking it"),
    Event.DELIVERY_RELEASED: mark_plural("Given back %(num)d time", "Given back %(num)d times"),
    Event.DELIVERY_EXTENDED: mark_plural("More time needed %(num)d time", "More time needed %(num)d times"),
    Event.DELIVERY_SETTLED: mark_plural("Arrived at %(num)d recipient", "Arrived at %(num)d recipients"),
    Event.DELIVERY_ATTEMPTED: mark_plural(
        "Handing over failed for now %(num)d time", "Handing over failed for now %(num)d times"
    ),
    Event.DELIVERY_HANDED: mark_plural(
        "Handed to %(num)d recipient, not confirmed yet", "Handed to %(num)d recipients, not confirmed yet"
    ),
    Event.DELIVERY_DEAD: mark_plural(
        "Could not be delivered to %(num)d recipient", "Could not be delivered to %(num)d recipients"
    ),
    Event.DELIVERY_WITHDRAWN: mark_plural(
        "Withdrawn before %(num)d recipient took it", "Withdrawn before %(num)d recipients took it"
    ),
    Event.DELIVERY_CHASED: mark_plural(
        "The deadline was pointed out %(num)d time", "The deadline was pointed out %(num)d times"
    ),
    Event.DELIVERY_REPLAYED: mark_plural(
        "Sent again to %(num)d recipient by an operator", "Sent again to %(num)d recipients by an operator"
    ),
    Event.CHANGE_ASKED: mark_plural(
        "%(num)d recipient was asked about a recall or change", "%(num)d recipients were asked about a recall or change"
    ),
    Event.ENVELOPE_REPEATED: mark_plural("Sent again unchanged %(num)d time", "Sent again unchanged %(num)d times"),
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


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a timeline. ``folded`` are the lines behind it; ``reason`` is what was said, shown unfolded."""

    at: datetime
    shape: str
    tone: str
    sentence: str
    reason: str
    folded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Day:
    heading: str
    steps: tuple[Step, ...]


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
    values = {"who": who or _who(entry, names), "status": wording.tag(entry.code).word}
    return text % values if "%(" in text else text


def _who(entry: Entry, names: Names) -> str:
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


def timeline(entries: list[Entry], names: Names, now: datetime) -> list[Day]:
    """Entries, oldest first, as days of steps; the same routine step for many recipients becomes one."""
    days: list[Day] = []
    steps: list[Step] = []
    heading = ""
    for group in _groups(entries):
        title = moments.heading(group[0].at, now)
        if title != heading and steps:
            days.append(Day(heading, tuple(steps)))
            steps = []
        heading = title
        steps.append(_step(group, names))
    return [*days, Day(heading, tuple(steps))] if steps else days


def _groups(entries: list[Entry]) -> list[list[Entry]]:
    groups: list[list[Entry]] = []
    open_groups: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: (one.at, one.seq)):
        # what was done about a deadline differs by its code: one line for each kind of it
        same = f"{entry.kind} {entry.code}" if entry.kind == Event.DELIVERY_CHASED else entry.kind
        group = open_groups.get(same)
        if group is not None and _near(group[0].at, entry.at):
            group.append(entry)
            continue
        groups.append([entry])
        if entry.kind in _FOLDED:
            open_groups[same] = groups[-1]
    return groups


def _near(first: datetime, second: datetime) -> bool:
    return moments.local(first).date() == moments.local(second).date() and second - first <= FOLD_WITHIN


def _step(group: list[Entry], names: Names) -> Step:
    first = group[0]
    shape, tone = look(first.kind)
    if first.kind == Event.STATUS_RECEIVED:
        status = wording.tag(first.code)
        shape, tone = status.shape, status.tone
    if first.kind == Event.REVOCATION_SETTLED:
        shape, tone, _words = _SETTLED[first.code == REVOKED]
    if first.kind == Event.DELIVERY_CHASED and first.code in _CHASED:
        shape, tone, _words = _CHASED[first.code]
    if len(group) == 1:
        return Step(first.at, shape, tone, sentence(first, names), reason(first))
    whos = list(dict.fromkeys(_who(entry, names) for entry in group))
    if len(whos) <= NAMED and len(whos) == len(group):
        return Step(first.at, shape, tone, sentence(first, names, ", ".join(whos)), "")
    singular, plural = _FOLDED[first.kind]
    words = ngettext(singular, plural, len(group)) % {"num": len(group)}
    return Step(first.at, shape, tone, words, "", tuple(sentence(entry, names) for entry in group))
