"""Asking witnesses for cosignatures: from a log in the ledger, of real witnesses that live in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from adapters.witness import FileMemory
from hub import clock
from hub.audit import Entry, Event
from hub.audit.addresses import log_keys, witness_addresses
from hub.audit.note import COSIGNATURE, Note, NoteSigner, VerifierKey
from hub.audit.sealer import Signing
from hub.audit.witness import Witness
from hub.audit.witnessing import Cosigning, Reply, Unreachable, Witnessing
from hub.ledger import exchange_log, log_tables, log_troubles, transparency, witnesses
from hub.ledger.log_troubles import LogTrouble
from hub.ledger.witnesses import LedgerCosignatures
from hub.problems import Refused
from tests.audit.logs import Log
from tests.ledger.stage import Stage, Store

LOG_KEY = Ed25519PrivateKey.generate()
SIGNING = Signing([NoteSigner("hub.test/log", LOG_KEY)])
SIGNER = NoteSigner("witness.test/w1", Ed25519PrivateKey.generate())


class Direct:
    """A witness without HTTP between. ``reply`` answers in its place while it is set."""

    def __init__(self, memory: FileMemory) -> None:
        self.memory = memory
        self.witness = Witness([SIGNER], [one.log_key for one in SIGNING.signers], memory)
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.reply: Callable[[], Reply] | None = None

    async def add_checkpoint(self, body: bytes) -> Reply:
        self.asked += 1
        self.was_asked.set()
        if self.reply is not None:
            return self.reply()
        try:
            answer = await self.witness.add_checkpoint(body)
        except Refused as error:
            return Reply({"checkpoint-inconsistent": 422}.get(error.code, 400), error.code)
        return Reply(409 if answer.conflict else 200, answer.text)

    async def close(self) -> None: ...


@pytest.fixture
def direct(tmp_path: Path) -> Iterator[Direct]:
    memory = FileMemory(tmp_path / "state")
    yield Direct(memory)
    memory.close()


def grow(stage: Stage, count: int = 3) -> int:
    """Write and seal so many entries; the size of the log."""
    entries = [Entry(Event.LOG_QUERIED, clock.now(), actor="test") for _ in range(count)]
    stage.ledger.write_now(exchange_log.append, entries)
    return stage.ledger.write_now(transparency.seal, SIGNING, 1000).size


def cosigning(
    stage: Stage, direct: Direct, patience: float = 300.0, key: VerifierKey = SIGNER.witness_key
) -> Cosigning:
    return Cosigning(key, direct, LedgerCosignatures(stage.ledger), 0.01, patience)


def cosigned(stage: Stage) -> list[int]:
    """Sizes that have a cosignature, each of which verifies with its checkpoint."""
    table, checkpoint = log_tables.log_cosignature, log_tables.log_checkpoint
    wanted = select(checkpoint.c.size, checkpoint.c.note, table.c.line).join(table, table.c.size == checkpoint.c.size)
    rows = stage.ledger.read_now(lambda transaction: transaction.execute(wanted.order_by(checkpoint.c.size)).all())
    assert all(Note.parse(row.note + row.line).signed_by(SIGNER.witness_key) for row in rows)
    return [row.size for row in rows]


def troubles(stage: Stage) -> list[LogTrouble]:
    return stage.ledger.read_now(log_troubles.every)


class Forgetful(LedgerCosignatures):
    """The witness's answers never arrive."""

    async def keep(self, size: int, witness: str, signature: str) -> None: ...


async def unheard(stage: Stage, direct: Direct) -> None:
    """The witness has cosigned the newest checkpoint, and the log does not know."""
    await Cosigning(SIGNER.witness_key, direct, Forgetful(stage.ledger), 0.01, 300.0).step()
    assert cosigned(stage) == []


async def another_past(direct: Direct, size: int) -> None:
    """The witness has cosigned so many leaves of this log, as they were before the ledger was put back."""
    before = Log("hub.test/log", LOG_KEY, []).grown(size)
    await direct.witness.add_checkpoint(before.body(0))


async def test_each_newest_checkpoint_is_cosigned_once(stage: Stage, direct: Direct) -> None:
    working = cosigning(stage, direct)
    await working.step()
    sizes = []
    for _ in range(3):
        sizes.append(grow(stage))
        await working.step()
        await working.step()
    assert cosigned(stage) == sizes
    assert direct.asked == 3


