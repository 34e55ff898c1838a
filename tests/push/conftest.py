"""A receiver, a carrier that may reach this machine, and letters to push."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.push import PushCarrier, PushPolicy
from hub import clock
from hub.delivery.carrier import Failed, Outcome
from hub.registry.model import System
from hub.registry.push import key_numbers
from hub.registry.reach import Reach
from hub.signatures.jws import HubKey
from hub.signatures.webhooks import WebhookKeys
from tests.delivery.parcels import Shelf, parcel
from tests.push.receiver import Receiver

LOOPBACK = "127.0.0.0/8"
# seconds for an answer: of tests that wait for it, and of all others
BRIEF, PATIENT = 0.5, 20.0


@dataclass
class Line:
    """One hub's carrier and one system that it pushes to."""

    receiver: Receiver
    shelf: Shelf
    key: HubKey
    carrier: PushCarrier
    system: System = field(init=False)

    def __post_init__(self) -> None:
        self.system = self.registered()

    def registered(self, url: str = "", **options: Any) -> System:
        """A system at the receiver's address, or at another one."""
        where = url or self.receiver.url()
        return System(clock.new_id(), "Hệ thống nhận", "push", "sys-1", "0" * 64, False, True, False, where, options)

    async def push(self, body: bytes = b"<edXML/>", *, to: System | None = None, **more: Any) -> Outcome:
        return await self.carrier.carry(parcel(self.shelf, to or self.system, body, **more))

    def keys(self, system: System | None = None) -> WebhookKeys:
        system = system or self.system
        return WebhookKeys([self.key], system.id, key_numbers(system.options))


def failed(outcome: Outcome, code: str) -> Failed:
    """The failure that ``outcome`` is; its code must be ``code``."""
    assert isinstance(outcome, Failed), outcome
    assert outcome.code == code, outcome
    return outcome


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def policy() -> PushPolicy:
    return PushPolicy("https://hub.test", Reach.of(LOOPBACK), timeout=PATIENT)


@pytest.fixture
def key() -> HubKey:
    return HubKey(Ed25519PrivateKey.generate())


@pytest.fixture
async def opened(
    receiver: Receiver, policy: PushPolicy, key: HubKey, tmp_path: Path
) -> AsyncIterator[Callable[..., Line]]:
    """Makes lines whose policy differs from the usual one."""
    made: list[Line] = []

    def one(keys: tuple[HubKey, ...] = (key,), resolve: Any = None, **changes: Any) -> Line:
        carrier = PushCarrier(replace(policy, **changes), keys, resolve)
        made.append(Line(receiver, Shelf(tmp_path / f"shelf{len(made)}"), key, carrier))
        return made[-1]

    yield one
    for line in made:
        await line.carrier.close()


@pytest.fixture
def line(opened: Callable[..., Line]) -> Line:
    return opened()
