"""Octets set aside while they are looked at: counted and hashed as they are written, read from the start at will.

Short ones stay in memory; longer ones go to a file without a name, which no crash can leave behind.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

SPILL_BYTES = 2 * 1024 * 1024
BLOCK = 512 * 1024


class _Handle:
    """A file descriptor, closed when nobody refers to it: never while a thread still works with it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


class _View(io.RawIOBase):
    """One reader of a spool's file, with a position of its own."""

    def __init__(self, handle: _Handle, size: int) -> None:
        self._handle: _Handle | None = handle
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a position before the start")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any writable buffer
        if self._handle is None:
            raise ValueError("the file is closed")
        count = os.preadv(self._handle.number, [buffer], self._position)
        self._position += count
        return count

    def close(self) -> None:
        self._handle = None
        super().close()


class Spool:
    """``write`` appends; ``open`` reads what was written so far; ``discard`` forgets it. For one writer at a time.

    Raises ``OSError`` when the file cannot be written. ``directory`` None: the system's place for temporary files.
    """

    def __init__(self, directory: Path | None = None, spill: int = SPILL_BYTES) -> None:
        self._directory = directory
        self._spill = spill
        self._hash = hashlib.sha256()
        self._memory: io.BytesIO | None = io.BytesIO()
        self._file: _Handle | None = None
        self.size = 0

    def write(self, chunk: bytes | memoryview) -> None:
        self._hash.update(chunk)
        if self._memory is not None and self.size + len(chunk) > self._spill:
            self._roll_over(self._memory)
        file, memory = self._file, self._memory
        if file is not None:
            write_all(file.number, chunk)
        else:
            assert memory is not None, "nothing is written after discard()"
            memory.write(chunk)
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """Digest of what was written so far, 64 lower-case hexadecimal digits."""
        return self._hash.hexdigest()

    @property
    def in_memory(self) -> bool:
        return self._memory is not None

    def open(self) -> BinaryIO:
        """The octets from the start; the caller closes what it gets, and may do so after ``discard``."""
        file, memory = self._file, self._memory
        if file is not None:
            return io.BufferedReader(_View(file, self.size), BLOCK)
        assert memory is not None, "nothing is read after discard()"
        return io.BytesIO(memory.getvalue())  # shares the octets, which neither changes

    def read(self) -> bytes:
        """All octets at once; the caller bounds their number beforehand."""
        with self.open() as file:
            return file.read()

    def discard(self) -> None:
        self._file = self._memory = None

    def _roll_over(self, memory: io.BytesIO) -> None:
        file = _unnamed(self._directory or Path(tempfile.gettempdir()))
        write_all(file.number, memory.getbuffer())
        self._file, self._memory = file, None


def write_all(handle: int, chunk: bytes | memoryview) -> None:
    """Every octet, however few the system takes at a time."""
    left = memoryview(chunk)
    while left:
        left = left[os.write(handle, left) :]


def _unnamed(directory: Path) -> _Handle:
    """A file without a name. Where the file system can do it, it may be given one later (``linkat``)."""
    try:
        return _Handle(os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        # a file system that cannot: make a file and take its name away
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
    number, name = tempfile.mkstemp(dir=directory, prefix="spool-")
    os.unlink(name)
    return _Handle(number)
