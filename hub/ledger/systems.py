"""Systems: agency document systems with credentials, a channel and a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select

from hub import clock
from hub.ledger.agencies import raise_revision
from hub.ledger.credential_tables import system_secret
from hub.ledger.engine import Transaction
from hub.ledger.tables import system
from hub.problems import Refused
from hub.registry.model import FormerSecret, System

_COLUMNS = (
    system.c.id,
    system.c.name,
    system.c.channel,
    system.c.client_id,
    system.c.secret_sha256,
    system.c.auditor,
    system.c.active,
    system.c.inline_only,
    system.c.url,
    system.c.options,
    system.c.disabled_at,
)


def _system(row: Row[*tuple[Any, ...]]) -> System:
    flags = (bool(row.auditor), bool(row.active), bool(row.inline_only))
    reach = (row.url, row.options, row.disabled_at is not None)
    return System(row.id, row.name, row.channel, row.client_id, row.secret_sha256, *flags, *reach)


def add(transaction: Transaction, new: System, at: datetime) -> None:
    """Register a system. Raises ``Refused('registry-conflict')`` when the name is taken."""
    raise_revision(transaction)  # first, for its lock
    if by_name(transaction, new.name) is not None:
        raise Refused("registry-conflict", new.name, "name")
    transaction.execute(
        insert(system).values(
            id=new.id,
            name=new.name,
            channel=new.channel,
            url=new.url,
            options=new.options,
            client_id=new.client_id,
            secret_sha256=new.secret_sha256,
            auditor=new.auditor,
            active=new.active,
            inline_only=new.inline_only,
            created_at=at,
        )
    )


def by_client(transaction: Transaction, client_id: str) -> System | None:
    """The system with its secrets of before that still count: one question, as every login asks it."""
    still = (system_secret.c.system_id == system.c.id) & (system_secret.c.ends_at > clock.now())
    joined = system.outerjoin(system_secret, still)
    columns = (*_COLUMNS, system_secret.c.sha256.label("former"), system_secret.c.ends_at)
    rows = transaction.execute(select(*columns).select_from(joined).where(system.c.client_id == client_id)).all()
    if not rows:
        return None
    former = tuple(FormerSecret(row.former, row.ends_at) for row in rows if row.former is not None)
    return replace(_system(rows[0]), former=former)


def by_name(transaction: Transaction, name: str) -> System | None:
    row = transaction.execute(select(*_COLUMNS).where(system.c.name == name)).one_or_none()
    return None if row is None else _system(row)


def by_id(transaction: Transaction, system_id: str) -> System | None:
    row = transaction.execute(select(*_COLUMNS).where(system.c.id == system_id)).one_or_none()
    return None if row is None else _system(row)


def by_channel(transaction: Transaction, channels: Sequence[str]) -> list[System]:
    """Systems that are reached by one of these channels, by name."""
    wanted = select(*_COLUMNS).where(system.c.channel.in_(channels)).order_by(system.c.name)
    return [_system(row) for row in transaction.execute(wanted)]


def every(transaction: Transaction) -> list[System]:
    """All systems by name."""
    return [_system(row) for row in transaction.execute(select(*_COLUMNS).order_by(system.c.name))]
