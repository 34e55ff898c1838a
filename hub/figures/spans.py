"""How long things took, in buckets that can be added up: a histogram whose percentiles are off by a known share.

Seconds are counted exactly below 64. Above, each doubling is cut into 32 buckets of equal width, and a percentile is
the middle of its bucket: off by at most half a width, 1/64 of the true value (1.6 %). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

STEPS = 32
ERROR = 1 / 64
_EXACT = 2 * STEPS
# two centuries; longer ones count as that
_MOST = 2**33 - 1


def bucket(seconds: float) -> int:
    """The bucket of a span; a negative one (a clock was put back) counts as none."""
    whole = min(max(0, int(seconds)), _MOST)
    if whole < _EXACT:
        return whole
    shift = whole.bit_length() - 6
    return _EXACT + (shift - 1) * STEPS + (whole >> shift) - STEPS


def middle(number: int) -> float:
    """The seconds that a bucket stands for."""
    if number < _EXACT:
        return float(number)
    shift, step = divmod(number - _EXACT, STEPS)
    width: int = 1 << (shift + 1)
    return (STEPS + step) * width + (width - 1) / 2


def percentile(histogram: Mapping[int, int], share: float) -> float | None:
    """The least value that at least this share of all do not exceed (nearest rank), in seconds; None of nothing."""
    total = sum(histogram.values())
    if total <= 0:
        return None
    wanted, seen = share * total, 0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen >= wanted:
            return middle(number)
    return middle(max(histogram))
