"""The tables. Lifecycle invariants are check constraints, so that no code path can break them.

``tx`` is the writing transaction's id on PostgreSQL (0 on SQLite, which has one writer). A feed read in the order
(tx, seq), below the oldest transaction still running, never skips a row that commits late: a serial alone would.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.sql import expression

from hub.language.folding import folded
from hub.ledger import finding
from hub.ledger.columns import Instant, Json, MonthlyKey

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

SERIAL = BigInteger().with_variant(Integer, "sqlite")


def _not_null_text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text(f"'{default}'"))


# ---------------------------------------------------------------- registry

system = Table(
    "system",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("url", Text),
    Column("client_id", Text, nullable=False, unique=True),
    Column("secret_sha256", Text, nullable=False),
    Column("auditor", Boolean, nullable=False, server_default=expression.false()),
    Column("active", Boolean, nullable=False, server_default=expression.true()),
    Column("created_at", Instant, nullable=False),
    # it takes documents with their attachments inside only, not as parts beside them
    Column("inline_only", Boolean, nullable=False, server_default=expression.false()),
    # what its channel needs besides the address: JSON by the channel's own names
    Column("options", Json, nullable=False, server_default=text("'{}'"), default=dict),
    # its receiver said for good that it is gone: nothing is handed over until an operator enables it
    Column("disabled_at", Instant),
    _not_null_text("disabled_reason"),
    CheckConstraint("channel IN ('pull', 'push', 'amqp', 'mail', 'folder')", name="channel"),
)

agency = Table(
    "agency",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("system_id", Text, ForeignKey("system.id"), nullable=False, index=True),
    Column("parent_code", Text, ForeignKey("agency.code")),
    Column("level", Integer, nullable=False, server_default=text("1")),
    Column("active", Boolean, nullable=False, server_default=expression.true()),
    Column("changed_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),
    # by which people find it: the place of its name in the alphabet; code, name and aliases without diacritics
    Column("sort_key", Text, nullable=False, default=finding.sort_default, server_default=text("''")),
    Column("search", Text, nullable=False, default=finding.search_default, server_default=text("''")),
    Index("ix_agency_revision_code", "revision", "code"),
    # a branch of the tree, page by page
    Index("ix_agency_branch", "parent_code", "sort_key", "code"),
    # whatever many agencies have in common, page by page
    Index("ix_agency_place", "sort_key", "code"),
)

# search_lexemes() is made by a migration: the words of agency.search, of which a question gives the beginnings
Index("ix_agency_words", func.search_lexemes(agency.c.search), postgresql_using="gin").ddl_if(dialect="postgresql")

agency_alias = Table(
    "agency_alias",
    metadata,
    Column("alias", Text, primary_key=True),
    Column("code", Text, ForeignKey("agency.code"), nullable=False, index=True),
    Column("added_at", Instant, nullable=False),
)

agency_certificate = Table(
    "agency_certificate",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("agency_code", Text, ForeignKey("agency.code"), primary_key=True),
    Column("der", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("not_after", Instant, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
)

# What a rule of the profile means for one agency (or, with no agency, for all) until a day: refuse, warn or ignore.
rule_override = Table(
    "rule_override",
    metadata,
    Column("agency_code", Text, primary_key=True),  # empty: every agency
    Column("rule", Text, primary_key=True),
    Column("severity", Text, nullable=False),
    Column("until", Date, nullable=False),
    _not_null_text("reason"),
    Column("added_at", Instant, nullable=False),
    CheckConstraint("severity IN ('refuse', 'warn', 'ignore')", name="severity"),
)

# One row. Every change of the registry raises the number; caches in all processes compare it.
registry_revision = Table(
    "registry_revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

# ``factor_required``: signing in takes a second factor, and it must be set up first. ``factor_secret`` is sealed (see
# ``hub.registry.second_factor``); ``factor_step``: the time step of the last code that was taken.
person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("roles", Json, nullable=False),
    Column("agency_code", Text, ForeignKey("agency.code")),
    Column("active", Boolean, nullable=False, server_default=expression.true()),
    Column("created_at", Instant, nullable=False),
    Column("factor_required", Boolean, nullable=False, server_default=expression.false()),
    Column("factor_secret", LargeBinary),
    Column("factor_step", BigInteger),
    Column("factor_since", Instant),
    Column("seen_at", Instant),
)

# ---------------------------------------------------------------- exchange
# No references into the registry from here: its rows are never deleted, and each reference would lock the hot row of a
# busy agency or system once for every document.


def search_text(number: str, notation: str, document_id: str, sender_code: str, subject: str) -> str:
    """What people search an envelope by, folded; the value of ``envelope.search``."""
    return folded(f"{number}/{notation} {document_id} {sender_code} {subject}")


def _search_default(context: DefaultExecutionContext) -> str:
    given = context.get_current_parameters()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    return search_text(*(given[name] for name in ("number", "notation", "document_id", "sender_code", "subject")))


envelope = Table(
    "envelope",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sender_code", Text, nullable=False),
    Column("sender_system_id", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("business_type", Integer, nullable=False),
    Column("profile", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("notation", Text, nullable=False),
    Column("promulgated_on", Date, nullable=False),
    Column("document_type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("due_on", Date),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received_at", Instant, nullable=False),
    # what the recipients' list does not need in columns: signer, attachments, warnings, head of the letter
    Column("details", Json, nullable=False),
    _not_null_text("traceparent"),
    # without diacritics and case, for people's search; statements written by hand fill it with search_text()
    Column("search", Text, nullable=False, default=_search_default, server_default=text("''")),
    # attachments beside the document, and their octets together
    Column("parts", Integer, nullable=False, server_default=text("0")),
    Column("parts_size", BigInteger, nullable=False, server_default=text("0")),
    # tells several recalls, updates or replacements of one document apart; empty for a new document
    _not_null_text("edition"),
    # the envelope that this one recalls, updates or replaces
    Column("previous_id", Text),
    # a paper copy follows (QCVN 102:2016 clause 2.2.6); None where the sender says nothing
    Column("paper", Integer),
    UniqueConstraint("sender_code", "document_id", "business_type", "edition"),
    CheckConstraint("business_type BETWEEN 0 AND 3", name="business_type"),
    CheckConstraint("priority BETWEEN 0 AND 4", name="priority"),
    Index("ix_envelope_received_at", "received_at"),
    Index("ix_envelope_document_id", "document_id"),
    # who names these octets: asked before a file is removed
    Index("ix_envelope_sha256", "sha256"),
    # an agency's sent letters, newest first: identifiers are time-ordered
    Index("ix_envelope_sender", "sender_code", "id"),
)

# An attachment that came beside the document. Its octets are a payload of their own, kept once for all who send it.
envelope_part = Table(
    "envelope_part",
    metadata,
    Column("envelope_id", Text, ForeignKey("envelope.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content_id", Text, nullable=False),
    _not_null_text("name"),
    _not_null_text("content_type"),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("ix_envelope_part_sha256", "sha256"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("envelope_id", Text, ForeignKey("envelope.id"), nullable=False, index=True),
    Column("recipient_code", Text, nullable=False),
    Column("system_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    # ready: when it may be taken; leased: when the lease runs out and it may be taken again
    Column("available_at", Instant),
    Column("lease_id", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("publications", Integer, nullable=False, server_default=text("0")),
    _not_null_text("reason"),
    Column("closed_at", Instant),
    Column("status_code", Text),
    _not_null_text("status_description"),
    Column("status_at", Instant),
    # a replay is a delivery of its own; the one before names it in superseded_by
    Column("round", Integer, nullable=False, server_default=text("1")),
    Column("superseded_by", Text),
    Column("replay_id", Text),
    # the recipient's own count of what it was shown, without gaps
    Column("number", BigInteger),
    # scheduled: not shown before
    Column("not_before", Instant),
    # the hub gives up the hand-over; the office must have confirmed; the office must have finished
    Column("expires_at", Instant),
    Column("confirm_by", Instant),
    Column("process_by", Instant),
    # when the chaser looks next, and how far it has gone
    Column("chase_at", Instant),
    _not_null_text("chase_step"),
    # in this order it also lists an agency's received letters, newest first; envelope_id has its own index
    UniqueConstraint("recipient_code", "envelope_id", "round"),
    CheckConstraint(
        "state IN ('pending', 'published', 'ready', 'leased', 'settled', 'refused', 'dead', 'withdrawn')", name="state"
    ),
    CheckConstraint(
        "(closed_at IS NOT NULL) = (state IN ('settled', 'refused', 'dead', 'withdrawn'))", name="closed_when_final"
    ),
    CheckConstraint("state <> 'leased' OR lease_id IS NOT NULL", name="leased_has_lease"),
    CheckConstraint("state NOT IN ('ready', 'leased') OR available_at IS NOT NULL", name="takeable_has_time"),
    Index("ix_delivery_recipient", "recipient_code", "since"),
)

Index(
    "ix_delivery_takeable",
    delivery.c.system_id,
    delivery.c.priority.desc(),
    delivery.c.id,
    postgresql_where=delivery.c.state.in_(("ready", "leased")),
    sqlite_where=delivery.c.state.in_(("ready", "leased")),
)
Index(
    "ix_delivery_in_transit",
    delivery.c.since,
    postgresql_where=delivery.c.state.in_(("pending", "published")),
    sqlite_where=delivery.c.state.in_(("pending", "published")),
)

Index(
    "ix_delivery_chase",
    delivery.c.chase_at,
    postgresql_where=delivery.c.chase_at.is_not(None),
    sqlite_where=delivery.c.chase_at.is_not(None),
)

# what was settled, refused or given up in a period, for the overview
Index(
    "ix_delivery_closed",
    delivery.c.state,
    delivery.c.closed_at,
    postgresql_where=delivery.c.closed_at.is_not(None),
    sqlite_where=delivery.c.closed_at.is_not(None),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("delivery_id", Text, ForeignKey("delivery.id"), nullable=False, unique=True),
    Column("envelope_id", Text, nullable=False),
    Column("system_id", Text, nullable=False),
    Column("recipient_code", Text, nullable=False),
    _not_null_text("document_id"),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    _not_null_text("traceparent"),
    Column("claimed_until", Instant),
)

Index("ix_outbox_priority_seq", outbox.c.priority.desc(), outbox.c.seq)

receipt = Table(
    "receipt",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("tx", BigInteger, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("audience_system_id", Text, nullable=False),
    Column("audience_code", Text, nullable=False),
    # refusals have no envelope
    Column("envelope_id", Text, ForeignKey("envelope.id"), index=True),
    Column("delivery_id", Text, index=True),
    _not_null_text("document_id"),
    _not_null_text("sender_code"),
    _not_null_text("recipient_code"),
    _not_null_text("code"),
    _not_null_text("description"),
    Column("at", Instant, nullable=False),
    # a business status is the same fact however often it is reported
    Column("repeat_key", Text, unique=True),
    Column("payload_sha256", Text),
    Column("jws", Text, nullable=False),
    CheckConstraint("kind IN ('acknowledgement', 'refusal', 'delivery', 'status', 'notice')", name="kind"),
    Index("ix_receipt_feed", "audience_system_id", "tx", "seq"),
    Index("ix_receipt_sealing", "tx", "seq"),
)

# On PostgreSQL a partition for each month (UTC), made ahead of time by hub.ledger.months; every key holds ``at`` there.
audit_entry = Table(
    "audit_entry",
    metadata,
    Column("seq", SERIAL, autoincrement=True),
    Column("tx", BigInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    _not_null_text("actor"),
    _not_null_text("agency_code"),
    _not_null_text("envelope_id"),
    _not_null_text("delivery_id"),
    _not_null_text("document_id"),
    _not_null_text("code"),
    Column("detail", Json, nullable=False),
    MonthlyKey("seq"),
    UniqueConstraint("id").ddl_if(dialect="sqlite"),
    UniqueConstraint("id", "at").ddl_if(dialect="postgresql"),
    Index("ix_audit_entry_feed", "tx", "seq"),
    # by the moment, as people page; by commit, as feeds do
    Index("ix_audit_entry_at", "at", "seq"),
    Index("ix_audit_entry_envelope", "envelope_id", "seq"),
    Index("ix_audit_entry_agency", "agency_code", "at", "seq"),
    Index("ix_audit_entry_document", "document_id", "seq"),
    postgresql_partition_by="RANGE (at)",
)

TAKEABLE = ("ready", "leased")
IN_TRANSIT = ("pending", "published")
FINAL = ("settled", "refused", "dead", "withdrawn")
