"""Slows down guessing from one address, whatever it guesses: after failures the next attempts wait, longer each time.

Counted in this process. Failures of one login are counted in the ledger, for all processes
(``hub.ledger.login_failures``); the exchange log holds every failure.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

# many officials may share the address of their office
FREE_FAILURES = 30
FIRST_WAIT = 15.0
LONGEST_WAIT = 900.0
REMEMBERED = 10_000


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class AddressThrottle:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        failures = self._failures.get(address)
        if failures is None or failures.count < FREE_FAILURES:
            return 0.0
        needed = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures.count - FREE_FAILURES, 10))
        return max(0.0, failures.last + needed - now)

    def failed(self, address: str, now: float) -> None:
        failures = self._failures.setdefault(address, _Failures())
        if now - failures.last > LONGEST_WAIT:
            failures.count = 0
        failures.count += 1
        failures.last = now
        self._failures.move_to_end(address)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)
