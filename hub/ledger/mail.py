"""Mails about deliveries, and the links in them by which an office takes a document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.ledger.delivery_tables import fetch_link, mailing
from hub.ledger.engine import Transaction
from hub.ledger.tables import delivery, envelope
from hub.registry.model import secret_digest


@dataclass(frozen=True, slots=True)
class Mailing:
    """What is known of the mail about a delivery. ``token`` marks its return path and message identifier.

    ``mails``: how many a mail server has taken; ``reply`` its answer to the last one.
    """

    delivery_id: str
    token: str
    address: str
    mails: int
    policy: str
    reply: str
    accepted_at: datetime | None
    bounced_at: datetime | None
    bounce: str


_COLUMNS = tuple(
    mailing.c[name]
    for name in ("delivery_id", "token", "address", "mails", "policy", "reply", "accepted_at", "bounced_at", "bounce")
)


def opened(transaction: Transaction, delivery_id: str, address: str, token: str) -> Mailing:
    """The mailing of a delivery, begun with ``token`` unless there is one: the same for every attempt."""
    begin = postgresql.insert if transaction.dialect.name == "postgresql" else sqlite.insert
    transaction.execute(
        begin(mailing).values(delivery_id=delivery_id, token=token, address=address).on_conflict_do_nothing()
    )
    row = transaction.execute(select(*_COLUMNS).where(mailing.c.delivery_id == delivery_id)).one()
    return Mailing(*row)


def accepted(
    transaction: Transaction, delivery_id: str, address: str, policy: str, reply: str, at: datetime
) -> Mailing:
    """A mail server has taken a mail; what is known now."""
    row = transaction.execute(
        update(mailing)
        .where(mailing.c.delivery_id == delivery_id)
        .values(mails=mailing.c.mails + 1, address=address, policy=policy, reply=reply, accepted_at=at)
        .returning(*_COLUMNS)
    ).one()
    return Mailing(*row)


def by_token(transaction: Transaction, token: str) -> Mailing | None:
    row = transaction.execute(select(*_COLUMNS).where(mailing.c.token == token)).one_or_none()
    return None if row is None else Mailing(*row)


def bounced(transaction: Transaction, delivery_id: str, bounce: str, at: datetime) -> bool:
    """Note that a mail came back; False when that is known already."""
    changed = transaction.execute(
        update(mailing)
        .where(mailing.c.delivery_id == delivery_id, mailing.c.bounced_at.is_(None))
        .values(bounced_at=at, bounce=bounce)
    )
    return changed.rowcount > 0


@dataclass(frozen=True, slots=True)
class CameBack:
    """A mail that came back, and where its delivery stands."""

    delivery_id: str
    envelope_id: str
    document_id: str
    recipient_code: str
    number: str
    notation: str
    subject: str
    state: str
    policy: str
    address: str
    at: datetime
    bounce: str


def came_back(transaction: Transaction, limit: int, *, after_settling: bool = False) -> list[CameBack]:
    """The newest first, without those whose document was sent once more; ``after_settling``: no others than those
    mailed documents that had counted as delivered."""
    wanted: list[ColumnElement[bool]] = [mailing.c.bounced_at.is_not(None), delivery.c.superseded_by.is_(None)]
    if after_settling:
        wanted += [mailing.c.policy == "document", delivery.c.state == "settled"]
    rows = transaction.execute(
        select(
            delivery.c.id,
            delivery.c.envelope_id,
            envelope.c.document_id,
            delivery.c.recipient_code,
            envelope.c.number,
            envelope.c.notation,
            envelope.c.subject,
            delivery.c.state,
            mailing.c.policy,
            mailing.c.address,
            mailing.c.bounced_at,
            mailing.c.bounce,
        )
        .join(delivery, delivery.c.id == mailing.c.delivery_id)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .where(*wanted)
        .order_by(mailing.c.bounced_at.desc())
        .limit(limit)
    )
    return [CameBack(*tuple(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class Link:
    """A link into one delivery. ``used_at`` is when somebody took the document by it for the first time."""

    delivery_id: str
    expires_at: datetime
    used_at: datetime | None


def add_link(transaction: Transaction, delivery_id: str, token: str, at: datetime, until: datetime) -> None:
    """``token`` is kept as a digest only."""
    transaction.execute(
        insert(fetch_link).values(
            token_sha256=secret_digest(token), delivery_id=delivery_id, made_at=at, expires_at=until
        )
    )


def link(transaction: Transaction, token: str) -> Link | None:
    row = transaction.execute(
        select(fetch_link.c.delivery_id, fetch_link.c.expires_at, fetch_link.c.used_at).where(
            fetch_link.c.token_sha256 == secret_digest(token)
        )
    ).one_or_none()
    return None if row is None else Link(*row)


def use_links(transaction: Transaction, delivery_id: str, at: datetime) -> None:
    """Note the first use of a delivery's links: whoever took the document once, took it for the office."""
    transaction.execute(
        update(fetch_link)
        .where(fetch_link.c.delivery_id == delivery_id, fetch_link.c.used_at.is_(None))
        .values(used_at=at)
    )


def hold(transaction: Transaction, delivery_id: str, lease_id: str, at: datetime) -> None:
    """Take a delivery that waits for its next mail out of the inbox, for the one who came for it by a link."""
    transaction.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id, delivery.c.state == "ready")
        .values(state="leased", lease_id=lease_id, since=at, available_at=at)
    )
