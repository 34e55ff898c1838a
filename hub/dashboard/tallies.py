"""What waits for the reader: the small numbers beside the places of the navigation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub import clock
from hub.dashboard.wording import number
from hub.ledger import Ledger, Transaction, alerts, dead_letters, decisions, overdue

FRESH = 10.0
SCOPES = 256
MOST = 99


@dataclass(frozen=True, slots=True)
class Tally:
    """How many wait, by the section of the navigation; more than ``MOST`` are not counted to the end."""

    waiting: Mapping[str, int] = field(default_factory=dict)

    def of(self, section: str) -> str:
        """``7``, ``99+``, or nothing where nothing waits."""
        count = self.waiting.get(section, 0)
        return "" if not count else number(count) if count <= MOST else f"{number(MOST)}+"


class Tallies:
    """Reads and remembers. Scopes are agency codes; None is everything."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._remembered: OrderedDict[str | None, tuple[float, Tally]] = OrderedDict()

    async def read(self, agency_code: str | None) -> Tally:
        """At most ``FRESH`` seconds old. Raises ``Deferred`` when the ledger does not answer."""
        kept = self._remembered.get(agency_code)
        if kept is not None and clock.monotonic() - kept[0] < FRESH:
            return kept[1]
        tally = Tally(await self._ledger.read(_read, clock.now(), agency_code))
        self._remembered[agency_code] = (clock.monotonic(), tally)
        self._remembered.move_to_end(agency_code)
        while len(self._remembered) > SCOPES:
            self._remembered.popitem(last=False)
        return tally

    def forget(self) -> None:
        """Somebody changes something: the next page counts anew."""
        self._remembered.clear()


def _read(transaction: Transaction, now: datetime, agency_code: str | None) -> dict[str, int]:
    found = {
        "overdue": overdue.count(transaction, now, agency_code, MOST + 1),
        "dead-letters": dead_letters.count(transaction, agency_code, MOST + 1),
    }
    # what concerns the hub as a whole is not an agency's
    if agency_code is None:
        found |= {"decisions": decisions.number_waiting(transaction), "alerts": alerts.count_open(transaction).count}
    return found
