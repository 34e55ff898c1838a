"""The chart of the months: letters received above the line, sent below it, on one scale that starts at zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HALF = 60.0  # pixels from the line to the top, and to the bottom
LEAST = 2.0  # a bar that is not nothing is seen
WIDTH = 62.0  # per cent of a month's place that its bar fills
_READABLE = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class MonthBar:
    """One month. ``x``, ``width`` and ``middle`` are percentages of the chart's width, heights are pixels."""

    month: str
    received: int
    sent: int
    x: float
    width: float
    middle: float
    received_height: float
    sent_height: float
    last: bool


@dataclass(frozen=True, slots=True)
class MonthChart:
    """``top`` is the number that a bar of full height stands for."""

    bars: tuple[MonthBar, ...]
    top: int


def month_chart(months: Sequence[tuple[str, int, int]]) -> MonthChart:
    """Lay out consecutive months, oldest first: each with what was received and sent."""
    top = _ceiling(max((max(received, sent) for _, received, sent in months), default=0))
    place = 100 / max(1, len(months))
    bars = [
        MonthBar(
            month,
            received,
            sent,
            x=round(index * place + place * (100 - WIDTH) / 200, 3),
            width=round(place * WIDTH / 100, 3),
            middle=round((index + 0.5) * place, 3),
            received_height=_height(received, top),
            sent_height=_height(sent, top),
            last=index == len(months) - 1,
        )
        for index, (month, received, sent) in enumerate(months)
    ]
    return MonthChart(tuple(bars), top)


def _height(count: int, top: int) -> float:
    return 0.0 if count <= 0 else round(max(LEAST, HALF * count / top), 1)


def _ceiling(number: int) -> int:
    """The next number that people can read at an axis."""
    if number <= 10:
        return max(1, number)
    power = int(10 ** (len(str(number)) - 1))
    return next(int(step * power) for step in _READABLE if number <= step * power)
