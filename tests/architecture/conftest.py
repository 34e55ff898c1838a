"""Marks what ``make check`` leaves out: tests that ask for a real service, and tests that start programs of ours.

A test asks for a service by a fixture, by a parameter that names the real engine, or by lying in ``tests/services``.
Starting a hub or a command costs seconds of imports each: the directories that do it are ``slow`` as a whole.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SERVICES = TESTS / "services"
PROGRAMS = {TESTS / name for name in ("cli", "journeys", "gateway", "readme", "chaos")}
FIXTURES = {"postgresql", "rabbitmq", "clamd", "softhsm", "database_url", "broker_url", "browser"}
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
        if PROGRAMS.intersection(item.path.parents):
            item.add_marker(pytest.mark.slow)
