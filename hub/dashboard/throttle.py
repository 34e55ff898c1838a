"""Slows down guessing: after some failed logins the next ones must wait, longer each time.

Counted in this process by login and by address. Another process counts anew, which multiplies the guesses by the
number of processes and no more; the exchange log holds every failure.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FREE_FAILURES = {"pair": 5, "login": 20, "address": 30}
FIRST_WAIT = 15.0
LONGEST_WAIT = 900.0
REMEMBERED = 10_000


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class LoginThrottle:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, login: str, address: str, now: float) -> float:
        """Seconds until this login may be tried again from this address; 0 when it may now."""
        return max(self._wait_of(key, now) for key in _keys(login, address))

    def failed(self, login: str, address: str, now: float) -> None:
        for key in _keys(login, address):
            failures = self._failures.setdefault(key, _Failures())
            if now - failures.last > LONGEST_WAIT:
                failures.count = 0
            failures.count += 1
            failures.last = now
            self._failures.move_to_end(key)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, login: str, address: str) -> None:
        self._failures.pop(_keys(login, address)[0], None)

    def _wait_of(self, key: tuple[str, str], now: float) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        over = failures.count - FREE_FAILURES[key[0]]
        if over < 0:
            return 0.0
        needed = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(over, 10))
        return max(0.0, failures.last + needed - now)


def _keys(login: str, address: str) -> tuple[tuple[str, str], ...]:
    return (("pair", f"{login}\n{address}"), ("login", login), ("address", address))
