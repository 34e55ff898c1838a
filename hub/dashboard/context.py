"""What the pages need from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from hub.audit import Entry
from hub.ledger import Ledger, Transaction


@dataclass(frozen=True, slots=True)
class DashboardContext:
    """``record`` appends entries to the exchange log in the given transaction; ``base_url`` has no trailing slash.

    ``base_url`` decides whether cookies are limited to HTTPS. A session ends ``session_idle`` after the last page
    that a person opened and ``session_lifetime`` after the login at the latest.
    """

    ledger: Ledger
    record: Callable[[Transaction, Iterable[Entry]], None]
    hub_name: str = "lienthong"
    base_url: str = "http://127.0.0.1:8080"
    session_idle: timedelta = timedelta(hours=1)
    session_lifetime: timedelta = timedelta(hours=12)

    @property
    def secure(self) -> bool:
        """True when people reach the hub over HTTPS."""
        return self.base_url.startswith("https://")
