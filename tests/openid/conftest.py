"""The pages of a hub on a ledger of their own, with a provider beside them; people make their way as browsers do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.oidc import OpenIdProvider
from hub import clock
from hub.ledger import Ledger, exchange_log, identities, migration, people, person_links
from hub.ledger.exchange_log import LogQuery
from hub.ledger.people import Role
from hub.registry.openid import Assertion, Flow
from hub.registry.passwords import hash_password
from tests.dashboard.serving import served
from tests.openid.provider import CLIENT, SECRET, Provider, running

PASSWORD = "giấy trắng mực đen"
HASHED = hash_password(PASSWORD)  # slow on purpose: once


class Line:
    """``IdentityProvider`` that the hub holds while the tests change what is behind it."""

    def __init__(self, issuer: str, back: str) -> None:
        self.issuer = issuer
        self._back = back
        self.renew()

    def renew(self, *, second_factor: bool = False) -> None:
        """A hub that has not asked the provider for anything yet; whether it believes it about second factors."""
        self._current = OpenIdProvider(self.issuer, CLIENT, SECRET, self._back, second_factor=second_factor)

    async def address(self, flow: Flow) -> str:
        return await self._current.address(flow)

    async def redeem(self, code: str, issuer: str, flow: Flow) -> Assertion:
        return await self._current.redeem(code, issuer, flow)


@dataclass
class Door:
    """A hub, the provider, and those who come."""

    ledger: Ledger
    provider: Provider
    hub: str
    line: Line
    browsers: list[httpx.Client] = field(default_factory=list)

    def browser(self) -> httpx.Client:
        self.browsers.append(httpx.Client(base_url=self.hub, timeout=30, verify=False))
        return self.browsers[-1]

    def person(self, login: str, *roles: Role, factor_required: bool = False) -> str:
        return self.ledger.write_now(
            lambda transaction: people.add_person(
                transaction, login, login, roles or ("auditor",), HASHED, None, clock.now(),
                factor_required=factor_required,
            )
        )  # fmt: skip

    def entered(self, login: str, subject: str = "", email: str = "") -> None:
        def enter(transaction: Any) -> None:
            found = people.find_by_login(transaction, login)
            assert found is not None
            identities.enter(transaction, found[0], self.provider.url, subject, email, "person:chu", clock.now())

        self.ledger.write_now(enter)

    def link(self, login: str) -> str:
        token = clock.new_secret()

        def make(transaction: Any) -> None:
            found = people.find_by_login(transaction, login)
            assert found is not None
            person_links.make(transaction, found[0], token, clock.now(), "person:chu")

        self.ledger.write_now(make)
        return token

    def leave(self, browser: httpx.Client, query: str = "") -> str:
        """Press the button: the provider's address that the hub sends to."""
        answer = browser.get(f"/login/openid{query}")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def agree(self, address: str) -> str:
        """What the provider sends the browser back to."""
        answer = httpx.get(address, timeout=30, verify=False)
        assert answer.status_code == 303, answer.text
        back: str = answer.headers["location"]
        assert back.startswith(f"{self.hub}/login/openid/back?")
        return back

    def sign_in(self, browser: httpx.Client, query: str = "") -> httpx.Response:
        """All the way there and back."""
        return browser.get(self.agree(self.leave(browser, query)))

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Of the exchange log, oldest first."""
        return self.ledger.read_now(exchange_log.query, LogQuery(kind=kind), None, 1000)[0]


def parameters(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture(scope="package")
def _provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture(scope="package")
def _door(_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    directory: Path = tmp_path_factory.mktemp("openid")
    ledger = Ledger.sqlite(directory / "ledger.db")
    migration.upgrade(ledger)
    lines: list[Line] = []

    def openid(address: str) -> Line:
        lines.append(Line(_provider.url, f"{address}/login/openid/back"))
        return lines[-1]

    with served(ledger, directory, openid=openid) as address:
        yield Door(ledger, _provider, address, lines[-1])
    ledger.close()


@pytest.fixture
def door(_door: Door) -> Iterator[Door]:
    """The provider honest again, what the hub knew of it forgotten."""
    fresh = Provider(_door.provider.url)
    vars(_door.provider).update(vars(fresh))
    _door.line.renew()
    yield _door
    for browser in _door.browsers:
        browser.close()
    _door.browsers.clear()
