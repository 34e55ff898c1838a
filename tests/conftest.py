"""Fixtures that several rooms share: the real services, started once per test process and only when asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.services import Clamd, PostgreSQL, RabbitMQ, SoftHsm


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A private PostgreSQL server (one per xdist worker)."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A private RabbitMQ node (one per xdist worker)."""
    with RabbitMQ() as node:
        yield node


@pytest.fixture(scope="session")
def clamd() -> Iterator[Clamd]:
    """A private malware scanner that knows our own signatures (one per xdist worker)."""
    with Clamd() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """A hardware module with three empty tokens: one, two, three (one per xdist worker)."""
    module = SoftHsm(tmp_path_factory.mktemp("softhsm"))
    for label in ("one", "two", "three"):
        module.token(label)
    yield module
    module.close()


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgresql.create_database(name)
    postgresql.drop_database(name)


@pytest.fixture
def broker_url(rabbitmq: RabbitMQ) -> Iterator[str]:
    """An empty RabbitMQ virtual host of its own."""
    name = f"test-{uuid.uuid4().hex}"
    yield rabbitmq.create_vhost(name)
    rabbitmq.delete_vhost(name)
