"""``python -m bench.audit --rows 10000000``: how long a page of every kind of auditor's question takes on PostgreSQL.

Makes a ledger of about so many entries, asks each question for its first pages and for pages deep in the past, cold
(the server just started) and warm, and prints milliseconds, without those in which other programs had the processor
(``wall p95`` is with them). ``--explain KIND`` shows the plans of one kind.
``--database URL`` asks a ledger that is there already. Starts its own server; leaves nothing.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event, text

from bench.audit_rows import AGENCIES, RARE_TYPE, RARE_WORD, fill
from bench.machine import describe
from hub.ledger import Ledger, Transaction, migration, question_entries, question_messages
from hub.ledger.questions import Question
from tests.services import PostgreSQL

LIMIT_MS = 200.0
PAGES = 3
SAMPLES = 12
Ask = Callable[[random.Random, "Facts"], Question]


@dataclass(frozen=True)
class Facts:
    """What is really there, to ask for."""

    documents: list[str]
    envelopes: list[str]
    pairs: list[tuple[str, str]]


def _agency(draw: random.Random) -> str:
    """The busy ones as often as they write."""
    return f"H{int(AGENCIES * draw.random() ** 2.5):03}"


def _month(draw: random.Random) -> dict[str, datetime]:
    since = datetime.now(UTC) - timedelta(days=draw.randrange(40, 500))
    return {"since": since, "until": since + timedelta(days=31)}


def _pair(draw: random.Random, facts: Facts) -> dict[str, str]:
    sender, recipient = draw.choice(facts.pairs)
    return {"sender": sender, "recipient": recipient}


BOTH: dict[str, Ask] = {
    "nothing": lambda draw, facts: Question(),
    "a month": lambda draw, facts: Question(**_month(draw)),
    "agency": lambda draw, facts: Question(agency=_agency(draw)),
    "the busiest agency, a month": lambda draw, facts: Question(agency="H000", **_month(draw)),
    "agency that sent, a month": lambda draw, facts: Question(agency=_agency(draw), direction="sent", **_month(draw)),
    "agency that received": lambda draw, facts: Question(agency=_agency(draw), direction="received"),
    "sent or received, a month": lambda draw, facts: Question(agency=_agency(draw), direction="either", **_month(draw)),
    "from A to B": lambda draw, facts: Question(**_pair(draw, facts)),
    "from A to B, a month": lambda draw, facts: Question(**_pair(draw, facts), **_month(draw)),
    "document id": lambda draw, facts: Question(document_id=draw.choice(facts.documents)),
    "document id that is not": lambda draw, facts: Question(document_id=f"khong-co-{draw.random()}"),
    "envelope": lambda draw, facts: Question(envelope=draw.choice(facts.envelopes)),
    "number and notation": lambda draw, facts: Question(
        number=str(draw.randrange(1, 4000)), notation=f"UBND-VP{draw.randrange(40)}"
    ),
    "number": lambda draw, facts: Question(number=str(draw.randrange(1, 4000))),
    "common words": lambda draw, facts: Question(words="kế hoạch chuyển đổi số"),
    "common words, a month": lambda draw, facts: Question(words="ke hoach", **_month(draw)),
    "common words, agency": lambda draw, facts: Question(words="ngan sach", agency=_agency(draw), direction="sent"),
    "less common words": lambda draw, facts: Question(words="kiểm kê rừng ngập mặn tuần 21"),
    "words never together": lambda draw, facts: Question(words="tuyen sinh ngap man"),
    "rare words": lambda draw, facts: Question(words=RARE_WORD),
    "word that is not": lambda draw, facts: Question(words="khongco"),
    "document type": lambda draw, facts: Question(document_type="Quyết định"),
    "rare document type": lambda draw, facts: Question(document_type=RARE_TYPE),
    "business type": lambda draw, facts: Question(business_type=1),
    "delivered, a month": lambda draw, facts: Question(outcome="delivered", **_month(draw)),
    "waiting": lambda draw, facts: Question(outcome="waiting"),
    "declined": lambda draw, facts: Question(outcome="declined"),
    "dead, agency": lambda draw, facts: Question(outcome="dead", agency=_agency(draw), direction="sent"),
    "withdrawn": lambda draw, facts: Question(outcome="withdrawn"),
    "overdue": lambda draw, facts: Question(outcome="overdue"),
    "refused": lambda draw, facts: Question(outcome="refused"),
    "refused for a reason, agency": lambda draw, facts: Question(
        outcome="refused", code="xml-dtd", agency=_agency(draw)
    ),
    "status": lambda draw, facts: Question(code="06", agency=_agency(draw)),
    "actor: a person": lambda draw, facts: Question(actor=f"person:p{draw.randrange(30)}"),
    "actor: a system": lambda draw, facts: Question(actor=f"system-{_agency(draw)[1:].lstrip('0') or 0}"),
    "kind, common": lambda draw, facts: Question(kind="delivery.settled"),
    "kind, rare": lambda draw, facts: Question(kind="delivery.dead"),
    "kind, rare, agency": lambda draw, facts: Question(kind="delivery.refused", agency=_agency(draw)),
    "kinds of one family": lambda draw, facts: Question(kind="person"),
}


@dataclass
class Times:
    """Milliseconds of pages."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    deep: list[float] = field(default_factory=list)


