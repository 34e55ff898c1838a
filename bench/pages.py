"""``python -m bench.pages``: how long every page takes for every role, with a million letters in PostgreSQL.

Makes the letters (``--letters``; ``--database URL`` takes a ledger that was made so before), serves the real pages,
asks each page of each role and prints milliseconds: p50 and p95 until the last octet came, and until the first paint in
Chromium (``--no-paint`` leaves that out). Starts its own PostgreSQL; leaves nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
from playwright.sync_api import Browser, sync_playwright

from bench.audit_rows import fill
from bench.machine import describe
from hub import clock
from hub.ledger import Ledger, Transaction, migration, people, sessions
from tests.dashboard.addresses import pages
from tests.dashboard.serving import served
from tests.services import PostgreSQL

LIMIT_MS = 1000.0
SAMPLES = 20
PAINTS = 3
CLERK = "H000"  # writes the most letters
PAINTED = """() => new Promise(done => new PerformanceObserver(seen => {
    for (const one of seen.getEntriesByName('first-contentful-paint')) done(one.startTime);
}).observe({type: 'paint', buffered: true}))"""
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@dataclass(frozen=True)
class Row:
    """One page of one role, in milliseconds. ``paint`` is negative where nobody looked."""

    role: str
    path: str
    p50: float
    p95: float
    paint: float

    @property
    def over(self) -> bool:
        return max(self.p95, self.paint) > LIMIT_MS


def enter(ledger: Ledger, role: people.Role) -> str:
    token = clock.new_secret()

    def write(transaction: Transaction) -> None:
        now = clock.now()
        agency = CLERK if role == "clerk" else None
        who = people.add_person(transaction, f"bench-{role}-{now:%H%M%S%f}", role, (role,), "-", agency, now)
        sessions.open_session(transaction, who, token, now, timedelta(hours=8))

    ledger.write_now(write)
    return token


def asked(client: httpx.Client, path: str) -> list[float]:
    """Milliseconds of each answer, without the first one."""
    found = []
    for _ in range(SAMPLES + 1):
        began = time.perf_counter()
        client.get(path)
        found.append(1000 * (time.perf_counter() - began))
    return sorted(found[1:])


def painted(browser: Browser, address: str, token: str, path: str) -> float:
    """The median of the first contentful paint, files of our own being in the browser's store."""
    context = browser.new_context()
    context.add_cookies([{"name": "lienthong-session", "value": token, "url": address}])
    page = context.new_page()
    times = []
    for _ in range(PAINTS):
        page.goto(address + path, wait_until="load")
        times.append(page.evaluate(PAINTED))
    context.close()
    return statistics.median(times)


def measure(ledger: Ledger, browser: Browser | None) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory, served(ledger, Path(directory)) as address:
        for role in people.ROLES:
            token = enter(ledger, role)
            with httpx.Client(base_url=address, cookies={"lienthong-session": token}, timeout=120) as client:
                for path in pages(address, ledger, token):
                    times = asked(client, path)
                    paint = -1.0 if browser is None else painted(browser, address, token, path)
                    yield Row(role, path, statistics.median(times), times[int(0.95 * (len(times) - 1) + 0.5)], paint)


@contextmanager
def chromium(wanted: bool) -> Iterator[Browser | None]:
    if not wanted:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield browser
        browser.close()


def report(url: str, *, paint: bool) -> int:
    """Print the table; how many pages take too long."""
    ledger, over = Ledger.postgresql(url, 5), 0
    print(f"{'role':<14} {'page':<64} {'p50':>8} {'p95':>8} {'paint':>8}")
    with chromium(paint) as browser:
        for row in measure(ledger, browser):
            over += row.over
            mark = "  OVER" if row.over else ""
            print(
                f"{row.role:<14} {row.path[:64]:<64} {row.p50:>8.0f} {row.p95:>8.0f} {row.paint:>8.0f}{mark}",
                flush=True,
            )
    ledger.close()
    return over


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--letters", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries of the exchange log to make")
    parser.add_argument("--database", default="", metavar="URL", help="a ledger made before")
    parser.add_argument("--no-paint", action="store_true", help="without Chromium")
    chosen = parser.parse_args()
    print("\n".join(f"{name + ':':12} {value}" for name, value in describe().items()), flush=True)
    if chosen.database:
        return int(report(chosen.database, paint=not chosen.no_paint) > 0)
    with PostgreSQL() as server:
        url = server.create_database("bench_pages")
        ledger = Ledger.postgresql(url, 2)
        migration.upgrade(ledger)
        with psycopg.connect(url) as connection:
            for step, seconds in fill(connection, chosen.entries, chosen.letters).items():
                print(f"{step:<40} {seconds:8.1f} s", flush=True)
        migration.upgrade(ledger)  # transactions go on from behind the newest entry
        ledger.close()
        return int(report(url, paint=not chosen.no_paint) > 0)


if __name__ == "__main__":
    sys.exit(main())
