"""The one place that reads the clock and makes identifiers.

In charge of: the current time, time-ordered identifiers, unguessable tokens.
Comes in: nothing. Goes out: aware UTC ``datetime`` values, UUIDv7 strings, random tokens.
Times are RFC 3339 in UTC outside the process; edXML local times are read as Asia/Ho_Chi_Minh.
"""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def now() -> datetime:
    """The current time, aware, UTC, microseconds."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds from an arbitrary start; for waiting and measuring, never for records."""
    return time.monotonic()


def rfc3339(moment: datetime) -> str:
    """``2026-11-21T09:12:33.123456Z``: fixed width, so that text order is time order (RFC 3339 §5.1)."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time; raises ``ValueError`` when it is malformed or names no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset")
    return moment.astimezone(UTC)


_LAST_DIGITS = 2**48 - 1


class _Identifiers:
    """The last identifier given out, so that the next one is higher even within a millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._random = b""
        # a child must not go on with its parent's random octets
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._random = b""

    def following(self, count: int = 1) -> int:
        """48 bits of milliseconds and 74 random ones, always above the one before (RFC 9562 §6.2, method 2).

        As many as ``count`` in a row are drawn; they differ in their last 48 bits.
        """
        milliseconds = time.time_ns() // 1_000_000 & (2**48 - 1)
        with self._lock:
            if not self._random:
                # drawn in stock: every draw gives the interpreter up, which costs a busy process more than the draw
                self._random = os.urandom(2560)
            drawn, self._random = self._random[:10], self._random[10:]
            value = milliseconds << 74 | int.from_bytes(drawn, "big") >> 6
            if value <= self._last:
                value = self._last + 1 + (value & 0xFFFFFFFF)
            if (value & _LAST_DIGITS) + count > _LAST_DIGITS:
                value = (value | _LAST_DIGITS) + 1
            self._last = value + count - 1
        return value


_identifiers = _Identifiers()


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7). Those of one process sort in the order in which they were made."""
    return _written(_identifiers.following())


def new_ids(count: int) -> tuple[str, int]:
    """``count`` UUIDv7 for a statement that makes rows by itself: what they have in common, and a number to begin with.

    The last twelve hexadecimal digits of each are that number, the next one, and so on.
    """
    first = _written(_identifiers.following(count))
    return first[:-12], int(first[-12:], 16)


def _written(value: int) -> str:
    time_part, first, second = value >> 74, value >> 62 & 0xFFF, value & (2**62 - 1)
    digits = f"{time_part << 80 | 0x7 << 76 | first << 64 | 0x2 << 62 | second:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_secret() -> str:
    """256 random bits, URL-safe; shown once, stored as a digest."""
    return secrets.token_urlsafe(32)


def jitter(least: float, most: float) -> float:
    """Seconds between two bounds, evenly spread, so that those who failed together do not come back together."""
    return random.uniform(least, most)  # noqa: S311 - spreads load, hides nothing
