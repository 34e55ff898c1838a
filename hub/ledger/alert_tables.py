"""Tables of what people have to be told: alerts, their notices, and incidents that agencies report."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from hub.ledger.columns import Instant, Json
from hub.ledger.tables import metadata

_STANDING = text("ended_at IS NULL")
_WAITING = text("state = 'waiting'")

# One trouble from its beginning to its end. ``kind`` as ``hub.alerts.kinds`` names it; ``subject``: which system,
# agency, list or incident. ``rank``: 0 is worst. ``step``: how far it has gone, for troubles that come nearer.
# ``again_at``: when it is sent once more if nobody has acknowledged it by then.
alert = Table(
    "alert",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("step", Integer, nullable=False, server_default=text("0")),
    Column("detail", Json, nullable=False),
    Column("since", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("count", BigInteger, nullable=False, server_default=text("1")),
    Column("again_at", Instant),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Instant),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("ended_at", Instant),
    CheckConstraint("(acknowledged_by IS NULL) = (acknowledged_at IS NULL)", name="acknowledged"),
)
# one for as long as it lasts, however many sweeps see it
Index(
    "uq_alert_standing",
    alert.c.kind,
    alert.c.subject,
    unique=True,
    postgresql_where=_STANDING,
    sqlite_where=_STANDING,
)
Index("ix_alert_ended", alert.c.ended_at)

# The outbox of alerts: one row for each addressee. ``next_at``: not before; a claim moves it on.
alert_notice = Table(
    "alert_notice",
    metadata,
    Column("id", Text, primary_key=True),
    Column("alert_id", Text, ForeignKey("alert.id"), nullable=False, index=True),
    Column("addressee", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("error", Text, nullable=False, server_default=text("''")),
    CheckConstraint("reason IN ('raised', 'worse', 'again', 'ended')", name="reason"),
    CheckConstraint("state IN ('waiting', 'sent', 'given-up', 'dropped')", name="state"),
    CheckConstraint("(state = 'waiting') = (closed_at IS NULL)", name="closed_at"),
)
Index(
    "ix_alert_notice_waiting",
    alert_notice.c.next_at,
    postgresql_where=_WAITING,
    sqlite_where=_WAITING,
)

# One row, whose lock puts sweeps in order: up to which entry of the exchange log alerts were made, and the last look.
alert_watch = Table(
    "alert_watch",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("tx", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("looked_at", Instant, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

# What an agency reports of its own security. ``reported_by``: ``system:ID`` or ``person:LOGIN``. Contact and
# description stay here: the exchange log is for ever and names nobody outside.
incident = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agency_code", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("noticed_at", Instant, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("reported_by", Text, nullable=False),
    Column("closed_by", Text),
    Column("closed_at", Instant),
    Column("outcome", Text, nullable=False, server_default=text("''")),
    CheckConstraint(
        "category IN ('account', 'key', 'malware', 'leak', 'forgery', 'outage', 'other')",
        name="category",
    ),
    CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name="closed_at"),
    CheckConstraint("(closed_by IS NULL) = (outcome = '')", name="outcome"),
    Index("ix_incident_agency", "agency_code", "id"),
)
Index(
    "ix_incident_open",
    incident.c.id,
    postgresql_where=text("closed_at IS NULL"),
    sqlite_where=text("closed_at IS NULL"),
)
