"""The monthly figures in words: months, lines of the sheet with their shares, and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.dashboard import wording
from hub.figures.spans import percentile
from hub.language import current, gettext, mark, ngettext
from hub.ledger.figures import CodeCount, Histogram, Sums
from hub.problems.catalogue import CATALOGUE

SPANS = {
    "arrive": mark("Time to arrive at the recipient's system"),
    "accept": mark("Time to be accepted by the office"),
    "finish": mark("Time to be finished by the office"),
}
# heading; measure, what people call it, of which measures it is a share
_LINES: tuple[tuple[str, tuple[tuple[str, str, tuple[str, ...]], ...]], ...] = (
    (
        mark("Received"),
        (
            ("received", mark("Documents received"), ()),
            ("received_signed", mark("with a valid signature"), ("received",)),
            ("received_electronic", mark("electronic only"), ("received",)),
            ("received_paper", mark("with a paper copy"), ("received",)),
        ),
    ),
    (
        mark("Sent"),
        (
            ("sent", mark("Documents sent"), ()),
            ("sent_signed", mark("with a valid signature"), ("sent",)),
            ("sent_electronic", mark("electronic only"), ("sent",)),
            ("sent_paper", mark("with a paper copy"), ("sent",)),
            ("addressed", mark("recipients of these"), ()),
        ),
    ),
    (
        mark("Work on what was received"),
        (
            ("accepted", mark("Accepted by the office"), ()),
            ("confirmed_on_time", mark("first reported on time"), ("confirmed_on_time", "confirmed_late")),
            ("finished", mark("Finished by the office"), ()),
            ("finished_on_time", mark("finished on time"), ("finished_on_time", "finished_late")),
            ("finished_late", mark("finished late"), ("finished_on_time", "finished_late")),
            ("overdue_at_end", mark("Overdue at the end of the month"), ()),
        ),
    ),
    (
        mark("What went wrong"),
        (
            ("returned", mark("Returned by the recipient"), ()),
            ("undelivered", mark("Undeliverable"), ()),
            ("withdrawn", mark("Withdrawn by the sender"), ()),
            ("refused", mark("Refused by the hub"), ()),
        ),
    ),
)
# of a month that has not ended
_SO_FAR = {"overdue_at_end": mark("Overdue now")}
_REFUSED = {
    "envelope.refused": mark("Refused by the hub"),
    "delivery.refused": mark("Refused by the recipient's system"),
    "delivery.dead": mark("Undeliverable"),
    "status.received": mark("Returned by the office"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sheet: a number, its share of a whole (empty where it is none), and the month before."""

    words: str
    inner: bool
    now: str
    share: str
    before: str
    change: str


@dataclass(frozen=True, slots=True)
class Group:
    heading: str
    lines: tuple[Line, ...]


def month_words(month: str) -> str:
    """``2026-11`` as people write it: ``11/2026``."""
    year, number = month.split("-")
    return f"{number}/{year}"


def neighbour(month: str, by: int) -> str:
    """The month so many after this one, or before."""
    year, number = map(int, month.split("-"))
    place = year * 12 + number - 1 + by
    return f"{place // 12:04d}-{place % 12 + 1:02d}"


def groups(now: Sums, before: Sums, *, going_on: bool) -> list[Group]:
    """The lines of a sheet with a month and the one before. ``going_on``: the month has not ended."""
    so_far = _SO_FAR if going_on else {}
    return [
        Group(
            gettext(heading),
            tuple(_line(measure, so_far.get(measure, words), of, now, before) for measure, words, of in lines),
        )
        for heading, lines in _LINES
    ]


def _line(measure: str, words: str, of: Sequence[str], now: Sums, before: Sums) -> Line:
    here, then = now.get(measure, 0), before.get(measure, 0)
    whole = sum(now.get(name, 0) for name in of)
    return Line(
        gettext(words), bool(of) or measure == "addressed", wording.number(here), share(here, whole) if of else "",
        wording.number(then), change(here, then),
    )  # fmt: skip


def share(part: int, whole: int) -> str:
    """``95,2 %`` in Vietnamese, ``95.2%`` in English; a dash of nothing."""
    return gettext("%(number)s%%") % {"number": wording.decimal(100 * part / whole)} if whole > 0 else "–"


def change(now: int, before: int) -> str:
    """``+12``, ``−3`` or ``=``: what is more or less than the month before."""
    if now == before:
        return "="
    return f"{'+' if now > before else '−'}{wording.number(abs(now - before))}"


def took(seconds: float | None) -> str:
    """A time in the unit that people would say it in; a dash where there is none."""
    if seconds is None:
        return "–"
    for unit, words in ((86400 * 2, _days), (3600, _hours), (60, _minutes)):
        if seconds >= unit:
            return words(seconds)
    whole = round(seconds)
    return ngettext("%(num)d second", "%(num)d seconds", whole) % {"num": whole}


def _days(seconds: float) -> str:
    return gettext("%(number)s days") % {"number": wording.decimal(seconds / 86400)}


def _hours(seconds: float) -> str:
    return gettext("%(number)s hours") % {"number": wording.decimal(seconds / 3600)}


def _minutes(seconds: float) -> str:
    whole = round(seconds / 60)
    return ngettext("%(num)d minute", "%(num)d minutes", whole) % {"num": whole}


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """A cause with how often it was met in the month and in the one before."""

    words: str
    code: str
    now: int
    before: int


def refusals(counts: Iterable[CodeCount], month: str) -> list[RefusalLine]:
    """What was refused, by whom and why; the most frequent first."""
    counted: dict[tuple[str, str], list[int]] = {}
    for one in counts:
        if one.kind in _REFUSED:
            counted.setdefault((one.kind, one.code), [0, 0])[one.month != month] += one.entries
    lines = [RefusalLine(_cause(kind, code), code, now, before) for (kind, code), (now, before) in counted.items()]
    return sorted(lines, key=lambda line: (-line.now, -line.before, line.words, line.code))


def _cause(kind: str, code: str) -> str:
    known = kind == "envelope.refused" and code in CATALOGUE
    return CATALOGUE[code].title(current.get()) if known else gettext(_REFUSED[kind])


@dataclass(frozen=True, slots=True)
class Time:
    """How long something took: of how many, the median, the 90th percentile, and the median of the month before."""

    words: str
    letters: int
    median: str
    ninth: str
    before: str


def times(now: Mapping[str, Histogram], before: Mapping[str, Histogram]) -> list[Time]:
    """By span."""
    return [
        Time(
            gettext(words),
            sum(now.get(span, {}).values()),
            took(percentile(now.get(span, {}), 0.5)),
            took(percentile(now.get(span, {}), 0.9)),
            took(percentile(before.get(span, {}), 0.5)),
        )
        for span, words in SPANS.items()
    ]
