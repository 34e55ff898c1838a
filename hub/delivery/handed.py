"""What a system says later of a document that was handed to it: that it has it after all, or takes it back for now."""

from __future__ import annotations

from datetime import timedelta

from hub import clock
from hub.audit import Event
from hub.delivery import retry
from hub.delivery.lease import Close
from hub.ledger import Ledger, Transaction, carriage, deliveries, handed
from hub.ledger.carriage import Attempt
from hub.ledger.deliveries import DeliveryRecord
from hub.problems import Refused
from hub.receipts import taking_back
from hub.receipts.signing import ReceiptSigner

# from here to the settlement that follows
AGAIN_SECONDS = 60.0


class HandedOver:
    """For systems that consume their own queue and settle by themselves."""

    def __init__(self, ledger: Ledger, signer: ReceiptSigner) -> None:
        self._ledger = ledger
        self._signer = signer

    async def take_again(self, system_id: str, delivery_id: str) -> bool:
        """Let a system settle what it was handed, although a later hand-over failed and put it back.

        False when there is nothing to take: never handed, closed, not the system's.
        """
        at = clock.now()
        until = at + timedelta(seconds=AGAIN_SECONDS)
        return await self._ledger.write(handed.lease_again, delivery_id, system_id, clock.new_id(), at, until)

    async def release(self, close: Close) -> None:
        """Take a document back, and hand it over again after a pause that grows. Idempotent.

        Raises ``Refused``: ``not-found``, ``delivery-closed``.
        """
        await self._ledger.write(self._release, close)

    def _release(self, transaction: Transaction, close: Close) -> None:
        record = deliveries.find(transaction, [close.delivery_id], lock=True).get(close.delivery_id)
        if record is None or record.system_id != close.system_id:
            raise Refused("not-found", close.delivery_id)
        if record.state == "leased":
            self._put_back(transaction, record)
        elif record.state != "ready":
            raise Refused("delivery-closed", record.state)

    def _put_back(self, transaction: Transaction, record: DeliveryRecord) -> None:
        at = clock.now()
        course = handed.course(transaction, record.id)
        pause = retry.wait(retry.PACES[course.priority], course.returned + 1)
        next_at = at + timedelta(seconds=pause)
        row = Attempt(record.id, course.attempts, "amqp", at, at, "transient", "returned", "", next_at)
        carriage.record(transaction, [row])
        carriage.put_back(transaction, record.id, at, next_at, "returned")
        deliveries.log(transaction, Event.DELIVERY_RELEASED, record, at, next_at=clock.rfc3339(next_at))
        taking_back.given_back(transaction, self._signer, record.id, at)