class Asking:
    """Pages of one list over one ledger, by the clock."""

    def __init__(self, ledger: Ledger, what: str) -> None:
        self.ledger = ledger
        self.what = what
        self.wall: list[float] = []
        self._server = 0

    def page(self, asked: Question, cursor: str) -> tuple[float, str, int]:
        """Milliseconds, the next cursor, rows. Time in which others had the processor does not count."""
        began, waited = time.perf_counter(), self._waited()
        if self.what == "messages":
            found = self.ledger.read_now(question_messages.page, asked, before=cursor, limit=100)
            rows, following = len(found.rows), found.older
        else:
            order = "commit" if self.what == "entries, commit order" else "newest"
            page = self.ledger.read_now(question_entries.page, asked, order=order, after=cursor, limit=100)
            rows, following = len(page.rows), page.next if page.more else ""
        took = time.perf_counter() - began
        self.wall.append(1000 * took)
        return 1000 * (took - (self._waited() - waited)), following, rows

    def _waited(self) -> float:
        """Seconds that this thread and the server's process were ready and had no processor (``schedstat``)."""
        waited = 0
        for place in (f"/proc/self/task/{threading.get_native_id()}", f"/proc/{self._server}"):
            waited += int(Path(place, "schedstat").read_text().split()[1])
        return waited / 1e9

    def connected(self) -> None:
        self._server = self.ledger.read_now(lambda one: one.execute(text("SELECT pg_backend_pid()")).scalar_one())

    def deep_cursor(self, draw: random.Random, facts: Facts, asked: Question) -> str:
        """A place somewhere in the past, as a page there would give it."""
        envelope = draw.choice(facts.envelopes)
        if self.what == "messages" and asked.outcome != "refused":
            return f"{envelope}_H300"
        order = "commit" if self.what == "entries, commit order" else "newest"
        page = self.ledger.read_now(question_entries.page, Question(envelope=envelope), order=order, limit=1)
        return page.next


def measure(asking: Asking, ask: Ask, facts: Facts, times: Times, *, cold: bool) -> int:
    """First pages and pages deep in the past; how many rows there were."""
    draw = random.Random(7)
    rows = 0
    for _ in range(3 if cold else SAMPLES):
        asked = ask(draw, facts)
        cursor = ""
        for _ in range(1 if cold else PAGES):
            took, cursor, found = asking.page(asked, cursor)
            (times.cold if cold else times.warm).append(took)
            rows += found
            if not cursor:
                break
        if asked.since is None and not (asked.document_id or asked.envelope):
            took, _, _ = asking.page(asked, asking.deep_cursor(draw, facts, asked))
            (times.cold if cold else times.deep).append(took)
    return rows


