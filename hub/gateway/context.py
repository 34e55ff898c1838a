"""What the gateway's routes work with; built by wiring, reached through the application's state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import Request

from hub.audit.witness import Witness
from hub.delivery.lease import Leases
from hub.evidence.handing import Evidence
from hub.gateway.admission import Admission
from hub.gateway.handed import Handed
from hub.gateway.published_keys import PublishedKeys
from hub.gateway.sightings import Sightings
from hub.gateway.tiles import KeptTiles
from hub.gateway.tokens import Tokens
from hub.intake import Intake
from hub.ledger import Ledger, PayloadStore
from hub.receipts.asking import Chases
from hub.receipts.feed import Feed
from hub.receipts.statuses import Statuses
from hub.registry.directory import Directory
from hub.settings import Settings
from hub.signatures.keys.derivation import Derivation


@dataclass(frozen=True)
class Gateway:
    """The rooms behind the edge. ``broker_ready`` and ``schema_current`` are real round trips for readiness."""

    settings: Settings
    ledger: Ledger
    payloads: PayloadStore
    directory: Directory
    intake: Intake
    leases: Leases
    statuses: Statuses
    chases: Chases
    feed: Feed
    keys: PublishedKeys
    derivation: Derivation
    tokens: Tokens
    broker_ready: Callable[[], Awaitable[bool]]
    schema_current: Callable[[], Awaitable[bool]]
    evidence: Evidence
    admission: Admission = field(default_factory=Admission)
    handed: Handed = field(default_factory=Handed)
    tiles: KeptTiles = field(default_factory=KeptTiles)
    sightings: Sightings = field(default_factory=Sightings)
    witness: Witness | None = None  # of other logs, where this hub watches any


def gateway(request: Request) -> Gateway:
    """The context of the running application."""
    found: Gateway = request.app.state.gateway
    return found
