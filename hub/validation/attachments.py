"""Check: manifest and attachments join one to one, each whole and as digested (edXML 1.2; RFC 2387, RFC 4648 §3.3).

An attachment stands inside the document, in base64, or beside it as a part. A part is bound to its manifest entry by
digest and size, so that the one signature covers it; an attachment inside may be bound as well.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import TypeVar

from hub.envelope.encoded import Base64
from hub.envelope.model import EncodedAttachment, ManifestEntry, ReceivedPart
from hub.spool import Spool
from hub.validation.decoding import IN_MEMORY
from hub.validation.examination import Attachment, Content, Examination

MANIFEST = "/edXML/edXMLEnvelope/edXMLBody/edXMLManifest"
STEP = 512 * 1024

# recall and update speak of a document that was sent before (clause 2.2.1); new and replacing ones bring it
WITHOUT_DOCUMENT = (1, 2)

Named = TypeVar("Named", ManifestEntry, EncodedAttachment, ReceivedPart)


async def check(exam: Examination) -> None:
    content, parts = exam.parsed, exam.received.parts
    if not (content.attachments or content.manifest or parts):
        if exam.business_type not in WITHOUT_DOCUMENT:
            exam.find("attachment-missing", "the envelope has no attachment", MANIFEST)
        return
    count = max(len(content.attachments) + len(parts), len(content.manifest))
    if count > exam.policy.attachments:
        exam.find("attachment-limit", f"{count} of {exam.policy.attachments}", MANIFEST)
        return
    listed = _unique(exam, content.manifest)
    inside, beside = _unique(exam, content.attachments), _unique(exam, parts)
    for content_id in inside.keys() & beside.keys():
        exam.find("attachment-repeated", f"{content_id}: inside the document and beside it", _place(beside[content_id]))
        del beside[content_id]
    sent: dict[str, EncodedAttachment | ReceivedPart] = {**inside, **beside}
    for content_id, entry in listed.items():
        if content_id not in sent:
            exam.find("attachment-missing", content_id or entry.name, entry.location)
    for content_id, one in sent.items():
        if content_id not in listed:
            exam.find("attachment-unlisted", content_id, _place(one))
    found = [*await exam.offload(_decoded, exam, list(inside.values())), *_taken(exam, beside.values(), listed)]
    for attachment in found:
        if attachment.content_id in listed:
            _check_binding(exam, attachment, listed[attachment.content_id])
            _check_names(exam, attachment, listed[attachment.content_id])
    order = {content_id: number for number, content_id in enumerate(listed)}
    exam.attachments = tuple(sorted(found, key=lambda one: order.get(one.content_id, len(order))))


def _check_names(exam: Examination, attachment: Attachment, entry: ManifestEntry) -> None:
    """Receivers show one or the other; which one is not for the hub to say."""
    if entry.name and attachment.name and entry.name != attachment.name:
        detail = f"{entry.name} in the manifest, {attachment.name} beside the content"
        exam.apply("attachment.names-agree", detail, attachment.location)


def _place(one: ManifestEntry | EncodedAttachment | ReceivedPart) -> str:
    return f"part {one.content_id}" if isinstance(one, ReceivedPart) else one.location


def _unique(exam: Examination, entries: Iterable[Named]) -> dict[str, Named]:
    unique: dict[str, Named] = {}
    for entry in entries:
        if not entry.content_id:
            exam.find("metadata-missing", "ContentId", _place(entry))
        elif entry.content_id in unique:
            exam.find("attachment-repeated", entry.content_id, _place(entry))
        else:
            unique[entry.content_id] = entry
    return unique


def _decoded(exam: Examination, attachments: list[EncodedAttachment]) -> list[Attachment]:
    """One after the other, and each in pieces: no two of their texts are held at once."""
    found = []
    memory = IN_MEMORY
    for attachment in attachments:
        # where a token stands for the text, it was decoded while it was digested
        before = exam.inside.get(attachment.encoded) if exam.inside else None
        content = before or _content(attachment, Spool(exam.policy.scratch, memory))
        spool = content.spool
        if content.wrong:
            exam.find("attachment-encoding", content.wrong, attachment.location)
            continue
        if not spool.size:
            exam.find("attachment-empty", attachment.content_id, attachment.location)
            continue
        memory -= spool.size if spool.in_memory else 0
        found.append(
            Attachment(
                attachment.content_id,
                attachment.name,
                attachment.content_type,
                spool.size,
                spool.sha256,
                attachment.location,
                spool.open,
            )
        )
    return found


def _content(attachment: EncodedAttachment, spool: Spool) -> Content:
    try:
        for octets in octets_of(attachment):
            spool.write(octets)
    except ValueError as error:
        return Content(spool, str(error) or "no base64")
    return Content(spool)


def octets_of(attachment: EncodedAttachment) -> Iterator[bytes]:
    """What the base64 text stands for, in pieces; the tree forgets the text.

    Raises ``ValueError`` (``binascii.Error`` too) where it is wrong.
    """
    text = attachment.encoded
    attachment.release()
    decoder = Base64()
    for start in range(0, len(text), STEP):
        yield decoder.decode(text[start : start + STEP].encode("ascii"))
    yield decoder.close()


def _taken(exam: Examination, parts: Iterable[ReceivedPart], listed: dict[str, ManifestEntry]) -> Iterator[Attachment]:
    """Parts under the names that the signed manifest gives them; what a part's own head says is not signed."""
    for part in parts:
        entry = listed.get(part.content_id, ManifestEntry(part.content_id, location=_place(part)))
        if not part.size:
            exam.find("attachment-empty", part.content_id, entry.location)
            continue
        yield Attachment(
            part.content_id,
            entry.name,
            entry.content_type,
            part.size,
            part.sha256,
            entry.location,
            part.open,
            {"form": "part"},
        )


def _check_binding(exam: Examination, attachment: Attachment, entry: ManifestEntry) -> None:
    if not (entry.digest and entry.size):
        if entry.digest or entry.size or attachment.seen.get("form") == "part":
            missing = "Digest" if not entry.digest else "Size"
            exam.find("attachment-digest-missing", f"{attachment.content_id}: {missing}", entry.location)
        return
    if not (entry.size.isascii() and entry.size.isdigit()) or entry.size.lstrip("0") != str(attachment.size):
        detail = f"{attachment.content_id}: {attachment.size} octets, Size {entry.size[:20]}"
        exam.find("attachment-digest", detail, f"{entry.location}/Size")
    elif "".join(entry.digest.split()) != base64.b64encode(bytes.fromhex(attachment.sha256)).decode():
        detail = f"{attachment.content_id}: SHA-256 {attachment.sha256}"
        exam.find("attachment-digest", detail, f"{entry.location}/Digest")
