"""Agencies as people walk through them: a branch at a time, by the alphabet, and found by code, alias or name.

Nothing here reads or counts a whole table: a branch is read by its index (parent, place in the alphabet, code), and
children are counted to ``MOST_CHILDREN``. A search goes by the index of words (on SQLite by the folded column), or,
for words that many have, along the alphabet until its page is full.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal, select, tuple_

from hub.language.folding import words_of
from hub.ledger import finding
from hub.ledger.engine import Transaction
from hub.ledger.tables import agency, agency_alias, delivery, envelope, system

PAGE = 50
MOST_CHILDREN = 1000
# no administration is deeper than seven levels; a broken chain of parents must not go round for ever
DEEPEST = 20
WAITING = ("pending", "published", "ready", "leased")


@dataclass(frozen=True, slots=True)
class Branch:
    """An agency in the tree. ``children`` is counted to ``MOST_CHILDREN`` and no further."""

    code: str
    name: str
    parent_code: str | None
    level: int
    children: int
    system_id: str
    system: str
    channel: str
    active: bool
    system_active: bool

    @property
    def many(self) -> bool:
        return self.children >= MOST_CHILDREN


@dataclass(frozen=True, slots=True)
class Page:
    """Agencies in the order of the alphabet. ``earlier`` and ``later``: codes to go on from; empty at the ends."""

    rows: list[Branch]
    earlier: str
    later: str


_child = agency.alias("child")


def _rows() -> Select[Any]:
    return select(
        agency.c.code,
        agency.c.name,
        agency.c.parent_code,
        agency.c.level,
        _children(),
        agency.c.system_id,
        system.c.name,
        system.c.channel,
        agency.c.active,
        system.c.active,
    ).join(system, system.c.id == agency.c.system_id)


def _children() -> ColumnElement[int]:
    """Of each row, to ``MOST_CHILDREN``."""
    few = (
        select(literal(1).label("one"))
        .where(_child.c.parent_code == agency.c.code)
        .correlate(agency)
        .limit(MOST_CHILDREN)
        .subquery()
    )
    return select(func.count()).select_from(few).correlate(agency).scalar_subquery()


def branch(transaction: Transaction, under: str | None, after: str = "", before: str = "", limit: int = PAGE) -> Page:
    """The agencies right below one, or those that stand at the top; a page behind or ahead of the agency given."""
    below = agency.c.parent_code.is_(None) if under is None else agency.c.parent_code == under
    return _page(transaction, below, after, before, limit)


def search(transaction: Transaction, text: str, after: str = "", before: str = "", limit: int = PAGE) -> Page:
    """Agencies of which some words of code, name or alias begin with every word asked for, diacritics or not."""
    words = words_of(text)
    if not words:
        return Page([], "", "")
    found = finding.begun_by(agency.c.search, words, transaction.dialect.name)
    return _page(transaction, found, after, before, limit)


def named(transaction: Transaction, text: str) -> str | None:
    """The code of the agency whose code or alias this is, to the letter."""
    alias = select(agency_alias.c.code).where(agency_alias.c.alias == text)
    exact = select(agency.c.code).where(agency.c.code == text)
    return transaction.execute(exact.union(alias)).scalars().first()


def _page(transaction: Transaction, condition: ColumnElement[bool], after: str, before: str, limit: int) -> Page:
    place = _place(transaction, before or after)
    backward = bool(before) and place is not None
    statement = _rows().where(condition)
    key = tuple_(agency.c.sort_key, agency.c.code)
    if place is not None:
        statement = statement.where(key < tuple_(*place) if backward else key > tuple_(*place))
    order = (agency.c.sort_key.desc(), agency.c.code.desc()) if backward else (agency.c.sort_key, agency.c.code)
    found = [_branch(row) for row in transaction.execute(statement.order_by(*order).limit(limit + 1))]
    more, found = len(found) > limit, found[:limit]
    if backward:
        found.reverse()
    if not found:
        return Page([], "", "")
    went_on = place is not None
    return Page(
        found,
        earlier=found[0].code if (more if backward else went_on) else "",
        later=found[-1].code if (more if not backward else True) else "",
    )


def _place(transaction: Transaction, code: str) -> tuple[str, str] | None:
    if not code:
        return None
    row = transaction.execute(select(agency.c.sort_key, agency.c.code).where(agency.c.code == code)).one_or_none()
    return None if row is None else (row.sort_key, row.code)


def _branch(row: Row[Any]) -> Branch:
    return Branch(*tuple(row))


def path(transaction: Transaction, code: str) -> list[tuple[str, str]]:
    """Code and name of an agency and of those above it, the topmost first; empty for an unknown one."""
    found: list[tuple[str, str]] = []
    at: str | None = code
    while at is not None and len(found) < DEEPEST:
        row = transaction.execute(
            select(agency.c.code, agency.c.name, agency.c.parent_code).where(agency.c.code == at)
        ).one_or_none()
        if row is None:
            break
        found.append((row.code, row.name))
        at = row.parent_code
    return found[::-1]


def one(transaction: Transaction, code: str) -> Branch | None:
    """One agency by its code."""
    row = transaction.execute(_rows().where(agency.c.code == code)).one_or_none()
    return None if row is None else _branch(row)


def aliases(transaction: Transaction, code: str) -> list[str]:
    """Former and other codes of an agency."""
    statement = select(agency_alias.c.alias).where(agency_alias.c.code == code).order_by(agency_alias.c.alias)
    return list(transaction.execute(statement).scalars())


@dataclass(frozen=True, slots=True)
class WaitingLetter:
    """A delivery that the agency has not taken yet."""

    envelope_id: str
    number: str
    notation: str
    subject: str
    sender_code: str
    state: str
    since: datetime
    reason: str


def waiting(transaction: Transaction, code: str, limit: int = 10) -> list[WaitingLetter]:
    """Letters that wait to be taken by an agency, the longest first; ``limit + 1`` at most, to tell that there is more.

    Looks at its latest 5,000 letters only.
    """
    latest = (
        select(delivery.c.id)
        .where(delivery.c.recipient_code == code)
        .order_by(delivery.c.envelope_id.desc())
        .limit(5000)
        .subquery()
    )
    statement = (
        select(
            envelope.c.id,
            envelope.c.number,
            envelope.c.notation,
            envelope.c.subject,
            envelope.c.sender_code,
            delivery.c.state,
            delivery.c.since,
            delivery.c.reason,
        )
        .join(latest, latest.c.id == delivery.c.id)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .where(delivery.c.state.in_(WAITING))
        .order_by(delivery.c.since, delivery.c.id)
        .limit(limit + 1)
    )
    return [WaitingLetter(*tuple(row)) for row in transaction.execute(statement)]


def served_by(transaction: Transaction, system_id: str, limit: int = 20) -> list[tuple[str, str]]:
    """Code and name of agencies that a system serves, ``limit + 1`` at most: more is told, not counted."""
    statement = select(agency.c.code, agency.c.name).where(agency.c.system_id == system_id)
    rows = transaction.execute(statement.order_by(agency.c.code).limit(limit + 1)).all()
    return [(row.code, row.name) for row in rows]
