"""Group commit: many requests, few transactions, and nobody pays for a neighbour."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from hub.ledger import Ledger, Transaction
from hub.ledger.group_commit import GroupCommit
from hub.problems import Deferred, Refused
from tests.rights import tamper


class Notes:
    """Work that writes numbers down; some fail in the store, some are answered with a refusal."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.batches: list[int] = []
        granted = [text("GRANT ALL ON note TO PUBLIC")] if ledger.dialect == "postgresql" else []
        tamper(ledger, text("CREATE TABLE note (n integer PRIMARY KEY)"), *granted)

    def write(self, transaction: Transaction, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(len(items))
        for item in items:
            if item < 0:
                raise ValueError(f"{item} breaks the whole batch")
            if item % 10 != 7:
                transaction.execute(text("INSERT INTO note VALUES (:n)"), {"n": item})
        return [Refused("not-found", str(item)) if item % 10 == 7 else item for item in items]

    @property
    def kept(self) -> list[int]:
        return list(self.ledger.read_now(lambda tx: tx.execute(text("SELECT n FROM note ORDER BY n")).scalars().all()))


@pytest.fixture
def notes(ledger: Ledger) -> Notes:
    return Notes(ledger)


async def test_many_items_share_few_transactions_and_each_gets_its_own_answer(notes: Notes) -> None:
    commits: GroupCommit[int, int] = GroupCommit(notes.ledger, notes.write, most=64)
    wanted = [number for number in range(200) if number % 10 != 7]
    assert await asyncio.gather(*(commits.add(number) for number in wanted)) == wanted
    assert notes.kept == wanted
    assert max(notes.batches) <= 64
    assert len(notes.batches) < 20


async def test_an_item_answered_with_a_refusal_does_not_undo_its_neighbours(notes: Notes) -> None:
    commits: GroupCommit[int, int] = GroupCommit(notes.ledger, notes.write)
    answers = await asyncio.gather(*(commits.add(number) for number in range(10)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(Refused) == 1
    assert isinstance(answers[7], Refused)
    assert notes.kept == [0, 1, 2, 3, 4, 5, 6, 8, 9]


async def test_an_item_that_breaks_the_transaction_fails_alone(notes: Notes) -> None:
    commits: GroupCommit[int, int] = GroupCommit(notes.ledger, notes.write)
    answers = await asyncio.gather(*(commits.add(number) for number in (1, 2, -3, 4, 4, 5)), return_exceptions=True)
    assert isinstance(answers[2], ValueError)
    # the second 4 breaks the table's key; the store's own error reaches only the one who asked
    assert [type(answer) for answer in (answers[3], answers[4])].count(int) == 1
    assert (answers[0], answers[1], answers[5]) == (1, 2, 5)
    assert notes.kept == [1, 2, 4, 5]


async def test_an_outage_is_told_to_the_whole_batch_without_trying_one_by_one(notes: Notes) -> None:
    tries = 0

    def away(_transaction: Transaction, _items: Sequence[int]) -> list[int | Exception]:
        nonlocal tries
        tries += 1
        raise Deferred("ledger-unavailable")

    commits: GroupCommit[int, int] = GroupCommit(notes.ledger, away, writers=1)
    answers = await asyncio.gather(*(commits.add(number) for number in range(30)), return_exceptions=True)
    assert all(isinstance(answer, Deferred) for answer in answers)
    assert tries <= 2


async def test_a_waiter_that_was_cancelled_fails_nobody_and_its_item_is_committed(notes: Notes) -> None:
    commits: GroupCommit[int, int] = GroupCommit(notes.ledger, notes.write)
    waiting = [asyncio.create_task(commits.add(number)) for number in range(6)]
    await asyncio.sleep(0)
    waiting[3].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[3], asyncio.CancelledError)
    assert [answer for answer in answers if isinstance(answer, int)] == [0, 1, 2, 4, 5]
    assert notes.kept == [0, 1, 2, 3, 4, 5]


async def test_work_goes_on_after_a_failure(notes: Notes) -> None:
    commits: GroupCommit[int, int] = GroupCommit(notes.ledger, notes.write)
    with pytest.raises(ValueError, match="breaks"):
        await commits.add(-1)
    assert await commits.add(1) == 1
