"""What takes a second person, in the reader's words: how it stands, where it is decided, and whether the reader may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from hub.dashboard import failing, retaining
from hub.dashboard.access import Right, Visitor
from hub.dashboard.wording import Tag
from hub.delivery.replay import ACTORS
from hub.language import gettext, mark
from hub.ledger.decisions import Decision
from hub.ledger.proposals import ProposalRecord
from hub.proposals import Kind
from hub.retention.deciding import DECIDING

_PROPOSALS: dict[str, tuple[str, str, str]] = {
    "asked": ("hourglass", mark("Waits for a second person"), "warn"),
    "acted": ("hourglass", mark("Carried out, to be looked at by a second person"), "warn"),
    "confirmed": ("check", mark("Carried out"), "ok"),
    "upheld": ("check", mark("Upheld"), "ok"),
    "declined": ("cross", mark("Declined"), "muted"),
    "reverted": ("back", mark("Taken back"), "muted"),
    "alone": ("dot", mark("Carried out by one person"), "warn"),
}

_TITLES: dict[str, str] = {
    "replay": mark("Send letters again"),
    "purge": mark("Purge content"),
    "hold": mark("Lift a legal hold"),
}
# what carrying it out means, for those kinds whose lines alone do not say it
_MEANS: dict[str, str] = {
    "certificate.add": mark(
        "From then on the hub accepts what the agency signs with this key, beside what it signs with its others."
    ),
    "certificate.withdraw": mark(
        "From then on the hub refuses what is signed with this key; what was accepted before stays valid."
    ),
    "certificate.suspend": mark(
        "The hub refuses what is signed with this key until it is let in again; what was accepted stays valid."
    ),
    "certificate.restore": mark("From then on the hub accepts what is signed with this key again."),
    "system.suspend": mark("The system is let in no more and nothing is handed to it; what is for its agencies waits."),
    "system.resume": mark("The system is let in again and gets what waits for its agencies."),
    "agency.suspend": mark("The agency can neither send nor be written to until it is let take part again."),
    "agency.move": mark("What comes for the agency from then on is handed to the other system."),
}
_BY_SYSTEM_ID = ("system.suspend", "system.resume")
# where what a proposal is about stands, by its kind or the first part of that
_ABOUT: dict[str, tuple[str, Right]] = {
    "certificate": ("/agencies/{}/certificates", Right.REGISTRY),
    "agency": ("/agencies/{}", Right.REGISTRY),
    "system.suspend": ("/systems/{}", Right.REGISTRY),
    "system.resume": ("/systems/{}", Right.REGISTRY),
    "rule": ("/policies", Right.REGISTRY),
    "person": ("/people/{}", Right.PEOPLE),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. ``address`` is empty for a reader who may not open it; ``mine``: the reader asked."""

    title: str
    decision: Decision
    state: Tag
    address: str
    mine: bool
    may: bool


def state_of(record: ProposalRecord) -> Tag:
    return _tag(record.state)


def _tag(state: str) -> Tag:
    shape, word, tone = _PROPOSALS.get(state, ("dot", state, "muted"))
    return Tag(shape, gettext(word), tone)


def row(one: Decision, visitor: Visitor, kinds: Mapping[str, Kind]) -> Row:
    mine = one.asked_by == visitor.person.login
    roles, address, right = _rules(one, kinds)
    allowed = bool(visitor.person.roles & roles) and not mine
    return Row(_title(one, kinds), one, _state(one), address if visitor.may(right) else "", mine, allowed)


def _rules(one: Decision, kinds: Mapping[str, Kind]) -> tuple[frozenset[str], str, Right]:
    """Who decides, where, and the right that the page takes."""
    if one.source == "replay":
        return ACTORS, f"/replays/{one.id}", Right.EXCHANGE
    if one.source == "purge":
        return DECIDING, f"/retention/purges/{one.id}", Right.RETENTION
    if one.source == "hold":
        return DECIDING, "/retention#holds", Right.RETENTION
    kind = kinds.get(one.kind)
    return frozenset() if kind is None else kind.deciding, f"/decisions/{one.id}", Right.DECISIONS


def _title(one: Decision, kinds: Mapping[str, Kind]) -> str:
    if one.source in _TITLES:
        return gettext(_TITLES[one.source])
    return gettext(kinds[one.kind].title) if one.kind in kinds else one.kind


def _state(one: Decision) -> Tag:
    if one.source == "replay":
        return failing.replay_state(one.state)
    if one.source == "purge":
        return retaining.purge_state(one.state)
    if one.source == "hold":
        return retaining.hold_state("lifting" if one.decided_by is None else "lifted")
    return _tag(one.state)


def meaning(record: ProposalRecord) -> str:
    """What carrying it out means; empty where the lines of the effect say it."""
    return gettext(_MEANS[record.kind]) if record.kind in _MEANS else ""


def _subject(record: ProposalRecord) -> str:
    """Systems have their page under their identifier, everything else under the name that the proposal gives it."""
    return str(record.arguments["system"]) if record.kind in _BY_SYSTEM_ID else record.subject


def about(record: ProposalRecord, visitor: Visitor) -> str:
    """Where what it is about stands; empty when there is no page, or none for this reader."""
    address, right = _ABOUT.get(record.kind) or _ABOUT.get(record.kind.partition(".")[0], ("", Right.DECISIONS))
    return address.format(quote(_subject(record), safe="")) if address and visitor.may(right) else ""
