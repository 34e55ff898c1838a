"""The chart of the last day: letters in above the line, deliveries out below it, on one scale that starts at zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.dashboard import moments
from hub.ledger.overview import Hour

HALF = 60.0  # pixels from the line to the top, and to the bottom
LEAST = 2.0  # a bar that is not nothing is seen
WIDTH = 62.0  # per cent of an hour's place that its bar fills
_READABLE = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour. ``x`` and ``width`` are percentages of the chart's width, heights are pixels."""

    hour: Hour
    x: float
    width: float
    middle: float
    accepted_height: float
    delivered_height: float
    label: str
    ticked: str


@dataclass(frozen=True, slots=True)
class Chart:
    """``top`` is the number that a bar of full height stands for."""

    bars: tuple[Bar, ...]
    top: int
    accepted: int
    delivered: int


def chart(hours: Sequence[Hour]) -> Chart:
    """Lay out consecutive hours, oldest first."""
    top = _round_up(max((max(hour.accepted, hour.delivered) for hour in hours), default=0))
    place = 100 / max(1, len(hours))
    return Chart(
        tuple(_bar(index, hour, place, top) for index, hour in enumerate(hours)),
        top,
        sum(hour.accepted for hour in hours),
        sum(hour.delivered for hour in hours),
    )


def _bar(index: int, hour: Hour, place: float, top: int) -> Bar:
    start = moments.local(hour.start)
    ticked = "wide" if start.hour % 6 == 0 else "narrow" if start.hour % 3 == 0 else ""
    return Bar(
        hour,
        x=round(index * place + place * (100 - WIDTH) / 200, 3),
        width=round(place * WIDTH / 100, 3),
        middle=round((index + 0.5) * place, 3),
        accepted_height=_height(hour.accepted, top),
        delivered_height=_height(hour.delivered, top),
        label=f"{start:%H:%M}",
        ticked=ticked,
    )


def _height(count: int, top: int) -> float:
    return 0.0 if count == 0 else round(max(LEAST, HALF * count / top), 1)


def _round_up(number: int) -> int:
    """The next number that people can read at an axis: two leading digits of a short list."""
    if number <= 10:
        return max(1, number)
    step = int(10 ** (len(str(number)) - 2))
    return next(factor * step for factor in _READABLE if number <= factor * step)
