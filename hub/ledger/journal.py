"""Short bodies made durable many at once.

A file of its own for every body, synced, and its name synced too, cost more than all else that accepting a letter takes
from the processor. Instead:

1. ``holding`` appends the bodies to a journal that this process alone writes, and syncs it once: they are durable.
2. Meanwhile its caller writes each body under its digest, where everybody looks for it, and leaves the syncing to the
   system.
3. After ``SETTLED_AFTER`` all that was written is synced at once (syncfs(2)), and the journal is removed.
4. What a process that has died left behind, ``recover`` writes to its place again, synced, if it is not there.

So at every moment a body that was kept is in a synced journal or in a synced file.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from hub import clock
from hub.spool import write_all

log = structlog.get_logger()

SETTLED_AFTER = 30.0  # seconds; about when the system writes files back of itself
LARGEST = 64 * 1024 * 1024  # octets; a longer journal is settled at once
_HEAD = struct.Struct(">4s32sI")
_MARK = b"body"
_ENDING = ".journal"
_NAMED = f"[!.]*{_ENDING}"  # one that begins with a dot is being made

Body = tuple[bytes, bytes]  # SHA-256, octets


class _Volume:
    """One journal file, locked for as long as its process lives."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / f"{clock.new_id()}{_ENDING}"
        # locked before it has a name by which others would look into it
        draft = directory / f".{self.path.name}"
        self.handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(draft, self.path)
            sync_directory(directory)
        except OSError:
            for name in (draft, self.path):
                name.unlink(missing_ok=True)
            os.close(self.handle)
            raise
        self.size = 0
        self.users = 0  # who has bodies in it that are not in their places yet
        self.settling = False

    def append(self, octets: bytes) -> None:
        write_all(self.handle, octets)
        os.fdatasync(self.handle)
        self.size += len(octets)


class Journal:
    """The journals of this process in one directory. Safe for threads; raises ``OSError`` when it cannot be written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._changed = threading.Condition()
        self._volume: _Volume | None = None

    @contextmanager
    def holding(self, bodies: Sequence[Body]) -> Iterator[None]:
        """Durable from here on. The journal stays at least until the caller has written the bodies to their places."""
        volume = self._append(b"".join(_HEAD.pack(_MARK, *_told(body)) + body[1] for body in bodies))
        try:
            yield
        finally:
            with self._changed:
                volume.users -= 1
                self._changed.notify_all()

    def _append(self, octets: bytes) -> _Volume:
        with self._changed:
            volume = self._volume or self._begun()
            try:
                volume.append(octets)
            except OSError:
                # nothing could be found behind a record that is torn
                self._volume = None
                raise
            volume.users += 1
            if volume.size > LARGEST:
                self._volume = None
                self._after(0.0, volume)
            return volume

    def _begun(self) -> _Volume:
        self._volume = _Volume(self._directory)
        self._after(SETTLED_AFTER, self._volume)
        return self._volume

    def _after(self, seconds: float, volume: _Volume) -> None:
        timer = threading.Timer(seconds, self._settle, (volume,))
        timer.daemon = True
        timer.start()

    def settle(self) -> None:
        """Sync what was written, and remove the journal; a new one is begun when it is needed."""
        if (volume := self._volume) is not None:
            self._settle(volume)

    def _settle(self, volume: _Volume) -> None:
        with self._changed:
            if volume.settling:
                return
            volume.settling = True
            if self._volume is volume:
                self._volume = None
            self._changed.wait_for(lambda: volume.users == 0)
        try:
            sync_everything(self._directory)
            volume.path.unlink()
        except OSError as error:
            # it stays, for ``recover``
            log.error("journal.unsettled", path=str(volume.path), reason=str(error))
        finally:
            os.close(volume.handle)


def _told(body: Body) -> tuple[bytes, int]:
    return body[0], len(body[1])


def recover(directory: Path, kept: Callable[[bytes, bytes], object]) -> int:
    """Give ``kept(digest, octets)`` every body that dead processes left in journals; how many there were.

    ``kept`` makes durable what is not in its place. Journals of living processes are left alone; of processes that
    recover at once, each waits for the other.
    """
    found = 0
    if not any(directory.glob(_NAMED)):
        return found
    whole = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(whole, fcntl.LOCK_EX)
        for path in sorted(directory.glob(_NAMED)):
            found += _recovered(path, kept)
    finally:
        os.close(whole)
    return found


def _recovered(path: Path, kept: Callable[[bytes, bytes], object]) -> int:
    found = 0
    with suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        while (head := file.read(_HEAD.size)) and len(head) == _HEAD.size:
            mark, digest, length = _HEAD.unpack(head)
            octets = file.read(length)
            if mark != _MARK or hashlib.sha256(octets).digest() != digest:
                break  # it was being written when the machine went down: nobody was told that it is kept
            kept(digest, octets)
            found += 1
        sync_everything(path.parent)
        path.unlink()
    return found


def sync_directory(directory: Path | str) -> None:
    """The names in it."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_everything(directory: Path) -> None:
    """All files of the file system on which the directory lies (syncfs(2)); of all, where there is no such call."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(directory))
    finally:
        os.close(handle)
