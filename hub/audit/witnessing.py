"""Getting cosignatures (C2SP tlog-witness, the log's side).

A few seconds after a checkpoint is sealed, each witness has it with the proof from what that witness cosigned last.

One loop for each witness: one that is slow or gone delays neither the others nor the sealing. A witness that has seen
more of this log than there is, or to which nothing can be proved, says that the log was rolled back or rewritten.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from hub import clock
from hub.audit.note import Note, VerifierKey, line, signature_lines
from hub.audit.sealer import Rewritten
from hub.audit.witness import Submission
from hub.problems import Deferred

log = structlog.get_logger()
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n?")
LONGEST_PAUSE = 60.0
# a witness that dates its cosignatures later than this is no use as evidence
AHEAD_SECONDS = 300
# several sealers' hosts may submit for one log: each conflict tells where the witness is by now
_TRIES = 5


class Unreachable(Exception):
    """The witness does not answer, or not as witnesses do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a witness answered: HTTP status and text."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as the log signed it."""

    size: int
    note: str


class Connection(Protocol):
    """The way to one witness."""

    async def add_checkpoint(self, body: bytes) -> Reply:
        """Raises ``Unreachable``."""
        ...

    async def close(self) -> None: ...


class CosignatureStore(Protocol):
    """Checkpoints and cosignatures. Everything raises ``Deferred`` when the store is away."""

    async def newest(self) -> Signed | None:
        """The newest checkpoint; None before the first."""
        ...

    async def cosigned(self, witness: str) -> int:
        """The size of the newest checkpoint that this witness cosigned; 0 when there is none."""
        ...

    async def proof(self, old: int, size: int) -> Sequence[bytes]:
        """The consistency proof between two sizes. Raises ``Rewritten`` where the tree has holes."""
        ...

    async def keep(self, size: int, witness: str, signature: str) -> None:
        """Keep a cosignature; the witness is in no trouble any more."""
        ...

    async def rewritten(self, detail: str) -> None:
        """Say for all to see that this log was rewritten."""
        ...

    async def silent(self, witness: str, detail: str) -> None:
        """Say for all to see that a witness has not cosigned for long."""
        ...

    async def only(self, witnesses: Sequence[str], logs: Sequence[str]) -> None:
        """Forget the troubles with witnesses that are not asked any more, and with logs not watched any more."""
        ...


class Cosigning:
    """Runs until cancelled. ``every``: seconds between looks; ``patience``: failing longer than this is trouble."""

    def __init__(
        self, key: VerifierKey, connection: Connection, store: CosignatureStore, every: float, patience: float
    ) -> None:
        self._key = key
        self.witness = key.text
        self._connection = connection
        self._store = store
        self._every = every
        self._patience = patience
        self._failing_since: float | None = None
        self._failures = 0

    async def run(self) -> None:
        try:
            while True:
                pause = await self._looked()
                await asyncio.sleep(pause)
        finally:
            await self._connection.close()

    async def _looked(self) -> float:
        """One look; seconds until the next."""
        try:
            await self.step()
        except Deferred as error:
            log.warning("witness.waiting", witness=self._key.name, reason=str(error))
        return self._every if not self._failures else self._pause()

    async def step(self) -> None:
        """Bring the newest checkpoint to the witness, if it has not cosigned it. Raises ``Deferred``."""
        newest = await self._store.newest()
        cosigned = await self._store.cosigned(self.witness)
        if newest is None or cosigned >= newest.size:
            return
        try:
            await self._submit(newest, cosigned)
        except Unreachable as error:
            await self._failed(str(error))
        except Rewritten as error:
            self._failures += 1
            self._failing_since = None
            log.critical("log.rewritten", witness=self._key.name, reason=str(error))
            await self._store.rewritten(str(error))
        else:
            self._failures, self._failing_since = 0, None

    async def _submit(self, newest: Signed, old: int) -> None:
        for _ in range(_TRIES):
            proof = await self._store.proof(old, newest.size)
            reply = await self._connection.add_checkpoint(Submission(old, tuple(proof), newest.note).body)
            if reply.status == 200:
                await self._store.keep(newest.size, self.witness, self._checked(newest, reply.text))
                return
            if reply.status == 422:
                raise Rewritten(f"{self._key.name}: {newest.size} leaves do not continue the {old} that it cosigned")
            if reply.status != 409 or (told := _SIZE.fullmatch(reply.text)) is None:
                raise Unreachable(f"answers {reply.status}")
            newest, old = await self._after_conflict(newest, old, int(told[1]))
        raise Unreachable("tells another size each time")

    async def _after_conflict(self, newest: Signed, old: int, told: int) -> tuple[Signed, int]:
        """What to submit instead, by the size that the witness told. Raises ``Rewritten``."""
        if told == newest.size == old:
            raise Rewritten(f"{self._key.name}: it cosigned another tree of {told} leaves")
        if told > newest.size:
            # another process of this hub may have sealed and submitted meanwhile
            newest = await self._store.newest() or newest
        if told > newest.size:
            raise Rewritten(f"{self._key.name}: it cosigned {told} leaves, and there are {newest.size}")
        if told < await self._store.cosigned(self.witness):
            log.warning("witness.forgot", witness=self._key.name, told=told)
        return newest, told

    def _checked(self, newest: Signed, text: str) -> str:
        """The witness's own line in its answer, written anew. Raises ``Unreachable``."""
        body = Note.parse(newest.note).text
        try:
            signatures = signature_lines(text)
        except ValueError as error:
            raise Unreachable(f"answers no cosignature: {error}") from error
        own = tuple(one for one in signatures if one[:2] == (self._key.name, self._key.id))
        seconds = Note(body, own).seconds_of(self._key)
        if seconds is None:
            raise Unreachable("its cosignature does not verify with the key in the settings")
        if seconds > clock.now().timestamp() + AHEAD_SECONDS:
            raise Unreachable("its clock is ahead")
        return line(self._key, own[0][2])

    async def _failed(self, reason: str) -> None:
        now = clock.monotonic()
        self._failures += 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        log.warning("witness.unreachable", witness=self._key.name, failures=self._failures, reason=reason)
        if now - self._failing_since >= self._patience:
            await self._store.silent(self.witness, reason)

    def _pause(self) -> float:
        longest = max(LONGEST_PAUSE, self._every)
        most = min(longest, self._every * 2 ** min(self._failures, 16))
        return clock.jitter(most / 2, most)


class Witnessing:
    """All witnesses at once, until cancelled; ``logs``: the origins of those that this hub watches itself."""

    def __init__(self, store: CosignatureStore, loops: Sequence[Cosigning], logs: Sequence[str] = ()) -> None:
        self._store = store
        self._loops = tuple(loops)
        self._logs = tuple(logs)

    async def run(self) -> None:
        await self._forget_others()
        async with asyncio.TaskGroup() as group:
            for one in self._loops:
                group.create_task(one.run())
            # with no witness there is nothing to do, but a role that ends would end the process
            await asyncio.Event().wait()

    async def _forget_others(self) -> None:
        try:
            await self._store.only([one.witness for one in self._loops], self._logs)
        except Deferred as error:
            log.warning("witness.waiting", reason=str(error))
