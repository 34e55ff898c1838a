"""Check: archives and office documents hold no bomb, no path out, no program; they are whole and not locked."""

from __future__ import annotations

from pathlib import Path

from hub.inspection import archives
from hub.inspection.inflating import Budget
from hub.inspection.names import Trouble
from hub.validation.examination import Document, Examination
from hub.validation.troubles import note


async def check(exam: Examination) -> None:
    for attachment in exam.attachments:
        kind = attachment.seen["kind"]
        if kind in archives.CONTAINERS and not attachment.settled:
            document = attachment.document
            budget = Budget(document.size, exam.inflated)
            found = await exam.offload_by(document.size, _look, document, kind, budget, exam.policy.scratch)
            exam.inflated += budget.spent
            note(exam, attachment, found)


def _look(document: Document, kind: str, budget: Budget, scratch: Path | None) -> list[Trouble]:
    with document.open() as content:
        return archives.look_into(content, kind, budget, scratch)
