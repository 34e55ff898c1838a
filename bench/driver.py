"""The load: senders that post and poll receipts, recipients' systems that take, compare digests and settle, over HTTP.

``send`` is a closed loop: at most ``in_flight`` envelopes are between being posted and being finished, so that the rate
is what the whole path sustains. ``arrive`` is an open loop: posts start at fixed times, whatever has been answered, and
their latency counts from the time at which they were meant to start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.connection import AnswerUnusable, Connection, token
from bench.letters import SENDING_SYSTEM, Body, Kind, systems_of
from bench.underway import Counts, UnderWay

POSTING = 16  # connections that post
TAKING = 4  # connections of each receiving system that fetch and settle
INBOX = "/v1/inbox?limit=50&wait=1&lease=60"
# a sender asks for receipts, waits for the first, and rests before it asks again
RECEIPTS = "/v1/receipts?limit=500&wait={wait}&after={after}"
RECEIPTS_REST_SECONDS = 0.2
LAST_ANSWERS_SECONDS = 3.0
XML = b"content-type: application/xml\r\n"
JSON = b"content-type: application/json\r\n"


def in_flight(kind: Kind) -> int:
    """Envelopes under way at most: enough to keep every stage busy, not so many that the queues are the time."""
    most = 128 if kind.octets < 1 << 20 else 48 if kind.octets < 10 << 20 else 8
    return max(2, min(most, (624 if kind.octets < 1 << 20 else 312) // kind.fan_out))


@dataclass
class Feed:
    """How far the sender has read its receipts."""

    after: str = ""


class Load:
    """One kind of letter on one hub. ``start`` opens connections; ``send`` or ``arrive`` and ``take`` move letters."""

    def __init__(
        self,
        port: int,
        systems: dict[str, tuple[str, str]],
        kind: Kind,
        letters: list[Body],
        feed: Feed | None = None,
    ) -> None:
        self._port = port
        self._systems = systems
        self._kind = kind
        self._letters: Iterator[Body] = iter(letters)
        self._feed = feed or Feed()
        self.counts = Counts()
        self._in_flight = asyncio.Semaphore(in_flight(kind))
        self._under_way = UnderWay(kind.fan_out, self.counts, self._finished)
        self._connections: list[Connection] = []
        self._authorization: dict[str, bytes] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._polls: list[asyncio.Task[None]] = []
        self._sending = True
        self._all_are_wanted = False
        self._unanswered = 0  # posts
        self._ended = False

    async def start(self) -> None:
        """Tokens for all, and the feed of receipts read to its end."""
        first = await self._connect()
        for name in (SENDING_SYSTEM, *systems_of(self._kind)):
            self._authorization[name] = await token(first, *self._systems[name])
        while await self._read_receipts(first, 0):
            pass

    async def _connect(self) -> Connection:
        connection = await Connection.open("127.0.0.1", self._port)
        self._connections.append(connection)
        return connection

    async def send(self) -> None:
        """Start the senders, as fast as the hub lets them."""
        self._sending = True
        for _ in range(POSTING):
            self._tasks.append(asyncio.create_task(self._post_steadily(await self._connect())))

    async def arrive(self, rate: float, seconds: float) -> None:
        """Post ``rate`` letters a second over ``POSTING`` connections; returns once the last was handed to them."""
        waiting: asyncio.Queue[tuple[float, Body]] = asyncio.Queue()
        for _ in range(POSTING):
            self._tasks.append(asyncio.create_task(self._post_arrivals(await self._connect(), waiting)))
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            waiting.put_nowait((due, self._next_letter()))
        while not waiting.empty():
            await self.check()
            await asyncio.sleep(0.01)

    async def take(self) -> None:
        """Start the recipients' systems, and the sender's reading of receipts."""
        self._polls.append(asyncio.create_task(self._poll_receipts(await self._connect())))
        for name in systems_of(self._kind):
            work: asyncio.Queue[dict[str, Any]] = asyncio.Queue(2 * TAKING)
            self._polls.append(asyncio.create_task(self._poll(await self._connect(), name, work)))
            fetched: dict[str, asyncio.Future[str]] = {}
            for _ in range(TAKING):
                self._tasks.append(asyncio.create_task(self._work(await self._connect(), name, work, fetched)))

    def stop_sending(self) -> None:
        self._sending = False

    def without_limit(self) -> None:
        """Let envelopes pile up: for measuring intake alone."""
        self._in_flight = asyncio.Semaphore(1 << 30)

    def want_all(self, *, limited: bool = False) -> None:
        """``send`` posts every letter there is, and that is all."""
        if not limited:
            self.without_limit()
        self._all_are_wanted = True

    async def drained(self, seconds: float) -> bool:
        """Wait until every post is answered and every accepted envelope settled everywhere; False when time ran out."""
        deadline = time.monotonic() + seconds
        while self._unanswered or self.counts.settled < self.counts.accepted:
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

    def _next_letter(self) -> Body:
        body = next(self._letters, None)
        if body is None:
            raise AnswerUnusable("more letters are needed than were signed")
        return body

    async def _post_steadily(self, connection: Connection) -> None:
        while self._sending:
            await self._in_flight.acquire()
            if self._all_are_wanted:
                body = next(self._letters, None)
                if body is None:
                    return
            elif self._sending:
                body = self._next_letter()
            else:
                return
            await self._post(connection, time.monotonic(), body)

    async def _post_arrivals(self, connection: Connection, waiting: asyncio.Queue[tuple[float, Body]]) -> None:
        while True:
            await self._post(connection, *await waiting.get())

    async def _post(self, connection: Connection, began: float, body: Body) -> None:
        headers = self._authorization[SENDING_SYSTEM] + XML
        self._unanswered += 1
        answer = await connection.expect((201,), "POST", "/v1/envelopes", headers, body)
        self._accepted(json.loads(answer)["id"], began)
        self._unanswered -= 1

    def _finished(self) -> None:
        self._in_flight.release()

    def _accepted(self, envelope: str, began: float) -> None:
        self._under_way.accepted(envelope, began)

    async def _poll(self, connection: Connection, name: str, work: asyncio.Queue[dict[str, Any]]) -> None:
        headers = self._authorization[name]
        while not self._ended:
            answer = await connection.expect((200,), "GET", INBOX, headers)
            deliveries = json.loads(answer)["deliveries"]
            for delivery in deliveries:
                self._under_way.seen(delivery["envelope"])
            for delivery in deliveries:
                await work.put(delivery)

    async def _poll_receipts(self, connection: Connection) -> None:
        while not self._ended:
            while await self._read_receipts(connection, 1) == 500:
                pass
            await asyncio.sleep(RECEIPTS_REST_SECONDS)

    async def _read_receipts(self, connection: Connection, wait: int) -> int:
        """One page, counted; how many there were."""
        path = RECEIPTS.format(wait=wait, after=self._feed.after)
        answer = json.loads(await connection.expect((200,), "GET", path, self._authorization[SENDING_SYSTEM]))
        self._feed.after = answer["next"] or self._feed.after
        for one in answer["receipts"]:
            if one["event"] == "delivery.settled":
                self._under_way.told(one["envelope"])
        return len(answer["receipts"])

    async def _work(
        self,
        connection: Connection,
        name: str,
        work: asyncio.Queue[dict[str, Any]],
        fetched: dict[str, asyncio.Future[str]],
    ) -> None:
        settling = self._authorization[name] + JSON
        while True:
            delivery = await work.get()
            if await self._digest(connection, name, delivery, fetched) != delivery["sha256"]:
                raise AnswerUnusable(f"delivery {delivery['delivery']}: the content has another digest")
            lease = b'{"lease":"%s"}' % delivery["lease"]["id"].encode()
            await connection.expect((200,), "POST", delivery["links"]["settle"], settling, [lease])
            self._under_way.settled(delivery["envelope"])

    async def _digest(
        self, connection: Connection, name: str, delivery: dict[str, Any], fetched: dict[str, asyncio.Future[str]]
    ) -> str:
        """Of the octets, which a system fetches once, however many of its agencies they are for."""
        envelope = delivery["envelope"]
        if envelope in fetched:
            return await fetched[envelope]
        answer = fetched[envelope] = asyncio.get_running_loop().create_future()
        content = await connection.expect((200,), "GET", delivery["links"]["content"], self._authorization[name])
        answer.set_result(hashlib.sha256(content).hexdigest())
        return answer.result()
