"""Marks every test that asks for a real service, so that ``make check`` can leave it out."""

from __future__ import annotations

import pytest

SERVICE_FIXTURES = {"postgresql", "rabbitmq", "database_url", "broker_url", "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and SERVICE_FIXTURES.intersection(item.fixturenames):
            item.add_marker(pytest.mark.services)
