"""The navigation: every place of the dashboard under its heading, for those who may open it."""

from __future__ import annotations

from dataclasses import dataclass

from hub.dashboard.access import Right, Visitor
from hub.dashboard.tallies import Tally
from hub.language import gettext, mark


@dataclass(frozen=True, slots=True)
class Place:
    """``section`` is what a page calls itself; ``shape`` names an icon."""

    section: str
    address: str
    shape: str
    word: str
    right: Right


@dataclass(frozen=True, slots=True)
class Entry:
    """A place as a reader sees it."""

    address: str
    shape: str
    word: str
    here: bool
    count: str = ""  # how many wait there
    tone: str = ""  # how much that matters: wait, warn, bad


@dataclass(frozen=True, slots=True)
class Heading:
    word: str
    entries: tuple[Entry, ...]


# heading, its places
PLACES: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        mark("Exchange"),
        (
            Place("overview", "/", "overview", mark("Overview"), Right.LETTERS),
            Place("envelopes", "/envelopes", "letters", mark("Letters"), Right.LETTERS),
            Place("check", "/check", "checklist", mark("Check"), Right.LETTERS),
        ),
    ),
    (
        mark("To do"),
        (
            Place("overdue", "/overdue", "hourglass", mark("Overdue"), Right.LETTERS),
            Place("dead-letters", "/dead-letters", "box", mark("Dead letters"), Right.LETTERS),
            Place("refusals", "/refusals", "refusals", mark("Refusals"), Right.LETTERS),
            Place("alerts", "/alerts", "bell", mark("Alerts"), Right.EXCHANGE),
            Place("incidents", "/incidents", "shield", mark("Incidents"), Right.INCIDENTS),
            Place("decisions", "/decisions", "people", mark("Decisions"), Right.DECISIONS),
        ),
    ),
    (
        mark("Registry"),
        (
            Place("agencies", "/agencies", "tree", mark("Agencies"), Right.REGISTRY),
            Place("systems", "/systems", "machine", mark("Systems"), Right.REGISTRY),
            Place("certificates", "/certificates", "seal", mark("Certificates"), Right.REGISTRY),
            Place("rules", "/rules", "rules", mark("Rules"), Right.LETTERS),
            Place("policies", "/policies", "policies", mark("Policies"), Right.REGISTRY),
            Place("people", "/people", "person", mark("People"), Right.PEOPLE),
        ),
    ),
    (
        mark("Figures"),
        (
            Place("figures", "/figures", "figures", mark("Figures"), Right.FIGURES),
            Place("security-sheet", "/figures/security", "shield", mark("Security sheet"), Right.SECURITY_SHEET),
        ),
    ),
    (
        mark("Proof"),
        (
            Place("log", "/log", "log", mark("Log"), Right.LOG),
            Place("retention", "/retention", "box", mark("Retention"), Right.RETENTION),
        ),
    ),
)


# how much it matters that something waits there
_TONES = {"overdue": "warn", "dead-letters": "bad", "alerts": "bad"}
# on a phone: those of these places that come first for the reader; all others are under "more"
_MOST_USED = (
    "overview",
    "envelopes",
    "overdue",
    "alerts",
    "decisions",
    "figures",
    "check",
    "log",
    "incidents",
    "agencies",
)
_AT_HAND = 5


def headings(visitor: Visitor, section: str, tally: Tally) -> list[Heading]:
    """Headings without a place for this reader are left out."""
    found = []
    for word, places in PLACES:
        entries = tuple(_entry(one, section, tally) for one in places if visitor.may(one.right))
        if entries:
            found.append(Heading(gettext(word), entries))
    return found


def at_hand(visitor: Visitor, section: str, tally: Tally) -> list[Entry]:
    """The places that this reader most likely wants, for the bar of a phone."""
    known = {one.section: one for _, places in PLACES for one in places if visitor.may(one.right)}
    return [_entry(known[name], section, tally) for name in _MOST_USED if name in known][:_AT_HAND]


def _entry(place: Place, section: str, tally: Tally) -> Entry:
    tone = _TONES.get(place.section, "wait")
    return Entry(
        place.address, place.shape, gettext(place.word), place.section == section, tally.of(place.section), tone
    )
