"""Tables of the monthly figures. All of them are derived: they can be emptied and computed again from the log.

``scope`` is ``own`` for what an agency itself did, ``branch`` for it and every agency below it; the branch of the empty
code is the whole hub. Months are Vietnam's, ``YYYY-MM``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, text
from sqlalchemy.sql import expression

from hub.ledger.columns import Instant
from hub.ledger.tables import metadata

# what is counted of an agency in a month; hub.figures.folding says what each one means
MEASURES = (
    "sent", "sent_signed", "sent_electronic", "sent_paper", "addressed",
    "received", "received_signed", "received_electronic", "received_paper",
    "accepted", "finished", "confirmed_on_time", "confirmed_late", "finished_on_time", "finished_late",
    "returned", "undelivered", "withdrawn", "refused", "overdue",
)  # fmt: skip
SPANS = ("arrive", "accept", "finish")
SCOPES = ("own", "branch")
_SCOPE = "scope IN ('own', 'branch')"


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


# One row: how far the log is counted, and as of when ``figure_overdue`` stands.
figure_state = Table(
    "figure_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("tx", BigInteger, nullable=False, server_default=text("0")),
    Column("seq", BigInteger, nullable=False, server_default=text("0")),
    # raised by every recount, so that two at once do not both put the same mistake right
    Column("recounts", BigInteger, nullable=False, server_default=text("0")),
    # the newest entry that was counted; when the counting last found nothing more to do
    Column("counted_to", Instant),
    Column("level_at", Instant),
    Column("overdue_at", Instant),
    CheckConstraint("id = 1", name="single"),
)

# A letter at one recipient as the counting has seen it so far, whatever was sent again.
figure_case = Table(
    "figure_case",
    metadata,
    Column("envelope_id", Text, primary_key=True),
    Column("recipient_code", Text, primary_key=True),
    Column("open", Boolean, nullable=False, server_default=expression.true()),
    Column("status", Text),
    Column("confirm_by", Instant),
    Column("process_by", Instant),
    Column("arrived_at", Instant),
    Column("accepted_at", Instant),
    Column("finished_at", Instant),
    # from when it is (or was to be) overdue; empty when nothing is waited for
    Column("overdue_from", Instant),
    Index(
        "ix_figure_case_overdue",
        "overdue_from",
        "recipient_code",
        postgresql_where=text("overdue_from IS NOT NULL"),
        sqlite_where=text("overdue_from IS NOT NULL"),
    ),
)

figure_month = Table(
    "figure_month",
    metadata,
    Column("agency_code", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    *(_count(name) for name in MEASURES),
    CheckConstraint(_SCOPE, name="scope"),
)

# How many took how long: ``bucket`` is hub.figures.spans's.
figure_time = Table(
    "figure_time",
    metadata,
    Column("agency_code", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("span", Text, primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    _count("letters"),
    CheckConstraint(_SCOPE, name="scope"),
    CheckConstraint("span IN ('arrive', 'accept', 'finish')", name="span"),
)

# How often an entry of a kind and a code was written.
figure_code = Table(
    "figure_code",
    metadata,
    Column("agency_code", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    _count("entries"),
    CheckConstraint(_SCOPE, name="scope"),
)

# What is overdue at ``figure_state.overdue_at``.
figure_overdue = Table(
    "figure_overdue",
    metadata,
    Column("agency_code", Text, primary_key=True),
    _count("own"),
    _count("branch"),
)
