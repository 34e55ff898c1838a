"""Which mail server takes the hub's mail, and how it is reached."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """``security``: TLS from the first octet, STARTTLS (required), or none, which only loopback may be.

    ``sender`` is the address in From; bounces come to ``bounce+…`` at its domain. ``timeout`` in seconds an answer.
    """

    host: str
    port: int
    security: Literal["implicit", "starttls", "none"]
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    authorities: Path | None = None
    timeout: float = 30.0

    @classmethod
    def of(
        cls, url: str, sender: str, *, plain: bool = False, authorities: Path | None = None, timeout: float = 30.0
    ) -> Server:
        """From ``smtp://`` or ``smtps://user:password@host:port``. Raises ``ValueError``."""
        place = urlsplit(url)
        if place.scheme not in PORTS or not place.hostname or place.path not in ("", "/") or place.query:
            raise ValueError(
                "must be smtp://HOST:PORT or smtps://HOST:PORT, with USER:PASSWORD@ where it asks for them"
            )
        security: Literal["implicit", "starttls", "none"] = "implicit" if place.scheme == "smtps" else "starttls"
        if plain and security == "starttls":
            if not _loopback(place.hostname):
                raise ValueError("without TLS only a server of this machine is allowed")
            security = "none"
        return cls(
            place.hostname,
            place.port or PORTS[place.scheme],
            security,
            sender,
            unquote(place.username or ""),
            unquote(place.password or ""),
            authorities,
            timeout,
        )

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 at least, certificate and name verified. Raises ``OSError`` when ``authorities`` cannot be read."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.authorities is not None:
            context.load_verify_locations(self.authorities)
        return context


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
