"""The same journeys on both engines, each a hub in its own process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services import PostgreSQL, RabbitMQ
from tests.world import World

ENVIRONMENT = {
    "LIENTHONG_MAX_ENVELOPE_BYTES": str(2 * 1024 * 1024),
    "LIENTHONG_PUSH_ALLOWED_NETWORKS": "127.0.0.0/8",
    "LIENTHONG_PUSH_NOTICE_SECONDS": "2",
}


@pytest.fixture(scope="package")
def embedded_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("embedded"), dict(ENVIRONMENT)) as built:
        built.start("up")
        yield built


@pytest.fixture(scope="package")
def postgresql_world(
    postgresql: PostgreSQL, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    environment = {
        "LIENTHONG_DATABASE_URL": postgresql.create_database("journeys"),
        "LIENTHONG_BROKER_URL": rabbitmq.create_vhost("journeys"),
    }
    with World(tmp_path_factory.mktemp("postgresql"), {**ENVIRONMENT, **environment}) as built:
        built.start("up")
        yield built


@pytest.fixture(scope="package", params=["embedded", "postgresql"])
def world(request: pytest.FixtureRequest) -> World:
    """A running hub; tests make their own agencies in it. Both outlive their files: starting one takes seconds."""
    built: World = request.getfixturevalue(f"{request.param}_world")
    return built
