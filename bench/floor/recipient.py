"""``python -m bench.floor.recipient DATABASE BROKER``: consume, record, acknowledge; prints how many so far."""

from __future__ import annotations

import asyncio
import json
import sys

import aio_pika
import uvloop
from aiormq.abc import DeliveredMessage

from bench.floor.gateway import QUEUES
from bench.floor.store import TAKE, Connections

CONNECTIONS = 4
PREFETCH = 100
SAY_SECONDS = 0.01


async def run(url: str, broker: str) -> None:
    connections = await Connections.open(url, CONNECTIONS)
    taken = 0

    async def take(message: DeliveredMessage) -> None:
        nonlocal taken
        await connections.do(TAKE, (json.loads(message.body)["delivery"],))
        assert message.delivery_tag is not None
        await message.channel.basic_ack(message.delivery_tag)
        taken += 1

    async with await aio_pika.connect(broker) as connection:
        opened = await connection.channel(publisher_confirms=False)
        channel = await opened.get_underlay_channel()
        await channel.basic_qos(prefetch_count=PREFETCH)
        for number in range(QUEUES):
            await channel.basic_consume(f"floor.{number}", take)
        said = -1
        while True:
            if taken != said:
                said = taken
                print(said, flush=True)
            await asyncio.sleep(SAY_SECONDS)


if __name__ == "__main__":
    uvloop.run(run(*sys.argv[1:3]))
