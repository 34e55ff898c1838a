"""Documents with attachments beside them, from files and into files: nothing of an attachment is held in memory."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from hub.envelope.related import (
    MEDIA_TYPE,
    Bound,
    Form,
    Octets,
    OutgoingPart,
    PartHead,
    PartLimits,
    Related,
    RelatedReader,
)
from hub.envelope.writing import OutgoingAttachment

_UNLIMITED = PartLimits(sys.maxsize, sys.maxsize, 100_000)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file to be sent beside the document, under the ContentId that the manifest gives it."""

    content_id: str
    path: Path
    media_type: str = "application/octet-stream"


def beside(path: Path, media_type: str, *, name: str = "") -> tuple[OutgoingAttachment, FilePart]:
    """A file as the manifest binds it, by size and SHA-256, and the part that carries it. Reads the file once."""
    with path.open("rb") as file:
        bound = Bound.of(file)
    attachment = OutgoingAttachment(name or path.name, media_type=media_type, part=bound)
    return attachment, FilePart(attachment.content_id, path, media_type)


def body_of(message: bytes, parts: Sequence[FilePart]) -> Related:
    """The signed document and its files as one body, read while it is sent and anew for every try."""
    return Related(
        hashlib.sha256(message).hexdigest(),
        Octets(len(message), partial(io.BytesIO, message)),
        tuple(
            OutgoingPart(
                part.content_id, Octets(part.path.stat().st_size, partial(io.FileIO, part.path)), part.media_type
            )
            for part in parts
        ),
    )


@dataclass(slots=True)
class ReceivedFile:
    """One received file; ``sha256`` and ``size`` are of what was written."""

    content_id: str
    path: Path
    file: BinaryIO
    digest: hashlib._Hash
    size: int = 0

    def write(self, chunk: bytes | memoryview) -> None:
        self.digest.update(chunk)
        self.size += len(chunk)
        self.file.write(chunk)

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()


class WholeFile:
    """Receives one long answer into a file, which has its name only once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        self._file: BinaryIO | None = None
        self.size = 0

    def begin(self, headers: Mapping[str, str]) -> None:
        self.close()
        self._file, self.size = self._draft.open("wb"), 0

    def write(self, chunk: bytes) -> None:
        assert self._file is not None, "nothing has begun"
        self._file.write(chunk)
        self.size += len(chunk)

    def end(self) -> None:
        self.close()
        self._draft.replace(self._path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def forget(self) -> None:
        """Remove what was received of an answer that never became whole."""
        self.close()
        self._draft.unlink(missing_ok=True)


class ContentFiles:
    """Receives a document's content into files of a directory: ``document``, and ``parts`` by content id.

    What a broken try has written is written anew by the next one. Whether the digests are those of the manifest is the
    caller's to compare.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reader: RelatedReader | None = None
        self._document: ReceivedFile | None = None
        self.parts: dict[str, ReceivedFile] = {}

    @property
    def document(self) -> ReceivedFile:
        assert self._document is not None, "nothing was received"
        return self._document

    def begin(self, headers: Mapping[str, str]) -> None:
        """An answer begins; ``headers`` in lower case. Raises ``Refused`` for a form that is none."""
        self.forget()
        self._reader, self._document, self.parts = None, None, {}
        content_type = headers.get("content-type", "")
        if content_type.lower().startswith(MEDIA_TYPE):
            self._reader = RelatedReader(Form.of(content_type), _UNLIMITED, self._part)
        else:
            self._document = self._file("", 1)

    def write(self, chunk: bytes) -> None:
        if self._reader is not None:
            self._reader.feed(chunk)
        else:
            self.document.write(chunk)

    def end(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self.close()

    def close(self) -> None:
        for one in (self._document, *self.parts.values()):
            if one is not None:
                one.file.close()

    def forget(self) -> None:
        """Remove what was received and has no other name yet."""
        self.close()
        for one in (self._document, *self.parts.values()):
            if one is not None:
                one.path.unlink(missing_ok=True)

    def _part(self, head: PartHead) -> ReceivedFile:
        file = self._file(head.content_id, head.number)
        if head.is_root:
            self._document = file
        else:
            self.parts[head.content_id] = file
        return file

    def _file(self, content_id: str, number: int) -> ReceivedFile:
        path = self._directory / f".receiving-{number}"
        return ReceivedFile(content_id, path, path.open("wb"), hashlib.sha256())
