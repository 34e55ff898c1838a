"""Removing kept octets that no envelope names any more, though the same octets may come in at that very moment.

An intake makes a file durable first and commits the envelope that names it later; a removal asks the ledger first and
removes the file later. Without care the one would count on a file that the other takes. So:

    intake (``PayloadWriter.keep``)                  removal (``Removal.remove``)
    1. touch the file, or write it anew              1. leave alone what an envelope names, and what is young
    2. look whether it stands; if not, write it      2. move the file aside, in one step (rename)
    3. commit the envelope, within an hour of 1      3. ask the ledger again who names it; look at its time again
                                                     4. named or young: bring it back; else remove it

Whatever the order, octets that an envelope names stay:
- The touch came before the move: at 3 the file is young, or, if it was touched a day ago, its envelope was committed
  within an hour of that and is seen by the question at 3. It is brought back.
- The touch came after the move: it, or the look after it, finds no file, and the intake writes its own.
Bringing back never replaces a file (``link``), so that one written meanwhile stays. A crash after 2 leaves the file
aside; whoever comes next does 3 and 4 with it, and may do so while another still does: both come to ends that are safe.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from hub import clock
from hub.ledger.journal import sync_directory
from hub.ledger.payloads import YOUNG, PayloadStore, path_of

Outcome = Literal["removed", "needed", "young"]
BATCH = 500
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Collected:
    """What a look at one directory found to remove: files, their octets together, and drafts of broken-off writes."""

    files: int = 0
    octets: int = 0
    drafts: int = 0


class Removal:
    """``needed(digests)`` says which of them the ledger still needs. Everything here blocks: call it in a thread."""

    def __init__(
        self, payloads: PayloadStore, needed: Callable[[Sequence[str]], set[str]], young: timedelta = YOUNG
    ) -> None:
        self._payloads = payloads
        self._needed = needed
        self._young = young

    def remove(self, digests: Sequence[str]) -> dict[str, Outcome]:
        """What became of each file. One that is not there counts as removed."""
        self.settle()
        outcome: dict[str, Outcome] = dict.fromkeys(digests, "removed")
        outcome |= dict.fromkeys(self._needed(list(outcome)), "needed")
        for digest in [one for one, became in outcome.items() if became == "removed"]:
            path = path_of(self._payloads.directory, digest)
            try:
                if self._is_young(path, clock.now()):
                    outcome[digest] = "young"
                else:
                    os.rename(path, self._payloads.leaving / f"{digest}-{clock.new_id()}")
            except FileNotFoundError:
                continue  # it went before
        return outcome | self.settle()

    def settle(self) -> dict[str, Outcome]:
        """Bring back or remove all that lies aside, by whomever it was put there."""
        aside = [one for one in self._payloads.leaving.iterdir() if _DIGEST.fullmatch(one.name[:64])]
        outcome: dict[str, Outcome] = {}
        if not aside:
            return outcome
        at = clock.now()
        needed = self._needed(sorted({one.name[:64] for one in aside}))
        for file in aside:
            digest = file.name[:64]
            try:
                young = self._is_young(file, at)
                if young or digest in needed:
                    outcome[digest] = "needed" if digest in needed else "young"
                    self._bring_back(file, path_of(self._payloads.directory, digest))
                file.unlink()
            except FileNotFoundError:
                continue  # another one settled it
        sync_directory(str(self._payloads.leaving))
        return outcome

    def is_the_ledgers(self, newest: str, knows: Callable[[str], bool]) -> bool:
        """Whether these files belong to the ledger that is asked: it must know the envelope that was noted last time.

        A ledger that was set back, or another one, would have all that it does not know removed. ``newest``: the
        envelope to note for the next time.
        """
        file = self._payloads.witness
        noted = file.read_text(encoding="ascii").strip() if file.exists() else ""
        if noted and not knows(noted):
            return False
        if newest != noted:
            draft = file.with_name(f"{file.name}.{clock.new_id()}")
            draft.write_text(f"{newest}\n", encoding="ascii")
            os.replace(draft, file)
        return True

    def collect(self, bucket: int) -> Collected:
        """Remove from one directory what no envelope names: leavings of crashes, and of submissions refused late."""
        drafts = sum(self._draft_removed(one) for one in self._old(self._payloads.bucket(bucket), ".keep-"))
        if not bucket:
            drafts += sum(self._draft_removed(one) for one in self._old(self._payloads.incoming, "spool-"))
        files = octets = 0
        batch: dict[str, int] = {}
        for path in self._old(self._payloads.bucket(bucket)):
            if _DIGEST.fullmatch(path.name):
                batch[path.name] = path.stat().st_size
            if len(batch) == BATCH:
                files, octets = self._counted(batch, files, octets)
                batch = {}
        files, octets = self._counted(batch, files, octets)
        return Collected(files, octets, drafts)

    def _counted(self, batch: dict[str, int], files: int, octets: int) -> tuple[int, int]:
        gone = [one for one, became in (self.remove(list(batch)) if batch else {}).items() if became == "removed"]
        return files + len(gone), octets + sum(batch.get(one, 0) for one in gone)

    def _old(self, directory: Path, prefix: str = "") -> Iterator[Path]:
        at = clock.now()
        with os.scandir(directory) as found:
            for one in found:
                path = Path(one.path)
                try:
                    if one.name.startswith(prefix) and one.is_file() and not self._is_young(path, at):
                        yield path
                except FileNotFoundError:
                    continue  # it went meanwhile

    def _is_young(self, path: Path, at: datetime) -> bool:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) > at - self._young

    def _bring_back(self, file: Path, target: Path) -> None:
        try:
            os.link(file, target)
        except FileExistsError:
            return  # written anew meanwhile
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
                raise
            os.rename(file, target)  # a file system without links
        sync_directory(str(target.parent))

    def _draft_removed(self, path: Path) -> int:
        try:
            path.unlink()
        except FileNotFoundError:
            return 0
        return 1
