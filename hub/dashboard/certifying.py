"""Certificates in the reader's words: how one stands, what a new one would be, how long it lies beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub.dashboard import moments, rulebook
from hub.dashboard.wording import Tag
from hub.language import current, gettext, mark, ngettext
from hub.ledger.agencies import HeldCertificate
from hub.ledger.certificates import STEPS, BoundCertificate, Rehearsal
from hub.problems import explain
from hub.proposals.certificates import Judged
from hub.signatures.chain import fingerprint
from hub.signatures.revocation.sources import sources
from hub.validation.report import certificate_facts
from hub.validation.rules import Profile

_REHEARSALS: dict[str, tuple[str, str, str]] = {
    "waiting": ("hourglass", mark("Rehearsal: signature awaited"), "wait"),
    "failed": ("cross", mark("Rehearsal failed"), "bad"),
    "passed": ("check", mark("Rehearsed"), "ok"),
    "over": ("hourglass", mark("Rehearsal ran out"), "muted"),
}
_TONES = {1: "bad", 7: "bad", 30: "warn", 60: "wait"}


@dataclass(frozen=True, slots=True)
class Group:
    """Certificates that end in the same step; ``days`` 0: ended already, None: later than all steps."""

    days: int | None
    heading: str
    rows: tuple[BoundCertificate, ...]


def groups(found: Sequence[BoundCertificate], now: datetime) -> list[Group]:
    """In the order in which they come: by their end."""
    made: list[Group] = []
    for one in found:
        days = step(one.not_after, now)
        if made and made[-1].days == days:
            made[-1] = Group(days, made[-1].heading, (*made[-1].rows, one))
        else:
            made.append(Group(days, heading(days), (one,)))
    return made


def step(not_after: datetime, now: datetime) -> int | None:
    """0 for what ended, else the nearest of 1, 7, 30 and 60 days that it ends within; None: later."""
    if not_after < now:
        return 0
    return next((days for days in STEPS if not_after < now + timedelta(days=days)), None)


def heading(days: int | None) -> str:
    if days is None:
        return gettext("Later")
    if days == 0:
        return gettext("Ended, and still bound to the agency")
    return ngettext("Within %(num)d day", "Within %(num)d days", days) % {"num": days}


def end_tag(not_after: datetime, now: datetime) -> Tag:
    """How near the end is: shape, words, tone."""
    days = step(not_after, now)
    if days == 0:
        return Tag("cross", gettext("ended %(age)s ago") % {"age": moments.age(now - not_after)}, "bad")
    if days is None:
        return Tag("check", gettext("good until %(day)s") % {"day": _day(not_after)}, "ok")
    return Tag("hourglass", gettext("ends in %(age)s") % {"age": moments.age(not_after - now)}, _TONES[days])


def held_tag(one: HeldCertificate, now: datetime) -> Tag:
    """How a certificate of an agency stands."""
    if one.withdrawn_at is not None:
        return Tag("back", gettext("Withdrawn"), "muted")
    if now < one.not_before:
        return Tag("ring", gettext("Not valid yet"), "wait")
    if one.not_after < now or step(one.not_after, now) is not None:
        return end_tag(one.not_after, now)
    return Tag("check", gettext("In use"), "ok")


def rehearsal_tag(one: Rehearsal, now: datetime) -> Tag:
    state = "over" if one.state == "waiting" and one.expires_at <= now else one.state
    shape, word, tone = _REHEARSALS[state]
    return Tag(shape, gettext(word), tone)


@dataclass(frozen=True, slots=True)
class Examined:
    """A certificate that somebody brought: answers as tags, its chain as a ladder, what is beside it."""

    sha256: str
    answers: tuple[Tag, ...]
    refusal: tuple[str, str, str] | None  # title, remedy, the rule and what exactly
    chain: tuple[dict[str, Any], ...]
    signed_with: str
    revocation: tuple[str, ...]
    remarks: tuple[tuple[str, str], ...]
    overlap: Tag


def examined(judged: Judged, held: Sequence[HeldCertificate], profile: Profile, now: datetime) -> Examined:
    leaf, path = judged.leaf, judged.path
    roles = ["signer", *["authority"] * (len(judged.certificates) - 1)]
    if path is not None and len(roles) > 1:
        roles[-1] = "anchor"
    algorithm = leaf.signature_hash_algorithm
    return Examined(
        sha256=fingerprint(leaf),
        answers=tuple(_answers(judged, now)),
        refusal=_refusal(judged),
        chain=tuple(certificate_facts(one, role) for one, role in zip(judged.certificates, roles, strict=True)),
        signed_with="" if algorithm is None else algorithm.name.upper(),
        revocation=tuple(f"{one.kind.upper()} {one.url}" for one in sources(leaf)),
        remarks=tuple(_remarks(judged, profile)),
        overlap=overlap(leaf.not_valid_before_utc, leaf.not_valid_after_utc, held),
    )


def _answers(judged: Judged, now: datetime) -> list[Tag]:
    leaf = judged.leaf
    found = [Tag("check", gettext("Whole and readable"), "ok")]
    if judged.path is None:
        found.append(Tag("cross", gettext("Not accepted"), "bad"))
    else:
        found.append(Tag("check", gettext("Leads to a trusted authority"), "ok"))
        found.append(Tag("check", gettext("On none of the revocation lists that the hub holds"), "ok"))
    if now < leaf.not_valid_before_utc:
        begins = moments.day(moments.local(leaf.not_valid_before_utc).date())
        found.append(Tag("ring", gettext("Valid from %(day)s on") % {"day": begins}, "wait"))
    else:
        found.append(end_tag(leaf.not_valid_after_utc, now))
    return found


def _refusal(judged: Judged) -> tuple[str, str, str] | None:
    if judged.refusal is None:
        return None
    problem, language = explain(judged.refusal.code), current.get()
    return problem.title(language), problem.remedy(language), judged.refusal.detail


def _remarks(judged: Judged, profile: Profile) -> list[tuple[str, str]]:
    """What the profile asks of certificates, and which of those does not have it."""
    found = [] if judged.path is None else judged.path.remarks
    known = [(one, profile.rules.get(one.rule)) for one in found]
    return [(one.rule if rule is None else rulebook.text_of(rule), one.detail) for one, rule in known]


def overlap(begin: datetime, end: datetime, held: Sequence[HeldCertificate]) -> Tag:
    """How a certificate lies beside those in use: without overlap there are days on which nothing can be sent."""
    used = [one for one in held if one.withdrawn_at is None]
    if not used:
        return Tag("dot", gettext("The agency has no certificate in use: this is its first"), "act")
    last = max(one.not_after for one in used)
    if last < begin:
        words = gettext("Nothing can be signed from %(first)s to %(last)s: no certificate is valid then")
        return Tag("cross", words % {"first": _day(last), "last": _day(begin)}, "bad")
    first, until = max(begin, min(one.not_before for one in used)), min(end, last)
    words = gettext("Both can sign from %(first)s to %(last)s")
    return Tag("check", words % {"first": _day(first), "last": _day(until)}, "ok")


def _day(moment: datetime) -> str:
    return moments.day(moments.local(moment).date())
