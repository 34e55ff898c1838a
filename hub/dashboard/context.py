"""What the pages need from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hub.audit import Entry
from hub.dashboard.live import Live
from hub.dashboard.registering import Registering
from hub.delivery.replay import Replays
from hub.evidence.handing import Evidence
from hub.inspection.pictures import Pictures
from hub.language import Language
from hub.ledger import Ledger, PayloadStore, PayloadWriter, Transaction
from hub.proposals import Proposals
from hub.receipts.asking import Chases
from hub.registry.openid import IdentityProvider
from hub.registry.second_factor import Vault
from hub.retention.policy import load as shipped
from hub.retention.purges import Purges
from hub.validation.examination import Policy

# body, identifier of the calling system, language: the explain report of ``hub.validation.report``
Explain = Callable[[PayloadWriter, str, Language], Awaitable[dict[str, Any]]]


# compared by identity: a policy holds tables that have no hash
@dataclass(frozen=True, slots=True, eq=False)
class DashboardContext:
    """``record`` appends entries to the exchange log in the given transaction; ``base_url`` has no trailing slash.

    ``explain`` judges an uploaded envelope of at most ``largest_envelope`` octets without storing it; ``payloads``
    holds it meanwhile. ``policy`` is what the intake judges by: pages show its rules and whether attachments are
    scanned. ``chases`` has recipients reminded, and knows the deadlines. ``replays`` sends deliveries again and
    ``purges`` removes octets past their time, both when two people want it; ``proposals`` are the other changes that
    take two. ``evidence`` hands packs out. ``time_stamped``: outside authorities are asked to stamp the log.
    ``addressees``: who is told of alerts.
    ``registering``: trying systems, and what may be registered. ``vault`` seals the secrets of second factors.
    ``engines``: broker and scanner, and whether each answers now.
    ``live`` tells open pages of changes until it is closed. ``openid``: where people may sign in
    instead of here.

    ``base_url`` decides whether cookies are limited to HTTPS. A session ends ``session_idle`` after the last page
    that a person opened and ``session_lifetime`` after the login at the latest.
    """

    ledger: Ledger
    record: Callable[[Transaction, Iterable[Entry]], None]
    policy: Policy
    payloads: PayloadStore
    explain: Explain
    chases: Chases
    replays: Replays
    evidence: Evidence
    largest_envelope: int
    vault: Vault
    registering: Registering
    pictures: Pictures = field(default_factory=Pictures)
    purges: Purges = field(default_factory=lambda: Purges(shipped()))
    proposals: Proposals = field(default_factory=Proposals)
    hub_name: str = "lienthong"
    base_url: str = "http://127.0.0.1:8080"
    session_idle: timedelta = timedelta(hours=1)
    session_lifetime: timedelta = timedelta(hours=12)
    time_stamped: bool = False
    openid: IdentityProvider | None = None
    addressees: Sequence[str] = ()
    engines: Mapping[str, Callable[[], Awaitable[bool]]] = field(default_factory=dict)
    live: Live = field(default_factory=Live)

    @property
    def secure(self) -> bool:
        """True when people reach the hub over HTTPS."""
        return self.base_url.startswith("https://")
