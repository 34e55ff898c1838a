"""What a letter refers to, as links: the documents that it answers (clause 1.12) and the version that it changes.

A reader gets a link only to what it may see: what its system, or its agency, sent or received.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_, select

from hub.ledger import agencies
from hub.ledger.engine import Transaction
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import delivery, envelope


class Reader(NamedTuple):
    """Who looks: a system, or a person of one agency; neither: somebody who may see all."""

    system_id: str | None = None
    agency: str | None = None


ALL = Reader()
MOST = 100  # documents that a letter answers and that are looked up; it may name more


def _seen_by(reader: Reader) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for value, sent, received in (
        (reader.system_id, envelope.c.sender_system_id, delivery.c.system_id),
        (reader.agency, envelope.c.sender_code, delivery.c.recipient_code),
    ):
        if value is not None:
            to_it = select(delivery.c.id).where(
                delivery.c.envelope_id == envelope.c.id, received == value, TO_RECIPIENT
            )
            conditions.append(or_(sent == value, to_it.correlate(envelope).exists()))
    return conditions


def visible(transaction: Transaction, reader: Reader, envelope_ids: Iterable[str]) -> set[str]:
    """Those of the envelopes that the reader may see."""
    wanted = list(envelope_ids)
    if not wanted:
        return set()
    rows = transaction.execute(select(envelope.c.id).where(envelope.c.id.in_(wanted), *_seen_by(reader)))
    return set(rows.scalars())


def answered(transaction: Transaction, reader: Reader, references: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The first ``MOST`` references, each with ``envelope``: the answered letter's id if the reader may see it.

    A reference has ``code`` (its sender, also by an old identifier), ``document_id``, ``notation``; any may be empty.
    """
    references = references[:MOST]
    documents = {str(one.get("document_id", "")) for one in references} - {""}
    found: dict[str, list[tuple[str, str]]] = {}
    known = {}
    if documents:
        rows = transaction.execute(
            select(envelope.c.document_id, envelope.c.sender_code, envelope.c.id)
            .where(envelope.c.document_id.in_(documents), *_seen_by(reader))
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


def followers(transaction: Transaction, reader: Reader, envelope_id: str) -> list[tuple[str, int]]:
    """Recalls, updates and replacements of an envelope that the reader may see, oldest first: id and business type."""
    rows = transaction.execute(
        select(envelope.c.id, envelope.c.business_type)
        .where(envelope.c.previous_id == envelope_id, *_seen_by(reader))
        .order_by(envelope.c.id)
        .limit(50)
    )
    return [(row.id, row.business_type) for row in rows]