async def test_a_log_that_lost_its_place_with_a_witness_catches_up(stage: Stage, direct: Direct) -> None:
    grow(stage)
    await unheard(stage, direct)
    newest = grow(stage, 300)
    await cosigning(stage, direct).step()
    assert cosigned(stage) == [newest]
    assert troubles(stage) == []


async def test_a_witness_that_has_the_checkpoint_already_cosigns_it_again(stage: Stage, direct: Direct) -> None:
    """The answer was lost, or another process of this hub asked first."""
    size = grow(stage)
    await unheard(stage, direct)
    await cosigning(stage, direct).step()
    assert cosigned(stage) == [size]
    assert troubles(stage) == []


async def test_a_witness_that_lost_its_state_begins_anew(stage: Stage, direct: Direct, tmp_path: Path) -> None:
    grow(stage)
    await cosigning(stage, direct).step()
    other = FileMemory(tmp_path / "empty")
    newest = grow(stage)
    await cosigning(stage, Direct(other)).step()
    other.close()
    assert cosigned(stage)[-1] == newest
    assert troubles(stage) == []


async def test_a_log_that_is_shorter_than_what_was_cosigned_was_rolled_back(stage: Stage, direct: Direct) -> None:
    await another_past(direct, 10)
    size = grow(stage, 4)
    await cosigning(stage, direct).step()
    [trouble] = troubles(stage)
    assert (trouble.kind, trouble.subject) == ("rewritten", "")
    assert trouble.detail == f"witness.test/w1: it cosigned 10 leaves, and there are {size}"


async def test_a_log_that_grew_past_another_history_was_rewritten(stage: Stage, direct: Direct) -> None:
    await another_past(direct, 10)
    for more, words in ((10, "another tree of 10 leaves"), (3, "13 leaves do not continue the 10")):
        grow(stage, more)
        await cosigning(stage, direct).step()
        [trouble] = troubles(stage)
        assert (trouble.kind, trouble.subject) == ("rewritten", "")
        assert words in trouble.detail
    assert len(direct.memory.evidence()) == 2


async def test_a_conflict_that_another_process_of_this_hub_caused_is_no_rewriting(stage: Stage, direct: Direct) -> None:
    """Between reading the newest checkpoint and the answer, another process sealed and submitted more."""
    grow(stage)
    ahead = cosigning(stage, direct)

    class Late(LedgerCosignatures):
        async def proof(self, old: int, size: int) -> list[bytes]:
            if not direct.asked:
                grow(stage)
                await ahead.step()
            return list(await super().proof(old, size))

    await Cosigning(SIGNER.witness_key, direct, Late(stage.ledger), 0.01, 300.0).step()
    assert troubles(stage) == []
    assert len(cosigned(stage)) == 1


@pytest.fixture
def one_stage(sqlite_store: Store) -> Stage:
    """For what does not depend on the store."""
    return Stage(sqlite_store.open())


def gone() -> Reply:
    raise Unreachable("connection refused")


@pytest.mark.parametrize(
    "reply",
    [
        gone,
        lambda: Reply(500, "oops"),
        lambda: Reply(404, ""),
        lambda: Reply(409, "soon"),
        lambda: Reply(409, "0\n"),
        lambda: Reply(200, ""),
        lambda: Reply(200, "nonsense"),
        lambda: Reply(200, SIGNER.cosign("another text\n", 1_700_000_000)),
        lambda: Reply(200, NoteSigner("witness.test/w1", Ed25519PrivateKey.generate()).cosign("x\n", 1)),
    ],
)
async def test_a_witness_that_does_not_cosign_for_long_is_a_trouble_until_it_does(
    one_stage: Stage, direct: Direct, reply: Callable[[], Reply]
) -> None:
    stage = one_stage
    size = grow(stage)
    direct.reply = reply
    await cosigning(stage, direct, patience=300.0).step()
    assert troubles(stage) == []
    working = cosigning(stage, direct, patience=0.0)
    await working.step()
    [trouble] = troubles(stage)
    assert (trouble.kind, trouble.subject) == ("witness", SIGNER.witness_key.text)
    assert cosigned(stage) == []
    direct.reply = None
    await working.step()
    assert troubles(stage) == []
    assert cosigned(stage) == [size]


