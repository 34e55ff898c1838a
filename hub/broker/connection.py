"""One AMQP connection that mends itself, and the declarations that belong to it.

aio-pika's ``connect_robust`` is not used: it raises when the first attempt fails, replays from memory what was
declared before, and does not see a queue that vanished while the connection held. Here there is one path, taken at the
first start and after every loss: connect, declare, work until lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.connection import make_url
from aiormq.abc import AbstractChannel
from aiormq.exceptions import AMQPError, ChannelNotFoundEntity, ChannelPreconditionFailed

from hub.broker import topology
from hub.broker.port import BrokerUnavailable, QueueState

logger = logging.getLogger(__name__)
# It reports an error at every attempt while a broker is away; we report the first ourselves.
logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0
OPEN_SECONDS = 5.0
ROUND_TRIP_SECONDS = 5.0
# A broker that is frozen or cut off without a word is given up after about three of these.
HEARTBEAT_SECONDS = 10


@contextmanager
def amqp_failures() -> Iterator[None]:
    """Everything by which the client library says "the connection is gone" becomes ``BrokerUnavailable``.

    It says so by AMQP errors, OS errors, plain ``RuntimeError`` (operations on what is closed already), and by
    ``CancelledError`` thrown into the waiting task, which must not be taken for a cancellation by our own caller.
    """
    try:
        yield
    except (AMQPError, OSError, RuntimeError) as error:  # TimeoutError is an OSError
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerUnavailable("the connection was closed") from error


class Session:
    """One living connection with a channel for publishing; ends when either is closed."""

    def __init__(
        self, connection: AbstractConnection, opened: aio_pika.abc.AbstractChannel, channel: AbstractChannel
    ) -> None:
        self.connection = connection
        self.channel = channel
        self._opened = opened  # kept: the library detaches a channel object that nobody holds
        self.lost = asyncio.Event()
        self._declared: set[str] = set()
        if connection.transport is not None:
            connection.transport.connection.closing.add_done_callback(lambda _: self.lost.set())
        channel.closing.add_done_callback(lambda _: self.lost.set())

    @asynccontextmanager
    async def borrowed_channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel for a request that may fail: an AMQP error closes the channel it happened on."""
        async with self.connection.channel(publisher_confirms=False) as channel:
            yield await channel.get_underlay_channel()

    async def declare_foundations(self) -> None:
        """Declare the exchanges, the dead queue and the queue of what agencies' systems say."""
        for exchange in topology.EXCHANGES:
            await self.channel.exchange_declare(exchange.name, exchange_type=exchange.kind, durable=True)
        for queue in (topology.DEAD, topology.RECEIPTS):
            await self._declare(queue)

    async def declare(self, queue: topology.Queue, *, again: bool = False) -> bool:
        """Declare and bind a queue, once per connection unless ``again``; whether that was done now."""
        if queue.name in self._declared and not again:
            return False
        await self._declare(queue)
        self._declared.add(queue.name)
        return True

    async def _declare(self, queue: topology.Queue) -> None:
        try:
            async with self.borrowed_channel() as channel:
                await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
                await _bind(channel, queue)
        except ChannelPreconditionFailed as error:
            # Arguments cannot be changed: a queue of an earlier version, or an operator's own, is used as it is.
            logger.warning("queue %s exists with other arguments: %s", queue.name, error)
            async with self.borrowed_channel() as channel:
                await _bind(channel, queue)

    async def close(self) -> None:
        """Disconnect; unacknowledged messages go back to their queues."""
        with suppress(BrokerUnavailable), amqp_failures():  # gone already: that is what was wanted
            await asyncio.wait_for(self.connection.close(), CLOSE_SECONDS)


async def _bind(channel: AbstractChannel, queue: topology.Queue) -> None:
    if queue.exchange:
        await channel.queue_bind(queue.name, queue.exchange, queue.routing_key)


class Link:
    """Keeps one connection open for as long as it is itself open, whatever happens to the broker meanwhile."""

    def __init__(self, url: str, purpose: str) -> None:
        self._url = url
        self._options: dict[str, Any] = (
            {} if "heartbeat" in parse_qs(urlsplit(url).query) else {"heartbeat": HEARTBEAT_SECONDS}
        )
        self._purpose = purpose
        self._session: Session | None = None
        self._connected = asyncio.Event()
        self._tried = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start connecting; returns after the first attempt, successful or not, or a few seconds."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_connected(), name=f"broker {self._purpose}")
        with suppress(TimeoutError):  # it goes on trying
            await asyncio.wait_for(self._tried.wait(), OPEN_SECONDS)

    async def close(self) -> None:
        """Stop connecting and disconnect."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])

    def session(self) -> Session:
        """The living connection; raises ``BrokerUnavailable`` at once when there is none."""
        if self._session is None or self._session.lost.is_set():
            raise BrokerUnavailable(f"no connection for {self._purpose}")
        return self._session

    async def connected(self) -> Session:
        """Wait for a living connection."""
        while True:
            await self._connected.wait()
            with suppress(BrokerUnavailable):  # lost a moment ago: the keeper has not noticed yet
                return self.session()
            await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def depth(self, queue: str) -> int:
        """Messages waiting in a queue; 0 when it does not exist. Raises ``BrokerUnavailable``."""
        state = await self.state(queue)
        return 0 if state is None else state.messages

    async def state(self, queue: str) -> QueueState | None:
        """A queue as it is now, None when it does not exist. Raises ``BrokerUnavailable``."""
        try:
            with amqp_failures():
                async with asyncio.timeout(ROUND_TRIP_SECONDS):
                    async with self.session().borrowed_channel() as channel:
                        declared = await channel.queue_declare(queue, passive=True)
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                return None
            raise
        return QueueState(queue, declared.message_count or 0, declared.consumer_count or 0)

    async def _keep_connected(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                with amqp_failures():
                    session = await self._establish()
            except BrokerUnavailable as error:
                log = logger.warning if pause == FIRST_PAUSE_SECONDS else logger.debug
                log("broker unavailable for %s, trying on: %s", self._purpose, error)
                self._tried.set()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            logger.info("broker connected for %s", self._purpose)
            await self._work(session)

    async def _work(self, session: Session) -> None:
        self._session = session
        self._connected.set()
        self._tried.set()
        try:
            await session.lost.wait()
            logger.warning("broker connection for %s lost", self._purpose)
        finally:
            self._session = None
            self._connected.clear()
            await session.close()

    async def _establish(self) -> Session:
        connection = aio_pika.Connection(
            make_url(self._url, **self._options),
            client_properties={"connection_name": f"lienthong {self._purpose}"},
        )
        try:
            await connection.connect(timeout=CONNECT_SECONDS)
            opened = await connection.channel(publisher_confirms=True, on_return_raises=True)
            session = Session(connection, opened, await opened.get_underlay_channel())
            await session.declare_foundations()
        except BaseException:
            await connection.close()
            raise
        return session
