"""Tables around deliveries: attempts, breakers, replays, changes of what was sent, contacts, arrivals, mails."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text
from sqlalchemy.sql import expression

from hub.ledger.columns import Instant, Json
from hub.ledger.tables import SERIAL, delivery, envelope, metadata


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


# One hand-over tried, with its end and, where it failed for now, when the next one is due. For a system that takes its
# documents itself there is a row for every lease that ended without settlement.
attempt = Table(
    "attempt",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("delivery_id", Text, ForeignKey("delivery.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    _words("code"),
    _words("detail"),
    Column("next_at", Instant),
    CheckConstraint("outcome IN ('delivered', 'handed', 'transient', 'permanent', 'lapsed')", name="outcome"),
    Index("ix_attempt_delivery", "delivery_id", "seq"),
)

# The breaker of one system. While it is open (retry_at in the future) nothing is handed over to it.
circuit = Table(
    "circuit",
    metadata,
    Column("system_id", Text, ForeignKey("system.id"), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    Column("retry_at", Instant, nullable=False),
    _words("code"),
    _words("detail"),
)

# How far the feed of receipts was handed to a system whose channel brings them.
receipt_cursor = Table(
    "receipt_cursor",
    metadata,
    Column("system_id", Text, ForeignKey("system.id"), primary_key=True),
    Column("tx", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("retry_at", Instant),
)

# A replay: chosen by one person, confirmed by another, carried out once.
replay = Table(
    "replay",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("filter", Json, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("state", Text, nullable=False),
    CheckConstraint("state IN ('asked', 'confirmed', 'declined')", name="state"),
    CheckConstraint("(decided_by IS NULL) = (state = 'asked')", name="decided"),
    CheckConstraint("decided_by IS NULL OR state = 'declined' OR decided_by <> asked_by", name="two_people"),
)

# A delivery of a replay with what stood when it was chosen, and the delivery that was made of it.
replay_item = Table(
    "replay_item",
    metadata,
    Column("replay_id", Text, ForeignKey("replay.id"), primary_key=True),
    Column("delivery_id", Text, ForeignKey("delivery.id"), primary_key=True),
    Column("state_then", Text, nullable=False),
    Column("status_then", Text),
    Column("new_delivery_id", Text),
    _words("skipped"),
    Index("ix_replay_item_delivery", "delivery_id"),
)

# What a recall, update, replacement or removal asked of one delivery of the earlier document, and what came of it.
# ``state_then`` and ``status_then`` answer whether it was acted on before.
change = Table(
    "change",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("delivery_id", Text, ForeignKey("delivery.id"), nullable=False),
    Column("request_envelope_id", Text),
    Column("request_receipt_id", Text),
    Column("asked_at", Instant, nullable=False),
    _words("reason"),
    Column("state_then", Text, nullable=False),
    Column("status_then", Text),
    Column("acted_before", Boolean, nullable=False, server_default=expression.false()),
    Column("outcome", Text, nullable=False),
    Column("answered_at", Instant),
    CheckConstraint("kind IN ('recall', 'update', 'replace', 'remove')", name="kind"),
    CheckConstraint("outcome IN ('withdrawn', 'asked', 'agreed', 'declined')", name="outcome"),
    Index("ix_change_delivery", "delivery_id", "asked_at"),
    Index("ix_change_request", "request_envelope_id"),
)

# the updates of a document under names of their own
Index(
    "ix_envelope_previous",
    envelope.c.previous_id,
    postgresql_where=envelope.c.previous_id.is_not(None),
    sqlite_where=envelope.c.previous_id.is_not(None),
)

# Whom to tell at an agency when its office lets a document lie.
duty_contact = Table(
    "duty_contact",
    metadata,
    Column("agency_code", Text, ForeignKey("agency.code"), primary_key=True),
    Column("email", Text, primary_key=True),
    _words("name"),
    Column("added_at", Instant, nullable=False),
)

# The last arrival number given out to a recipient; numbers are drawn when a delivery is shown for the first time.
arrival = Table(
    "arrival",
    metadata,
    Column("recipient_code", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# The mail about one delivery: which address, and what came of it. ``token`` is in the return path and the message
# identifier, so that a bounce finds its delivery and nobody else can make one up. ``mails``: how many were taken.
mailing = Table(
    "mailing",
    metadata,
    Column("delivery_id", Text, ForeignKey("delivery.id"), primary_key=True),
    Column("token", Text, nullable=False, unique=True),
    Column("address", Text, nullable=False),
    Column("mails", Integer, nullable=False, server_default=text("0")),
    _words("policy"),
    _words("reply"),
    Column("accepted_at", Instant),
    Column("bounced_at", Instant),
    _words("bounce"),
)

Index(
    "ix_mailing_bounced",
    mailing.c.bounced_at,
    postgresql_where=mailing.c.bounced_at.is_not(None),
    sqlite_where=mailing.c.bounced_at.is_not(None),
)

# A link by which an office without a system takes one delivery. The token itself is only in the mail.
fetch_link = Table(
    "fetch_link",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("delivery_id", Text, ForeignKey("delivery.id"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index("ix_fetch_link_delivery", "delivery_id"),
)

# A current delivery of which nothing was heard, or whose office is not through with it (02, 06), the sender not having
# taken it back (13, 15, 16): what the list of overdue ones looks for. Written out, so that both planners see the index.
_CURRENT = "superseded_by IS NULL AND state IN ('pending', 'published', 'ready', 'leased', 'settled')"
UNCONFIRMED = f"status_code IS NULL AND confirm_by IS NOT NULL AND {_CURRENT}"
UNPROCESSED = f"process_by IS NOT NULL AND status_code NOT IN ('02', '06', '13', '15', '16') AND {_CURRENT}"

Index(
    "ix_delivery_unconfirmed",
    delivery.c.confirm_by,
    delivery.c.id,
    postgresql_where=text(UNCONFIRMED),
    sqlite_where=text(UNCONFIRMED),
)
Index(
    "ix_delivery_unprocessed",
    delivery.c.process_by,
    delivery.c.id,
    postgresql_where=text(UNPROCESSED),
    sqlite_where=text(UNPROCESSED),
)
