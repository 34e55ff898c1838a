"""The recipients of a letter as a matrix: how each stands, since when, last attempt, what is due, what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.dashboard import lateness
from hub.dashboard.access import Right, Visitor
from hub.dashboard.lateness import Due
from hub.ledger.carriage import Attempt
from hub.ledger.journey import Letter, RecipientRow

# what an operator may want to send again; what is under way or withdrawn cannot be
AGAIN = ("dead", "refused", "settled")


@dataclass(frozen=True, slots=True)
class Line:
    """``attempts`` oldest first. ``again`` is the address of a replay's dry run, empty where there is none."""

    row: RecipientRow
    attempts: Sequence[Attempt]
    dues: Sequence[Due]
    may_chase: bool
    again: str

    @property
    def last_attempt(self) -> datetime | None:
        return self.attempts[-1].ended_at if self.attempts else None


def lines(
    visitor: Visitor,
    letter: Letter,
    rows: Sequence[RecipientRow],
    tried: Mapping[str, Sequence[Attempt]],
    now: datetime,
) -> list[Line]:
    """In the order of ``rows``; ``tried`` has the attempts by delivery."""
    replays = visitor.may(Right.OPERATION)
    return [
        Line(
            row,
            tried.get(row.id, ()),
            lateness.dues(row, now),
            lateness.chaseable(visitor, letter, row),
            f"/replays/new?delivery={row.id}" if replays and row.state in AGAIN else "",
        )
        for row in rows
    ]
