"""What all rooms share: the order of the tests, and the real services, started once per process when asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import Clamd, PostgreSQL, RabbitMQ, SoftHsm

HERE = Path(__file__).parent
# Packages whose files take longest, before all others: the short ones fill up every process at the end. What takes
# services away comes first of all, before hubs that several files share are started on them.
LONGEST = ("chaos", "journeys", "cli", "readme", "gateway", "evidence", "hostile", "dashboard")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of one package stay together, so that a hub for a package is started once in each process."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(HERE).parts[0], len(ranks)))


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
