"""Tables of the transparency log: leaves, complete subtrees, checkpoints, and what others signed of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from hub.ledger.columns import Instant, Json
from hub.ledger.tables import metadata


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


# One row: how far the log is sealed. Whoever seals holds its lock. ``origin``: the log's name, fixed at first.
log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _words("origin"),
    Column("size", BigInteger, nullable=False, server_default=text("0")),
    Column("root", LargeBinary),
    # the last entry and the last receipt that have leaves, in the order of their feeds
    Column("entry_tx", BigInteger, nullable=False, server_default=text("0")),
    Column("entry_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("receipt_tx", BigInteger, nullable=False, server_default=text("0")),
    Column("receipt_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("sealed_at", Instant),
    CheckConstraint("id = 1", name="single"),
)

# ``id`` is the entry's or the receipt's (UUIDs both); ``hash`` its RFC 9162 leaf hash.
log_leaf = Table(
    "log_leaf",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
)

# The root of the complete subtree of 256**level leaves; level 0 is log_leaf.
log_node = Table(
    "log_node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

# One row: how far the log's own watch is in its round, and when the last round ended.
log_watch = Table(
    "log_watch",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("entry_tx", BigInteger, nullable=False),
    Column("entry_seq", BigInteger, nullable=False),
    Column("receipt_tx", BigInteger, nullable=False),
    Column("receipt_seq", BigInteger, nullable=False),
    Column("round_at", Instant),
    CheckConstraint("id = 1", name="single"),
)

# A checkpoint as the log signed it. What witnesses and time-stamping authorities add lies beside it.
log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False, index=True),
)

log_cosignature = Table(
    "log_cosignature",
    metadata,
    Column("size", BigInteger, ForeignKey("log_checkpoint.size"), primary_key=True),
    Column("witness", Text, primary_key=True),  # its verifier key (C2SP signed-note)
    Column("line", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_log_cosignature_witness", "witness", "size"),
)

# An RFC 3161 token over the checkpoint's note as the log signed it.
log_timestamp = Table(
    "log_timestamp",
    metadata,
    Column("size", BigInteger, ForeignKey("log_checkpoint.size"), primary_key=True),
    Column("authority", Text, primary_key=True),  # its address
    Column("token", LargeBinary, nullable=False),
    Column("stamped_at", Instant, nullable=False),  # genTime: what the authority says
    Column("at", Instant, nullable=False),
)

# What is wrong with the log or with those who watch it, while it is wrong: rewritten, witness, timestamp.
log_trouble = Table(
    "log_trouble",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    _words("detail"),
    Column("since", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    CheckConstraint("kind IN ('rewritten', 'witness', 'timestamp')", name="kind"),
)

# Logs of others that this hub watches: the last checkpoint of each that it cosigned.
witnessed_log = Table(
    "witnessed_log",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

# Two checkpoints that a watched log signed and that are not, or were not shown to be, of one tree (hub.audit.witness).
witness_evidence = Table(
    "witness_evidence",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, primary_key=True),
    Column("earlier", Text, nullable=False),
    Column("later", Text, nullable=False),
    Column("proof", Json, nullable=False),  # hashes in hexadecimal
    Column("at", Instant, nullable=False),
    CheckConstraint("kind IN ('forked', 'unproven')", name="kind"),
)

# Every public key that ever signed receipts or checkpoints here: old receipts must be checkable for ever.
hub_key = Table(
    "hub_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("jwk", Json, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("retired_at", Instant),
    CheckConstraint("purpose IN ('receipts', 'log')", name="purpose"),
)
