"""One uploaded file of a form, bounded while it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from hub.ledger import PayloadStore, PayloadWriter
from hub.problems import Deferred, Refused

# boundaries, part headers and the form's other fields
AROUND = 64 * 1024
PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """``name`` is what the browser says the file is called; ``body`` its octets, forgotten when the page is done."""

    name: str
    body: PayloadWriter


@asynccontextmanager
async def uploaded(request: Request, field: str, limit: int, payloads: PayloadStore) -> AsyncIterator[Upload]:
    """The file in ``field`` of a ``multipart/form-data`` form (RFC 7578).

    Raises ``Refused`` (``request-too-large``, ``media-type-unsupported``, ``request-invalid``, ``request-empty``) and
    ``Deferred('payload-unavailable')`` when there is no room for it.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused("media-type-unsupported", "the form is multipart/form-data", "Content-Type")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit + AROUND:
        raise Refused("request-too-large", f"{length} of {limit} octets", field)
    writer = payloads.writer()
    try:
        name = await _read(request, field, limit, writer)
        yield Upload(name, writer)
    finally:
        writer.discard()


async def _read(request: Request, field: str, limit: int, writer: PayloadWriter) -> str:
    """Writes the file's octets; the name that the browser gives it."""
    stream = _bounded(request, limit + AROUND)
    try:
        form = await MultiPartParser(request.headers, stream, max_files=1, max_fields=4, max_part_size=AROUND).parse()
        try:
            file = form.get(field)
            if not isinstance(file, UploadFile) or not file.filename or not file.size:
                raise Refused("request-empty", "", field)
            if file.size > limit:
                raise Refused("request-too-large", f"{file.size} of {limit} octets", field)
            await asyncio.to_thread(_copy, file, writer)
            return file.filename
        finally:
            await form.close()
    except MultiPartException as error:
        raise Refused("request-invalid", error.message, field) from error
    except ClientDisconnect as error:
        raise Refused("request-invalid", "the upload ended early", field) from error
    except OSError as error:
        raise Deferred("payload-unavailable", error.strerror or "") from error


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > limit:
            raise Refused("request-too-large", f"more than {limit} octets")
        yield chunk


def _copy(file: UploadFile, writer: PayloadWriter) -> None:
    file.file.seek(0)
    while piece := file.file.read(PIECE):
        writer.write(piece)


async def file_or_text(request: Request, field: str, limit: int) -> bytes:
    """A short file in ``field``, or what was pasted into the field of that name with ``_text``.

    Raises ``Refused``: ``request-too-large``, ``media-type-unsupported``, ``request-invalid``, ``request-empty``.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused("media-type-unsupported", "the form is multipart/form-data", "Content-Type")
    stream = _bounded(request, limit + AROUND)
    try:
        form = await MultiPartParser(request.headers, stream, max_files=1, max_fields=4, max_part_size=AROUND).parse()
    except MultiPartException as error:
        raise Refused("request-invalid", error.message, field) from error
    except ClientDisconnect as error:
        raise Refused("request-invalid", "the upload ended early", field) from error
    try:
        file, text = form.get(field), form.get(f"{field}_text")
        content = await file.read() if isinstance(file, UploadFile) else b""
        content = content or (text.strip().encode() if isinstance(text, str) else b"")
    finally:
        await form.close()
    if not content:
        raise Refused("request-empty", "", field)
    if len(content) > limit:
        raise Refused("request-too-large", f"{len(content)} of {limit} octets", field)
    return content
