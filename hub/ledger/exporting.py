"""Lists of any length as a file: the rows of a question from one consistent view, written out as they are fetched."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncGenerator, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hub.audit import Entry, Event, sheets
from hub.audit.sheets import Column
from hub.clock import now
from hub.language import Language, gettext, mark
from hub.ledger import question_entries, question_messages
from hub.ledger.engine import Ledger
from hub.ledger.question_entries import Order
from hub.ledger.questions import Question

What = Literal["entries", "messages"]
Format = Literal["ndjson", "csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Export:
    """What is taken out, for whom. ``asker`` and ``seen_by`` as the pages have them."""

    what: What
    format: Format
    asked: Question
    order: Order = "newest"
    asker: str = ""
    seen_by: str | None = None
    language: Language = "vi"

    @property
    def file_name(self) -> str:
        return f"{self.what}-{now():%Y%m%dT%H%M%SZ}.{self.format}"

    def entry(self) -> Entry:
        """That it was taken, for the log: written before the first row goes out."""
        detail = {"what": self.what, "format": self.format, "filters": self.asked.filters()}
        return Entry(Event.LOG_EXPORTED, now(), actor=self.asker, detail=detail)


def written(ledger: Ledger, export: Export) -> Generator[bytes]:
    """The file, piece by piece; some may be empty. Closing it ends the work.

    Raises ``Deferred('export-limit')`` with the first piece.
    """
    columns, title = headings(export.what, export.language)
    with ledger.long_read() as transaction:
        rows = _rows(transaction, export)
        if export.format == "ndjson":
            yield from sheets.ndjson(columns, rows)
        elif export.format == "csv":
            yield from sheets.as_csv(columns, rows)
        else:
            yield from sheets.xlsx(columns, rows, title)


def pieces(ledger: Ledger, export: Export) -> AsyncGenerator[bytes]:
    """``written`` by a thread of its own, as ``stepped`` has it."""
    return stepped(written(ledger, export))


async def started(ledger: Ledger, export: Export) -> AsyncGenerator[bytes]:
    """``pieces`` of which the first is made already: what would refuse the whole has been raised."""
    return await begun(pieces(ledger, export))


async def stepped(steps: Generator[bytes]) -> AsyncGenerator[bytes]:
    """The pieces of a file by a thread of its own. Whoever stops asking stops it: after the piece being made."""
    thread = concurrent.futures.ThreadPoolExecutor(1, "export")
    loop = asyncio.get_running_loop()
    try:
        while (piece := await loop.run_in_executor(thread, next, steps, None)) is not None:
            if piece:
                yield piece
    finally:
        thread.submit(steps.close)
        thread.shutdown(wait=False)


async def begun(made: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same pieces, of which the first is made already."""
    first = await anext(made, b"")

    async def all_pieces() -> AsyncGenerator[bytes]:
        try:
            yield first
            async for piece in made:
                yield piece
        finally:
            await made.aclose()

    return all_pieces()


def _rows(transaction: Any, export: Export) -> Iterator[tuple[Any, ...]]:
    if export.what == "messages":
        for message in question_messages.every(transaction, export.asked, seen_by=export.seen_by):
            yield tuple(message.named().values())
        return
    for entry in question_entries.every(transaction, export.asked, order=export.order, asker=export.asker):
        yield (
            entry.id, entry.at, entry.kind, entry.actor, entry.agency_code, entry.envelope_id, entry.delivery_id,
            entry.document_id, entry.code, entry.detail,
        )  # fmt: skip


def headings(what: What, spoken: Language) -> tuple[list[Column], str]:
    """The columns of a list and its title, in a language."""
    columns, title = (_MESSAGES, mark("Messages")) if what == "messages" else (_ENTRIES, mark("Exchange log"))
    return [Column(name, gettext(heading, spoken), width) for name, heading, width in columns], gettext(title, spoken)


_ENTRIES = (
    ("id", mark("Entry"), 38),
    ("at", mark("Time"), 20),
    ("kind", mark("Step"), 22),
    ("actor", mark("Who"), 24),
    ("agency", mark("Agency code"), 14),
    ("envelope", mark("Envelope"), 38),
    ("delivery", mark("Delivery"), 38),
    ("document_id", mark("Document id"), 38),
    ("code", mark("Code"), 22),
    ("detail", mark("Details"), 60),
)
_MESSAGES = (
    ("envelope", mark("Envelope"), 38),
    ("delivery", mark("Delivery"), 38),
    ("sender", mark("Sender"), 14),
    ("recipient", mark("Recipient"), 14),
    ("document_id", mark("Document id"), 38),
    ("business_type", mark("Kind of message"), 10),
    ("number", mark("Number"), 10),
    ("notation", mark("Notation"), 16),
    ("promulgated_on", mark("Date of the document"), 12),
    ("document_type", mark("Document type"), 16),
    ("subject", mark("Subject"), 60),
    ("outcome", mark("Outcome"), 12),
    ("code", mark("Code"), 12),
    ("received_at", mark("Accepted at"), 20),
    ("closed_at", mark("Closed at"), 20),
    ("status_at", mark("Status at"), 20),
    ("sha256", mark("Digest"), 66),
)
