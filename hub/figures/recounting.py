"""Counting one month anew from the log, and putting right what differs.

Reading happens in one view of the ledger and holds nobody up: how far the log was counted and the sums that stand are
of the same moment. What differs is then added to the sums as they are, whatever was counted meanwhile. Every letter
that has an entry or a deadline in the month is followed from its first entry on, without the cases that counting keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub import clock
from hub.audit import Entry, Event
from hub.figures.counting import count_all
from hub.figures.folding import Known, fold_codes, fold_letters
from hub.figures.tally import Rows, Tally, rows
from hub.ledger import Ledger, Transaction, exchange_log, figure_counting, figure_recounting
from hub.ledger.feed import Cursor
from hub.ledger.figure_counting import Counted, Row
from hub.problems import Refused

ACTOR = "command line"
LETTERS = 200
_KEYS = (3, 5, 5)  # columns of each table's key


@dataclass(frozen=True, slots=True)
class Recount:
    """``letters``: how many were followed. ``differing``: sums that were not what the log says, and are now."""

    month: str
    letters: int
    differing: int


def span_of(month: str) -> tuple[datetime, datetime]:
    """Begin and end of a month in Vietnam: ``2026-11``. Raises ``Refused('request-invalid')`` when it is none."""
    try:
        since = datetime.strptime(month, "%Y-%m").replace(tzinfo=clock.VIETNAM)
    except ValueError:
        raise Refused("request-invalid", f"{month}: a month is written 2026-11", "month") from None
    return since, since.replace(year=since.year + since.month // 12, month=since.month % 12 + 1)


def recount(ledger: Ledger, month: str, actor: str = ACTOR) -> Recount:
    """Count a month anew. Raises ``Refused('request-invalid')`` for what is no month."""
    span_of(month)
    while True:
        turn, letters, differences = ledger.read_now(_differences, month)
        found = Recount(month, letters, sum(len(some) for some in differences))
        if ledger.write_now(_put_right, turn, differences, found, actor):
            return found


def count_anew(ledger: Ledger, actor: str = ACTOR) -> int:
    """Forget every figure and count the whole log; how many entries were counted. The sweep helps if it runs."""
    ledger.write_now(_forget, actor)
    return count_all(ledger)


def _forget(transaction: Transaction, actor: str) -> None:
    figure_counting.forget(transaction)
    _note(transaction, actor, {"month": "all"})


def _put_right(transaction: Transaction, turn: int, differences: Rows, found: Recount, actor: str) -> bool:
    """False when somebody else has put the same things right meanwhile."""
    _, now = figure_counting.position(transaction, lock=True)
    if now != turn:
        return False
    figure_counting.add(transaction, *differences)
    figure_counting.recounted(transaction)
    _note(transaction, actor, {"month": found.month, "letters": found.letters, "corrected": found.differing})
    return True


def _note(transaction: Transaction, actor: str, detail: dict[str, Any]) -> None:
    entry = Entry(Event.FIGURES_RECOUNTED, clock.now(), actor=actor, detail=detail)
    exchange_log.append(transaction, [entry])


def _differences(transaction: Transaction, month: str) -> tuple[int, int, Rows]:
    figure_recounting.one_view(transaction)
    upto, turn = figure_counting.position(transaction)
    letters, counted = _counted(transaction, month, upto)
    stand = figure_recounting.standing(transaction, month)
    found = [_difference(new, old, keys) for new, old, keys in zip(counted, stand, _KEYS, strict=True)]
    return turn, letters, (found[0], found[1], found[2])


def _counted(transaction: Transaction, month: str, upto: Cursor) -> tuple[int, Rows]:
    """What the log says of a month up to a position."""
    since, until = span_of(month)
    tally, envelopes = Tally(month), figure_recounting.due_in(transaction, since, until)
    for page in figure_recounting.entries_of(transaction, since, until, upto):
        facts = figure_counting.deliveries(transaction, {one.delivery_id for one in page} - {""})
        named = {one.envelope_id for one in page} - {""}
        fold_codes(page, Known(figure_counting.letters(transaction, named), {}, {}), tally)
        envelopes |= named | {one.envelope_id for one in facts.values()}
    answers = figure_recounting.answers(transaction, upto)
    for some in _batches(sorted(envelopes), LETTERS):
        _follow(transaction, some, answers, upto, tally)
    return len(envelopes), rows(tally, figure_counting.above(transaction, tally.agencies))


def _follow(
    transaction: Transaction, envelopes: Sequence[str], answers: Sequence[Counted], upto: Cursor, tally: Tally
) -> None:
    facts = figure_recounting.deliveries_of(transaction, envelopes)
    found = figure_recounting.histories(transaction, envelopes, upto)
    found += [one for one in answers if one.delivery_id in facts]
    firsts = figure_counting.first_deliveries(transaction, envelopes)
    known = Known(figure_counting.letters(transaction, envelopes), facts, firsts)
    fold_letters(sorted(found, key=lambda one: (one.tx, one.seq)), known, tally)


def _difference(new: Sequence[Row], old: Sequence[Row], keys: int) -> list[dict[str, Any]]:
    """Rows that make ``old`` to ``new`` when they are added."""
    wanted, standing = _by_key(new, keys), _by_key(old, keys)
    made = []
    for key in sorted(wanted.keys() | standing.keys()):
        to, at = wanted.get(key, {}), standing.get(key, {})
        values = {name: to.get(name, 0) - at.get(name, 0) for name in to.keys() | at.keys()}
        if any(values.values()):
            names = list((new or old)[0])[:keys]
            made.append(dict(zip(names, key, strict=True)) | values)
    return made


def _by_key(some: Sequence[Row], keys: int) -> Mapping[tuple[Any, ...], dict[str, int]]:
    found = {}
    for row in some:
        items = list(row.items())
        found[tuple(value for _, value in items[:keys])] = dict(items[keys:])
    return found


def _batches(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
