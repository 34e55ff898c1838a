"""The contract of a carrier, and a scripted one. Every channel's carrier runs through the same suite.

A channel's tests make a ``Rig``: its carrier, a system of its kind, and a look at what really arrived there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from hub import clock
from hub.delivery.carriage import Carriage
from hub.delivery.carrier import Carrier, Delivered, Failed, Handed, Outcome, Parcel
from hub.delivery.failures import FAILURES
from hub.ledger import Ledger, PayloadStore
from hub.ledger.deliveries import Leased
from hub.ledger.receipts import ReceiptRecord
from hub.receipts.signing import ReceiptSigner
from hub.registry.model import System
from tests.ledger.stage import Stage


class Scripted:
    """A carrier that answers as told; when the script is over everything is delivered."""

    concurrency = 4

    def __init__(self, *script: Outcome | BaseException) -> None:
        self.script = list(script)
        self.carried: list[str] = []
        self.told: list[list[str]] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.at_once = 0
        self.most_at_once = 0

    async def carry(self, parcel: Parcel) -> Outcome:
        self.carried.append(parcel.delivery.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.hold.wait()
        finally:
            self.at_once -= 1
        return self._next()

    async def tell(self, system: System, receipts: Sequence[ReceiptRecord]) -> Outcome:
        outcome = self._next()
        if isinstance(outcome, Delivered):
            self.told.append([one.id for one in receipts])
        return outcome

    def _next(self) -> Outcome:
        outcome = self.script.pop(0) if self.script else Delivered({"said": "yes"})
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def close(self) -> None:
        return None


def carriage_of(ledger: Ledger, signer: ReceiptSigner, carrier: Carrier, channel: str = "push") -> Carriage:
    """A carriage with one carrier; there are no octets behind it."""
    return Carriage(ledger, signer, {channel: carrier}, lambda _sha256, _size: Path("/nonexistent"))


def idle(stage: Stage) -> Carriage:
    """A carriage without carriers, for a courier whose systems come for their documents."""
    return Carriage(stage.ledger, stage.signer, {}, lambda _sha256, _size: Path("/nonexistent"))


@dataclass
class Rig:
    """``arrived`` gives the identifiers of deliveries that the receiving side holds whole, with their octets' digest;
    ``break_down`` makes it unreachable until ``mend``."""

    carrier: Carrier
    system: System
    arrived: Callable[[], Awaitable[dict[str, str]]]
    break_down: Callable[[], Awaitable[None]]
    mend: Callable[[], Awaitable[None]]


def parcel(rig: Rig, payloads: PayloadStore, octets: bytes, **changes: object) -> Parcel:
    """A delivery of these octets, which stand in the payload store."""
    writer = payloads.writer()
    writer.write(octets)
    writer.keep()
    at = clock.now()
    letter = Leased(
        id=clock.new_id(), envelope_id=clock.new_id(), recipient_code="H33.01", attempts=1, arrival=1,
        lease_id=clock.new_id(), lease_until=at + timedelta(minutes=1), sender_code="G22",
        sender_name="Văn phòng Chính phủ", document_id="G22,2026/11/22,7816/VPCP-TTĐT", business_type=0,
        number="7816", notation="VPCP-TTĐT", document_type="Công văn",
        subject="Về việc liên thông văn bản\ttới các cơ quan", priority=1, due_on=None,
        sha256=writer.sha256, size=len(octets), parts=0, parts_size=0, received_at=at,
    )  # fmt: skip
    return Parcel(
        replace(letter, **changes),  # type: ignore[arg-type]  # fields of Leased by name
        rig.system,
        (),
        payloads.path,
        f"00-{'a' * 32}-{'b' * 16}-01",
        at + timedelta(seconds=20),
    )


async def check_contract(rig: Rig, payloads: PayloadStore) -> None:
    """What every carrier keeps: octets untouched, once more is once, an unreachable side is a transient failure."""
    octets = "<edXML>Nguyên văn</edXML>\r\n".encode() * 1000
    first = parcel(rig, payloads, octets)
    outcome = await rig.carrier.carry(first)
    assert isinstance(outcome, Delivered | Handed), outcome
    arrived = await rig.arrived()
    assert arrived == {first.delivery.id: first.delivery.sha256}, "handed over whole and untouched"

    again = await rig.carrier.carry(first)
    assert isinstance(again, Delivered | Handed), "a repeat after a crash is no failure"
    assert (await rig.arrived()).keys() == {first.delivery.id}, "the receiving side can tell that it is the same"

    await rig.break_down()
    second = parcel(rig, payloads, b"<edXML/>" * 10)
    failed = await rig.carrier.carry(second)
    assert isinstance(failed, Failed), failed
    assert FAILURES[failed.code].transient, failed
    assert second.delivery.id not in await rig.arrived(), "nothing half handed over is shown"

    await rig.mend()
    assert isinstance(await rig.carrier.carry(second), Delivered | Handed)
    assert (await rig.arrived()).keys() == {first.delivery.id, second.delivery.id}
    await rig.carrier.close()
