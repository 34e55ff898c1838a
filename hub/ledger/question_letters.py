"""What a question asks of letters, as conditions; and which few letters it can be about, where an index tells."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, func, literal_column, or_, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY

from hub.audit import Event
from hub.language.folding import words_of
from hub.ledger.delivery_tables import UNCONFIRMED, UNPROCESSED
from hub.ledger.engine import Transaction
from hub.ledger.questions import Question
from hub.ledger.tables import audit_entry, delivery, envelope

# so many letters are fetched and sorted at once where an index finds them; where there are more, lists go by time
FEW = 10_000
# where so many of the newest letters have some words, lists by time fill their pages from the newest letters
SAMPLE, FREQUENT_WORDS = 2_000, 20

PEOPLE = "person:"
FREQUENT = (
    "envelope.accepted", "delivery.published", "delivery.ready", "delivery.leased", "delivery.settled",
    "status.received",
)  # fmt: skip

STATES: dict[str, tuple[str, ...]] = {
    "waiting": ("pending", "published", "ready", "leased"),
    "delivered": ("settled",),
    "declined": ("refused",),
    "dead": ("dead",),
    "withdrawn": ("withdrawn",),
}
OUTCOME_OF = {state: outcome for outcome, states in STATES.items() for state in states}


def plan_anew(transaction: Transaction) -> None:
    """Let statements of this transaction be planned for their values: what suits a small agency is slow for a big one.

    Otherwise the driver prepares what it sends often, and the server settles on one plan for all values.
    """
    if transaction.dialect.name == "postgresql":
        transaction.execute(text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")).scalar_one()


class Narrow(NamedTuple):
    """Identifiers of few letters. ``by_words``: all of them have the words asked for."""

    ids: Select[Any]
    by_words: bool = False


def of_envelope(asked: Question, dialect: str, *, by_words: bool = False) -> list[ColumnElement[bool]]:
    """Conditions on ``envelope`` alone, but for the time and for ``agency`` in either direction.

    For each letter looked at (IS TRUE): as plain conditions the planner would fetch all that an index of theirs finds,
    however many, before it looks at the window.
    """
    wanted = (
        ("sender_code", asked.sender), ("number", asked.number), ("notation", asked.notation),
        ("document_type", asked.document_type), ("business_type", asked.business_type),
    )  # fmt: skip
    found = [envelope.c[name] == value for name, value in wanted if value not in ("", None)]
    if asked.agency and asked.direction == "sent":
        found.append(envelope.c.sender_code == asked.agency)
    if not by_words and (words := _words(asked)):
        # a text without a word as part of it is passed over quickly
        found += [envelope.c.search.contains(word, autoescape=True) for word in words]
        found.append(has_words(words, dialect))
    return [one.is_(True) for one in found]


def of_delivery(asked: Question, now: datetime) -> list[ColumnElement[bool]]:
    """Conditions on ``delivery`` alone."""
    found: list[ColumnElement[bool]] = []
    if asked.recipient:
        found.append(delivery.c.recipient_code == asked.recipient)
    if asked.agency and asked.direction == "received":
        found.append(delivery.c.recipient_code == asked.agency)
    if asked.outcome in STATES:
        found.append(delivery.c.state.in_(STATES[asked.outcome]))
    if asked.outcome == "overdue":
        found.append(or_(*overdue(now)))
    return found


def overdue(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Not confirmed in time; not finished in time."""
    return (
        and_(text(UNCONFIRMED), delivery.c.confirm_by < now),
        and_(text(UNPROCESSED), delivery.c.process_by < now),
    )


def has_words(words: list[str], dialect: str, *, indexed: bool = True) -> ColumnElement[bool]:
    """All these folded words stand in ``envelope.search``; on PostgreSQL ix_envelope_words answers it.

    Not ``indexed``: asked of letters that were found otherwise. The planner takes frequent words for rare ones and
    would read every letter that has them.
    """
    if dialect == "postgresql":
        words_in = envelope.c.search if indexed else envelope.c.search + literal_column("''")
        return func.search_words(words_in, type_=ARRAY(Text)).contains(words)
    return func.has_words(envelope.c.search, " ".join(words)) == 1


def _words(asked: Question) -> list[str]:
    """Number and notation are words of the text too: that is how they are found quickly."""
    return words_of(f"{asked.number} {asked.notation} {asked.words}")


