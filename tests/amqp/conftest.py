"""PostgreSQL (the embedded engine does not offer the channel), RabbitMQ, a system of the channel with its own user."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hub.broker import RabbitBroker
from tests.amqp.agency import AgencySystem, Desk
from tests.amqp.ear import ear  # noqa: F401 - a fixture is found by its name here
from tests.ledger.stage import (  # noqa: F401 - fixtures are found by their names here
    Store,
    ledger,
    migrated_database,
    migrated_file,
    postgresql_store,
    sqlite_store,
    stage,
)
from tests.services import RabbitMQ


@pytest.fixture
def store(postgresql_store: Store) -> Store:  # noqa: F811 - a fixture asks for another by its name
    return postgresql_store


@pytest.fixture
async def broker(broker_url: str) -> AsyncIterator[RabbitBroker]:
    """The hub's."""
    made = RabbitBroker(broker_url)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def desk(rabbitmq: RabbitMQ, broker: RabbitBroker, broker_url: str) -> Desk:
    """Where systems of the channel get their users and queues."""
    return Desk(rabbitmq, broker, broker_url)


@pytest.fixture
async def agency(desk: Desk) -> AsyncIterator[AgencySystem]:
    """A system with its queue and user, connected."""
    made = await desk.system("h33")
    yield made
    await made.close()
