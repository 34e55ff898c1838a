"""Questions that auditors keep under a name, each for its owner alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, func, insert, select, update

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import exchange_log
from hub.ledger.audit_tables import saved_question
from hub.ledger.engine import Transaction
from hub.ledger.questions import Question
from hub.problems import Refused

MOST = 200
LONGEST_NAME = 100
What = Literal["entries", "messages"]


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """``filters`` by name, as text: what ``Question.of`` reads. ``what``: the list that it is asked of."""

    id: str
    name: str
    what: What
    filters: dict[str, str]
    created_at: datetime


def of_owner(transaction: Transaction, owner: str) -> list[SavedQuestion]:
    """All that an owner keeps, by name."""
    column = saved_question.c
    wanted = select(column.id, column.name, column.question, column.created_at).where(column.owner == owner)
    return [
        SavedQuestion(row.id, row.name, row.question["what"], row.question["filters"], row.created_at)
        for row in transaction.execute(wanted.order_by(column.name))
    ]


def keep(transaction: Transaction, owner: str, name: str, what: What, filters: Mapping[str, str]) -> SavedQuestion:
    """Keep a question under a name; one that has the name already is replaced.

    Raises ``Refused('request-invalid')`` for a name or a filter that cannot be, and beyond ``MOST`` questions.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or "\0" in name:
        raise Refused("request-invalid", f"1 to {LONGEST_NAME} characters", "name")
    asked = Question.of(filters).filters()
    at, column = clock.now(), saved_question.c
    mine = (column.owner == owner, column.name == name)
    known = transaction.execute(select(column.id).where(*mine)).scalar_one_or_none()
    question = {"what": what, "filters": asked}
    if known is None:
        counted = select(func.count()).select_from(saved_question).where(column.owner == owner)
        if transaction.execute(counted).scalar_one() >= MOST:
            raise Refused("request-invalid", f"at most {MOST} questions", "name")
        known = clock.new_id()
        values = {"id": known, "owner": owner, "name": name, "question": question, "created_at": at}
        transaction.execute(insert(saved_question).values(values))
    else:
        transaction.execute(update(saved_question).where(*mine).values(question=question, created_at=at))
    detail = {"question": known, "name": name, **question}
    exchange_log.append(transaction, [Entry(Event.QUESTION_SAVED, at, actor=owner, detail=detail)])
    return SavedQuestion(known, name, what, asked, at)


def remove(transaction: Transaction, owner: str, identifier: str) -> None:
    """Raises ``Refused('not-found')`` when the owner keeps no such question."""
    column = saved_question.c
    gone = delete(saved_question).where(column.owner == owner, column.id == identifier).returning(column.name)
    name = transaction.execute(gone).scalar_one_or_none()
    if name is None:
        raise Refused("not-found", identifier)
    detail = {"question": identifier, "name": name}
    exchange_log.append(transaction, [Entry(Event.QUESTION_REMOVED, clock.now(), actor=owner, detail=detail)])
