"""The messages that a question is about: one row for each envelope and recipient, newest first.

The letters are looked through in windows by identifier, which is time-ordered; where the first does not fill a page and
an index finds few letters, these are fetched. So every page costs at most ``WINDOWS`` of them: a page may be short, or
empty, with more behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_, union

from hub import clock
from hub.ledger import question_entries
from hub.ledger import question_letters as letters
from hub.ledger.engine import Transaction
from hub.ledger.journey import Entry
from hub.ledger.question_letters import Narrow
from hub.ledger.questions import LONGEST, Question
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import audit_entry, delivery, envelope
from hub.problems import Refused

WINDOW = 3000
WINDOWS = 3
# an identifier is made in the request whose arrival received_at is
APART = timedelta(hours=2)
_FORM = re.compile(rf"[0-9a-f-]{{36}}_[^\x00]{{0,{LONGEST}}}")


@dataclass(frozen=True, slots=True)
class Message:
    """One letter to one recipient. ``outcome`` as in ``OUTCOMES``; ``code``: the recipient's business status.

    Of a refusal only sender, document id, code and time are known; ``envelope`` is empty.
    """

    envelope: str
    delivery: str
    sender: str
    recipient: str
    document_id: str
    business_type: int | None
    number: str
    notation: str
    promulgated_on: date | None
    document_type: str
    subject: str
    outcome: str
    code: str
    received_at: datetime
    closed_at: datetime | None
    status_at: datetime | None
    sha256: str

    def named(self) -> dict[str, Any]:
        """Its values by name, in their order."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


class MessagePage(NamedTuple):
    """``older`` is the cursor to what follows, empty at the end."""

    rows: list[Message]
    older: str


_COLUMNS = (
    envelope.c.id, delivery.c.id.label("delivery_id"), envelope.c.sender_code, delivery.c.recipient_code,
    envelope.c.document_id, envelope.c.business_type, envelope.c.number, envelope.c.notation,
    envelope.c.promulgated_on, envelope.c.document_type, envelope.c.subject, delivery.c.state,
    delivery.c.status_code, envelope.c.received_at, delivery.c.closed_at, delivery.c.status_at, envelope.c.sha256,
)  # fmt: skip
_PLACE = (delivery.c.envelope_id, delivery.c.recipient_code)
_ORDER = tuple(one.desc() for one in _PLACE)


def page(
    transaction: Transaction, asked: Question, *, before: str = "", limit: int = 100, seen_by: str | None = None
) -> MessagePage:
    """Messages older than the cursor. ``seen_by``: only what that agency sent, or may see as recipient.

    Raises ``Refused('request-invalid')`` for a cursor that no page has given out.
    """
    if asked.outcome == "refused":
        return _refusals(transaction, asked, before, limit, seen_by)
    if before and _FORM.fullmatch(before) is None:
        raise Refused("request-invalid", "not a cursor", "before")
    letters.plan_anew(transaction)
    if letters.named(asked):
        return _all(transaction, asked, letters.of_name(asked), before, limit, seen_by)
    rows: list[Message] = []
    start = before
    for number in range(WINDOWS):
        # what is frequent fills a page from the first letters; an index is asked only for what does not
        now = clock.now()
        narrow = letters.few(transaction, asked, now) if number == (not letters.rare(asked)) else None
        if narrow is not None:
            return _all(transaction, asked, narrow, before, limit, seen_by)
        width = WINDOW // 4 if asked.kind or asked.actor else WINDOW  # the log is looked into for each of them
        window = _window(transaction, asked, start.partition("_")[0], seen_by, width).subquery("candidates")
        last, count = transaction.execute(select(func.min(window.c.id), func.count()).select_from(window)).one()
        joined = matching(transaction, asked, seen_by).join(window, window.c.id == envelope.c.id)
        rows += _read(transaction, joined, start, limit + 1 - len(rows))
        if len(rows) > limit:
            return MessagePage(rows[:limit], _cursor(rows[limit - 1]))
        if count < width:
            return MessagePage(rows, "")
        start = f"{last}_"
    return MessagePage(rows, start)


def _all(
    transaction: Transaction, asked: Question, among: Narrow, before: str, limit: int, seen_by: str | None
) -> MessagePage:
    """A page of few letters. All of them are fetched and sorted: the planner, which takes no word for rare that it has
    not seen, would otherwise go through the deliveries of years in their order until it has met enough of them."""
    every_one = matching(transaction, asked, seen_by, by_words=among.by_words).where(envelope.c.id.in_(among.ids))
    statement = every_one.order_by(None).order_by(*(one.concat("").desc() for one in _PLACE))
    found = _read(transaction, statement, before, limit + 1)
    return MessagePage(found[:limit], _cursor(found[limit - 1]) if len(found) > limit else "")


def every(transaction: Transaction, asked: Question, seen_by: str | None = None) -> Iterator[Message]:
    """All of them in the order of the pages, fetched as they are wanted."""
    if asked.outcome != "refused":
        narrow = letters.few(transaction, asked, clock.now())
        statement = matching(transaction, asked, seen_by, by_words=narrow is not None and narrow.by_words)
        among = statement if narrow is None else statement.where(envelope.c.id.in_(narrow.ids))
        yield from map(row_of, transaction.execute(among))
    elif (refused := _of_refusals(asked, seen_by)) is not None:
        yield from map(_refusal, question_entries.every(transaction, refused, order="newest"))


