"""What a letter refers to, as links: the documents that it answers (clause 1.12) and the version that it changes.

A reader gets a link only to what it may see: what its system sent or received; ``system_id`` None sees all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from hub.ledger import agencies
from hub.ledger.engine import Transaction
from hub.ledger.tables import delivery, envelope


def _seen_by(system_id: str | None) -> list[ColumnElement[bool]]:
    if system_id is None:
        return []
    received = (
        select(delivery.c.id)
        .where(delivery.c.envelope_id == envelope.c.id, delivery.c.system_id == system_id)
        .correlate(envelope)
        .exists()
    )
    return [or_(envelope.c.sender_system_id == system_id, received)]


def visible(transaction: Transaction, system_id: str | None, envelope_ids: Iterable[str]) -> set[str]:
    """Those of the envelopes that the reader may see."""
    wanted = list(envelope_ids)
    if not wanted:
        return set()
    rows = transaction.execute(select(envelope.c.id).where(envelope.c.id.in_(wanted), *_seen_by(system_id)))
    return set(rows.scalars())


def answered(
    transaction: Transaction, system_id: str | None, references: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The references, each with ``envelope``: the answered letter's id where the reader may see it, else null.

    A reference has ``code`` (its sender, also by an old identifier), ``document_id``, ``notation``; any may be empty.
    """
    documents = {str(one.get("document_id", "")) for one in references} - {""}
    found: dict[str, list[tuple[str, str]]] = {}
    known = {}
    if documents:
        rows = transaction.execute(
            select(envelope.c.document_id, envelope.c.sender_code, envelope.c.id)
            .where(envelope.c.document_id.in_(documents), *_seen_by(system_id))
            # a new document before what changed it, the newest before older ones
            .order_by(envelope.c.business_type, envelope.c.received_at.desc())
        )
        for document_id, sender, envelope_id in rows:
            found.setdefault(document_id, []).append((sender, envelope_id))
        known = agencies.find(transaction, [code for one in references if (code := str(one.get("code", "")))])
    return [{**one, "envelope": _meant(one, found, known)} for one in references]


def _meant(
    reference: Mapping[str, Any], found: Mapping[str, list[tuple[str, str]]], known: Mapping[str, Any]
) -> str | None:
    """Of letters under that document id the one of the sender named; of none named, the only sender's."""
    candidates = found.get(str(reference.get("document_id", "")), [])
    agency = known.get(str(reference.get("code", "")))
    if agency is not None:
        candidates = [one for one in candidates if one[0] == agency.code]
    senders = {sender for sender, _ in candidates}
    return candidates[0][1] if len(senders) == 1 else None
