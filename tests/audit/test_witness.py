"""A witness: what it cosigns, what it refuses, what it keeps as evidence; over both stores and over plain files."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.witness import FileMemory
from hub.audit import merkle
from hub.audit.note import Checkpoint, Note, NoteSigner, signed
from hub.audit.witness import LARGEST_TREE, LONGEST_BODY, MOST_EVIDENCE, Evidence, Memory, Submission, Witness
from hub.ledger import log_troubles, witnesses
from hub.ledger.witnesses import LedgerMemory
from hub.problems import Misconfigured, Refused
from tests.audit.logs import Log
from tests.ledger.stage import STORES, Stage, Store

SIGNER = NoteSigner("witness.test/w1", Ed25519PrivateKey.generate())
LOG = Log().grown(700)


class Kept(NamedTuple):
    """A piece of evidence, wherever it is kept."""

    kind: str
    size: int
    earlier: str
    later: str
    proof: list[bytes]

    @classmethod
    def of(cls, one: Evidence) -> Kept:
        return cls(one.kind, one.size, one.earlier, one.later, list(one.proof))

    @classmethod
    def told(cls, told: dict[str, Any]) -> Kept:
        proof = [base64.b64decode(one) for one in told["proof"]]
        return cls(told["kind"], told["size"], told["earlier"], told["later"], proof)


Found = Callable[[], list[Kept]]


@pytest.fixture(params=["files", *STORES])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory]:
    """Of each kind: in files, and in the ledger on both stores."""
    if request.param == "files":
        files = FileMemory(tmp_path / "state")
        yield files
        files.close()
    else:
        store: Store = request.getfixturevalue(f"{request.param}_store")
        yield LedgerMemory(store.open())


@pytest.fixture
def found(memory: Memory) -> Found:
    """What the memory keeps against the log, the oldest first."""

    def look() -> list[Kept]:
        if isinstance(memory, FileMemory):
            return [Kept.told(json.loads(file.read_text())) for file in memory.evidence()]
        assert isinstance(memory, LedgerMemory)
        return [Kept.of(one) for one in memory.ledger.read_now(witnesses.evidence_of, LOG.name)]

    return look


def witness(memory: Memory, *logs: Log) -> Witness:
    return Witness([SIGNER], [one.key for one in logs or (LOG,)], memory)


async def cosigned(watching: Witness, body: bytes) -> int:
    """The size of the checkpoint in ``body``, whose cosignature verifies."""
    note = Submission.parse(body).note
    answer = await watching.add_checkpoint(body)
    assert not answer.conflict, answer.text
    assert Note.parse(note + answer.text).seconds_of(SIGNER.witness_key)
    return Checkpoint.parse(note).size


def state_file(directory: Path) -> Path:
    [file] = directory.glob("*.checkpoint")
    return file


async def refused(watching: Witness, body: bytes) -> str:
    with pytest.raises(Refused) as error:
        await watching.add_checkpoint(body)
    return error.value.code


async def test_a_log_that_only_grows_is_cosigned_each_time(memory: Memory) -> None:
    watching = witness(memory)
    for old, size in ((0, 1), (1, 256), (256, 256), (256, 300), (300, 700)):
        assert await cosigned(watching, LOG.body(old, size)) == size


async def test_a_size_that_is_not_the_last_one_is_told_the_last_one(memory: Memory) -> None:
    watching = witness(memory)
    await cosigned(watching, LOG.body(0, 300))
    for old, size in ((0, 700), (299, 700), (301, 700), (0, 20)):
        answer = await watching.add_checkpoint(LOG.body(old, size))
        assert (answer.text, answer.conflict) == ("300\n", True)
    assert await cosigned(watching, LOG.body(300, 700)) == 700


async def test_logs_are_remembered_apart(memory: Memory) -> None:
    other = Log("other.test/log").grown(5)
    watching = witness(memory, LOG, other)
    await cosigned(watching, LOG.body(0, 300))
    assert await cosigned(watching, other.body(0)) == 5
    assert await cosigned(watching, LOG.body(300, 301)) == 301


async def test_another_past_is_refused_and_both_checkpoints_are_kept(memory: Memory, found: Found) -> None:
    watching = witness(memory)
    await cosigned(watching, LOG.body(0, 300))
    rewritten = LOG.fork(400)
    assert await refused(watching, rewritten.body(300)) == "checkpoint-inconsistent"
    [one] = found()
    assert (one.kind, one.size) == ("unproven", 400)
    assert (one.earlier, one.later) == (LOG.note(300), rewritten.note())
    assert one.proof == merkle.consistency_proof(300, 400, rewritten.nodes)
    assert await cosigned(watching, LOG.body(300, 350)) == 350


@pytest.mark.parametrize("old", [0, 200, 300])
async def test_two_trees_of_one_size_are_evidence_whatever_the_proof_starts_from(
    memory: Memory, found: Found, old: int
) -> None:
    watching = witness(memory)
    await cosigned(watching, LOG.body(0, 300))
    answer = await watching.add_checkpoint(LOG.fork(300).body(old))
    assert (answer.text, answer.conflict) == ("300\n", True)
    assert [(one.kind, one.earlier) for one in found()] == [("forked", LOG.note(300))]


async def test_the_same_evidence_is_kept_once_and_much_of_it_within_bounds(memory: Memory, found: Found) -> None:
    watching = witness(memory)
    await cosigned(watching, LOG.body(0, 300))
    for size in [400, 400, *range(401, 402 + MOST_EVIDENCE)]:
        assert await refused(watching, LOG.fork(size).body(300)) == "checkpoint-inconsistent"
    assert [one.size for one in found()] == list(range(402, 402 + MOST_EVIDENCE))


async def test_of_two_submissions_at_once_neither_takes_the_log_back(memory: Memory) -> None:
    """Whatever is cosigned, the sizes of the cosigned checkpoints only grow, each from the one before."""
    watching = witness(memory)
    last = 1
    await cosigned(watching, LOG.body(0, 1))
    for _ in range(6):
        offers = [LOG.body(last, last + more) for more in (40, 7, 1, 93, 2)]
        answers = await asyncio.gather(*(watching.add_checkpoint(one) for one in offers))
        won = [one for one, answer in zip(offers, answers, strict=True) if not answer.conflict]
        assert len(won) == 1
        last = Checkpoint.parse(Submission.parse(won[0]).note).size
        again = await watching.add_checkpoint(LOG.body(0, 700))
        assert again.text == f"{last}\n"


class Nowhere:
    """A memory that must not be asked."""

    async def advance(self, offer: object) -> None:
        raise AssertionError(offer)

    accuse = advance


PROOF = base64.b64encode(bytes(32)).decode()
NOTE = LOG.note(300)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "checkpoint-malformed"),
        (NOTE, "checkpoint-malformed"),
        (f"old 0\n{NOTE}", "checkpoint-malformed"),
        (f"old 00\n\n{NOTE}", "checkpoint-malformed"),
        (f"old -1\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 1_0\n\n{NOTE}", "checkpoint-malformed"),
        (f"old ١\n\n{NOTE}", "checkpoint-malformed"),
        (f"old {'9' * 400}\n\n{NOTE}", "checkpoint-malformed"),
        (f"old {2**63}\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 301\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 0\r\n\r\n{NOTE}", "checkpoint-malformed"),
        (f"old 0\n\n{NOTE}".replace("\n", "\r\n"), "checkpoint-malformed"),
        ("old 1\n" + f"{PROOF}\n" * 64 + f"\n{NOTE}", "checkpoint-malformed"),
        (f"old 1\n{PROOF[:-2]}\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 1\n{PROOF[:-2]}B=\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 1\n {PROOF}\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 1\n{PROOF[:8]}é{PROOF[9:]}\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 1\n{base64.b64encode(bytes(31)).decode()}\n\n{NOTE}", "checkpoint-malformed"),
        (f"old 0\n\n{NOTE.rstrip()}", "checkpoint-malformed"),
        (f"old 0\n\n{NOTE}{NOTE.splitlines()[-1]}\n" * 1 + "— x AAAAAAAA\n" * 100, "checkpoint-malformed"),
        (f"old 0\n\n{LOG.checkpoint(300).text}\n", "checkpoint-malformed"),
        (f"old 0\n\n{NOTE}" + "x" * LONGEST_BODY, "checkpoint-malformed"),
        (f"old 0\n\n{NOTE.replace('hub.test', 'hub.best')}", "checkpoint-log-unknown"),
        (f"old 0\n\n{NOTE.replace('300', '301', 1)}", "checkpoint-unsigned"),
        (f"old 0\n\n{Log().grown(3).note()}", "checkpoint-unsigned"),
        (f"old 0\n\n{NOTE}{Log().grown(300).note().splitlines()[-1]}\n", "accepted"),
    ],
)
async def test_hostile_bodies_are_refused_before_the_memory_is_asked(tmp_path: Path, body: str, code: str) -> None:
    if code == "accepted":
        assert await cosigned(witness(FileMemory(tmp_path)), body.encode()) == 300
        return
    nowhere: Memory = Nowhere()  # type: ignore[assignment]  # it has the methods, and answers nothing
    assert await refused(witness(nowhere), body.encode()) == code


async def test_octets_that_are_no_text_are_refused() -> None:
    nowhere: Memory = Nowhere()  # type: ignore[assignment]  # it has the methods, and answers nothing
    assert await refused(witness(nowhere), b"old 0\n\n\xff\xfe") == "checkpoint-malformed"


@pytest.mark.parametrize("size", [LARGEST_TREE + 1, 10**19 - 1])
async def test_a_signed_checkpoint_larger_than_any_store_counts_is_refused(size: int) -> None:
    nowhere: Memory = Nowhere()  # type: ignore[assignment]  # it has the methods, and answers nothing
    note = signed(Checkpoint(LOG.name, size, bytes(32)), [LOG.signer])
    assert await refused(witness(nowhere), Submission(0, (), note).body) == "checkpoint-malformed"


async def test_an_empty_log_has_the_root_of_no_leaves(memory: Memory, found: Found) -> None:
    watching = witness(memory)
    wrong = signed(Checkpoint(LOG.name, 0, bytes(32)), [LOG.signer])
    assert await refused(watching, Submission(0, (), wrong).body) == "checkpoint-malformed"
    assert await cosigned(watching, LOG.body(0, 0)) == 0
    assert await cosigned(watching, LOG.body(0, 1)) == 1
    assert found() == []


async def test_a_proof_from_nothing_is_refused_but_speaks_against_nobody(memory: Memory, found: Found) -> None:
    body = Submission(0, (bytes(32),), LOG.note(300)).body
    assert await refused(witness(memory), body) == "checkpoint-inconsistent"
    assert found() == []


async def test_extension_lines_are_cosigned_with_the_rest(memory: Memory) -> None:
    text = LOG.checkpoint(300).text + "extension\n"
    note = text + "\n" + LOG.signer.sign(text)
    answer = await witness(memory).add_checkpoint(Submission(0, (), note).body)
    assert Note.parse(note + answer.text).signed_by(SIGNER.witness_key)


async def test_a_log_whose_key_changes_goes_on_where_it_was(memory: Memory) -> None:
    new = Log(LOG.name, Ed25519PrivateKey.generate(), LOG.leaves)
    await cosigned(witness(memory), LOG.body(0, 300))
    assert await cosigned(witness(memory, LOG, new), new.body(300, 301)) == 301


def test_what_is_written_is_what_is_read() -> None:
    made = LOG.submission(300)
    assert Submission.parse(made.body) == made


async def test_a_log_that_proves_what_it_was_accused_of_is_in_trouble_no_more(stage: Stage) -> None:
    watching = witness(LedgerMemory(stage.ledger))
    await cosigned(watching, LOG.body(0, 300))
    junk = Submission(300, (bytes(32),), LOG.note(400)).body
    assert await refused(watching, junk) == "checkpoint-inconsistent"
    [trouble] = stage.ledger.read_now(log_troubles.every)
    assert (trouble.kind, trouble.subject) == ("rewritten", LOG.name)
    await cosigned(watching, LOG.body(300, 399))
    assert stage.ledger.read_now(log_troubles.every), "it has not proved 400 leaves yet"
    await cosigned(watching, LOG.body(399, 400))
    assert stage.ledger.read_now(log_troubles.every) == []
    await watching.add_checkpoint(LOG.fork(400).body(400))
    await cosigned(watching, LOG.body(400, 500))
    assert stage.ledger.read_now(log_troubles.every), "two trees of one size are never answered"


async def test_a_log_that_proves_another_tree_of_that_size_stays_in_trouble(stage: Stage) -> None:
    watching = witness(LedgerMemory(stage.ledger))
    await cosigned(watching, LOG.body(0, 300))
    assert await refused(watching, LOG.fork(400).body(300)) == "checkpoint-inconsistent"
    await cosigned(watching, LOG.body(300, 400))
    assert [one.kind for one in stage.ledger.read_now(log_troubles.every)] == ["rewritten"]


async def test_state_in_a_file_is_the_checkpoint_itself_and_survives_a_restart(tmp_path: Path) -> None:
    first = FileMemory(tmp_path)
    await cosigned(witness(first), LOG.body(0, 300))
    first.close()
    file = state_file(tmp_path)
    assert file.read_text() == LOG.note(300)
    second = FileMemory(tmp_path)
    assert (await witness(second).add_checkpoint(LOG.body(0, 700))).text == "300\n"
    second.close()


async def test_a_damaged_state_is_never_taken_for_none(tmp_path: Path) -> None:
    memory = FileMemory(tmp_path)
    await cosigned(witness(memory), LOG.body(0, 300))
    file = state_file(tmp_path)
    for content in ("", "nonsense", Log("other.test/log").grown(1).note()):
        file.write_text(content)
        with pytest.raises(Misconfigured, match="settings-invalid"):
            await witness(memory).add_checkpoint(LOG.body(0, 1))


def test_two_programs_cannot_share_one_state(tmp_path: Path) -> None:
    first = FileMemory(tmp_path)
    with pytest.raises(Misconfigured, match="another witness"):
        FileMemory(tmp_path)
    first.close()
    FileMemory(tmp_path).close()


async def test_evidence_in_files_is_readable_without_this_program(tmp_path: Path) -> None:
    watching = witness(FileMemory(tmp_path))
    await cosigned(watching, LOG.body(0, 300))
    await refused(watching, LOG.fork(400).body(300))
    [file] = (tmp_path / "evidence").glob("*.json")
    told = json.loads(file.read_text())
    assert (told["earlier"], told["later"], told["origin"]) == (LOG.note(300), LOG.fork(400).note(), LOG.name)
