"""A hub of a few agencies for the registry's pages, asked by people of different roles without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from hub import clock
from hub.ledger import Ledger, Transaction, people, sessions
from hub.registry.model import Role
from tests.dashboard.seeding import seed
from tests.dashboard.serving import served

PEOPLE: tuple[tuple[str, Role], ...] = (
    ("first", "administrator"),
    ("second", "administrator"),
    ("watch", "operator"),
    ("audit", "auditor"),
)


@dataclass
class Registry:
    """``of`` has a client for each login; answers are in English."""

    ledger: Ledger
    directory: Path
    of: dict[str, httpx.Client]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Shared by the tests of these pages: each works with agencies and systems of its own."""
    directory = tmp_path_factory.mktemp("registry")
    ledger = Ledger.sqlite(directory / "ledger.db")
    seed(ledger)
    with served(ledger, directory) as address:
        clients = {login: _client(ledger, address, login, role) for login, role in PEOPLE}
        yield Registry(ledger, directory, clients)
        for client in clients.values():
            client.close()
    ledger.close()


def _client(ledger: Ledger, address: str, login: str, role: Role) -> httpx.Client:
    token = clock.new_secret()

    def enter(transaction: Transaction) -> None:
        now = clock.now()
        who = people.add_person(transaction, login, login, (role,), "-", None, now)
        sessions.open_session(transaction, who, token, now, timedelta(hours=1))

    ledger.write_now(enter)
    cookies = {"lienthong-session": token}
    return httpx.Client(base_url=address, cookies=cookies, headers={"Accept-Language": "en"}, timeout=60)
