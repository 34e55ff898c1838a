"""Parcels made to order, whose octets lie in a directory of files named by their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hub import clock
from hub.delivery.carrier import Parcel
from hub.ledger.deliveries import Leased
from hub.ledger.envelopes import PartRecord
from hub.ledger.receipts import ReceiptRecord
from hub.registry.model import System


class Shelf:
    """The octets that parcels refer to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)

    def keep(self, octets: bytes) -> str:
        sha256 = hashlib.sha256(octets).hexdigest()
        (self.directory / sha256).write_bytes(octets)
        return sha256

    def file(self, sha256: str, size: int) -> Path:
        path = self.directory / sha256
        if path.stat().st_size != size:
            raise FileNotFoundError(2, "not as long as it was", str(path))
        return path


def system(channel: str, **options: Any) -> System:
    return System(clock.new_id(), f"system by {channel}", channel, "sys-1", "0" * 64, False, True, options=options)


def parcel(
    shelf: Shelf,
    to: System,
    body: bytes = b"<edXML/>",
    parts: Sequence[tuple[str, bytes]] = (),
    *,
    seconds: float = 60,
    **changes: Any,
) -> Parcel:
    """A letter of G22 to H33, with ``parts`` (name, octets) beside it."""
    records = tuple(
        PartRecord(f"part{number}@test", name, "application/pdf", shelf.keep(octets), len(octets))
        for number, (name, octets) in enumerate(parts, 1)
    )
    at = clock.now()
    delivery = Leased(
        id=clock.new_id(),
        envelope_id=clock.new_id(),
        recipient_code="H33",
        attempts=1,
        arrival=1,
        lease_id=clock.new_id(),
        lease_until=at + timedelta(seconds=60),
        sender_code="G22",
        sender_name="Bộ Tư pháp",
        document_id="G22.2026.12",
        business_type=0,
        number="12",
        notation="UBND-VP",
        document_type="Công văn",
        subject="Về việc liên thông văn bản",
        priority=0,
        due_on=date(2026, 12, 1),
        sha256=shelf.keep(body),
        size=len(body),
        parts=len(records),
        parts_size=sum(one.size for one in records),
        received_at=at,
    )
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    deadline = at + timedelta(seconds=seconds)
    return Parcel(replace(delivery, **changes), to, records, shelf.file, traceparent, deadline)


def receipt(number: int, **changes: Any) -> ReceiptRecord:
    found = ReceiptRecord(
        seq=number,
        tx=7,
        id=clock.new_id(),
        kind="delivery",
        event="delivery.settled",
        audience_system_id="sender",
        audience_code="G22",
        envelope_id=clock.new_id(),
        delivery_id=clock.new_id(),
        document_id=f"G22.2026.{number}",
        sender_code="G22",
        recipient_code="H33",
        code="",
        description="",
        at=clock.now(),
        jws="a.b.c",
    )
    return replace(found, **changes)
