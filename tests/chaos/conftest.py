"""One stage for all short scenarios: raising it costs more than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.stage import Stage, raised_stage
from tests.services import PostgreSQL, RabbitMQ

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="module")
def stage(
    postgresql: PostgreSQL, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    name = request.module.__name__.rpartition(".")[2]
    with raised_stage(tmp_path_factory.mktemp(name), postgresql, rabbitmq, name) as raised:
        yield raised
