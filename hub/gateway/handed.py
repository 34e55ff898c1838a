"""Which systems have been handed which envelopes: known here without asking the ledger again.

The recipients of an accepted envelope are fixed for ever, and its octets until they are purged, which does not happen
within a day of a lease: what is remembered for so long cannot become wrong. Whether the system may still call is asked
at every request. What is not remembered is asked of the ledger.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from hub import clock
from hub.ledger.deliveries import Leased

REMEMBERED = 20_000
REMEMBERED_FOR = timedelta(hours=23)


class Octets(NamedTuple):
    """Where an envelope's octets are found: the document's digest and size, how many attachments lie beside it."""

    sha256: str
    size: int
    parts: int


class Handed:
    """The last deliveries that this process leased, by envelope and system."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[Octets, datetime]] = OrderedDict()

    def remember(self, system_id: str, leased: Iterable[Leased]) -> None:
        at = clock.now()
        for one in leased:
            self._known[one.envelope_id, system_id] = Octets(one.sha256, one.size, one.parts), at
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def octets(self, envelope_id: str, system_id: str) -> Octets | None:
        octets, at = self._known.get((envelope_id, system_id), (None, None))
        return octets if at is not None and clock.now() - at < REMEMBERED_FOR else None
