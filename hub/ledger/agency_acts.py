"""Changing a registered agency: its name, its aliases, which system serves it, and whether it takes part."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from hub import clock
from hub.audit import Entry, Event
from hub.envelope.identifiers import MAX_LENGTH
from hub.language.collation import sort_key
from hub.ledger import agencies, exchange_log, systems
from hub.ledger.engine import Transaction
from hub.ledger.finding import search_text
from hub.ledger.tables import agency, agency_alias
from hub.problems import Refused
from hub.registry.model import System

LONGEST_NAME = 200


def rename(transaction: Transaction, code: str, name: str, *, actor: str) -> None:
    """Give an agency another name; letters of before show it too. Raises ``Refused``: ``registry-*``."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise Refused("registry-invalid", f"a name has 1 to {LONGEST_NAME} characters", "name")
    before = _row(transaction, code)
    if before.name == name:
        return
    _change(transaction, code, name=name, sort_key=sort_key(name), search=_search(transaction, code, name))
    _log(transaction, Event.AGENCY_CHANGED, code, actor, name=name, before=before.name)


def add_alias(transaction: Transaction, code: str, alias: str, *, actor: str) -> None:
    """Let an agency be named by another code too. Raises ``Refused``: ``registry-*``."""
    alias = alias.strip()
    if not alias or len(alias) > MAX_LENGTH or "," in alias:
        raise Refused("registry-invalid", f"{alias!r}: 1 to {MAX_LENGTH} characters, no comma", "alias")
    number = agencies.raise_revision(transaction)  # first, for its lock
    row = _row(transaction, code)
    if agencies.find(transaction, [alias]):
        raise Refused("registry-conflict", alias, "alias")
    transaction.execute(insert(agency_alias).values(alias=alias, code=code, added_at=clock.now()))
    search = _search(transaction, code, row.name)
    transaction.execute(
        update(agency).where(agency.c.code == code).values(search=search, revision=number, changed_at=clock.now())
    )
    _log(transaction, Event.AGENCY_CHANGED, code, actor, alias=alias)


def move(transaction: Transaction, code: str, system: str, *, actor: str) -> System:
    """Serve an agency by the system of this name from now on; what waits in the former one's inbox stays there.

    Raises ``Refused``: ``registry-*``.
    """
    row, target = _row(transaction, code), known_system(transaction, system)
    if row.system_id == target.id:
        raise Refused("registry-conflict", system, "system")
    _change(transaction, code, system_id=target.id)
    _log(transaction, Event.AGENCY_MOVED, code, actor, system=target.id, before=row.system_id)
    return target


def suspend(transaction: Transaction, code: str, *, actor: str) -> None:
    """From now on nothing is accepted from or for it; what waits for it waits. Raises ``Refused``: ``registry-*``."""
    _activate(transaction, code, active=False)
    _log(transaction, Event.AGENCY_SUSPENDED, code, actor)


def resume(transaction: Transaction, code: str, *, actor: str) -> None:
    """Let a suspended agency take part again. Raises ``Refused``: ``registry-*``."""
    _activate(transaction, code, active=True)
    _log(transaction, Event.AGENCY_RESUMED, code, actor)


def known_system(transaction: Transaction, name: str) -> System:
    """Raises ``Refused('registry-unknown')``."""
    found = systems.by_name(transaction, name.strip())
    if found is None:
        raise Refused("registry-unknown", name, "system")
    return found


def _activate(transaction: Transaction, code: str, *, active: bool) -> None:
    if bool(_row(transaction, code).active) is active:
        raise Refused("registry-conflict", code, "agency")
    _change(transaction, code, active=active)


def _row(transaction: Transaction, code: str) -> Any:
    found = transaction.execute(select(agency).where(agency.c.code == code)).one_or_none()
    if found is None:
        raise Refused("registry-unknown", code, "agency")
    return found


def _search(transaction: Transaction, code: str, name: str) -> str:
    aliases = transaction.execute(select(agency_alias.c.alias).where(agency_alias.c.code == code)).scalars()
    return search_text(code, name, sorted(aliases))


def _change(transaction: Transaction, code: str, **values: Any) -> None:
    number = agencies.raise_revision(transaction)
    at = clock.now()
    transaction.execute(update(agency).where(agency.c.code == code).values(revision=number, changed_at=at, **values))


def _log(transaction: Transaction, kind: Event, code: str, actor: str, **detail: Any) -> None:
    entry = Entry(kind, clock.now(), actor=actor, agency_code=code, detail=detail)
    exchange_log.append(transaction, [entry])
