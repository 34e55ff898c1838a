"""Client secrets of systems: made here and shown once, replaced with a time in which the one before still counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import exchange_log, systems
from hub.ledger.agencies import raise_revision
from hub.ledger.credential_tables import system_secret
from hub.ledger.engine import Transaction
from hub.ledger.tables import system
from hub.problems import Refused
from hub.registry.model import FormerSecret, System, secret_digest

LONGEST_OVERLAP = timedelta(days=7)
ACTOR = "command line"


@dataclass(frozen=True, slots=True)
class Rotated:
    """``secret`` is shown now and never again. ``former_until`` None: the one before ended at once."""

    name: str
    client_id: str
    secret: str
    former_until: datetime | None


def mark_of(known: System) -> str:
    """Names the secret that counts now, without telling it."""
    return known.secret_sha256[:16]


def rotate(transaction: Transaction, name: str, overlap: timedelta, *, seen: str = "", actor: str = ACTOR) -> Rotated:
    """Give a system another client secret. The one before counts for ``overlap``; zero ends all of before at once.

    ``seen``: ``mark_of`` what the person was shown, so that a form that is sent twice changes one secret.
    Raises ``Refused``: ``registry-unknown``, ``registry-invalid`` (more than seven days), ``secret-changed``.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Refused(
            "registry-invalid", f"a secret of before counts for {LONGEST_OVERLAP.days} days at most", "overlap"
        )
    raise_revision(transaction)  # first, for its lock
    known = _known(transaction, name)
    if seen and seen != mark_of(known):
        raise Refused("secret-changed", name)
    at, secret = clock.now(), clock.new_secret()
    if overlap:
        row = {"system_id": known.id, "sha256": known.secret_sha256, "added_at": at, "ends_at": at + overlap}
        transaction.execute(insert(system_secret).values(row))
    else:
        _end(transaction, known.id, at)
    transaction.execute(update(system).where(system.c.id == known.id).values(secret_sha256=secret_digest(secret)))
    until = at + overlap if overlap else None
    detail = {"system": known.id, "name": known.name, "former_until": clock.rfc3339(until) if until else None}
    exchange_log.append(transaction, [Entry(Event.CREDENTIAL_ROTATED, at, actor=actor, detail=detail)])
    return Rotated(known.name, known.client_id, secret, until)


def end_former(transaction: Transaction, name: str, *, actor: str = ACTOR) -> int:
    """From now on only the newest secret counts; how many ended. Raises ``Refused('registry-unknown')``."""
    raise_revision(transaction)
    known, at = _known(transaction, name), clock.now()
    ended = _end(transaction, known.id, at)
    if ended:
        detail = {"system": known.id, "name": known.name, "secrets": ended}
        exchange_log.append(transaction, [Entry(Event.CREDENTIAL_ENDED, at, actor=actor, detail=detail)])
    return ended


def former(transaction: Transaction, system_id: str, at: datetime) -> list[FormerSecret]:
    """A system's secrets of before that still count, the one that ends first in front."""
    table = system_secret.c
    rows = transaction.execute(
        select(table.sha256, table.ends_at)
        .where(table.system_id == system_id, table.ends_at > at)
        .order_by(table.ends_at)
    )
    return [FormerSecret(row.sha256, row.ends_at) for row in rows]


def _end(transaction: Transaction, system_id: str, at: datetime) -> int:
    table = system_secret.c
    still = (table.system_id == system_id) & (table.ends_at > at)
    return transaction.execute(update(system_secret).where(still).values(ends_at=at)).rowcount


def _known(transaction: Transaction, name: str) -> System:
    known = systems.by_name(transaction, name)
    if known is None:
        raise Refused("registry-unknown", name, "system")
    return known
