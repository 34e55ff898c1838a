"""Leases: taking, settling, giving back, keeping, refusing.

A lease is a promise of time, not of ownership for ever: when it runs out the delivery may be taken again. Its holder
may still settle afterwards, as long as nobody else has taken the delivery in between. Settling twice is one settlement.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Ledger, Transaction, deliveries, exchange_log, leasing, receipts
from hub.ledger.batching import Batches
from hub.ledger.bell import Bell
from hub.ledger.deliveries import DeliveryRecord, Leased
from hub.problems import Deferred, Refused
from hub.receipts import taking_back
from hub.receipts.non_delivery import sender_of, subject_of
from hub.receipts.signing import Receipt, ReceiptSigner


@dataclass(frozen=True, slots=True)
class Close:
    """A request to settle: by which system, which delivery, under which lease (None: whatever the system holds)."""

    system_id: str
    delivery_id: str
    lease_id: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """A delivery's end, with the receipt that went to the sender."""

    delivery_id: str
    state: str
    receipt: str


class Leases:
    """The recipient's side of deliveries."""

    def __init__(self, ledger: Ledger, signer: ReceiptSigner) -> None:
        self._ledger = ledger
        self._signer = signer
        self._settlements: Batches[Close, Closed] = Batches(
            self._settle_batch, most=64, workers=1, shared=lambda error: isinstance(error, Deferred)
        )
        self._bell = Bell(lambda waiting: ledger.read(leasing.takeable, waiting, clock.now()))

    def arrived(self, system_id: str) -> None:
        """Tell requests that wait for this system's inbox to look again."""
        self._bell.ring(system_id)

    def close(self) -> None:
        """Answer waiting requests now."""
        self._bell.close()

    async def take(
        self, system_id: str, limit: int, seconds: int, wait: float, gone: Callable[[], Awaitable[bool]] | None = None
    ) -> list[Leased]:
        """Up to ``limit`` deliveries under one new lease; waits up to ``wait`` seconds for the first.

        ``gone`` tells that nobody waits for the answer any more: what arrives then would be leased to nobody.
        """
        deadline = clock.monotonic() + wait
        while True:
            event = self._bell.expect(system_id)
            at = clock.now()
            taken = await self._ledger.statement(
                leasing.lease, system_id, clock.new_id(), limit, at, at + timedelta(seconds=seconds)
            )
            taken = await self._without_recalled(taken, at)
            left = deadline - clock.monotonic()
            if taken or left <= 0 or self._bell.closed:
                return taken
            await self._bell.wait(event, left)
            if gone is not None and await gone():
                return []

    async def _without_recalled(self, taken: list[Leased], at: datetime) -> list[Leased]:
        """Without those whose lease ran out after their sender had asked for them back: they are withdrawn instead."""
        again = [one.id for one in taken if one.attempts > 1]
        if not again:
            return taken
        withdrawn = await self._ledger.write(self._withdraw_recalled, again, at)
        return [one for one in taken if one.id not in withdrawn]

    def _withdraw_recalled(self, transaction: Transaction, delivery_ids: Sequence[str], at: datetime) -> set[str]:
        asked = taking_back.asked_back(transaction, delivery_ids)
        for one in sorted(asked):
            leasing.give_back(transaction, one, at)
        return {one for one in sorted(asked) if taking_back.given_back(transaction, self._signer, one, at)}

    async def settle(self, close: Close) -> Closed:
        """Close as taken. Idempotent. Raises ``Refused``: ``not-found``, ``lease-lost``, ``delivery-*``."""
        return await self._settlements.add(close)

    async def _settle_batch(self, batch: Sequence[Close]) -> Sequence[Closed | Exception]:
        """Most are what they should be and need no locks held over several statements; the others get them."""
        if self._ledger.dialect != "postgresql":
            return await self._ledger.write(self._settle, batch)
        plain = await self._ledger.statement(self._settle_plain, batch)
        left = [number for number, answer in enumerate(plain) if answer is None]
        answers: list[Closed | Exception | None] = list(plain)
        if left:
            rest = await self._ledger.write(self._settle, [batch[number] for number in left])
            for number, answer in zip(left, rest, strict=True):
                answers[number] = answer
        return [answer for answer in answers if answer is not None]

    def _settle_plain(self, transaction: Transaction, batch: Sequence[Close]) -> list[Closed | None]:
        """Settle what is under the lease that its holder names; None for the rest, which nothing was done to."""
        at = clock.now()
        records = deliveries.find(transaction, sorted({close.delivery_id for close in batch}))
        issued: dict[tuple[str, str], Receipt] = {}
        entries = []
        for close in batch:
            record = records.get(close.delivery_id)
            if record is None or not _holds(record, close) or _key(record) in issued:
                continue
            issued[_key(record)] = self._signer.delivered(subject_of(record), sender_of(record), at)
            entries.append(_settled(record, at))
        moved = leasing.settle(transaction, {key: one.row for key, one in issued.items()}, entries, at)
        receipt = {delivery_id: one.jws for (delivery_id, _), one in issued.items() if delivery_id in moved}
        return [
            Closed(close.delivery_id, "settled", receipt[close.delivery_id])
            if close.delivery_id in receipt and _holds(records[close.delivery_id], close)
            else None
            for close in batch
        ]

    def _settle(self, transaction: Transaction, batch: Sequence[Close]) -> list[Closed | Exception]:
        at = clock.now()
        records = deliveries.find(transaction, sorted({close.delivery_id for close in batch}), lock=True)
        answers: dict[int, Closed | Exception] = {}
        issued: dict[str, Receipt] = {}
        for number, close in enumerate(batch):
            try:
                record = self._record(records, close)
                if record.state == "settled":
                    answers[number] = self._again(transaction, record, "delivery.settled")
                    continue
                _check_lease(record, close.lease_id)
            except Refused as refusal:
                answers[number] = refusal
                continue
            if record.id not in issued:
                issued[record.id] = self._signer.delivered(subject_of(record), sender_of(record), at)
            answers[number] = Closed(record.id, "settled", issued[record.id].jws)
        if issued:
            deliveries.close(transaction, list(issued), "settled", at)
            receipts.add(transaction, [receipt.row for receipt in issued.values()])
            exchange_log.append(transaction, [_settled(records[one], at) for one in issued])
        return [answers[number] for number in range(len(batch))]

    async def refuse(self, close: Close, reason: str) -> Closed:
        """Close as refused for good, with the reason the sender will read. Idempotent for the same reason."""
        return await self._ledger.write(self._refuse, close, reason)

    def _refuse(self, transaction: Transaction, close: Close, reason: str) -> Closed:
        at = clock.now()
        record = self._record(deliveries.find(transaction, [close.delivery_id], lock=True), close)
        if record.state == "refused" and record.reason == reason:
            return self._again(transaction, record, "delivery.refused")
        _check_lease(record, close.lease_id)
        receipt = self._signer.delivery_refused(subject_of(record), sender_of(record), reason, at)
        deliveries.refuse(transaction, record.id, reason, at)
        receipts.add(transaction, [receipt.row])
        deliveries.log(transaction, Event.DELIVERY_REFUSED, record, at, reason=reason)
        return Closed(record.id, "refused", receipt.jws)

    async def release(self, close: Close) -> None:
        """Give a delivery back before the lease runs out."""
        await self._ledger.write(self._release, close)

    def _release(self, transaction: Transaction, close: Close) -> None:
        at = clock.now()
        record = self._record(deliveries.find(transaction, [close.delivery_id], lock=True), close)
        if record.state == "ready":
            return
        _check_lease(record, close.lease_id)
        leasing.give_back(transaction, record.id, at)
        deliveries.log(transaction, Event.DELIVERY_RELEASED, record, at)
        taking_back.given_back(transaction, self._signer, record.id, at)

    async def extend(self, close: Close, seconds: int) -> datetime:
        """Keep a delivery ``seconds`` from now; returns the new end of the lease."""
        return await self._ledger.write(self._extend, close, seconds)

    def _extend(self, transaction: Transaction, close: Close, seconds: int) -> datetime:
        at = clock.now()
        record = self._record(deliveries.find(transaction, [close.delivery_id], lock=True), close)
        _check_lease(record, close.lease_id)
        until = at + timedelta(seconds=seconds)
        leasing.extend(transaction, record.id, until)
        deliveries.log(transaction, Event.DELIVERY_EXTENDED, record, at, until=clock.rfc3339(until))
        return until

    def _record(self, records: dict[str, DeliveryRecord], close: Close) -> DeliveryRecord:
        record = records.get(close.delivery_id)
        if record is None or record.system_id != close.system_id:
            raise Refused("not-found", close.delivery_id)
        return record

    def _again(self, transaction: Transaction, record: DeliveryRecord, event: str) -> Closed:
        first = receipts.of_delivery(transaction, record.id, event)
        assert first is not None, "a closed delivery has its receipt: they commit together"
        return Closed(record.id, record.state, first.jws)


def _holds(record: DeliveryRecord, close: Close) -> bool:
    """Whether the delivery is under a lease of the caller, and under the one that it names, if it names one."""
    mine = record.system_id == close.system_id and record.state == "leased"
    return mine and close.lease_id in (None, record.lease_id)


def _key(record: DeliveryRecord) -> tuple[str, str]:
    return record.id, record.lease_id or ""


def _check_lease(record: DeliveryRecord, lease_id: str | None) -> None:
    if record.state in ("settled", "refused", "dead", "withdrawn"):
        raise Refused("delivery-closed", record.state)
    if record.state != "leased":
        raise Refused("delivery-not-taken" if lease_id is None else "lease-lost", record.state)
    if lease_id is not None and record.lease_id != lease_id:
        raise Refused("lease-lost", "another client has taken it")


def _settled(record: DeliveryRecord, at: datetime) -> Entry:
    return Entry(
        Event.DELIVERY_SETTLED,
        at,
        actor=record.system_id,
        agency_code=record.recipient_code,
        envelope_id=record.envelope_id,
        delivery_id=record.id,
        document_id=record.document_id,
        detail={"recipient": record.recipient_code, "system": record.system_id, "sha256": record.sha256},
    )
