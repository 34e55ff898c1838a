"""``python -m bench.floor.gateway PORT DATABASE ANCHOR.pem [DIRECTORY]``: a plain ASGI application, one route.

Without a directory the octets stand in the envelope's row, made durable by the same commit: the least there can be.
With one they are files, each synced and its name too, as the hub keeps them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import sys
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg.errors
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bench.floor.store import ACCEPT, Connections
from bench.floor.verification import Letter, Unacceptable, Verifier
from hub.clock import new_id

CONNECTIONS = 6
QUEUES = 4
KEEPING_THREADS = 2
Message = MutableMapping[str, Any]


def queue_of(recipient: str) -> str:
    """The recipients are spread over a few systems, as the hub's are in the same run."""
    return f"floor.{zlib.crc32(recipient.encode()) % QUEUES}"


class Gateway:
    """One route, whatever its path."""

    def __init__(self, verifier: Verifier, url: str, directory: Path | None) -> None:
        self._verifier = verifier
        self._url = url
        self._directory = directory
        self._threads = ThreadPoolExecutor(KEEPING_THREADS)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._connections: Connections | None = None

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self._connections = await Connections.open(self._url, CONNECTIONS)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return await send({"type": "lifespan.shutdown.complete"})
        pieces, more = [], True
        while more:
            message = await receive()
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
        try:
            status, answer = 201, await self.accept(b"".join(pieces))
        except Unacceptable as error:
            status, answer = 422, {"detail": str(error)}
        except psycopg.errors.UniqueViolation:
            status, answer = 409, {"detail": "this document id was used before"}
        body = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def accept(self, octets: bytes) -> dict[str, Any]:
        """Verify, keep, sign, commit; the answer. Raises ``Unacceptable``, ``UniqueViolation``."""
        letter = self._verifier.verify(octets)
        digest = hashlib.sha256(octets).hexdigest()
        if self._directory is not None:
            await asyncio.get_running_loop().run_in_executor(self._threads, _keep, self._directory, octets, digest)
        envelope_id, deliveries = new_id(), [new_id() for _ in letter.recipients]
        jws = self._receipt(envelope_id, letter, digest)
        assert self._connections is not None, "opened before the first request"
        await self._connections.do(
            ACCEPT,
            {
                "id": envelope_id,
                "sender": letter.sender,
                "document_id": letter.document_id,
                "sha256": digest,
                "size": len(octets),
                "octets": octets if self._directory is None else None,
                "deliveries": deliveries,
                "recipients": list(letter.recipients),
                "queues": [queue_of(one) for one in letter.recipients],
                "receipt": new_id(),
                "jws": jws,
            },
        )
        return {"id": envelope_id, "deliveries": deliveries, "acknowledgement": jws}

    def _receipt(self, envelope_id: str, letter: Letter, digest: str) -> str:
        payload = {
            "event": "envelope.accepted",
            "envelope_id": envelope_id,
            "document_id": letter.document_id,
            "sender": letter.sender,
            "recipients": letter.recipients,
            "sha256": digest,
            "at": datetime.now(UTC).isoformat(),
        }
        signed = f"{_HEADER}.{_url64(json.dumps(payload).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_url64(r.to_bytes(32) + s.to_bytes(32))}"


def _keep(directory: Path, octets: bytes, digest: str) -> None:
    """Durable before the commit: the file synced, named, its directory synced."""
    folder = directory / digest[:2]
    draft = folder / f".{new_id()}"
    with draft.open("wb", buffering=0) as file:
        file.write(octets)
        os.fsync(file.fileno())
    draft.rename(folder / digest)
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _url64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


_HEADER = _url64(b'{"alg":"ES256"}')


def main(port: int, url: str, anchor: Path, directory: Path | None) -> None:
    if directory is not None:
        for number in range(256):
            (directory / f"{number:02x}").mkdir(parents=True, exist_ok=True)
    gateway = Gateway(Verifier(x509.load_pem_x509_certificate(anchor.read_bytes())), url, directory)
    uvicorn.run(
        gateway,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]) if sys.argv[4:] else None)
