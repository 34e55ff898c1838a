"""The outbox of alerts: claimed, brought by the way that an addressee names, closed or put off.

A notice goes out at least once: whoever dies after sending leaves a claim that runs out. Its identifier stays the same,
so that a receiver knows a repeat. Several sweeps at once hold different notices. After ``GIVEN_UP`` it is given up and
stays visible.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from hub import clock
from hub.ledger import Ledger, Transaction, alert_notices, alerts
from hub.ledger.alert_notices import Notice
from hub.ledger.alerts import AlertRecord

log = structlog.get_logger()

BATCH = 200
CLAIM = timedelta(minutes=5)
SEND_SECONDS = 60.0
GIVEN_UP = timedelta(days=1)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Told:
    """A notice and the alert as it is now."""

    notice: Notice
    alert: AlertRecord


class Way(Protocol):
    """Brings notices to one address; ``most`` of them at once."""

    most: int

    async def tell(self, address: str, told: Sequence[Told]) -> str:
        """Empty when they were taken; else why not."""

    async def close(self) -> None: ...


class Post:
    """``ways`` by the name before the colon of an addressee."""

    def __init__(self, ledger: Ledger, ways: Mapping[str, Way]) -> None:
        self._ledger = ledger
        self._ways = ways

    async def step(self) -> int:
        """Bring what is due; how many were claimed. Raises ``Deferred``."""
        now = clock.now()
        claimed = await self._ledger.write(_claim, BATCH)
        by_addressee: dict[str, list[Told]] = {}
        for one in claimed:
            by_addressee.setdefault(one.notice.addressee, []).append(one)
        end = clock.monotonic() + (CLAIM - (clock.now() - now)).total_seconds() - 2 * SEND_SECONDS
        await asyncio.gather(*(self._bring(addressee, told, end) for addressee, told in by_addressee.items()))
        return len(claimed)

    async def _bring(self, addressee: str, told: Sequence[Told], end: float) -> None:
        name, _colon, address = addressee.partition(":")
        way = self._ways.get(name)
        most = len(told) if way is None else way.most
        for start in range(0, len(told), most):
            if clock.monotonic() > end:
                return  # their claim runs out; whoever claims them then goes on
            part = told[start : start + most]
            error = f"no way to {name}" if way is None else await _told(way, address, part)
            await self._ledger.write(_note, part, error)

    async def close(self) -> None:
        for one in self._ways.values():
            await one.close()

    async def try_now(self, addressee: str, told: Sequence[Told]) -> str:
        """Bring something that is in no outbox: an operator tries the way. Empty when it was taken."""
        name, _colon, address = addressee.partition(":")
        way = self._ways.get(name)
        return f"no way to {name}" if way is None else await _told(way, address, told)


async def _told(way: Way, address: str, told: Sequence[Told]) -> str:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            return await way.tell(address, told)
    except TimeoutError:
        return f"no end after {SEND_SECONDS:.0f} s"
    except Exception as error:
        # a defect of one way must not end the others, nor the looks
        log.exception("alert.way_failed", address=address)
        return f"{type(error).__name__}: {error}"


def _claim(transaction: Transaction, limit: int) -> list[Told]:
    now = clock.now()
    found = alert_notices.claim(transaction, now, now + CLAIM, limit)
    known = alerts.of_ids(transaction, {one.alert_id for one in found})
    return [Told(one, known[one.alert_id]) for one in found]


def _note(transaction: Transaction, told: Sequence[Told], error: str) -> None:
    now = clock.now()
    if not error:
        alert_notices.close(transaction, [one.notice.id for one in told], "sent", now)
        return
    for one in told:
        log.warning("alert.not_told", addressee=one.notice.addressee, alert=one.alert.id, reason=error)
        if now - one.notice.made_at >= GIVEN_UP:
            alert_notices.close(transaction, [one.notice.id], "given-up", now, error)
        else:
            alert_notices.put_off(transaction, one.notice.id, now + wait(one.notice.attempts), error)


def wait(attempts: int) -> timedelta:
    """After so many attempts: twice as long each time, an hour at most."""
    return min(FIRST_WAIT * (1 << min(max(attempts - 1, 0), 16)), LONGEST_WAIT)
