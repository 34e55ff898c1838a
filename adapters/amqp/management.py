"""RabbitMQ's management interface, as far as the hub uses it: making the users of systems."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import httpx

from adapters.amqp.account import Account
from hub.registry.amqp import PASSWORD_HASH
from hub.registry.model import System

ANSWER_SECONDS = 10.0


class ManagementUnavailable(Exception):
    """RabbitMQ's management interface did not do what was asked; it may be asked again."""


class Management:
    """Blocking; used by commands and, in a thread, by the role ``deliver``.

    ``url`` is ``http(s)://user:password@host:port``, of a user with the tag administrator; ``vhost`` is the hub's.
    """

    def __init__(self, url: str, vhost: str) -> None:
        parts = urlsplit(url)
        self._vhost = vhost
        self._base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        self._credentials = (unquote(parts.username or ""), unquote(parts.password or ""))

    def grant(self, system: System) -> None:
        """Make or mend the system's user. Idempotent. Raises ``ManagementUnavailable``."""
        account = Account.of(system, self._vhost)
        with self._client() as client:
            for path, body in account.requests(str(system.options[PASSWORD_HASH])):
                self._ask(client, "PUT", path, body)

    def disconnect(self, system: System) -> None:
        """End the connections of the system's user: an old password opened them. Raises ``ManagementUnavailable``."""
        with self._client() as client:
            self._ask(client, "DELETE", f"/api/connections/username/{quote(system.client_id, safe='')}")

    def probe(self) -> str:
        """Whether all this is possible: who the hub is there, and where. Raises ``ManagementUnavailable``."""
        with self._client() as client:
            me = self._ask(client, "GET", "/api/whoami").json()
            if "administrator" not in me["tags"]:
                raise ManagementUnavailable(f"{self._base}: {me['name']} has not the tag administrator")
            self._ask(client, "GET", f"/api/vhosts/{quote(self._vhost, safe='')}")
        return f"{me['name']}, {self._vhost}, {self._base}"

    def _client(self) -> httpx.Client:
        # a proxy of the environment is for the world outside, and would see the passwords
        return httpx.Client(
            base_url=self._base,
            auth=self._credentials,
            timeout=ANSWER_SECONDS,
            trust_env=False,
            verify=ssl.create_default_context(),  # the system's authorities, to which an operator may add
        )

    def _ask(self, client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            answer = client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ManagementUnavailable(f"{self._base}: {type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise ManagementUnavailable(f"{self._base}{path}: {answer.status_code} {answer.text[:200]}")
        return answer
