"""Changing a registered system: its address, what its channel is told, and whether anything is handed over to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, null, or_, select, update

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import exchange_log, systems
from hub.ledger.delivery_tables import circuit, receipt_cursor
from hub.ledger.engine import Transaction
from hub.ledger.tables import delivery, system
from hub.problems import Refused
from hub.registry import amqp, folder, push
from hub.registry.folder import Root
from hub.registry.mailbox import MailOptions
from hub.registry.model import System
from hub.registry.reach import Reach

ACTOR = "command line"


def enable(transaction: Transaction, name: str, actor: str = ACTOR) -> System:
    """Hand over again, at once, to a system that was disabled or left alone. Raises ``Refused('registry-unknown')``."""
    known = _known(transaction, name)
    _try_again(transaction, known.id)
    values = {"disabled_at": null(), "disabled_reason": ""}
    transaction.execute(update(system).where(system.c.id == known.id).values(values))
    _log(transaction, Event.SYSTEM_ENABLED, known, actor, was_disabled=known.disabled)
    return known


def change(
    transaction: Transaction,
    name: str,
    url: str | None,
    options: dict[str, Any],
    reach: Reach | None = None,
    actor: str = ACTOR,
    folders: Root | None = None,
) -> System:
    """Give a system another address or other options; an empty text takes an option away. Raises ``Refused``.

    Its hand-over is tried again at once: a change is how troubles end.
    """
    known, url, kept = checked(transaction, name, url, options, reach, folders)
    _try_again(transaction, known.id)
    transaction.execute(update(system).where(system.c.id == known.id).values(url=url, options=kept))
    _log(transaction, Event.SYSTEM_CHANGED, known, actor, url=url, options=sorted(options))
    changed = systems.by_id(transaction, known.id)
    assert changed is not None, "it was there a moment ago"
    return changed


def checked(
    transaction: Transaction,
    name: str,
    url: str | None,
    options: dict[str, Any],
    reach: Reach | None = None,
    folders: Root | None = None,
) -> tuple[System, str | None, dict[str, Any]]:
    """The system with the address and all options that a change would give it; nothing is written. Raises as it."""
    known = _known(transaction, name)
    given = {**known.options, **options}
    kept = {key: value for key, value in given.items() if value != ""}
    url = known.url if url is None else url
    if known.channel == "push":
        push.check(url, kept, reach or Reach())
    elif known.channel == "amqp":
        amqp.check(kept)
    elif known.channel == "mail":
        MailOptions.of(kept)
    elif known.channel == "folder":
        folder.check(kept, folders)
    return known, url, kept


def situation(transaction: Transaction) -> dict[str, dict[str, Any]]:
    """For every system in trouble: since when and why it is disabled, until when and why it is left alone."""
    found: dict[str, dict[str, Any]] = {}
    for row in transaction.execute(
        select(system.c.id, system.c.disabled_at, system.c.disabled_reason).where(system.c.disabled_at.is_not(None))
    ):
        found[row.id] = {"disabled_at": clock.rfc3339(row.disabled_at), "disabled_reason": row.disabled_reason}
    for row in transaction.execute(select(circuit)):
        said = {"failures": row.failures, "since": clock.rfc3339(row.since), "retry_at": clock.rfc3339(row.retry_at)}
        found.setdefault(row.system_id, {})["failing"] = {**said, "code": row.code, "detail": row.detail}
    return found


def _known(transaction: Transaction, name: str) -> System:
    known = systems.by_name(transaction, name)
    if known is None:
        raise Refused("registry-unknown", name, "system")
    return known


def _try_again(transaction: Transaction, system_id: str) -> None:
    """Forget the breaker and the waits after failures; what is scheduled for an hour keeps its hour."""
    at = clock.now()
    waiting = (delivery.c.system_id == system_id) & (delivery.c.state == "ready") & (delivery.c.available_at > at)
    due = or_(delivery.c.not_before.is_(None), delivery.c.not_before <= at)
    transaction.execute(update(delivery).where(waiting, due).values(available_at=at))
    transaction.execute(delete(circuit).where(circuit.c.system_id == system_id))
    fresh = {"failures": 0, "retry_at": null()}
    transaction.execute(update(receipt_cursor).where(receipt_cursor.c.system_id == system_id).values(fresh))


def _log(transaction: Transaction, kind: Event, known: System, actor: str, **detail: Any) -> None:
    entry = Entry(kind, clock.now(), actor=actor, detail={"system": known.id, "name": known.name, **detail})
    exchange_log.append(transaction, [entry])