def matching(
    transaction: Transaction, asked: Question, seen_by: str | None = None, *, by_words: bool = False
) -> Select[Any]:
    """All of them as one statement in the order of the pages; ``row_of`` reads its rows. Not for refusals.

    ``by_words``: only letters with the words asked for are looked at.
    """
    now = clock.now()
    conditions = [
        delivery.c.superseded_by.is_(None),
        *letters.of_envelope(asked, transaction.dialect.name, by_words=by_words),
        *letters.of_delivery(asked, now),
        *_when(asked),
    ]
    if asked.agency and asked.direction in ("", "either"):
        conditions.append(or_(envelope.c.sender_code == asked.agency, delivery.c.recipient_code == asked.agency))
    if asked.envelope:
        conditions.append(envelope.c.id == asked.envelope)
    if asked.document_id:
        conditions.append(envelope.c.document_id == asked.document_id)
    if asked.code:
        conditions.append(delivery.c.status_code == asked.code)
    if asked.kind or asked.actor:
        conditions.append(_logged(asked))
    if seen_by is not None:
        received = and_(delivery.c.recipient_code == seen_by, TO_RECIPIENT)
        conditions.append(or_(envelope.c.sender_code == seen_by, received))
    joined = select(*_COLUMNS).join(delivery, delivery.c.envelope_id == envelope.c.id)
    return joined.where(*conditions).order_by(*_ORDER)


def row_of(row: Any) -> Message:
    """A message from a row of ``matching``."""
    given = tuple(row)
    return Message(*(*given[:11], letters.OUTCOME_OF[given[11]], given[12] or "", *given[13:]))


def _refusals(transaction: Transaction, asked: Question, before: str, limit: int, seen_by: str | None) -> MessagePage:
    refused = _of_refusals(asked, seen_by)
    if refused is None:
        return MessagePage([], "")
    found = question_entries.page(transaction, refused, order="newest", after=before, limit=limit)
    return MessagePage([_refusal(one) for one in found.rows], found.next if found.more else "")


def _of_refusals(asked: Question, seen_by: str | None) -> Question | None:
    """The question as one of the log; None where it asks for what is not known of a letter that was refused."""
    sender = asked.sender or asked.agency
    known = replace(asked, sender="", agency=sender, direction="")
    of_others = asked.sender and asked.agency not in ("", asked.sender)
    if asked.direction == "received" or known.asks_of_letters or of_others or seen_by not in (None, sender or seen_by):
        return None
    return replace(known, agency=seen_by or sender)


def _refusal(entry: Entry) -> Message:
    return Message(
        envelope="", delivery="", sender=entry.agency_code, recipient="", document_id=entry.document_id,
        business_type=None, number="", notation="", promulgated_on=None, document_type="", subject="",
        outcome="refused", code=entry.code, received_at=entry.at, closed_at=entry.at, status_at=None,
        sha256=str(entry.detail.get("sha256", "")),
    )  # fmt: skip


def _logged(asked: Question) -> ColumnElement[bool]:
    """The log has an entry of this kind, by this actor, about the letter; none is older than the letter."""
    times = (audit_entry.c.at >= envelope.c.received_at, audit_entry.c.at <= clock.now() + APART)
    about = select(audit_entry.c.seq).where(audit_entry.c.envelope_id == envelope.c.id, *times, *letters.of_step(asked))
    return about.exists().is_(True)


def _when(asked: Question) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.since is not None:
        found += [(envelope.c.received_at >= asked.since).is_(True), envelope.c.id >= _first_id(asked.since - APART)]
    if asked.until is not None:
        found += [(envelope.c.received_at < asked.until).is_(True), envelope.c.id < _first_id(asked.until + APART)]
    return found


def _window(transaction: Transaction, asked: Question, before: str, seen_by: str | None, width: int) -> Select[Any]:
    """Identifiers of the next ``width`` letters, by the index that leads with whose they are."""

    def bounded(column: ColumnElement[str]) -> Select[Any]:
        statement = select(column.label("id"))
        if before:
            statement = statement.where(column <= before)
        if asked.since is not None:
            statement = statement.where(column >= _first_id(asked.since - APART))
        if asked.until is not None:
            statement = statement.where(column < _first_id(asked.until + APART))
        return statement.order_by(column.desc()).limit(width)

    direction = asked.direction or "either"
    sender = asked.sender or (asked.agency if direction == "sent" else "")
    recipient = asked.recipient or (asked.agency if direction == "received" else "")
    either = (asked.agency if direction == "either" else "") or seen_by
    sent, received = bounded(envelope.c.id), bounded(delivery.c.envelope_id).distinct()
    if sender:
        return sent.where(envelope.c.sender_code == sender)
    if recipient:
        return received.where(delivery.c.recipient_code == recipient)
    if not either:
        return sent
    # SQLite allows ORDER BY and LIMIT in a branch only inside a subquery
    branches = (sent.where(envelope.c.sender_code == either), received.where(delivery.c.recipient_code == either))
    both = union(*(select(branch.subquery().c.id) for branch in branches)).subquery()
    return select(both.c.id).order_by(both.c.id.desc()).limit(width)


def _read(transaction: Transaction, statement: Select[Any], before: str, limit: int) -> list[Message]:
    if before:
        envelope_id, _, recipient = before.partition("_")
        key = tuple_(*_PLACE)
        statement = statement.where(key < tuple_(envelope_id, recipient))
    return [row_of(row) for row in transaction.execute(statement.limit(limit))]


def _cursor(last: Message) -> str:
    return f"{last.envelope}_{last.recipient}"


def _first_id(moment: datetime) -> str:
    """The least UUIDv7 of a moment (RFC 9562 §5.7: the leading 48 bits are milliseconds)."""
    digits = f"{int(moment.timestamp() * 1000) & (2**48 - 1):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"
