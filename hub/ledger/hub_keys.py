"""The hub's public keys, for ever: what an old receipt or checkpoint is checked with. Every change is an entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, text, update

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import exchange_log
from hub.ledger.columns import Instant, Json
from hub.ledger.engine import Transaction
from hub.ledger.log_tables import hub_key
from hub.problems import Refused

# agencies may hold the published set so long (Cache-Control): a key is published as long before it signs
HELD_SECONDS = 300
_ADD = text(
    "INSERT INTO hub_key (kid, purpose, jwk, added_at) VALUES (:kid, :purpose, :jwk, :at) ON CONFLICT (kid) DO NOTHING"
).bindparams(bindparam("jwk", type_=Json()), bindparam("at", type_=Instant()))


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """``purpose``: receipts or log. ``jwk`` is the public key (RFC 7517), ``kid`` its thumbprint."""

    kid: str
    purpose: str
    jwk: dict[str, Any]
    added_at: datetime
    retired_at: datetime | None


_KEY = select(hub_key.c.kid, hub_key.c.purpose, hub_key.c.jwk, hub_key.c.added_at, hub_key.c.retired_at)


def every(transaction: Transaction, purpose: str = "") -> list[PublishedKey]:
    """All keys, or those of one purpose, in the order in which they were published."""
    wanted = _KEY if not purpose else _KEY.where(hub_key.c.purpose == purpose)
    return [PublishedKey(*row) for row in transaction.execute(wanted.order_by(hub_key.c.added_at, hub_key.c.kid))]


def find(transaction: Transaction, kid: str) -> PublishedKey:
    """Raises ``Refused('registry-unknown')``."""
    row = transaction.execute(_KEY.where(hub_key.c.kid == kid)).one_or_none()
    if row is None:
        raise Refused("registry-unknown", kid, "key")
    return PublishedKey(*row)


def publish(transaction: Transaction, purpose: str, jwk: dict[str, str], actor: str) -> PublishedKey:
    """The key as it is published; with an entry if it was not yet. Raises ``Refused`` for a key of another purpose."""
    at, kid = clock.now(), jwk["kid"]
    added = transaction.execute(_ADD, {"kid": kid, "purpose": purpose, "jwk": jwk, "at": at})
    if added.rowcount:
        entry = Entry(Event.KEY_ADDED, at, actor, detail={"purpose": purpose, "kid": kid, "key": jwk})
        exchange_log.append(transaction, [entry])
    known = find(transaction, kid)
    if known.purpose != purpose:
        raise Refused("registry-invalid", f"{kid} is a key of another purpose: {known.purpose}", "key")
    return known


def rotate(transaction: Transaction, purpose: str, former: str, kid: str, actor: str) -> None:
    """The entry that from now on ``kid`` signs in the place of ``former``."""
    detail = {"purpose": purpose, "kid": kid, "former": former}
    exchange_log.append(transaction, [Entry(Event.KEY_ROTATED, clock.now(), actor, detail=detail)])


def retire(transaction: Transaction, kid: str, actor: str) -> PublishedKey:
    """It signs no more. Raises ``Refused``: ``registry-unknown``, ``registry-invalid`` (retired already)."""
    at = clock.now()
    retiring = update(hub_key).where(hub_key.c.kid == kid, hub_key.c.retired_at.is_(None)).values(retired_at=at)
    known = find(transaction, kid)
    if not transaction.execute(retiring).rowcount:
        raise Refused("registry-invalid", f"{kid}: retired already", "key")
    entry = Entry(Event.KEY_RETIRED, at, actor, detail={"purpose": known.purpose, "kid": kid})
    exchange_log.append(transaction, [entry])
    return find(transaction, kid)
