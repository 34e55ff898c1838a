"""The navigation: every place of the dashboard under its heading, for those who may open it."""

from __future__ import annotations

from dataclasses import dataclass

from hub.dashboard.access import Right, Visitor
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
        ),
    ),
    (
        mark("Registry"),
        (Place("rules", "/rules", "rules", mark("Rules"), Right.LETTERS),),
    ),
    (
        mark("Proof"),
        (
            Place("log", "/log", "log", mark("Log"), Right.LOG),
            Place("retention", "/retention", "box", mark("Retention"), Right.RETENTION),
        ),
    ),
)


def headings(visitor: Visitor, section: str) -> list[Heading]:
    """Headings without a place for this reader are left out."""
    found = []
    for word, places in PLACES:
        entries = tuple(
            Entry(one.address, one.shape, gettext(one.word), one.section == section)
            for one in places
            if visitor.may(one.right)
        )
        if entries:
            found.append(Heading(gettext(word), entries))
    return found
