"""The carrier port: handing one delivery to a system that the hub must reach, instead of being asked by it.

A channel is one file with a ``Carrier`` and one line in the mapping (``hub.wiring``). A carrier tries once, says what
came of it and keeps nothing: retries, breakers, expiry and dead letters are the carriage's (``hub.delivery.carriage``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from hub.ledger.deliveries import Leased
from hub.ledger.envelopes import PartRecord
from hub.ledger.receipts import ReceiptRecord
from hub.registry.model import System


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery with what a carrier may need. The octets are files: read them in pieces, hand them over untouched.

    ``file`` gives the path of the octets with a SHA-256 and a length; it raises ``OSError`` when they are away.
    ``traceparent`` is the sender's (W3C Trace Context). ``deadline`` is when this attempt is cut off.
    """

    delivery: Leased
    system: System
    parts: tuple[PartRecord, ...]
    file: Callable[[str, int], Path]
    traceparent: str
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Delivered:
    """The recipient's system has it: the delivery is settled. ``evidence`` (JSON) goes into the log."""

    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handed:
    """It lies where the system takes it from and settles by itself; until ``until`` nobody hands it over again."""

    until: datetime
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not handed over. ``code`` is one of ``hub.delivery.failures``, which says whether trying again may help.

    ``retry_after``: seconds that the other side asked for. ``disable``: it said that it is gone for good.
    """

    code: str
    detail: str = ""
    retry_after: float | None = None
    disable: bool = False


Outcome = Delivered | Handed | Failed


class Carrier(Protocol):
    """Hands over by one channel. Everything expected is an ``Outcome``; ``Deferred`` means that the hub itself cannot.

    ``concurrency``: deliveries of one system on their way at once.
    """

    concurrency: int

    async def carry(self, parcel: Parcel) -> Outcome:
        """Try once. Called again for the same delivery after a failure, or after a crash whose outcome is unknown."""

    async def tell(self, system: System, receipts: Sequence[ReceiptRecord]) -> Outcome:
        """Bring receipts of the system's own letters, in order; ``Delivered`` moves its cursor past all of them."""

    async def close(self) -> None:
        """Let go of connections."""
