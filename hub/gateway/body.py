"""Bodies: bounded before they are read where the length is declared, and while they are read where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from hub.ledger import PayloadStore, PayloadWriter
from hub.problems import Deferred, Refused

Model = TypeVar("Model", bound=BaseModel)
LONGEST_JSON = 64 * 1024
# a body is written in blocks of this size; hashing and writing a block is a thread's work
BLOCK = 512 * 1024
# below this a thread hop costs more than the work
AT_ONCE = 128 * 1024


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_head(request: Request, accepted: tuple[str, ...], limit: int) -> None:
    """Refuse by headers alone. Raises ``Refused``: ``media-type-unsupported``, ``request-too-large``."""
    if media_type(request) not in accepted:
        raise Refused("media-type-unsupported", media_type(request) or "no Content-Type", "Content-Type")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("media-type-unsupported", "Content-Encoding is not accepted", "Content-Encoding")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise Refused("request-too-large", f"{length} of {limit} octets", "Content-Length")


@asynccontextmanager
async def streamed(request: Request, payloads: PayloadStore, limit: int) -> AsyncIterator[PayloadWriter]:
    """The body in a payload writer, hashed as it came; forgotten afterwards unless it was kept.

    Raises ``Refused('request-too-large')`` as soon as the limit is passed, ``Deferred`` when it cannot be stored.
    """
    writer = payloads.writer()
    try:
        async for block in blocks(request, limit):
            await written(writer.write, block)
        yield writer
    finally:
        writer.discard()


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises ``Refused('request-invalid')`` when it ends early."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise Refused("request-invalid", "the body ended early") from error


async def blocks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body in blocks of about ``BLOCK`` octets; a short one is one block.

    Raises ``Refused``: ``request-too-large`` as soon as the limit is passed, ``request-invalid``.
    """
    gathered: list[bytes] = []
    size = total = 0
    async for chunk in chunks(request):
        total += len(chunk)
        if total > limit:
            raise Refused("request-too-large", f"more than {limit} octets")
        gathered.append(chunk)
        size += len(chunk)
        if size >= BLOCK:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)


async def written(write: Callable[[bytes], None], block: bytes) -> None:
    """``write(block)``, in a thread when it is long. Raises ``Deferred`` when it cannot be stored."""
    try:
        if len(block) < AT_ONCE:
            write(block)
        else:
            await asyncio.to_thread(write, block)
    except OSError as error:
        raise Deferred("payload-unavailable", error.strerror or "", retry_after=30) from error


async def json_body(request: Request, model: type[Model]) -> Model:
    """A small JSON body; none at all reads as an empty object.

    Not declared as a parameter of the route: those are read whole before anybody has asked who is calling.
    Raises ``Refused``: ``request-too-large``, ``media-type-unsupported``; ``RequestValidationError`` naming the fields.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_JSON:
            raise Refused("request-too-large", f"more than {LONGEST_JSON} octets")
    if body:
        check_head(request, ("application/json",), LONGEST_JSON)
    return validated(model, bytes(body or b"{}"))


def validated(model: type[Model], body: bytes) -> Model:
    """``body`` as ``model``; raises ``RequestValidationError``."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error


def json_content(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of an optional JSON body."""
    return {"requestBody": {"content": {"application/json": {"schema": model.model_json_schema()}}}}
