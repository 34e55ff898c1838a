"""The folder carrier.

A delivery is a directory of the delivery's id: ``letter.edxml`` (the original octets), ``part-001.pdf`` … (attachments
that came beside it, in the manifest's order) and ``delivery.json`` (what they are, with digests). It is written under
a hidden name in the same folder, made durable, and renamed into place: readers look at names without a leading dot.
Handed over again (the hub stopped between rename and record), files that are still there must be the same octets; what
is missing has been taken. Other octets under the name are never overwritten.
Receipts are files ``receipts/<order>-<id>.json``, made the same way; their names sort in the feed's order.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from hub import clock
from hub.delivery.carrier import Delivered, Failed, Outcome, Parcel
from hub.delivery.connectivity import Found
from hub.language import mark
from hub.ledger.receipts import ReceiptRecord
from hub.problems import HubError
from hub.receipts.showing import shown
from hub.registry.folder import Root, shared_mode
from hub.registry.model import System

log = structlog.get_logger()

PIECE = 1024 * 1024
LETTER, HEAD, RECEIPTS = "letter.edxml", "delivery.json", "receipts"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe under our name must not hold us up
_INSIDE = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_FAILURES = {
    errno.ENOSPC: "answer-error",
    errno.EDQUOT: "answer-error",
    errno.EFBIG: "answer-error",
    errno.EACCES: "misconfigured",
    errno.EPERM: "misconfigured",
    errno.EROFS: "misconfigured",
    errno.ELOOP: "misconfigured",
    errno.ENOTDIR: "misconfigured",
}


class _SourceMissing(Exception):
    """The hub's own octets cannot be read."""


class _Conflict(Exception):
    """The name is taken by other octets."""


class _Late(Exception):
    """The attempt's time is up."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a delivery: its name, and where its octets are."""

    name: str
    sha256: str
    size: int


class FolderCarrier:
    """``Carrier`` over a directory tree. ``root`` None: the operator has not said where folders are."""

    concurrency = 2

    def __init__(self, root: Path | None) -> None:
        self._root = None if root is None else Root(root)
        # own threads: a network disk that hangs must not hold up those of others
        self._threads = ThreadPoolExecutor(8, "folder")

    async def carry(self, parcel: Parcel) -> Outcome:
        """``Delivered`` when the directory is in place and that is durable."""
        return await self._run(lambda root: _hand_over(root, parcel))

    async def tell(self, system: System, receipts: Sequence[ReceiptRecord]) -> Outcome:
        """``Delivered`` when every receipt is in place."""
        return await self._run(lambda root: _tell(root, system, receipts))

    async def probe(self, system: System) -> Found:
        """Whether a file can be written there and removed again."""
        folder = str(system.options.get("folder", ""))
        outcome = await self._run(lambda root: Delivered({"folder": root.check(system.options)}))
        if isinstance(outcome, Failed):
            return Found(False, ((mark("Folder"), folder), (mark("Reason"), f"{outcome.code}: {outcome.detail}")))
        return Found(True, ((mark("Folder"), folder), (mark("A file"), mark("was written and removed"))))

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[Root], Delivered]) -> Outcome:
        if self._root is None:
            return Failed("misconfigured", "LIENTHONG_FOLDER_ROOT is not set")
        return await asyncio.get_running_loop().run_in_executor(self._threads, _outcome, work, self._root)


def _outcome(work: Callable[[Root], Delivered], root: Root) -> Outcome:
    try:
        return work(root)
    except _SourceMissing as error:
        return Failed("octets-missing", str(error))
    except _Conflict as error:
        return Failed("rejected", f"{error}: the folder has other octets under this name")
    except _Late:
        return Failed("timed-out", "writing took too long")
    except HubError as error:  # the folder leads out of the root
        return Failed("misconfigured", error.detail)
    except OSError as error:
        return Failed(_FAILURES.get(error.errno or 0, "unreachable"), error.strerror or str(error))


def _hand_over(root: Root, parcel: Parcel) -> Delivered:
    folder, name = parcel.system.options.get("folder"), parcel.delivery.id
    files = _files(parcel)
    with root.opened(folder if isinstance(folder, str) else "") as place:
        _sweep_away(place, name)
        if not _same(place, name, files):
            hidden = f".{name}.{clock.new_id()}"
            try:
                _write_directory(place, hidden, parcel, files)
                # an empty directory of this name cannot be: it would have been found above
                os.rename(hidden, name, src_dir_fd=place, dst_dir_fd=place)
            except BaseException:
                _remove(place, hidden)
                raise
        os.fsync(place)
    return Delivered({"folder": folder, "name": name})


def _files(parcel: Parcel) -> list[_File]:
    letter = _File(LETTER, parcel.delivery.sha256, parcel.delivery.size)
    parts = [
        _File(f"part-{number:03d}{_extension(part.name)}", part.sha256, part.size)
        for number, part in enumerate(parcel.parts, 1)
    ]
    return [letter, *parts]


def _extension(name: str) -> str:
    """Of names that senders give only what cannot do harm in a file name."""
    found = _EXTENSION.search(name)
    return found.group().lower() if found else ""


