"""The floor's tables and its statements, PostgreSQL alone; every statement is its own transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg

TABLES = """
CREATE TABLE envelope (id text PRIMARY KEY, sender text NOT NULL, document_id text NOT NULL, sha256 text NOT NULL,
    size integer NOT NULL, received_at timestamptz NOT NULL, octets bytea);
ALTER TABLE envelope ALTER octets SET STORAGE EXTERNAL;
CREATE TABLE document (sender text, document_id text, envelope_id text NOT NULL, PRIMARY KEY (sender, document_id));
CREATE TABLE delivery (id text PRIMARY KEY, envelope_id text NOT NULL, recipient text NOT NULL);
CREATE TABLE outbox (seq bigserial PRIMARY KEY, delivery_id text NOT NULL, envelope_id text NOT NULL,
    queue text NOT NULL);
CREATE TABLE receipt (id text PRIMARY KEY, envelope_id text NOT NULL, jws text NOT NULL);
CREATE TABLE entry (id text PRIMARY KEY, envelope_id text NOT NULL, at timestamptz NOT NULL, event text NOT NULL);
CREATE TABLE taken (delivery_id text PRIMARY KEY, at timestamptz NOT NULL);
"""

# the six inserts of one envelope, as one statement
ACCEPT = """
WITH e AS (INSERT INTO envelope VALUES (%(id)s, %(sender)s, %(document_id)s, %(sha256)s, %(size)s, now(),
           %(octets)b)),
     k AS (INSERT INTO document VALUES (%(sender)s, %(document_id)s, %(id)s)),
     d AS (INSERT INTO delivery SELECT r.id, %(id)s, r.recipient
           FROM unnest(%(deliveries)s::text[], %(recipients)s::text[]) AS r(id, recipient)),
     o AS (INSERT INTO outbox (delivery_id, envelope_id, queue) SELECT r.id, %(id)s, r.queue
           FROM unnest(%(deliveries)s::text[], %(queues)s::text[]) AS r(id, queue)),
     r AS (INSERT INTO receipt VALUES (%(receipt)s, %(id)s, %(jws)s))
INSERT INTO entry VALUES (%(receipt)s, %(id)s, now(), 'accepted')
"""
PENDING = "SELECT seq, delivery_id, envelope_id, queue FROM outbox ORDER BY seq LIMIT 500"
SENT = "DELETE FROM outbox WHERE seq = ANY(%s)"
TAKE = "INSERT INTO taken VALUES (%s, now()) ON CONFLICT DO NOTHING"


class Connections:
    """A few connections, one statement at a time on each."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()

    @classmethod
    async def open(cls, url: str, count: int) -> Connections:
        made = cls()
        for _ in range(count):
            made._free.put_nowait(await psycopg.AsyncConnection.connect(url, autocommit=True))
        return made

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)

    async def do(self, statement: str, values: Any) -> None:
        async with self._one() as connection:
            await connection.execute(statement, values, prepare=True)

    async def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        async with self._one() as connection:
            return await (await connection.execute(statement, prepare=True)).fetchall()


def create_tables(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
