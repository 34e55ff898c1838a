"""The words of reminders and notices, Vietnamese first: what is late, since when, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.clock import VIETNAM
from hub.language import LANGUAGES, Language, gettext, mark, ngettext
from hub.ledger.overdue import Chased
from hub.receipts.deadlines import Phase, Step

LISTED = 50

_REMIND: dict[tuple[str, bool], str] = {
    ("confirm", False): mark("Please confirm receipt of this document by %(by)s"),
    ("confirm", True): mark("Receipt of this document should have been confirmed by %(by)s"),
    ("process", False): mark("This document is to be finished by %(by)s"),
    ("process", True): mark("This document should have been finished by %(by)s"),
}
_WARN: dict[Phase, str] = {
    "confirm": mark("The recipient has not confirmed yet; its time ends at %(by)s"),
    "process": mark("The recipient has not finished yet; its time ends at %(by)s"),
    "expires": mark("The recipient's system has not taken the document yet; the hub gives up at %(by)s"),
}
_MISSED: dict[Phase, str] = {
    "confirm": mark("The recipient's system has the document, but its office did not confirm by %(by)s"),
    "process": mark("The recipient did not finish by %(by)s"),
    "expires": mark("The recipient's system did not take the document by %(by)s"),
}
_UNTAKEN = mark("The recipient's system did not take the document, and nobody confirmed, by %(by)s")
_ASKED = mark("The sender asks you to look at this document")


@dataclass(frozen=True, slots=True)
class Line:
    """One document in a mail, and the step that it is there for; names of the two agencies."""

    row: Chased
    step: Step
    sender_name: str


def at(moment: datetime) -> str:
    """``17:00 20/11/2026``, Vietnam's time."""
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def said(step: Step, row: Chased, now: datetime) -> str:
    """What a step tells its reader, in both languages, Vietnamese first."""
    return _both(_words(step, row, now), by=at(step.deadline))


def asked(note: str = "") -> str:
    """What the recipient reads when the sender asks."""
    words = _both(_ASKED)
    return f"{words}: {note}" if note else words


def _words(step: Step, row: Chased, now: datetime) -> str:
    if step.kind in ("remind", "contact"):
        return _REMIND[step.phase, now > step.deadline]
    if step.kind == "warn":
        return _WARN[step.phase]
    return _UNTAKEN if step.phase == "confirm" and row.state != "settled" else _MISSED[step.phase]


def _both(words: str, **values: str) -> str:
    said_in = (gettext(words, language) for language in LANGUAGES)
    return " / ".join(text % values if values else text for text in said_in)


def subject(lines: Sequence[Line]) -> str:
    """The subject of a mail about these documents."""
    if len(lines) == 1:
        row = lines[0].row
        return f"[Liên Thông] {row.number}/{row.notation}: {_both(_ASKED if lines[0].step.name == 'asked' else _WAITS)}"
    counted = (
        ngettext("%(num)d document waits for your office", "%(num)d documents wait for your office", len(lines), one)
        % {"num": len(lines)}
        for one in LANGUAGES
    )
    return f"[Liên Thông] {' / '.join(counted)}"


_WAITS = mark("A document waits for your office")
_GREETING = mark("To the duty contact of %(agency)s:")
_FROM = mark("from %(sender)s")
_MORE = mark("… and %(num)d more")
_TO_DO = mark(
    "Please open your document system, take the document and report its status (01 arrived, 03 accepted, 06 finished), "
    "or return it with the reason. This address is registered as a duty contact at the hub; answers are not read."
)


def text(agency_name: str, lines: Sequence[Line], now: datetime) -> str:
    """The whole mail: all of it in Vietnamese, then in English."""
    return "\n\n--\n\n".join(_text(agency_name, lines, now, language) for language in LANGUAGES) + "\n"


def _text(agency_name: str, lines: Sequence[Line], now: datetime, spoken: Language) -> str:
    parts = [gettext(_GREETING, spoken) % {"agency": agency_name}, ""]
    for line in lines[:LISTED]:
        row = line.row
        words = _ASKED if line.step.name == "asked" else _words(line.step, row, now)
        parts += [
            f"* {row.number}/{row.notation} ({gettext(_FROM, spoken) % {'sender': line.sender_name}}): {row.subject}",
            f"  {gettext(words, spoken) % {'by': at(line.step.deadline)}}.",
        ]
    if len(lines) > LISTED:
        parts.append(gettext(_MORE, spoken) % {"num": len(lines) - LISTED})
    return "\n".join([*parts, "", gettext(_TO_DO, spoken)])
