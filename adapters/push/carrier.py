"""``PushCarrier``: one signed POST an attempt.

1. The URL is taken apart and, when the connection is made, its address looked at (``hub.registry.reach``).
2. The body is the document itself, or a notice of where it lies when it is larger than the limit, or when the system
   is registered with ``body = notice``. What is signed has to be in memory as a whole; notices keep that bounded.
3. A 2xx to a document is its delivery. A 2xx to a notice is none yet: the system fetches the octets and settles.
A receiver that finds a document too large (413) gets a notice instead, in the same attempt.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx

from adapters.push import content
from adapters.push.answers import failure
from adapters.push.content import Content
from adapters.push.transport import Connections, Forbidden, Resolve
from hub import __version__, clock
from hub.delivery.carrier import Delivered, Failed, Handed, Outcome, Parcel
from hub.delivery.connectivity import Found
from hub.language import mark
from hub.ledger.receipts import ReceiptRecord
from hub.registry.model import System
from hub.registry.push import key_numbers
from hub.registry.reach import Reach, Target
from hub.signatures.keys.derivation import Deriving
from hub.signatures.webhooks import WebhookKeys, opening

MIB = 1024 * 1024
ANSWER_OCTETS = 4096
# read to the end for the sake of its connection, as long as it comes quickly
ANSWER_SECONDS = 2.0
TELL_SECONDS = 55.0
# a signed body up to this size is kept for the sending; a larger one is read from its files once more
KEPT_OCTETS = 256 * 1024
_SIGNING_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class PushPolicy:
    """``timeout``: seconds for a connection, for each piece to leave, and for the answer to begin.

    ``document_bytes``: larger bodies go as notices. ``notice_seconds``: how long a system has to settle after a notice.
    """

    base_url: str
    reach: Reach = field(default_factory=Reach)
    timeout: float = 20.0
    document_bytes: int = 16 * MIB
    notice_seconds: float = 900.0
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Signed:
    header: str
    seconds: int
    kept: bytes | None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A 2xx, and where it came from."""

    status: int
    peer: str


class UnreadableError(Exception):
    """The hub cannot read its own octets."""


class PushCarrier:
    """``Carrier`` over HTTPS. ``keys``: the hub's key, and during a rotation the one before."""

    concurrency = 4

    def __init__(self, policy: PushPolicy, keys: Sequence[Deriving], resolve: Resolve | None = None) -> None:
        self._policy = policy
        self._keys = tuple(keys)
        self._connections = Connections(policy.reach, resolve, policy.ca_file)
        self._signing = asyncio.Semaphore(_SIGNING_AT_ONCE)

    async def carry(self, parcel: Parcel) -> Outcome:
        left = (parcel.deadline - clock.now()).total_seconds()
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await self._carry(parcel)
        except TimeoutError:
            return Failed("timed-out", "the attempt took too long")
        except UnreadableError as error:
            return Failed("octets-missing", str(error))

    async def _carry(self, parcel: Parcel) -> Outcome:
        options = parcel.system.options
        if options.get("body", "document") != "document":
            return await self._notify(parcel)
        try:
            made = await asyncio.to_thread(content.document, parcel)
        except OSError as error:
            raise UnreadableError(_reason(error)) from error
        if made.length > min(int(options.get("document_bytes", sys.maxsize)), self._policy.document_bytes):
            return await self._notify(parcel)
        outcome = await self._post(parcel.system, made)
        if isinstance(outcome, _Taken):
            return Delivered({"form": made.event, "status": outcome.status, "peer": outcome.peer})
        return await self._notify(parcel) if outcome.code == "too-large" else outcome

    async def _notify(self, parcel: Parcel) -> Outcome:
        made = content.notice(parcel, self._policy.base_url)
        outcome = await self._post(parcel.system, made)
        if isinstance(outcome, Failed):
            return outcome
        until = clock.now() + timedelta(seconds=self._policy.notice_seconds)
        return Handed(until, {"form": made.event, "status": outcome.status, "peer": outcome.peer})

    async def tell(self, system: System, receipts: Sequence[ReceiptRecord]) -> Outcome:
        """In bodies of limited size, in order. What was told before a failure is told again, under the same ids."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                for made in content.told(receipts):
                    outcome = await self._post(system, made)
                    if isinstance(outcome, Failed):
                        # receipts are never given up: what a receiver says of them may only hold them up
                        lasting = outcome.code in ("rejected", "too-large")
                        return replace(outcome, code="answer-unclear") if lasting else outcome
        except TimeoutError:
            return Failed("timed-out", "telling took too long")
        return Delivered()

    async def probe(self, system: System) -> Found:
        """A signed test event: name, connection, TLS, and whether the receiver takes what the hub signs."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                outcome = await self._post(system, content.ping(clock.now()))
        except TimeoutError:
            outcome = Failed("timed-out", f"no end after {TELL_SECONDS:.0f} s")
        address = (mark("Address"), system.url or "")
        if isinstance(outcome, Failed):
            return Found(False, (address, (mark("Reason"), f"{outcome.code}: {outcome.detail}")))
        answered = (mark("Answer to a signed test event"), f"HTTP {outcome.status}, {outcome.peer}")
        return Found(True, (address, answered))

    async def close(self) -> None:
        await self._connections.close()

    async def _post(self, system: System, made: Content) -> _Taken | Failed:
        """One signed POST. Raises ``UnreadableError``."""
        try:
            target = self._policy.reach.target(system.url or "")
        except ValueError as error:
            return Failed("misconfigured" if not system.url else "address-forbidden", f"the system's URL: {error}")
        try:
            signed = await self._sign(system, made)
        except OSError as error:
            raise UnreadableError(_reason(error)) from error
        body = _Body(made if signed.kept is None else (signed.kept,), self._policy.timeout)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._policy.timeout)
        request = httpx.Request(
            "POST",
            httpx.URL(f"{target.scheme}://{target.authority}{target.path}"),
            headers=self._headers(made, signed),
            content=body,
            extensions={"timeout": timeouts},
        )
        return await self._exchange(target, request, body)

    async def _exchange(self, target: Target, request: httpx.Request, body: _Body) -> _Taken | Failed:
        try:
            async with body.limit:
                response = await self._connections.send(target, request)
        except Forbidden as error:
            return Failed("address-forbidden", str(error))
        except (httpx.TimeoutException, TimeoutError) as error:
            return Failed("timed-out", str(error) or f"{type(error).__name__}: no answer in time")
        except (httpx.TransportError, OSError) as error:  # OSError: what TLS raises while it reads
            return _unsent(error)
        peer = _peer(response)
        try:
            text = await _beginning(response)
        finally:
            await response.aclose()
        if not response.is_success:
            return failure(response.status_code, response.headers, text, clock.now())
        if not body.is_sent:
            return Failed("answer-unclear", f"HTTP {response.status_code} before the whole body was taken")
        return _Taken(response.status_code, peer)

    async def _sign(self, system: System, made: Content) -> _Signed:
        seconds = int(clock.now().timestamp())
        keys = WebhookKeys(self._keys, system.id, key_numbers(system.options))
        scheme = str(system.options.get("signature", "v1a"))

        def work() -> _Signed:
            signed = bytearray(opening(made.id, seconds))
            start = len(signed)
            for piece in made.pieces():
                signed += piece
            kept = bytes(signed[start:]) if made.length <= KEPT_OCTETS else None
            return _Signed(keys.sign(scheme, signed), seconds, kept)

        async with self._signing:
            return await asyncio.to_thread(work)

    def _headers(self, made: Content, signed: _Signed) -> dict[str, str]:
        return {
            **made.headers,
            "Content-Length": str(made.length),
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": f"lienthong/{__version__}",
            "Lienthong-Event": made.event,
            "webhook-id": made.id,
            "webhook-timestamp": str(signed.seconds),
            "webhook-signature": signed.header,
        }


