"""The payload store: original bytes, kept once under their SHA-256, delivered untouched.

A body is buffered up to 2 MiB and spilled to a temporary file beyond. It becomes durable (file and directory synced)
only by ``keep``, which the intake calls after the verdict and before the ledger's commit.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

from hub import clock

SPILL_BYTES = 2 * 1024 * 1024


class PayloadWriter:
    """One body on its way in. ``write`` hashes; ``keep`` makes it durable; ``discard`` forgets it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._hash = hashlib.sha256()
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by discard()
            SPILL_BYTES, "w+b", dir=str(directory / "incoming"), prefix="body-"
        )
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.size += len(chunk)
        self._file.write(chunk)

    @property
    def sha256(self) -> str:
        """Digest of what was written so far, 64 lower-case hexadecimal digits."""
        return self._hash.hexdigest()

    def read(self) -> bytes:
        """The whole body; the caller bounds its size beforehand."""
        self._file.seek(0)
        return self._file.read()

    def keep(self) -> str:
        """Make the body durable under its digest, which is returned. Blocking: call it in a thread.

        The file is synced before it gets its name: a torn file can never stand under a digest. One that a damaged disk
        shortened is written anew.
        """
        digest = self.sha256
        target = str(path_of(self._directory, digest))
        # plain calls, as few as there can be: each gives the interpreter up and has to win it back
        if not self._stands(target):
            draft = f"{os.path.dirname(target)}/.keep-{clock.new_id()}"
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                self._copy(handle)
                os.replace(draft, target)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        # also when another request named it a moment ago: the name must be durable before ours is answered
        _sync_directory(os.path.dirname(target))
        return digest

    def _stands(self, target: str) -> bool:
        try:
            return os.stat(target).st_size == self.size
        except FileNotFoundError:
            return False

    def _copy(self, handle: int) -> None:
        try:
            self._file.seek(0)
            while chunk := self._file.read(1 << 20):
                left = memoryview(chunk)
                while left:
                    left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def discard(self) -> None:
        self._file.close()


class PayloadStore:
    """Bodies under ``DIRECTORY/sha256/ab/abcdef…``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "incoming").mkdir(parents=True, exist_ok=True)
        for number in range(256):
            (directory / "sha256" / f"{number:02x}").mkdir(parents=True, exist_ok=True)

    def writer(self) -> PayloadWriter:
        return PayloadWriter(self.directory)

    def path(self, sha256: str, size: int) -> Path:
        """Where the body with this digest lies; raises ``FileNotFoundError`` when it is not kept here whole."""
        path = path_of(self.directory, sha256)
        if not path.is_file() or path.stat().st_size != size:
            raise FileNotFoundError(sha256)
        return path


def path_of(directory: Path, sha256: str) -> Path:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("a SHA-256 is 64 lower-case hexadecimal digits")
    return directory / "sha256" / sha256[:2] / sha256


def _sync_directory(directory: str) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
