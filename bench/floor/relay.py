"""``python -m bench.floor.relay DATABASE BROKER``: outbox to quorum queues, 100 confirms outstanding."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aio_pika
import uvloop
from aiormq import spec
from aiormq.abc import AbstractChannel

from bench.floor.gateway import QUEUES
from bench.floor.store import PENDING, SENT, Connections

OUTSTANDING = 100
IDLE_SECONDS = 0.02
LINGER_SECONDS = 0.05  # as the hub's relay: what comes in meanwhile is moved by one statement


async def declare_queues(broker: str) -> None:
    async with await aio_pika.connect(broker) as connection:
        channel = await connection.channel()
        for number in range(QUEUES):
            await channel.declare_queue(f"floor.{number}", durable=True, arguments={"x-queue-type": "quorum"})


async def run(url: str, broker: str) -> None:
    connections = await Connections.open(url, 1)
    async with await aio_pika.connect(broker) as connection:
        opened = await connection.channel(publisher_confirms=True)
        channel = await opened.get_underlay_channel()
        while True:
            rows = await connections.rows(PENDING)
            for start in range(0, len(rows), OUTSTANDING):
                await asyncio.gather(*(_publish(channel, row) for row in rows[start : start + OUTSTANDING]))
            if rows:
                await connections.do(SENT, ([row[0] for row in rows],))
            await asyncio.sleep(LINGER_SECONDS if rows else IDLE_SECONDS)


async def _publish(channel: AbstractChannel, row: tuple[Any, ...]) -> None:
    """One persistent message, confirmed by a majority; raises when it is not, and the program ends."""
    _, delivery_id, envelope_id, queue = row
    body = json.dumps({"delivery": delivery_id, "envelope": envelope_id}).encode()
    properties = spec.Basic.Properties(delivery_mode=2, content_type="application/json")
    await channel.basic_publish(body, routing_key=queue, mandatory=True, properties=properties)


if __name__ == "__main__":
    uvloop.run(run(*sys.argv[1:3]))
