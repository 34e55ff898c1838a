"""Which systems have been handed which envelopes: known here without asking the ledger again.

Both are fixed for ever, the recipients of an accepted envelope and its octets, so what is remembered cannot become
wrong; whether the system may still call is asked at every request. What is not remembered is asked of the ledger.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from hub.ledger.deliveries import Leased

REMEMBERED = 20_000


class Octets(NamedTuple):
    """Where an envelope's octets are found: the document's digest and size, how many attachments lie beside it."""

    sha256: str
    size: int
    parts: int


class Handed:
    """The last deliveries that this process leased, by envelope and system."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Octets] = OrderedDict()

    def remember(self, system_id: str, leased: Iterable[Leased]) -> None:
        for one in leased:
            self._known[one.envelope_id, system_id] = Octets(one.sha256, one.size, one.parts)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def octets(self, envelope_id: str, system_id: str) -> Octets | None:
        return self._known.get((envelope_id, system_id))