async def test_a_cosignature_from_the_future_is_not_kept(one_stage: Stage, direct: Direct) -> None:
    stage = one_stage
    grow(stage)
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    ahead = int(clock.now().timestamp()) + 3600
    direct.reply = lambda: Reply(200, SIGNER.cosign(Note.parse(newest.note).text, ahead))
    await cosigning(stage, direct, patience=0.0).step()
    assert [one.detail for one in troubles(stage)] == ["its clock is ahead"]
    assert cosigned(stage) == []


async def test_a_witness_that_hangs_delays_no_other(stage: Stage, direct: Direct) -> None:
    size = grow(stage)

    class Hanging(Direct):
        async def add_checkpoint(self, body: bytes) -> Reply:
            self.asked += 1
            await asyncio.Event().wait()
            raise AssertionError

    kept = asyncio.Event()

    class Telling(LedgerCosignatures):
        async def keep(self, size: int, witness: str, signature: str) -> None:
            await super().keep(size, witness, signature)
            kept.set()

    hanging, other = Hanging(direct.memory), NoteSigner("slow.test/w", Ed25519PrivateKey.generate())
    loops = [
        cosigning(stage, hanging, key=other.witness_key),
        Cosigning(SIGNER.witness_key, direct, Telling(stage.ledger), 0.01, 300.0),
    ]
    tasks = [asyncio.create_task(one.run()) for one in loops]
    await asyncio.wait_for(kept.wait(), 30)
    assert cosigned(stage) == [size]
    assert hanging.asked == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_a_witness_has_seen_is_found_by_its_key(stage: Stage, direct: Direct) -> None:
    size = grow(stage)
    await cosigning(stage, direct).step()
    assert stage.ledger.read_now(witnesses.cosigned, SIGNER.witness_key.text) == size
    assert stage.ledger.read_now(witnesses.cosigned, SIGNER.log_key.text) == 0


async def test_troubles_with_those_who_are_not_in_the_settings_any_more_end(stage: Stage, direct: Direct) -> None:
    grow(stage)
    working, now = cosigning(stage, direct), clock.now()
    named = [
        ("rewritten", ""),
        ("rewritten", "other.test/log"),
        ("rewritten", "former.test/log"),
        ("timestamp", "https://tsa.test"),
        ("witness", "former"),
        ("witness", working.witness),
    ]
    for kind, subject in named:
        stage.ledger.write_now(log_troubles.note, kind, subject, "", now)
    direct.reply = gone
    task = asyncio.create_task(Witnessing(LedgerCosignatures(stage.ledger), [working], ["other.test/log"]).run())
    await asyncio.wait_for(direct.was_asked.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    left = {(one.kind, one.subject) for one in troubles(stage)}
    assert left == {one for one in named if "former" not in one[1]}


W1, W2 = (NoteSigner(f"w.test/{one}", Ed25519PrivateKey.generate()).witness_key for one in "=2")


def test_witnesses_are_read_from_the_settings() -> None:
    assert witness_addresses("") == ()
    text = f"{W1.text}=https://w.test/a=b/, {W2.text}=http://[::1]:8090"
    assert [(key.text, url) for key, url in witness_addresses(text)] == [
        (W1.text, "https://w.test/a=b/"),
        (W2.text, "http://[::1]:8090"),
    ]
    assert W1.kind == COSIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        W1.text,
        f"{W1.text}=ftp://w.test",
        f"{W1.text}=https://w.test?x=y",
        f"{W1.text}={W1.text}",
        f"{SIGNING.signers[0].log_key.text}=https://w.test",
        f"{W1.text}=https://w.test,{W1.text}=https://v.test",
        f"x{W1.text}=https://w.test",
    ],
    # every process has other keys, and all must have the same tests
    ids=["no address", "no web address", "a query", "a key as address", "a log's key", "twice", "another name"],
)
def test_other_text_is_no_list_of_witnesses(text: str) -> None:
    with pytest.raises(ValueError, match=r"VKEY=|key|twice"):
        witness_addresses(text)


def test_a_witness_key_is_no_log_to_watch() -> None:
    log_key = SIGNING.signers[0].log_key.text
    assert [one.text for one in log_keys(f"{log_key}, {log_key}\n{log_key}\n")] == [log_key] * 3
    with pytest.raises(ValueError, match="key of a witness"):
        log_keys(W1.text)
