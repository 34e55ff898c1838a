"""One attachment taken out of a kept document that has it inside, without holding either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hub.envelope.encoded import Base64
from hub.envelope.hardening import Limits
from hub.envelope.long_texts import parse_long
from hub.envelope.reading import read_document
from hub.spool import Spool


def taken_out(document: Path, content_id: str, sha256: str, scratch: Path) -> BinaryIO:
    """Its octets from the start, decoded piece by piece into a file in ``scratch``. Blocking: call it in a thread.

    Raises ``OSError`` when they are not those that were accepted: ``sha256``, hexadecimal.
    """
    spool = Spool(scratch)
    for piece in _decoded(document, content_id):
        spool.write(piece)
    if spool.sha256 != sha256:
        raise OSError("the attachment is not what was accepted")
    return spool.open()


def _decoded(document: Path, content_id: str) -> Iterator[bytes]:
    found = parse_long(lambda: document.open("rb"), Limits())
    long = {text.token: text for text in found.texts}
    one = next((one for one in read_document(found.root).attachments if one.content_id == content_id), None)
    if one is None:
        return
    decoder = Base64()
    text = long.get(one.encoded)
    for characters in (one.encoded.encode(),) if text is None else text.pieces():
        yield decoder.decode(characters)
    yield decoder.close()
