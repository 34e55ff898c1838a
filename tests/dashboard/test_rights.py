"""Every address of the dashboard, asked by every role: the table of rights is what happens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from hub import clock
from hub.dashboard.access import ACCESS, EVERYONE, RIGHTS, Right, right_of
from hub.ledger import Transaction, people, sessions
from tests.dashboard.conftest import Site

ROLES = sorted(EVERYONE)
ROUTES = sorted(RIGHTS)


@pytest.fixture(scope="module")
def callers(quiet: Site) -> Iterator[dict[str, httpx.Client]]:
    """One client for each role, and one that nobody logged in with."""
    opened = {role: _client(quiet, role) for role in ROLES}
    opened["nobody"] = httpx.Client(base_url=quiet.address, headers={"Accept-Language": "en"})
    yield opened
    for client in opened.values():
        client.close()


def _client(site: Site, role: str) -> httpx.Client:
    token = clock.new_secret()

    def enter(transaction: Transaction) -> None:
        agency = "H33.07" if role == "clerk" else None
        now = clock.now()
        who = people.add_person(transaction, f"right-{role}", role, (role,), "-", agency, now)  # type: ignore[arg-type] # one of ROLES
        sessions.open_session(transaction, who, token, now, timedelta(hours=1))

    site.ledger.write_now(enter)
    return httpx.Client(base_url=site.address, cookies={"lienthong-session": token}, headers={"Accept-Language": "en"})


def _asked(client: httpx.Client, route: str) -> httpx.Response:
    method, path = route.split()
    # the head says it all, and one of the answers never ends
    with client.stream(method, re.sub(r"\{[^}]+\}", "01890000-0000-7000-8000-000000000000", path)) as answer:
        return answer


@pytest.mark.parametrize("route", [one for one in ROUTES if RIGHTS[one] is not Right.OPEN])
def test_nobody_enters_without_a_login(callers: dict[str, httpx.Client], route: str) -> None:
    answer = _asked(callers["nobody"], route)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("route", [one for one in ROUTES if RIGHTS[one] is not Right.OPEN])
def test_a_route_lets_its_roles_in_and_no_others(callers: dict[str, httpx.Client], route: str) -> None:
    allowed = RIGHTS[route].roles
    for role in ROLES:
        if role not in allowed:
            assert _asked(callers[role], route).status_code == 403, role
        elif route.startswith("GET "):
            assert _asked(callers[role], route).status_code in (200, 303, 400, 404, 422), role


def test_an_address_is_in_the_table_once() -> None:
    assert sum(len(routes) for routes in ACCESS.values()) == len(RIGHTS)


def test_every_address_of_the_table_is_served(quiet: Site) -> None:
    """A right for an address that is gone would hide that nobody tests the one that took its place."""
    for route in ROUTES:
        method, path = route.split()
        answer = httpx.request(method, quiet.address + re.sub(r"\{[^}]+\}", "x", path), follow_redirects=False)
        assert "not found" not in answer.text.lower() or answer.status_code != 404 or "{" in path, route
        assert answer.status_code != 405, route


def test_a_screen_without_a_right_cannot_be_served() -> None:
    with pytest.raises(LookupError):
        right_of({"GET"}, "/nobody-thought-of-it")
