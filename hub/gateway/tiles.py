"""Full tiles of the log that this process gave out: they never change."""

from __future__ import annotations

from collections import OrderedDict

from hub.audit.tiles import TilePlace

KEPT = 1024  # of 8 KiB each


class KeptTiles:
    """The tiles asked for last."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._known: OrderedDict[TilePlace, bytes] = OrderedDict()

    def find(self, place: TilePlace) -> bytes | None:
        octets = self._known.get(place)
        if octets is not None:
            self._known.move_to_end(place)
        return octets

    def keep(self, place: TilePlace, octets: bytes) -> None:
        """Partial tiles are not kept: soon nobody asks for them."""
        if place.place.full:
            self._known[place] = octets
            while len(self._known) > self._most:
                self._known.popitem(last=False)
