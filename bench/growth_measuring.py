"""One ledger of the curve: a real hub over it, real signed letters through it, its slowest questions and pages."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import func, select

from bench.audit import BOTH, Asking, Times, facts_of, measure, percentile
from bench.pages import asked, enter
from bench.pages import measure as pages
from bench.processes import cpu_seconds
from hub.ledger import Ledger
from hub.ledger.tables import delivery
from tests.dashboard.serving import served
from tests.world import Office, World, eventually

LETTERS = 50  # of one round
WARM_UP = 20
PATIENCE = 120.0
IDLE_SECONDS = 5.0
# what people type into the search fields of a hub with a large directory
SEARCHES = (
    "/agencies?q=uy ban nhan dan xa", "/agencies?q=so y te", "/agencies?q=thu vien 1177", "/agencies?q=khong co",
    "/envelopes?q=kế hoạch chuyển đổi số", "/envelopes?q=sếu đầu đỏ", "/envelopes?q=khong co", "/envelopes?agency=H007",
)  # fmt: skip


@dataclass
class Laps:
    """Milliseconds of every operation of one ledger; ``database``: PostgreSQL's processor time per letter."""

    accept: list[float] = field(default_factory=list)
    deliverable: list[float] = field(default_factory=list)
    inbox: list[float] = field(default_factory=list)
    settle: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Slow:
    """A question or page with its times in milliseconds."""

    what: str
    p50: float
    p95: float


def slow(what: str, times: list[float]) -> Slow:
    return Slow(what, percentile(times, 0.5), percentile(times, 0.95))


class Site:
    """A hub of one process over a ledger, with an office that writes and one that takes."""

    def __init__(self, world: World, server: int) -> None:
        self.world = world
        self._server = server
        self._sender, self._recipient = world.office(), world.office()
        self._clients: dict[str, httpx.Client] = {}
        self.laps = Laps()

    def start(self) -> None:
        """Afresh, with nothing measured yet."""
        self.laps = Laps()
        self.world.start("up")
        for office in (self._sender, self._recipient):
            self._clients[office.code] = self._client(office)
        self._through(WARM_UP, Laps())

    def _client(self, office: Office) -> httpx.Client:
        client = httpx.Client(base_url=self.world.url, timeout=PATIENCE)
        client.headers["authorization"] = f"Bearer {office.client.access_token()}"
        return client

    def lap(self) -> None:
        """One round: letters one after the other, then all of them out of the inbox, then a few all the way."""
        self._through(LETTERS, self.laps)

    def _through(self, count: int, laps: Laps) -> None:
        letters = [self._sender.letter(self._recipient.code) for _ in range(count + 5)]
        before = cpu_seconds({"database": self._server})["database"]
        for letter in letters[:count]:
            laps.accept.append(self._posted(letter))
        eventually(lambda: self._ready() == count, PATIENCE)
        for _ in range(count):
            self._taken(laps)
        laps.database.append(1000 * (cpu_seconds({"database": self._server})["database"] - before) / count)
        for letter in letters[count:]:
            self._posted(letter)
            laps.deliverable.append(self._taken(Laps()))

    def _posted(self, letter: bytes) -> float:
        began = time.perf_counter()
        answer = self._clients[self._sender.code].post(
            "/v1/envelopes", content=letter, headers={"content-type": "application/xml"}
        )
        took = 1000 * (time.perf_counter() - began)
        assert answer.status_code == 201, answer.text
        return took

    def _taken(self, laps: Laps) -> float:
        """One delivery out of the inbox and settled; milliseconds until the inbox answered with it."""
        client = self._clients[self._recipient.code]
        began = time.perf_counter()
        answer = client.get("/v1/inbox?limit=1&wait=10&lease=60")
        took = 1000 * (time.perf_counter() - began)
        [taken] = answer.raise_for_status().json()["deliveries"]
        laps.inbox.append(took)
        began = time.perf_counter()
        client.post(taken["links"]["settle"], json={"lease": taken["lease"]["id"]}).raise_for_status()
        laps.settle.append(1000 * (time.perf_counter() - began))
        return took

    def _ready(self) -> int:
        counted = select(func.count()).select_from(delivery)
        mine = counted.where(delivery.c.recipient_code == self._recipient.code, delivery.c.state == "ready")
        found: int = self.world.ledger.read_now(lambda transaction: transaction.execute(mine).scalar_one())
        return found

    def idle(self) -> dict[str, float]:
        """Percent of a core that hub and database take while nothing happens."""
        everyone = {"hub": self.world.processes["up"].pid, "PostgreSQL": self._server}
        before = cpu_seconds(everyone)
        time.sleep(IDLE_SECONDS)
        after = cpu_seconds(everyone)
        return {name: 100 * (after[name] - before[name]) / IDLE_SECONDS for name in everyone}

    def stop(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self.world.stop()


def questions(url: str) -> list[Slow]:
    """Every kind of auditor's question over messages and over entries, first pages and deep ones."""
    ledger = Ledger.postgresql(url, 2)
    facts, found = facts_of(ledger), []
    for what in ("messages", "entries, newest first") if facts.envelopes else ():
        for name, ask in BOTH.items():
            times, asking = Times(), Asking(ledger, what)
            asking.connected()
            measure(asking, ask, facts, times, cold=False)
            found.append(slow(f"{what}: {name}", times.warm + times.deep))
    ledger.close()
    return found


def screens(url: str) -> list[Slow]:
    """Every page of every role, and what people search for."""
    ledger = Ledger.postgresql(url, 5)
    found = [Slow(f"{row.role} {row.path}", row.p50, row.p95) for row in pages(ledger, None)]
    with tempfile.TemporaryDirectory() as directory, served(ledger, Path(directory)) as address:
        token = enter(ledger, "operator")
        with httpx.Client(base_url=address, cookies={"lienthong-session": token}, timeout=PATIENCE) as client:
            found += [slow(f"operator {path}", asked(client, path)) for path in SEARCHES]
    ledger.close()
    return found


@contextmanager
def site(environment: dict[str, str], server: int) -> Iterator[Site]:
    """A hub over a database that is filled, until the end."""
    with (
        tempfile.TemporaryDirectory(prefix="lienthong-growth-") as place,
        World(Path(place), environment) as world,
    ):
        yield Site(world, server)


def shuffled(sites: Sequence[Site]) -> list[Site]:
    return random.sample(sites, len(sites))