class _Body:
    """A body as it is sent. ``is_sent``: its last piece was given away and more was asked for.

    ``limit`` begins to run then: the head of the answer must be there ``patience`` seconds later, however it drips.
    """

    def __init__(self, source: Content | tuple[bytes, ...], patience: float) -> None:
        self._source = source
        self._patience = patience
        self.limit = asyncio.timeout(None)
        self.is_sent = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._source, tuple):
            for piece in self._source:
                yield piece
        else:
            async for piece in _from_files(self._source):
                yield piece
        self.is_sent = True
        self.limit.reschedule(asyncio.get_running_loop().time() + self._patience)


async def _from_files(made: Content) -> AsyncIterator[bytes]:
    """Raises ``UnreadableError``: in the middle of a request, which then ends short of its announced length."""
    pieces = iter(made.pieces())
    try:
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece
    except OSError as error:
        raise UnreadableError(_reason(error)) from error


async def _beginning(response: httpx.Response) -> bytes:
    """The first octets of an answer's body. One that stops, breaks off or goes on for ever changes nothing."""
    text = bytearray()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async for piece in response.aiter_raw():
                text += piece
                if len(text) > ANSWER_OCTETS:
                    break
    except (TimeoutError, httpx.TransportError):
        return bytes(text)  # its status is known already
    return bytes(text[:ANSWER_OCTETS])


def _unsent(error: httpx.TransportError | OSError) -> Failed:
    """No answer: the connection failed, broke, or what came is no HTTP."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError | ssl.CertificateError):
            return Failed("tls-failed", _reason(cause))
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.RemoteProtocolError | httpx.LocalProtocolError):
        return Failed("answer-unclear", _reason(error))
    return Failed("unreachable", _reason(error))


def _reason(error: BaseException) -> str:
    """What went wrong, without paths of this machine: senders read it."""
    said = error.strerror if isinstance(error, OSError) and error.filename else str(error)
    return said or type(error).__name__


def _peer(response: httpx.Response) -> str:
    """The address that answered; empty when it has closed the connection already."""
    stream = response.extensions.get("network_stream")
    try:
        address = None if stream is None else stream.get_extra_info("server_addr")
    except OSError:
        return ""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
