"""Group commit: what many requests want written at the same moment goes into one transaction.

Each item is answered on its own. When a batch fails, its items are tried one by one, so that one bad item cannot
fail its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.ledger.batching import Answer, Batches, Item
from hub.ledger.engine import Ledger, Transaction
from hub.problems import Deferred


class GroupCommit(Batches[Item, Answer]):
    """``work(transaction, items)`` returns one answer an item, in order. An answer may be an exception to raise.

    ``add`` returns once the transaction has committed.
    """

    def __init__(
        self,
        ledger: Ledger,
        work: Callable[[Transaction, Sequence[Item]], Sequence[Answer | Exception]],
        *,
        single_statement: bool = False,
        most: int = 64,
        writers: int = 1,
    ) -> None:
        write = ledger.statement if single_statement else ledger.write

        async def run(items: list[Item]) -> Sequence[Answer | Exception]:
            return await write(work, items)

        workers = writers if ledger.dialect == "postgresql" else 1
        super().__init__(run, most=most, workers=workers, shared=lambda error: isinstance(error, Deferred))
