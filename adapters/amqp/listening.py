"""What systems say to the exchange ``receipts``: settlements and business statuses.

1. Who speaks: the user that RabbitMQ vouches for must be a system of this channel, and speak under its own key.
2. What is said must be readable.
3. Settled, refused, released, reported: committed by the rooms that do so for HTTP, with the same checks.
4. What is refused is parked for an operator with the reason, and its system is told in its own queue.
A batch is acknowledged when all of it is committed or parked; while the ledger is away all of it goes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from adapters.amqp import documents
from adapters.amqp.documents import About, Settlement, Status
from hub import clock
from hub.audit import Entry, Event
from hub.broker.port import BrokerUnavailable, Said, SystemQueues
from hub.delivery.lease import Close, Closed
from hub.problems import Deferred, Refused
from hub.receipts.statuses import Reported, StatusReport
from hub.registry.model import System

log = structlog.get_logger()


class Settlements(Protocol):
    """What the listener needs of ``hub.delivery.lease.Leases``."""

    async def settle(self, close: Close) -> Closed: ...

    async def refuse(self, close: Close, reason: str) -> Closed: ...


class Returns(Protocol):
    """What the listener needs of ``hub.delivery.handed.HandedOver``."""

    async def take_again(self, system_id: str, delivery_id: str) -> bool: ...

    async def release(self, close: Close) -> None: ...


class Reports(Protocol):
    """What the listener needs of ``hub.receipts.statuses.Statuses``."""

    async def report(self, system_id: str, report: StatusReport) -> Reported: ...


class Listening:
    """``speaker`` gives the system with a client id; ``record`` writes entries into the exchange log."""

    def __init__(
        self,
        queues: SystemQueues,
        settlements: Settlements,
        returns: Returns,
        reports: Reports,
        *,
        speaker: Callable[[str], Awaitable[System | None]],
        record: Callable[[Sequence[Entry]], Awaitable[None]],
        base_url: str,
    ) -> None:
        self._queues = queues
        self._settlements = settlements
        self._returns = returns
        self._reports = reports
        self._speaker = speaker
        self._record = record
        self._base_url = base_url

    async def hear(self, batch: Sequence[Said]) -> None:
        """Deal with a batch. Raises ``Deferred`` or ``BrokerUnavailable``: then none of it may be acknowledged."""
        chains: dict[tuple[str, str], list[tuple[Said, Settlement | Status | Refused]]] = {}
        for said in batch:
            meant = _read(said)
            about = "" if isinstance(meant, Refused) else meant.delivery
            chains.setdefault((said.user, about), []).append((said, meant))
        # what is said of one delivery in the order in which it was said, all others meanwhile
        outcomes = await asyncio.gather(*(self._chain(chain) for chain in chains.values()), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _chain(self, chain: Sequence[tuple[Said, Settlement | Status | Refused]]) -> None:
        for said, meant in chain:
            await self._one(said, meant)

    async def _one(self, said: Said, meant: Settlement | Status | Refused) -> None:
        system = await self._speaker(said.user) if said.user else None
        if system is None or system.channel != "amqp" or not system.active:
            return await self._park(said, f"forged: {said.user!r} is no system that may speak here")
        try:
            if said.routing_key != said.user:
                raise Refused("request-invalid", f"{said.routing_key!r}: not the speaker's", "routing_key")
            if isinstance(meant, Refused):
                raise meant
            await self._do(system, meant)
        except Refused as refusal:
            if isinstance(meant, Status):
                await self._record([_refused(system, said, refusal)])
            await self._answer(system, said, meant, refusal)
        except (Deferred, BrokerUnavailable):
            raise
        except Exception as error:
            # a message that brings the listener down must not stop all others; its delivery is handed over again
            log.exception("amqp.listening_defect", user=said.user, message=said.message_id)
            await self._park(said, f"hub-internal: {type(error).__name__}: {error}")

    async def _do(self, system: System, meant: Settlement | Status) -> None:
        if isinstance(meant, Status):
            report = StatusReport(meant.delivery, meant.code, meant.description, meant.at)
            await self._reports.report(system.id, report)
            return
        close = Close(system.id, meant.delivery, None)
        try:
            await self._settle(close, meant)
        except Refused as refusal:
            if refusal.code != "delivery-not-taken" or not await self._returns.take_again(system.id, meant.delivery):
                raise
            await self._settle(close, meant)

    async def _settle(self, close: Close, meant: Settlement) -> None:
        match meant.result:
            case "settled":
                await self._settlements.settle(close)
            case "released":
                await self._returns.release(close)
            case "refused":
                if not meant.reason.strip():
                    raise Refused("reason-missing", "", "/reason")
                await self._settlements.refuse(close, meant.reason.strip())

    async def _answer(self, system: System, said: Said, meant: Settlement | Status | Refused, refusal: Refused) -> None:
        delivery = None if isinstance(meant, Refused) else meant.delivery
        note = documents.problem(refusal, About(said.message_id, said.type, delivery), self._base_url)
        if await self._queues.post(system.id, [note]) != [True]:
            log.warning("amqp.answer_not_taken", system=system.name, code=refusal.code)
        await self._park(said, str(refusal))

    async def _park(self, said: Said, reason: str) -> None:
        log.warning("amqp.message_parked", user=said.user, message=said.message_id, type=said.type, reason=reason)
        await self._queues.park(said, reason)


def _read(said: Said) -> Settlement | Status | Refused:
    try:
        return documents.read(said)
    except Refused as refusal:
        return refusal


def _refused(system: System, said: Said, refusal: Refused) -> Entry:
    findings = [{"code": one.code, "detail": one.detail, "location": one.location} for one in refusal.findings]
    detail = {"findings": findings, "system": system.id, "message": said.message_id[:100]}
    return Entry(Event.STATUS_REFUSED, clock.now(), actor=system.id, code=refusal.code, detail=detail)