def of_step(asked: Question) -> list[ColumnElement[bool]]:
    """Conditions on ``audit_entry``: its kind, or the first part of it, and its actor."""
    column = audit_entry.c
    found: list[ColumnElement[bool]] = []
    if asked.kind:
        found.append(column.kind.in_(_kinds(asked)))
    if asked.actor.startswith(PEOPLE):
        found.append(column.actor.like(f"{PEOPLE}%"))  # as ix_audit_entry_person has it
    if asked.actor:
        found.append(column.actor == asked.actor)
    return found


def rare(asked: Question) -> bool:
    """Whether few entries have that kind or actor: as ix_audit_entry_kind and ix_audit_entry_person have it."""
    return (bool(asked.kind) and not set(_kinds(asked)) & set(FREQUENT)) or asked.actor.startswith(PEOPLE)


def _kinds(asked: Question) -> list[str]:
    """The kind asked for, or all that have this first part."""
    return [asked.kind] if "." in asked.kind else [one.value for one in Event if one.startswith(f"{asked.kind}.")]


def matching(asked: Question, dialect: str, now: datetime, *, by_words: bool = False) -> ColumnElement[bool]:
    """That ``envelope`` is a letter the question is about, with at least one delivery it is about."""
    conditions = of_envelope(asked, dialect, by_words=by_words)
    of_one = of_delivery(asked, now)
    either = asked.agency if asked.direction == "either" else ""
    if either:
        received = _delivered(delivery.c.recipient_code == either, *of_one)
        sent = envelope.c.sender_code == either
        conditions.append(or_(and_(sent, _delivered(*of_one)) if of_one else sent, received))
    elif of_one:
        conditions.append(_delivered(*of_one))
    return and_(true(), *conditions)


def _delivered(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    current = (delivery.c.envelope_id == envelope.c.id, delivery.c.superseded_by.is_(None))
    return select(delivery.c.id).where(*current, *conditions).exists()


def named(asked: Question) -> bool:
    """Whether the question names its letter."""
    return bool(asked.envelope or asked.document_id)


def of_name(asked: Question) -> Narrow:
    """The letters that the question names."""
    known = envelope.c.id == asked.envelope if asked.envelope else envelope.c.document_id == asked.document_id
    return Narrow(select(envelope.c.id).where(known))


def few(transaction: Transaction, asked: Question, now: datetime, most: int = FEW) -> Narrow | None:
    """Identifiers of a few letters among which all are that match; None where no index narrows it to ``most``."""
    if transaction.dialect.name == "postgresql":
        # words that are frequent each and rare together look frequent to the planner: it would read the whole table
        transaction.execute(text("SELECT set_config('enable_seqscan', 'off', true)")).scalar_one()
    for narrow in _narrow(asked, transaction.dialect.name, now):
        counted = select(func.count()).select_from(narrow.ids.limit(most + 1).subquery())
        if transaction.execute(counted).scalar_one() <= most:
            return narrow
    return None


def frequent(transaction: Transaction, words: list[str]) -> bool:
    """Whether one letter of a hundred has all these folded words. Asked before ``few``: where each of them stands in
    every tenth letter of years, the index has to be read through to tell that they are many together."""
    if not words or transaction.dialect.name != "postgresql":
        return False
    newest = select(envelope.c.search).order_by(envelope.c.id.desc()).limit(SAMPLE).subquery()
    having = (newest.c.search.contains(word, autoescape=True) for word in words)
    has_all = func.search_words(newest.c.search, type_=ARRAY(Text)).contains(words)
    counted = select(func.count()).select_from(newest).where(*having, has_all)
    return bool(transaction.execute(counted).scalar_one() >= FREQUENT_WORDS)


def _narrow(asked: Question, dialect: str, now: datetime) -> list[Narrow]:
    found: list[Narrow] = []
    words = _words(asked)
    if words and dialect == "postgresql":
        found.append(Narrow(select(envelope.c.id).where(has_words(words, dialect)), by_words=True))
    if asked.outcome in ("declined", "dead", "withdrawn"):
        # as ix_delivery_closed has it
        closed = (delivery.c.state == STATES[asked.outcome][0], delivery.c.closed_at.is_not(None))
        found.append(Narrow(select(delivery.c.envelope_id.label("id")).where(*closed)))
    if rare(asked):
        about = (audit_entry.c.envelope_id != "", *of_step(asked))
        found.append(Narrow(select(audit_entry.c.envelope_id.label("id")).where(*about)))
    if asked.outcome == "overdue":
        either = (select(delivery.c.envelope_id.label("id")).where(one) for one in overdue(now))
        both = next(either).union_all(next(either)).subquery()
        found.append(Narrow(select(both.c.id)))
    return found
