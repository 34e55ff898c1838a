"""The payload store: original bytes, kept once under their SHA-256, delivered untouched.

A body is buffered up to 2 MiB and spilled to a file without a name beyond. It becomes durable only by ``keep``, which
the intake calls after the verdict and before the ledger's commit: file and directory are synced, or a journal that has
the octets (``hub.ledger.journal``).

What nobody names any more is removed (``hub.ledger.payload_removal``), perhaps while the same octets come in again. So
``keep`` always leaves a file whose time of modification is now, which the other side leaves alone for ``YOUNG``; the
intake commits within ``COMMITTED_WITHIN`` of it, or not at all.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import structlog

from hub import clock
from hub.ledger.journal import Body, Journal, recover, sync_directory
from hub.spool import BLOCK, SPILL_BYTES, Spool, write_all

log = structlog.get_logger()

# up to this length a body is written twice rather than synced by itself
SHORT = 64 * 1024
# a long body is synced as it comes, so that keeping it does not hold up others for its whole length
SYNC_BYTES = 32 * 1024 * 1024
# a file touched since is left alone even if no envelope names it: its envelope may be about to be committed
YOUNG = timedelta(days=1)
# far less: between them lie clocks that differ, and a commit that was held up
COMMITTED_WITHIN = timedelta(hours=1)


class PayloadWriter(Spool):
    """One body on its way in. ``write`` hashes; ``keep`` makes it durable; ``discard`` forgets it."""

    def __init__(self, directory: Path, spill: int = SPILL_BYTES) -> None:
        super().__init__(directory / "incoming", spill)
        self.payloads = directory
        self._synced = 0

    def write(self, chunk: bytes | memoryview) -> None:
        super().write(chunk)
        file = self._file
        if file is not None and self.size - self._synced >= SYNC_BYTES:
            os.fdatasync(file.number)
            self._synced = self.size

    def keep(self) -> str:
        """Make the body durable under its digest, which is returned. Blocking: call it in a thread.

        Raises ``OSError``; ``ValueError`` after ``discard``.
        """
        (outcome,) = keep_all([self])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def octets(self) -> tuple[BytesIO | None, int | None]:
        """What was written: in memory, or a file by its descriptor. Raises ``ValueError`` after ``discard``."""
        file, memory = self._file, self._memory
        if file is None and memory is None:
            raise ValueError("the body was discarded")
        return memory, None if file is None else file.number

    def is_kept(self) -> bool:
        """Whether a body with this digest and length is kept already."""
        return self._stands(str(path_of(self.payloads, self.sha256)))

    def touched(self, target: str) -> bool:
        """Whether it stands there whole; it is made young then.

        Touched first and looked at afterwards: whoever removes it takes it away first and looks at its time afterwards,
        so that one of the two sees the other.
        """
        try:
            os.utime(target)
        except FileNotFoundError:
            return False
        return self._stands(target)

    def _stands(self, target: str) -> bool:
        try:
            return os.stat(target).st_size == self.size
        except FileNotFoundError:
            return False


class PayloadStore:
    """Bodies under ``DIRECTORY/sha256/ab/abcdef…``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.incoming.mkdir(parents=True, exist_ok=True)
        self.leaving.mkdir(parents=True, exist_ok=True)
        for number in range(256):
            self.bucket(number).mkdir(parents=True, exist_ok=True)
        self._journals.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(self._journals)

    @property
    def _journals(self) -> Path:
        return self.directory / "journals"

    def recover(self) -> int:
        """Write again what a machine that went down lost of the bodies it had kept; how many were looked at.

        For whoever is about to use the store: before that, a file may stand under a digest that is not its own.
        """
        return recover(self._journals, self._restored)

    def _restored(self, digest: bytes, octets: bytes) -> None:
        path = path_of(self.directory, digest.hex())
        with suppress(FileNotFoundError):
            if path.read_bytes() == octets:
                return
            path.unlink()
        writer = self.writer()
        writer.write(octets)
        writer.keep()

    @property
    def incoming(self) -> Path:
        """Where octets lie that are not kept yet: on the same file system, so that keeping them copies nothing."""
        return self.directory / "incoming"

    @property
    def leaving(self) -> Path:
        """Where a file lies between being taken away and being removed, or brought back."""
        return self.directory / "leaving"

    @property
    def witness(self) -> Path:
        """Names an envelope whose octets came here: a ledger that does not know it is not the one of these files."""
        return self.directory / "last-known-envelope"

    def bucket(self, number: int) -> Path:
        """One of the 256 directories of kept files."""
        return self.directory / "sha256" / f"{number:02x}"

    def writer(self, spill: int = SPILL_BYTES) -> PayloadWriter:
        """``spill``: octets that may stay in memory."""
        return PayloadWriter(self.directory, spill)

    def path(self, sha256: str, size: int) -> Path:
        """Where the body with this digest lies; raises ``FileNotFoundError`` when it is not kept here whole."""
        path = path_of(self.directory, sha256)
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
            raise FileNotFoundError(sha256)
        return path

    def has(self, sha256: str, size: int) -> bool:
        """Whether these octets are kept, in their whole length."""
        try:
            self.path(sha256, size)
        except OSError:
            return False
        return True


