"""Putting a taken envelope into a directory: the original octets, and every attachment decoded byte for byte."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hub.envelope.hardening import parse
from hub.envelope.reading import read_document
from hub.problems import Refused

if TYPE_CHECKING:
    from adapters.client import ContentFiles
    from adapters.client.replies import LeasedDelivery

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_NAME_OCTETS = 200


def folder_of(delivery: LeasedDelivery, directory: Path) -> Path:
    """A folder of its own for a delivery, made where it is missing."""
    folder = directory / safe_name(f"{delivery['number']}-{delivery['notation']}-{delivery['delivery'][-12:]}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save(delivery: LeasedDelivery, received: ContentFiles, folder: Path) -> list[str]:
    """Name what was received into ``folder``: ``envelope.edxml`` and the attachments; returns the paths, its own first.

    Raises ``Refused`` when the octets are not those that the hub announced and the manifest binds, or an attachment is
    not base64.
    """
    try:
        return _named(delivery, received, folder)
    finally:
        received.forget()


def _named(delivery: LeasedDelivery, received: ContentFiles, folder: Path) -> list[str]:
    if received.document.sha256 != delivery["sha256"]:
        raise Refused("signature-digest", f"{delivery['document_id']} arrived damaged")
    envelope = folder / "envelope.edxml"
    received.document.path.replace(envelope)
    written = [str(envelope)]
    used = {envelope.name.casefold()}
    letter = read_document(parse(envelope.read_bytes()))
    for attachment in letter.attachments:
        try:
            octets = base64.b64decode("".join(attachment.encoded.split()), validate=True)
        except ValueError as error:
            raise Refused("attachment-encoding", attachment.name, attachment.location) from error
        file = folder / _free_name(safe_name(attachment.name or attachment.content_id), used)
        file.write_bytes(octets)
        written.append(str(file))
    listed = {entry.content_id: entry for entry in letter.manifest}
    for content_id, part in received.parts.items():
        entry = listed.get(content_id)
        digest = base64.b64encode(bytes.fromhex(part.sha256)).decode()
        if entry is None or (entry.digest, entry.size) != (digest, str(part.size)):
            raise Refused("attachment-digest", f"{content_id} arrived damaged")
        file = folder / _free_name(safe_name(entry.name or content_id), used)
        part.path.replace(file)
        written.append(str(file))
    return written


def safe_name(name: str) -> str:
    """One path segment made of what a stranger wrote: no separators, no control characters, no dot names."""
    cleaned = _UNSAFE.sub("-", name).strip(" .")
    while len(cleaned.encode()) > _NAME_OCTETS:
        stem, dot, suffix = cleaned.rpartition(".")
        cleaned = f"{stem[:-1]}{dot}{suffix}" if stem else suffix[1:]
    return cleaned or "attachment"


def _free_name(name: str, used: set[str]) -> str:
    """``name``, numbered when the folder has it already in any case."""
    candidate, number = name, 1
    while candidate.casefold() in used:
        number += 1
        stem, dot, suffix = name.rpartition(".")
        candidate = f"{stem}-{number}{dot}{suffix}" if stem else f"{name}-{number}"
    used.add(candidate.casefold())
    return candidate
