"""Asking issuers: each answer by one request however many wait for it, and not again at once when it failed."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub import clock
from hub.signatures.chain import Link
from hub.signatures.revocation.answers import SKEW, Held, is_fresh
from hub.signatures.revocation.ocsp import OcspAnswer, request
from hub.signatures.revocation.port import Fetch, Subject, Unreachable
from hub.signatures.revocation.shelf import Shelf, load_list
from hub.signatures.revocation.sources import Source

PAUSE_SECONDS = 30.0
MAX_FAILURES = 10_000

Key = tuple[str, ...]


class Asking:
    """Puts what it gets on the shelf. ``patience``: seconds that one certificate may take over all its addresses."""

    def __init__(self, fetch: Fetch, shelf: Shelf, *, max_age: timedelta | None = None, patience: float = 8.0) -> None:
        self._fetch = fetch
        self._shelf = shelf
        self._max_age = max_age
        self._patience = patience
        self._tasks: dict[Key, asyncio.Task[str]] = {}
        self._failed: dict[Key, tuple[float, str]] = {}

    async def ask(self, link: Link, named: Sequence[Source]) -> tuple[str, int]:
        """Ask one address after the other until one gives a fresh answer; that is on the shelf then.

        Returns why none did (empty when one did) and the seconds until asking again may help.
        """
        reasons: list[str] = []
        try:
            async with asyncio.timeout(self._patience):
                for source in named:
                    reason = self._paused(link, source) or await asyncio.shield(self._shared(link, source))
                    if not reason:
                        return "", 0
                    reasons.append(f"{source.url}: {reason}")
        except TimeoutError:
            reasons.append(f"no answer within {self._patience:g} s")
        return "; ".join(reasons), self._wait(link, named)

    async def renew(self, link: Link, source: Source) -> str | None:
        """Ask one address again whatever is in hand; returns why that failed, empty when it did not.

        None: it failed a moment ago and is left in peace.
        """
        return None if self._paused(link, source) else await asyncio.shield(self._shared(link, source))

    def _paused(self, link: Link, source: Source) -> str:
        for key in ((source.url,), _key(link, source)):
            until, reason = self._failed.get(key, (0.0, ""))
            if reason and clock.monotonic() < until:
                return reason
        return ""

    def _wait(self, link: Link, named: Sequence[Source]) -> int:
        keys = [key for source in named for key in ((source.url,), _key(link, source))]
        left = [self._failed[key][0] - clock.monotonic() for key in keys if key in self._failed]
        return max(1, math.ceil(min(left, default=PAUSE_SECONDS)))

    def _shared(self, link: Link, source: Source) -> asyncio.Task[str]:
        key = _key(link, source)
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(self._one(link, source, key))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return task

    def _done(self, key: Key, task: asyncio.Task[str]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            task.exception()  # every waiter may have gone; those that wait get it themselves

    async def _one(self, link: Link, source: Source, key: Key) -> str:
        """One request, its answer checked and put on the shelf. Returns what was wrong, empty when it is fresh."""
        try:
            held = await (self._list(link, source) if source.kind == "crl" else self._answer(link, source))
        except Unreachable as error:
            return self._fail((source.url,), str(error))
        except ValueError as error:
            return self._fail(key, str(error) or "not an answer")
        now = clock.now()
        if held.answer.this_update > now + SKEW:
            return self._fail(key, f"from the future: thisUpdate {held.answer.this_update:%Y-%m-%d %H:%M} UTC")
        if not await self._shelf.put(subject(link, source), held):
            return self._fail(key, f"older than the answer in hand: {held.answer.this_update:%Y-%m-%d %H:%M} UTC")
        if not is_fresh(held.answer, now, self._max_age):
            return self._fail(key, f"stale: thisUpdate {held.answer.this_update:%Y-%m-%d %H:%M} UTC")
        self._failed.pop(key, None)
        self._failed.pop((source.url,), None)
        return ""

    def _fail(self, key: Key, reason: str) -> str:
        if len(self._failed) >= MAX_FAILURES:
            self._failed.clear()
        self._failed[key] = (clock.monotonic() + PAUSE_SECONDS, reason)
        return reason

    async def _list(self, link: Link, source: Source) -> Held:
        octets = await self._fetch.get(source.url)
        if b"-----BEGIN X509 CRL-----" in octets[:1024]:
            octets = x509.load_pem_x509_crl(octets).public_bytes(Encoding.DER)
        return Held(await load_list(octets, link.issuer), source.url)

    async def _answer(self, link: Link, source: Source) -> Held:
        nonce = hashlib.sha256(clock.new_secret().encode()).digest()[:16]
        octets = await self._fetch.ask(source.url, request(link.certificate, link.issuer, nonce))
        return Held(OcspAnswer.load(octets, link.certificate, link.issuer, nonce), source.url)


def _key(link: Link, source: Source) -> Key:
    about = link.authority if source.kind == "crl" else link.authority + link.serial
    return (source.kind, source.url, about)


def subject(link: Link, source: Source) -> Subject:
    serial = "" if source.kind == "crl" else link.serial
    return Subject(link.authority, serial, source.kind, source.url, link.certificate, link.issuer)