def facts_of(ledger: Ledger) -> Facts:
    def look(transaction: Transaction) -> Facts:
        some = "SELECT e.id, document_id, sender_code, recipient_code FROM envelope e TABLESAMPLE SYSTEM (0.5)"
        rows = transaction.execute(text(f"{some} JOIN delivery d ON d.envelope_id = e.id LIMIT 4000")).all()
        picked = random.Random(1).sample(rows, min(400, len(rows)))
        return Facts(
            [row.document_id for row in picked],
            [row.id for row in picked],
            [(row.sender_code, row.recipient_code) for row in picked],
        )

    return ledger.read_now(look)


@contextmanager
def explained(ledger: Ledger, wanted: bool) -> Iterator[None]:
    """Print the plan of every statement meanwhile."""

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            plan = connection.connection.cursor()
            plan.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
            print("\n".join(line for (line,) in plan.fetchall()), "\n")

    if wanted:
        event.listen(ledger.engine, "before_cursor_execute", explain)
    yield
    if wanted:
        event.remove(ledger.engine, "before_cursor_execute", explain)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def report(what: str, name: str, times: Times, rows: int, wall: list[float]) -> float:
    warm = times.warm + times.deep
    p95 = percentile(warm, 0.95)
    figures = (statistics.median(warm), p95, max(warm), percentile(times.deep, 0.95), percentile(wall, 0.95))
    shown = " ".join(f"{figure:>8.1f}" for figure in (percentile(times.cold, 0.95), *figures))
    print(f"{what[:22]:<23} {name:<30} {shown} {rows:>7}{'  OVER' if p95 > LIMIT_MS else ''}", flush=True)
    return p95


def run(url: str, restart: Callable[[], None], only: str, explain: bool) -> int:
    over = 0
    for what in ("messages", "entries, newest first", "entries, commit order"):
        ledger = Ledger.postgresql(url, 2)
        facts = facts_of(ledger)
        for name, ask in BOTH.items():
            if only not in ("", name):
                continue
            times, asking = Times(), Asking(ledger, what)
            ledger.engine.dispose()
            restart()
            asking.connected()
            measure(asking, ask, facts, times, cold=True)
            with explained(ledger, explain):
                rows = measure(asking, ask, facts, times, cold=False)
            over += report(what, name, times, rows, asking.wall) > LIMIT_MS
        ledger.close()
    return over


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="entries to make")
    parser.add_argument("--database", default="", metavar="URL", help="a ledger made before")
    parser.add_argument("--only", default="", metavar="KIND", help="one kind of question")
    parser.add_argument("--explain", action="store_true", help="print every plan")
    chosen = parser.parse_args()
    print("\n".join(f"{name + ':':12} {value}" for name, value in describe().items()), flush=True)
    head = ("list", "question", "cold p95", "p50", "p95", "max", "deep p95", "wall p95", "rows")
    widths = (23, 30, 8, 8, 8, 8, 8, 8, 7)
    line = " ".join(
        f"{name:<{width}}" if width > 8 else f"{name:>{width}}" for name, width in zip(head, widths, strict=True)
    )
    if chosen.database:
        print(line)
        return int(run(chosen.database, lambda: None, chosen.only, chosen.explain) > 0)
    with PostgreSQL() as server:
        url = server.create_database("bench_audit")
        ledger = Ledger.postgresql(url, 2)
        migration.upgrade(ledger)
        with psycopg.connect(url) as connection:
            for step, seconds in fill(connection, chosen.rows).items():
                print(f"{step:<40} {seconds:8.1f} s", flush=True)
        migration.upgrade(ledger)  # transactions go on from behind the newest entry
        ledger.close()
        print(line)

        def restart() -> None:
            server.stop()
            server.start()

        return int(run(url, restart, chosen.only, chosen.explain) > 0)


if __name__ == "__main__":
    sys.exit(main())
