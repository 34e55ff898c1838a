"""The load: senders that post and recipients' systems that take, fetch, compare digests and settle, all over HTTP.

A closed loop: at most ``in_flight`` envelopes are between being posted and being settled by every recipient, so that
the rate is what the whole path sustains and not how fast a backlog grows.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.connection import AnswerUnusable, Connection, token
from bench.letters import RECEIVING_SYSTEMS, SENDING_SYSTEM, Body, Kind

POSTING = 16  # connections that post
TAKING = 4  # connections of each receiving system that fetch and settle
INBOX = "/v1/inbox?limit=50&wait=1&lease=60"
LAST_ANSWERS_SECONDS = 3.0
XML = b"content-type: application/xml\r\n"
JSON = b"content-type: application/json\r\n"


def in_flight(kind: Kind) -> int:
    """Envelopes under way at most: enough to keep every stage busy, not so many that the queues are the time."""
    small = kind.octets < 1 << 20
    if kind.fan_out == 1:
        return 256 if small else 48
    return 48 if small else 12


@dataclass
class Counts:
    """What has happened so far. ``settled`` counts envelopes settled by all their recipients."""

    accepted: int = 0
    deliveries: int = 0
    settled: int = 0
    seconds: list[float] = field(default_factory=list)  # accepted → settled by all, per envelope


class Load:
    """``start`` opens the connections, ``flow`` keeps letters moving until told to stop, ``drain`` takes the rest."""

    def __init__(self, port: int, systems: dict[str, tuple[str, str]], kind: Kind, letters: list[Body]) -> None:
        self._port = port
        self._systems = systems
        self._kind = kind
        self._letters: Iterator[Body] = iter(letters)
        self.counts = Counts()
        self._in_flight = asyncio.Semaphore(in_flight(kind))
        self._open: dict[str, tuple[int, float]] = {}  # envelope → deliveries not settled, when it was accepted
        self._early: dict[str, int] = {}  # settled before the sender had its answer
        self._connections: list[Connection] = []
        self._authorization: dict[str, bytes] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._polls: list[asyncio.Task[None]] = []
        self._sending = True
        self._ended = False

    async def start(self) -> None:
        first = await self._connect()
        for name, (client_id, secret) in self._systems.items():
            self._authorization[name] = await token(first, client_id, secret)

    async def _connect(self) -> Connection:
        connection = await Connection.open("127.0.0.1", self._port)
        self._connections.append(connection)
        return connection

    async def send(self) -> None:
        """Start the senders."""
        self._sending = True
        posting = [await self._connect() for _ in range(POSTING)]
        self._tasks += [asyncio.create_task(self._post(connection)) for connection in posting]

    async def take(self) -> None:
        """Start the recipients' systems."""
        for name in RECEIVING_SYSTEMS:
            work: asyncio.Queue[dict[str, Any]] = asyncio.Queue(2 * TAKING)
            self._polls.append(asyncio.create_task(self._poll(await self._connect(), name, work)))
            for _ in range(TAKING):
                self._tasks.append(asyncio.create_task(self._work(await self._connect(), name, work)))

    def stop_sending(self) -> None:
        self._sending = False

    def without_limit(self) -> None:
        """Let envelopes pile up: for measuring intake alone."""
        self._in_flight = asyncio.Semaphore(1 << 30)

    async def drained(self, seconds: float) -> bool:
        """Wait until every accepted envelope is settled everywhere; False when time ran out."""
        deadline = time.monotonic() + seconds
        while self.counts.settled < self.counts.accepted:
            if time.monotonic() > deadline:
                return False
            await self.check()
            await asyncio.sleep(0.02)
        return True

    async def check(self) -> None:
        """Raise what a sender or recipient met: a bench that goes on without them would measure something else."""
        for task in (*self._tasks, *self._polls):
            if task.done():
                await task

    async def close(self) -> None:
        """Let the last questions to inboxes be answered: one that is cut off may lease for nobody, for a minute."""
        self._sending, self._ended = False, True
        if self._polls:
            await asyncio.wait(self._polls, timeout=LAST_ANSWERS_SECONDS)
        for task in (*self._tasks, *self._polls):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._polls, return_exceptions=True)
        for connection in self._connections:
            connection.close()

    async def _post(self, connection: Connection) -> None:
        headers = self._authorization[SENDING_SYSTEM] + XML
        while self._sending:
            semaphore = self._in_flight
            await semaphore.acquire()
            body = next(self._letters, None)
            if body is None:
                raise AnswerUnusable("more letters are needed than were signed")
            answer = await connection.expect((201,), "POST", "/v1/envelopes", headers, body)
            self.counts.accepted += 1
            self._accepted(json.loads(answer)["id"])

    def _accepted(self, envelope: str) -> None:
        left = self._kind.fan_out - self._early.pop(envelope, 0)
        if left:
            self._open[envelope] = (left, time.monotonic())
        else:
            self._complete(0.0)

    def _settled(self, envelope: str) -> None:
        self.counts.deliveries += 1
        if envelope not in self._open:
            self._early[envelope] = self._early.get(envelope, 0) + 1
            return
        left, accepted_at = self._open[envelope]
        if left > 1:
            self._open[envelope] = (left - 1, accepted_at)
        else:
            del self._open[envelope]
            self._complete(time.monotonic() - accepted_at)

    def _complete(self, seconds: float) -> None:
        self.counts.settled += 1
        self.counts.seconds.append(seconds)
        self._in_flight.release()

    async def _poll(self, connection: Connection, name: str, work: asyncio.Queue[dict[str, Any]]) -> None:
        headers = self._authorization[name]
        while not self._ended:
            answer = await connection.expect((200,), "GET", INBOX, headers)
            for delivery in json.loads(answer)["deliveries"]:
                await work.put(delivery)

    async def _work(self, connection: Connection, name: str, work: asyncio.Queue[dict[str, Any]]) -> None:
        authorization = self._authorization[name]
        settling = authorization + JSON
        while True:
            delivery = await work.get()
            links = delivery["links"]
            content = await connection.expect((200,), "GET", links["content"], authorization)
            if hashlib.sha256(content).hexdigest() != delivery["sha256"]:
                raise AnswerUnusable(f"delivery {delivery['delivery']}: the content has another digest")
            lease = b'{"lease":"%s"}' % delivery["lease"]["id"].encode()
            await connection.expect((200,), "POST", links["settle"], settling, [lease])
            self._settled(delivery["envelope"])
