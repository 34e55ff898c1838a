"""Tables of signing in: sessions, recovery codes, one-time links, failures. Their rows may be deleted."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from hub.ledger.columns import Instant
from hub.ledger.tables import metadata

# ``stage``: open; or half, which opens nothing: ``code`` is missing, or a second factor must be set up (``enrolment``).
# ``offered``: a secret that is being set up in this session, sealed.
person_session = Table(
    "person_session",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("person_id", Text, ForeignKey("person.id"), nullable=False, index=True),
    Column("stage", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("address", Text, nullable=False, server_default=text("''")),
    Column("browser", Text, nullable=False, server_default=text("''")),
    Column("offered", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    CheckConstraint("stage IN ('open', 'code', 'enrolment')", name="stage"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("used_at", Instant),
)

# ``person_id`` None: the first administrator, who chooses everything
person_link = Table(
    "person_link",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("person_id", Text, ForeignKey("person.id"), index=True),
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    CheckConstraint("purpose IN ('first', 'invitation', 'reset')", name="purpose"),
    CheckConstraint("(purpose = 'first') = (person_id IS NULL)", name="first"),
)

# ``login_key`` and ``browser_key`` are keyed digests: what was typed may be a password in the wrong field. An empty
# ``browser_key`` stands for all browsers that this login never signed in with.
login_failure = Table(
    "login_failure",
    metadata,
    Column("login_key", Text, primary_key=True),
    Column("browser_key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", Instant, nullable=False),
    Index("ix_login_failure_failed_at", "failed_at"),
)