def path_of(directory: Path, sha256: str) -> Path:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("a SHA-256 is 64 lower-case hexadecimal digits")
    return directory.joinpath("sha256", sha256[:2], sha256)


class _Draft:
    """A body on its way to its name. A step that fails is the outcome, and no further one is taken."""

    def __init__(self, body: PayloadWriter) -> None:
        self._body = body
        self._handle = -1
        self._name = ""  # of the draft, while there is one
        self._target = ""
        self.short = False  # and new
        self.journaled = False
        self.outcome: str | Exception = ""

    def take(self, step: Callable[[_Draft], None]) -> None:
        if isinstance(self.outcome, str):
            try:
                step(self)
            except (OSError, ValueError) as error:  # ValueError: its request was cancelled and has closed it
                self.outcome = error

    # plain calls, as few as there can be: each gives the interpreter up and has to win it back

    def look(self) -> None:
        """A file that stands there whole is not written again; one that a damaged disk shortened is."""
        memory, _ = self._body.octets
        self.outcome = self._body.sha256
        self._target = str(path_of(self._body.payloads, self.outcome))
        if not self._body.touched(self._target):
            self._name = f"{os.path.dirname(self._target)}/.keep-{clock.new_id()}"
            self.short = memory is not None and self._body.size <= SHORT

    def record(self) -> Body:
        """What a journal keeps of a short body. Raises ``ValueError`` as ``octets``."""
        memory, _ = self._body.octets
        assert memory is not None, "a short body is in memory"
        return bytes.fromhex(self._body.sha256), memory.getvalue()

    def write(self) -> None:
        memory, file = self._body.octets
        if not self._name:
            return
        if memory is not None:
            self._handle = os.open(self._name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            write_all(self._handle, memory.getvalue())
        elif file is not None:
            os.utime(file)  # it may have been written long ago

    def sync(self) -> None:
        _, file = self._body.octets
        if self.journaled:
            return
        if self._handle >= 0:
            os.fsync(self._handle)
        elif self._name and file is not None:
            os.fsync(file)
            if not _link(file, self._name):
                with self._body.open() as octets:
                    _copy(octets, self._name)

    def name(self) -> None:
        """Only now: a torn file can never stand under a digest, unless a journal has it whole."""
        if self._name:
            os.replace(self._name, self._target)
            self._name = ""

    def sync_name(self) -> None:
        """Also when another request named it a moment ago: its name must be durable before this one is answered."""
        if not self.journaled:
            sync_directory(os.path.dirname(self._target))

    def forget(self) -> None:
        """Close what is open; of a draft without its name nothing is left."""
        if self._handle >= 0:
            os.close(self._handle)
        if self._name:
            Path(self._name).unlink(missing_ok=True)


def keep_all(bodies: Sequence[PayloadWriter], journal: Journal | None = None) -> list[str | Exception]:
    """``keep`` for several: the digest of each, or what went wrong with it.

    Short ones are made durable together in the ``journal`` where there is one, before they get files that nobody syncs.
    """
    drafts = [_Draft(body) for body in bodies]
    try:
        _all(drafts, _Draft.look)
        with ExitStack() as stack:
            if journal is not None:
                stack.enter_context(_journaled([draft for draft in drafts if draft.short], journal))
            _all(drafts, _Draft.write, _Draft.sync, _Draft.name, _Draft.sync_name)
    finally:
        for draft in drafts:
            draft.forget()
    return [draft.outcome for draft in drafts]


def _all(drafts: Sequence[_Draft], *steps: Callable[[_Draft], None]) -> None:
    for step in steps:
        for draft in drafts:
            draft.take(step)


@contextmanager
def _journaled(drafts: Sequence[_Draft], journal: Journal) -> Iterator[None]:
    records: list[Body] = []

    def record(draft: _Draft) -> None:
        records.append(draft.record())
        draft.journaled = True

    _all(drafts, record)
    with ExitStack() as stack:
        if records:
            try:
                stack.enter_context(journal.holding(records))
            except OSError as error:
                log.warning("journal.unwritable", reason=str(error))
                for draft in drafts:
                    draft.journaled = False  # each is synced by itself, if it can be
        yield


def _copy(octets: BinaryIO, name: str) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        while chunk := octets.read(BLOCK):
            write_all(handle, chunk)
        os.fsync(handle)
    finally:
        os.close(handle)


def _link(handle: int, name: str) -> bool:
    """Give a file without a name one (``linkat``); False where the system cannot, and the octets must be copied."""
    try:
        # by a directory's handle, for without one Python calls link(), which does not follow this kind of link
        descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.link(str(handle), name, src_dir_fd=descriptors, follow_symlinks=True)
    except OSError:
        return False
    finally:
        os.close(descriptors)
    return True
