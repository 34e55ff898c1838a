"""Bodies of ``/v1/envelopes``: a document alone, or with its attachments beside it (``multipart/related``).

Every part streams to the payload store while it is hashed; nothing of a part is held.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from hub.envelope.related import MEDIA_TYPE, XML_TYPES, Form, PartHead, PartLimits, RelatedReader
from hub.gateway.body import blocks, check_head, media_type, streamed, written
from hub.gateway.context import Gateway
from hub.intake import IncomingPart
from hub.ledger import PayloadStore, PayloadWriter
from hub.problems import Refused

CONTENT_TYPES = (XML_TYPES[0], f'{MEDIA_TYPE}; type="{XML_TYPES[0]}"')
# octets of one part that may stay in memory: there may be many parts
PART_IN_MEMORY = 64 * 1024
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)

# the OpenAPI description of the request body
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            XML_TYPES[0]: {"schema": {"type": "string", "description": "edXML with its attachments inside"}},
            MEDIA_TYPE: {
                "schema": {
                    "type": "string",
                    "description": "RFC 2387: the edXML root part, then each attachment as a part whose Content-ID is "
                    "the manifest's ContentId, bound by Digest and Size in its Reference (urn:lienthong:edxml:1)",
                }
            },
        },
    }
}


@dataclass(frozen=True, slots=True)
class Submission:
    """A whole body: the document and what lies beside it."""

    body: PayloadWriter
    parts: tuple[IncomingPart, ...] = ()

    @property
    def octets(self) -> int:
        """Of the document and of what lies beside it."""
        return self.body.size + sum(part.octets.size for part in self.parts)


@asynccontextmanager
async def submission(request: Request, context: Gateway) -> AsyncIterator[Submission]:
    """The body in payload writers, forgotten afterwards unless they were kept.

    Raises ``Refused``: by the head alone before anything is read, or as soon as something is wrong; ``Deferred`` when
    it cannot be stored.
    """
    settings = context.settings
    if media_type(request) == MEDIA_TYPE:
        check_head(request, (MEDIA_TYPE,), settings.max_request_bytes)
        async with _related(request, context) as found:
            yield found
        return
    check_head(request, XML_TYPES, settings.max_envelope_bytes)
    charset = _CHARSET.search(request.headers["content-type"])
    if charset is not None and charset.group(1).lower() not in ("utf-8", "utf8"):
        raise Refused("xml-encoding", f"charset={charset.group(1)[:40]}", "Content-Type")
    async with streamed(request, context.payloads, settings.max_envelope_bytes) as body:
        yield Submission(body)


@asynccontextmanager
async def _related(request: Request, context: Gateway) -> AsyncIterator[Submission]:
    settings = context.settings
    limits = PartLimits(settings.max_envelope_bytes, settings.max_attachment_bytes, context.intake.policy.attachments)
    upload = _Upload(context.payloads)
    reader = RelatedReader(Form.of(request.headers["content-type"]), limits, upload.begin)
    try:
        async for block in blocks(request, settings.max_request_bytes):
            await written(reader.feed, block)
        reader.close()
        assert upload.root is not None, "a body without a root part is refused"
        yield Submission(upload.root, tuple(upload.parts))
    finally:
        upload.discard()


@dataclass
class _Upload:
    payloads: PayloadStore
    root: PayloadWriter | None = None
    parts: list[IncomingPart] = field(default_factory=list)

    def begin(self, head: PartHead) -> PayloadWriter:
        if head.is_root:
            self.root = self.payloads.writer()
            return self.root
        part = IncomingPart(head.content_id, head.content_type, self.payloads.writer(PART_IN_MEMORY))
        self.parts.append(part)
        return part.octets

    def discard(self) -> None:
        for writer in (self.root, *(part.octets for part in self.parts)):
            if writer is not None:
                writer.discard()
