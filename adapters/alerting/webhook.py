"""Alerts to a webhook: one signed POST for each notice, over the connections of the push channel.

Where it may lead is looked at like every receiver's address (``hub.registry.reach``); only a 2xx counts as taken.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx

from adapters.push.answers import failure
from adapters.push.transport import Connections, Forbidden
from hub import __version__, clock
from hub.alerts import wording
from hub.alerts.notices import Told
from hub.clock import rfc3339
from hub.language import LANGUAGES
from hub.registry.reach import Reach
from hub.signatures.keys.derivation import Deriving
from hub.signatures.webhooks import WebhookKeys, opening

# in the place of a system's identifier, which is a UUID: no system has these keys
KEY_OWNER = "alerts"
_TYPES = {"raised": "alert.raised", "worse": "alert.worse", "again": "alert.repeated", "ended": "alert.ended"}


def keys_of(derivation: Deriving) -> WebhookKeys:
    """The keys that sign alerts; ``shown("v1a")`` is what a receiver verifies with."""
    return WebhookKeys((derivation,), KEY_OWNER)


class WebhookWay:
    """``hub.alerts.notices.Way`` over HTTPS. ``timeout`` in seconds for the connection and for the answer."""

    most = 1

    def __init__(
        self, connections: Connections, reach: Reach, derivation: Deriving, base_url: str, timeout: float = 20.0
    ) -> None:
        self._connections = connections
        self._reach = reach
        self._keys = keys_of(derivation)
        self._base_url = base_url
        self._timeout = timeout

    async def tell(self, address: str, told: Sequence[Told]) -> str:
        for one in told:
            if reason := await self._post(address, one):
                return reason
        return ""

    async def close(self) -> None:
        await self._connections.close()

    async def _post(self, address: str, told: Told) -> str:
        try:
            target = self._reach.target(address)
        except ValueError as error:
            return str(error)
        body = json.dumps(self._body(told), ensure_ascii=False, separators=(",", ":")).encode()
        seconds = int(clock.now().timestamp())
        identifier = told.notice.id
        request = httpx.Request(
            "POST",
            httpx.URL(f"{target.scheme}://{target.authority}{target.path}"),
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"lienthong/{__version__}",
                "webhook-id": identifier,
                "webhook-timestamp": str(seconds),
                "webhook-signature": self._keys.sign("v1a", opening(identifier, seconds) + body),
            },
            content=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)},
        )
        try:
            response = await self._connections.send(target, request)
        except (Forbidden, httpx.TransportError, OSError) as error:  # OSError: what TLS raises while it reads
            return str(error) or type(error).__name__
        await response.aclose()
        if response.is_success:
            return ""
        return failure(response.status_code, response.headers, b"", clock.now()).detail

    def _body(self, told: Told) -> dict[str, Any]:
        record = told.alert
        said = {language: wording.spoken(record, language) for language in LANGUAGES}
        data = {
            "alert": record.id,
            "kind": record.kind,
            "subject": record.subject,
            "severity": "bad" if record.rank == 0 else "warning",
            "since": rfc3339(record.since),
            "last_at": rfc3339(record.last_at),
            "count": record.count,
            "title": {language: one.title for language, one in said.items()},
            "touches": {language: one.touches for language, one in said.items()},
            "remedy": {language: one.remedy for language, one in said.items()},
            "reason": said[LANGUAGES[0]].reason,
            "url": f"{self._base_url}/alerts#{record.id}",
        }
        return {"type": _TYPES[told.notice.reason], "timestamp": rfc3339(told.notice.made_at), "data": data}
