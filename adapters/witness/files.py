"""The state of a witness without a database: one small file for each log, which is the checkpoint it cosigned last.

A file is replaced whole, and is on the disk before an answer goes out. One that cannot be read is an error, never "none
yet": a witness that forgets would cosign another past.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import json
import os
import tempfile
import threading
from pathlib import Path

from hub import clock
from hub.audit.note import Checkpoint, Note
from hub.audit.witness import MOST_EVIDENCE, NOTHING, Evidence, Judged, Offer, Seen, judge
from hub.problems import Deferred, Misconfigured


class FileMemory:
    """``Memory`` in a directory, which is this program's alone as long as it runs. Raises ``Misconfigured``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._evidence = directory / "evidence"
        # a thread's lock: a request that is cancelled must not let the next one in before its file is written
        self._lock = threading.Lock()
        try:
            self._evidence.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._held = (directory / "lock").open("ab")
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._held.close()
            raise Misconfigured("settings-invalid", f"{directory}: another witness uses it", "--state") from error
        except OSError as error:
            raise Misconfigured("settings-invalid", f"{directory}: {error.strerror}", "--state") from error

    def close(self) -> None:
        """Let another program have the directory."""
        self._held.close()

    def last_seen(self, origin: str) -> Seen:
        """The checkpoint of a log that was cosigned last. Raises ``Misconfigured`` for a file that is none."""
        file = self._file(origin)
        try:
            note = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return NOTHING
        except ValueError as error:
            raise Misconfigured("settings-invalid", f"{file}: not text", "--state") from error
        try:
            checkpoint = Checkpoint.parse(Note.parse(note).text)
        except ValueError as error:
            raise Misconfigured("settings-invalid", f"{file}: {error}", "--state") from error
        if checkpoint.origin != origin:
            raise Misconfigured("settings-invalid", f"{file}: a checkpoint of {checkpoint.origin}", "--state")
        return Seen(checkpoint.size, checkpoint.root, note)

    async def advance(self, offer: Offer) -> Judged:
        return await asyncio.to_thread(self._guarded, offer)

    def _guarded(self, offer: Offer) -> Judged:
        try:
            with self._lock:
                return self._advance(offer)
        except OSError as error:
            raise Deferred("ledger-unavailable", f"{self._directory}: {error.strerror}") from error

    def _advance(self, offer: Offer) -> Judged:
        last = self.last_seen(offer.checkpoint.origin)
        judged = Judged(judge(last, offer), last, clock.now())
        if judged.kind == "accepted" and offer.note != last.note:
            _replace(self._file(offer.checkpoint.origin), offer.note)
        return judged

    async def accuse(self, evidence: Evidence) -> None:
        await asyncio.to_thread(self._accuse, evidence)

    def _accuse(self, evidence: Evidence) -> None:
        stem = f"{_stem(evidence.origin)}-{evidence.kind}"
        file = self._evidence / f"{stem}-{evidence.size}-{evidence.root.hex()[:16]}.json"
        try:
            with self._lock:
                alike = sorted(self._evidence.glob(f"{stem}-*.json"), key=lambda one: one.stat().st_mtime_ns)
                full = len(alike) >= MOST_EVIDENCE
                if file in alike or (full and evidence.kind == "forked"):
                    return
                _replace(file, _told(evidence))
                if full:
                    alike[0].unlink()
        except OSError as error:
            raise Deferred("ledger-unavailable", f"{file}: {error.strerror}") from error

    def evidence(self) -> list[Path]:
        """The files that tell what speaks against logs, the oldest first."""
        return sorted(self._evidence.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)

    def _file(self, origin: str) -> Path:
        return self._directory / f"{_stem(origin)}.checkpoint"


def _stem(origin: str) -> str:
    """A name for a file: origins have slashes, and may be longer than names of files."""
    return hashlib.sha256(origin.encode()).hexdigest()[:32]


def _told(evidence: Evidence) -> str:
    told = {
        "kind": evidence.kind,
        "origin": evidence.origin,
        "at": clock.rfc3339(evidence.at),
        "size": evidence.size,
        "root": base64.b64encode(evidence.root).decode(),
        "earlier": evidence.earlier,
        "later": evidence.later,
        "proof": [base64.b64encode(one).decode() for one in evidence.proof],
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def _replace(file: Path, content: str) -> None:
    """On the disk, whole, when this returns."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(content.encode())
            written.flush()
            os.fsync(written.fileno())
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
