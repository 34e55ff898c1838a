"""One running hub on the embedded engine for all tests of the edge, and a plain HTTP client to it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.gateway.edge import Edge
from tests.world import World

LARGEST = 300_000


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    environment = {"LIENTHONG_MAX_ENVELOPE_BYTES": str(LARGEST), "LIENTHONG_LEASE_SECONDS": "60"}
    with World(tmp_path_factory.mktemp("gateway"), environment) as built:
        built.start("up")
        yield built


@pytest.fixture
def edge(world: World) -> Iterator[Edge]:
    with httpx.Client(base_url=world.url, timeout=30) as client:
        yield Edge(client)
