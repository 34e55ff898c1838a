"""The same journeys on both engines, each a hub in its own process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.world import World


@pytest.fixture(scope="session", params=["embedded", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running hub; tests make their own agencies in it."""
    environment: dict[str, str] = {
        "LIENTHONG_MAX_ENVELOPE_BYTES": str(2 * 1024 * 1024),
        "LIENTHONG_PUSH_ALLOWED_NETWORKS": "127.0.0.0/8",
        "LIENTHONG_PUSH_NOTICE_SECONDS": "2",
    }
    if request.param == "postgresql":
        # several in one session: files are dealt out to processes one by one
        name = f"journeys_{uuid.uuid4().hex}"
        environment["LIENTHONG_DATABASE_URL"] = request.getfixturevalue("postgresql").create_database(name)
        environment["LIENTHONG_BROKER_URL"] = request.getfixturevalue("rabbitmq").create_vhost(name)
    with World(tmp_path_factory.mktemp(request.param), environment) as built:
        built.start("up")
        yield built
