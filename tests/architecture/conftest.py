"""Marks every test that asks for a real service, so that ``make check`` can leave it out.

A test asks by a fixture, by a parameter that names the real engine, or by lying in ``tests/services``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SERVICES = Path(__file__).resolve().parents[1] / "services"
FIXTURES = {"postgresql", "rabbitmq", "database_url", "broker_url", "browser"}
PARAMETERS = {"rabbit", "rabbitmq", "postgresql", "postgres", "production"}


def needs_service(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    named = set(item.callspec.id.split("-")) if hasattr(item, "callspec") else set()
    return bool(FIXTURES.intersection(item.fixturenames) or PARAMETERS & named or SERVICES in item.path.parents)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if needs_service(item):
            item.add_marker(pytest.mark.services)
