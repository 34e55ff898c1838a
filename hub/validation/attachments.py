"""Check: manifest and attachments join one to one, and every attachment is whole, with content (edXML 1.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from functools import partial

from hub.envelope.model import EncodedAttachment, ManifestEntry
from hub.validation.examination import Attachment, Examination

MANIFEST = "/edXML/edXMLEnvelope/edXMLBody/edXMLManifest"
_WHITE = str.maketrans("", "", " \t\r\n")


async def check(exam: Examination) -> None:
    content = exam.parsed
    if not content.attachments and not content.manifest:
        exam.find("attachment-missing", "the envelope has no attachment", MANIFEST)
        return
    count = max(len(content.attachments), len(content.manifest))
    if count > exam.policy.attachments:
        exam.find("attachment-limit", f"{count} of {exam.policy.attachments}", MANIFEST)
        return
    listed = _unique(exam, content.manifest)
    sent = _unique(exam, content.attachments)
    for content_id, entry in listed.items():
        if content_id not in sent:
            exam.find("attachment-missing", content_id or entry.name, entry.location)
    for content_id, attachment in sent.items():
        if content_id not in listed:
            exam.find("attachment-unlisted", content_id or attachment.name, attachment.location)
    exam.attachments = await exam.offload(_decode_all, exam, list(sent.values()))


def _unique(
    exam: Examination, entries: tuple[ManifestEntry, ...] | tuple[EncodedAttachment, ...]
) -> dict[str, ManifestEntry | EncodedAttachment]:
    unique: dict[str, ManifestEntry | EncodedAttachment] = {}
    for entry in entries:
        if not entry.content_id:
            exam.find("metadata-missing", "ContentId", entry.location)
        elif entry.content_id in unique:
            exam.find("attachment-repeated", entry.content_id, entry.location)
        else:
            unique[entry.content_id] = entry
    return unique


def _decode_all(exam: Examination, attachments: list[ManifestEntry | EncodedAttachment]) -> tuple[Attachment, ...]:
    decoded = []
    for attachment in attachments:
        assert isinstance(attachment, EncodedAttachment)
        # white space between lines is what real senders write; anything else is refused (RFC 4648 §3.3)
        try:
            octets = base64.b64decode(attachment.encoded.translate(_WHITE), validate=True)
        except (binascii.Error, ValueError) as error:
            exam.find("attachment-encoding", str(error), attachment.location)
            continue
        if not octets:
            exam.find("attachment-empty", attachment.content_id, attachment.location)
            continue
        decoded.append(
            Attachment(
                attachment.content_id,
                attachment.name,
                attachment.content_type,
                len(octets),
                hashlib.sha256(octets).hexdigest(),
                attachment.location,
                partial(io.BytesIO, octets),
            )
        )
    return tuple(decoded)