def _head(parcel: Parcel, files: list[_File]) -> dict[str, Any]:
    delivery = parcel.delivery
    named = ("", *(part.name for part in parcel.parts))
    identified = ("", *(part.content_id for part in parcel.parts))
    return {
        "delivery": delivery.id,
        "envelope": delivery.envelope_id,
        "recipient": delivery.recipient_code,
        "sender": delivery.sender_code,
        "sender_name": delivery.sender_name,
        "document_id": delivery.document_id,
        "business_type": delivery.business_type,
        "number": delivery.number,
        "notation": delivery.notation,
        "document_type": delivery.document_type,
        "subject": delivery.subject,
        "priority": delivery.priority,
        "due_on": None if delivery.due_on is None else delivery.due_on.isoformat(),
        "received_at": clock.rfc3339(delivery.received_at),
        "traceparent": parcel.traceparent,
        "files": [
            {"file": one.name, "sha256": one.sha256, "size": one.size, "content_id": content_id, "name": name}
            for one, content_id, name in zip(files, identified, named, strict=True)
        ],
    }


def _write_directory(place: int, hidden: str, parcel: Parcel, files: list[_File]) -> None:
    os.mkdir(hidden, 0o700, dir_fd=place)
    inside = os.open(hidden, _INSIDE, dir_fd=place)
    try:
        rights = shared_mode(place, 0o600)
        for one in files:
            _write(inside, one.name, _source(parcel, one), rights, parcel.deadline)
        head = json.dumps(_head(parcel, files), ensure_ascii=False, indent=1).encode()
        _write(inside, HEAD, iter([head]), rights, parcel.deadline)
        # last: it takes the set-group-ID bit away, by which the files above got the folder's group
        os.fchmod(inside, shared_mode(place, 0o700))
        os.fsync(inside)
    finally:
        os.close(inside)


def _source(parcel: Parcel, one: _File) -> Iterator[bytes]:
    """The octets in pieces; only those that were accepted get through to the end."""
    digest = hashlib.sha256()
    try:
        with parcel.file(one.sha256, one.size).open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise _SourceMissing(f"{one.name}: {error.strerror}") from error
    if digest.hexdigest() != one.sha256:
        raise _SourceMissing(f"{one.name}: not the octets that were accepted")


def _write(place: int, name: str, pieces: Iterator[bytes], rights: int, deadline: datetime | None = None) -> None:
    descriptor = os.open(name, _NEW, 0o600, dir_fd=place)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        for piece in pieces:
            if deadline is not None and clock.now() > deadline:
                raise _Late
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
        os.fchmod(file.fileno(), rights)
        os.fsync(file.fileno())


def _same(place: int, name: str, files: list[_File]) -> bool:
    """Whether the delivery is there already. Raises ``_Conflict`` when something else is."""
    try:
        inside = os.open(name, _INSIDE, dir_fd=place)
    except FileNotFoundError:
        return False
    except OSError as error:  # a file or a link
        raise _Conflict(name) from error
    try:
        for one in files:
            if not _holds(inside, one.name, one.sha256):
                raise _Conflict(f"{name}/{one.name}")
    finally:
        os.close(inside)
    return True


def _holds(place: int, name: str, sha256: str) -> bool:
    """Whether the file has these octets, or was taken away already."""
    try:
        descriptor = os.open(name, _READ, dir_fd=place)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _sweep_away(place: int, name: str) -> None:
    """Hidden leftovers of earlier attempts at this delivery."""
    for entry in os.listdir(place):
        if entry.startswith(f".{name}."):
            _remove(place, entry)


def _remove(place: int, hidden: str) -> None:
    try:
        inside = os.open(hidden, _INSIDE, dir_fd=place)
    except FileNotFoundError:
        return
    try:
        for entry in os.listdir(inside):
            os.unlink(entry, dir_fd=inside)
    finally:
        os.close(inside)
    os.rmdir(hidden, dir_fd=place)


def _tell(root: Root, system: System, receipts: Sequence[ReceiptRecord]) -> Delivered:
    folder = system.options.get("folder")
    with root.opened(folder if isinstance(folder, str) else "") as place:
        try:
            os.mkdir(RECEIPTS, shared_mode(place, 0o700), dir_fd=place)
            _share(place, RECEIPTS)
            os.fsync(place)
        except FileExistsError:
            log.debug("folder.receipts_there", system=system.name)
        inside = os.open(RECEIPTS, _INSIDE, dir_fd=place)
        try:
            for one in receipts:
                _put_receipt(place, inside, one)
            os.fsync(inside)
        finally:
            os.close(inside)
    return Delivered({"folder": folder, "receipts": len(receipts)})


def _share(place: int, name: str) -> None:
    """Give a directory the rights that its folder gives the group, whatever this process's mask takes away."""
    inside = os.open(name, _INSIDE, dir_fd=place)
    try:
        os.fchmod(inside, shared_mode(place, 0o700))
    finally:
        os.close(inside)


def _put_receipt(place: int, inside: int, receipt: ReceiptRecord) -> None:
    """Written in the folder itself, which gives files its group, and renamed from there."""
    name = f"{receipt.tx:012d}-{receipt.seq:012d}-{receipt.id}.json"
    octets = json.dumps(shown(receipt), ensure_ascii=False).encode()
    try:
        os.stat(name, dir_fd=inside, follow_symlinks=False)
    except FileNotFoundError:
        hidden = f".{name}.{clock.new_id()}"
        try:
            _write(place, hidden, iter([octets]), shared_mode(place, 0o600))
            os.rename(hidden, name, src_dir_fd=place, dst_dir_fd=inside)
        except BaseException:
            _unlink(place, hidden)
            raise
        return
    if not _holds(inside, name, hashlib.sha256(octets).hexdigest()):
        raise _Conflict(name)


def _unlink(place: int, name: str) -> None:
    if name in os.listdir(place):
        os.unlink(name, dir_fd=place)
