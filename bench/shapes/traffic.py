"""The parties: senders on an open loop, recipients' systems that take and settle, a sender's system reading receipts.

An open loop posts when a letter is due, whether or not the hub has answered the ones before, as thousands of offices
do; a closed one would wait and hide what overload does to them. Times count from when a letter was due.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from bench.connection import AnswerUnusable, Connection, token
from bench.letters import FEW_SYSTEMS, RECEIVING_SYSTEMS, SENDING_SYSTEM, Body
from bench.shapes.tally import Tally

HOST = "127.0.0.1"
MOST_CONNECTIONS = 500  # of senders; a letter that is due while all are busy waits for one
CLOSED_CONNECTIONS = 16
TAKING = 4  # connections of each receiving system that fetch and settle
INBOX = "/v1/inbox?limit=50&wait=2&lease=300"
RECEIPTS = "/v1/receipts?limit=500&wait={}&after={}"
TOKEN_SECONDS = 1500.0  # a token lives for an hour
XML = b"content-type: application/xml\r\n"
JSON = b"content-type: application/json\r\n"
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
PROBLEMS = (AnswerUnusable, TimeoutError, OSError)


class Line(Connection):
    """A connection that also tells when to come back and whether it stays open."""

    retry_after: float | None = None
    closes = False

    def _read_head(self, head: bytes) -> None:
        super()._read_head(head)
        found = _RETRY_AFTER.search(head)
        self.retry_after = float(found.group(1)) if found else None
        self.closes = _CLOSES.search(head) is not None

    @classmethod
    async def connect(cls, port: int) -> Line:
        _, line = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return line


class Traffic:
    """``start``, then any of ``offer``, ``flow``, ``take``, ``repeat``; ``close`` ends all of it."""

    def __init__(self, port: int, systems: dict[str, tuple[str, str]], letters: Iterator[Body]) -> None:
        self._port = port
        self._systems = systems
        self._letters = letters
        self.tally = Tally()
        self._lot = random.Random(7)
        self._authorization: dict[str, bytes] = {}
        self._idle: deque[Line] = deque()
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        self._posts: set[asyncio.Task[None]] = set()
        self._parties: list[asyncio.Task[None]] = []
        self._under_way = 0
        self._reading: Line | None = None
        self._after = ""
        self._ended = False

    async def start(self) -> None:
        """Get tokens, and read receipts from now on; those of earlier letters are passed by."""
        await self._renew()
        while await self._page(wait=0):
            pass
        self._party(self._keep_renewed())
        self._party(self._read_receipts())

    async def _renew(self) -> None:
        line = await Line.connect(self._port)
        for name, (client_id, secret) in self._systems.items():
            self._authorization[name] = await token(line, client_id, secret)
        line.close()

    async def _keep_renewed(self) -> None:
        while True:
            await asyncio.sleep(TOKEN_SECONDS)
            await self._renew()

    def _party(self, work: Coroutine[Any, Any, None]) -> None:
        self._parties.append(asyncio.create_task(work))

    def check(self) -> None:
        """Raise what ended a party: to go on without it would measure something else."""
        for task in self._parties:
            if task.done():
                task.result()

    async def offer(self, rate: float, seconds: float) -> None:
        """Post ``rate`` letters a second at random moments, whatever the hub answers."""
        due = time.monotonic()
        end = due + seconds
        while (due := due + self._lot.expovariate(rate)) < end:
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.tally.offered += 1
            self._begin(next(self._letters), due)
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        self.check()

    async def flow(self, seconds: float, in_flight: int) -> None:
        """A closed loop: as many letters as the whole path sustains with ``in_flight`` under way."""
        end = time.monotonic() + seconds

        async def post() -> None:
            while time.monotonic() < end:
                if self.tally.backlog >= in_flight:
                    await asyncio.sleep(0.005)
                    continue
                self.tally.offered += 1
                await self._post(next(self._letters), time.monotonic())

        await asyncio.gather(*(post() for _ in range(CLOSED_CONNECTIONS)))
        self.check()

    async def pile(self, most: int) -> None:
        """Post as fast as they are accepted, until ``most`` are."""

        async def post() -> None:
            while self.tally.accepted + self._under_way < most:
                self._under_way += 1
                self.tally.offered += 1
                await self._post(next(self._letters), time.monotonic())
                self._under_way -= 1

        await asyncio.gather(*(post() for _ in range(CLOSED_CONNECTIONS)))
        self.check()

    async def repeat(self, rate: float, seconds: float) -> bool:
        """Post again what was refused, each no earlier than it was told to; False when time ran out."""
        end = time.monotonic() + seconds
        while self.tally.again or self._posts:
            if time.monotonic() > end:
                return False
            self.tally.again.sort(key=lambda one: one[0])
            if self.tally.again and self.tally.again[0][0] <= time.monotonic():
                self._begin(self.tally.again.pop(0)[1], time.monotonic())
            await asyncio.sleep(1 / rate)
            self.check()
        return True

    async def relayed(self, seconds: float) -> bool:
        """Wait until nothing is left that the broker does not hold; False when time ran out."""
        line = await Line.connect(self._port)
        end = time.monotonic() + seconds
        while b"hub_outbox_rows 0.0" not in await line.expect((200,), "GET", "/metrics", b""):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.2)
        line.close()
        return True

    async def answered(self) -> None:
        """Wait for the answers to what was posted."""
        while self._posts:
            await asyncio.wait(self._posts)

    def _begin(self, body: Body, due: float) -> None:
        task = asyncio.create_task(self._post(body, due))
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def _post(self, body: Body, due: float) -> None:
        async with self._room:
            try:
                line = self._idle.pop() if self._idle else await Line.connect(self._port)
                headers = self._authorization[SENDING_SYSTEM] + XML
                status, answer = await line.request("POST", "/v1/envelopes", headers, body)
            except PROBLEMS as error:
                self.tally.is_unknown(body, f"no answer: {type(error).__name__}")
                return
        self._note(status, answer, line.retry_after, body, time.monotonic() - due)
        if line.closes:
            line.close()
        else:
            self._idle.append(line)

    def _note(self, status: int, answer: bytes, retry_after: float | None, body: Body, seconds: float) -> None:
        if status in (200, 201):
            self.tally.was_accepted(json.loads(answer)["id"], seconds)
        elif status in (429, 503) and retry_after is not None:
            self.tally.was_refused(body, seconds, retry_after)
        else:
            self.tally.is_unknown(body, f"{status} {answer[:200]!r}")

    async def take(self) -> None:
        """Let the recipients' systems come."""
        for name in RECEIVING_SYSTEMS[:FEW_SYSTEMS]:
            work: asyncio.Queue[dict[str, Any]] = asyncio.Queue(2 * TAKING)
            self._party(self._poll(name, work))
            for _ in range(TAKING):
                self._party(self._settle(name, work))

    async def _poll(self, name: str, work: asyncio.Queue[dict[str, Any]]) -> None:
        line = await Line.connect(self._port)
        while not self._ended:
            for delivery in json.loads(await self._asked(line, "GET", INBOX, name))["deliveries"]:
                self.tally.was_shown(name, delivery["delivery"])
                await work.put(delivery)

    async def _settle(self, name: str, work: asyncio.Queue[dict[str, Any]]) -> None:
        line = await Line.connect(self._port)
        while True:
            delivery = await work.get()
            content = await self._asked(line, "GET", delivery["links"]["content"], name)
            if hashlib.sha256(content).hexdigest() != delivery["sha256"]:
                raise AnswerUnusable(f"delivery {delivery['delivery']}: the content has another digest")
            lease = b'{"lease":"%s"}' % delivery["lease"]["id"].encode()
            begun = time.monotonic()
            await self._asked(line, "POST", delivery["links"]["settle"], name, lease)
            self.tally.waits.settle.append(time.monotonic() - begun)
            self.tally.was_settled(delivery["envelope"])

    async def _asked(self, line: Line, method: str, path: str, name: str, body: bytes = b"") -> bytes:
        """What takes load away is never turned away: anything but 200 ends the run."""
        headers = self._authorization[name] + (JSON if body else b"")
        return await line.expect((200,), method, path, headers, [body] if body else ())

    async def _read_receipts(self) -> None:
        while not self._ended:
            for receipt in await self._page(wait=2):
                if receipt["event"] == "delivery.settled":
                    self.tally.was_receipted(receipt["envelope"])

    async def _page(self, wait: int) -> list[dict[str, Any]]:
        """Receipts after those read so far."""
        if self._reading is None:
            self._reading = await Line.connect(self._port)
        path = RECEIPTS.format(wait, self._after)
        page = json.loads(await self._asked(self._reading, "GET", path, SENDING_SYSTEM))
        self._after = page["next"]
        found: list[dict[str, Any]] = page["receipts"]
        return found

    async def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait for it; False when time ran out."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            self.check()
            await asyncio.sleep(0.02)
        return True

    async def close(self) -> None:
        """Let questions that wait be answered: one that is cut off may lease for nobody."""
        self._ended = True
        await asyncio.sleep(0.1)
        for task in (*self._parties, *self._posts):
            task.cancel()
        await asyncio.gather(*self._parties, *self._posts, return_exceptions=True)
        for line in self._idle:
            line.close()
