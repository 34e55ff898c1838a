"""Witnesses in their own processes: the plain program, a hub for another log, and a hub whose past was exchanged."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from hub import clock, keyring, proving, wiring
from hub.audit.note import Checkpoint, Note, NoteSigner, VerifierKey
from hub.audit.witness import LONGEST_BODY
from hub.cli import build_app, outward
from hub.ledger import Ledger, log_tables, log_troubles, people, transparency
from hub.problems import CATALOGUE, Misconfigured
from hub.registry.passwords import hash_password
from hub.settings import Settings, load
from tests.audit.logs import Log
from tests.gateway.edge import problem
from tests.journeys.witnesses import PROGRAM, WitnessProgram
from tests.world import World, eventually, free_port

LOG = Log("other.test/log").grown(300)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WitnessProgram]:
    with WitnessProgram(tmp_path_factory.mktemp("witness"), [LOG.key.text]) as running:
        yield running


def openssl_verifies(key: VerifierKey, message: bytes, signature: bytes, directory: Path) -> bool:
    """What OpenSSL says, which knows nothing of notes: Ed25519 over exactly these octets."""
    # RFC 8410 §4: SubjectPublicKeyInfo of an Ed25519 key
    spki = bytes.fromhex("302a300506032b6570032100") + base64.b64decode(key.text.split("+", 2)[2])[1:]
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(spki).decode()}\n-----END PUBLIC KEY-----\n"
    for name, content in (("key.pem", pem.encode()), ("message", message), ("signature", signature)):
        (directory / name).write_bytes(content)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message"]
    done = subprocess.run([*command, "-sigfile", "signature"], cwd=directory, capture_output=True, check=False)
    return done.returncode == 0


def test_a_cosignature_of_the_program_is_one_for_openssl_too(plain: WitnessProgram, tmp_path: Path) -> None:
    """C2SP tlog-cosignature v1: 0x04, eight octets of time, Ed25519 over header, time line and the note's text."""
    answer = plain.submit(LOG.body(0, 100))
    assert answer.status_code == 200
    name, encoded = answer.text.removeprefix("— ").removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded)
    key = VerifierKey.parse(plain.told["key"])
    assert (name, raw[:4], len(raw)) == (key.name, key.id, 4 + 8 + 64)
    root = base64.b64encode(LOG.checkpoint(100).root).decode()
    seconds = int.from_bytes(raw[4:12], "big")
    message = f"cosignature/v1\ntime {seconds}\nother.test/log\n100\n{root}\n".encode()
    assert openssl_verifies(key, message, raw[12:], tmp_path)
    signing = ["openssl", "pkeyutl", "-sign", "-inkey", str(plain.key_file), "-rawin", "-in", "message"]
    assert subprocess.run(signing, cwd=tmp_path, capture_output=True, check=True).stdout == raw[12:]
    assert not openssl_verifies(key, message.replace(b"\n100\n", b"\n101\n"), raw[12:], tmp_path)
    assert httpx.get(f"{plain.told['url']}/key").text == f"{key.text}\n"


def test_the_program_keeps_its_key_to_itself_and_its_place_over_a_restart(plain: WitnessProgram) -> None:
    assert stat.S_IMODE(plain.key_file.stat().st_mode) == 0o600
    plain.submit(LOG.body(0, 100))
    before = plain.told
    assert plain.stop() == 0
    plain.start()
    assert plain.told == before
    answer = plain.submit(LOG.body(0, 200))
    assert (answer.status_code, answer.text) == (409, "100\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"


def test_what_the_program_refuses_it_explains(plain: WitnessProgram) -> None:
    plain.submit(LOG.body(0, 100))
    for body, code in (
        (b"old 0\n", "checkpoint-malformed"),
        (Log("third.test/log").grown(1).body(0), "checkpoint-log-unknown"),
        (Log(LOG.name).grown(200).body(100), "checkpoint-unsigned"),
        (LOG.fork(120).body(100), "checkpoint-inconsistent"),
        (b"x" * (LONGEST_BODY + 1), "request-too-large"),
    ):
        problem(plain.submit(body), code)
    assert [(one["earlier"], one["later"]) for one in plain.evidence()] == [(LOG.note(100), LOG.fork(120).note())]
    assert "witness.log_rewritten" in plain.errors()


@pytest.mark.parametrize("arguments", [("--name", "a+b"), ("--log", "nonsense"), ("--listen", "nowhere")])
def test_the_program_says_what_is_wrong_with_its_arguments(tmp_path: Path, arguments: tuple[str, str]) -> None:
    given = {"--name": "w.test/1", "--log": LOG.key.text, "--listen": "127.0.0.1:0"} | dict([arguments])
    given |= {"--key": str(tmp_path / "key.pem"), "--state": str(tmp_path / "state")}
    done = CliRunner().invoke(build_app(), ["witness", *(word for pair in given.items() for word in pair)])
    assert done.exit_code == 2
    assert arguments[0] in done.output


def test_a_witness_killed_before_it_answered_knows_what_it_promised(tmp_path: Path) -> None:
    dying = [sys.executable, "-m", "tests.journeys.dying_witness", "witness"]
    running = WitnessProgram(tmp_path, [LOG.key.text], program=dying)
    running.start()
    assert running.submit(LOG.body(0, 100)).status_code == 200
    with pytest.raises(httpx.TransportError):
        running.submit(LOG.body(100, 200))
    assert running.stop() == -signal.SIGKILL
    running.program = PROGRAM
    with running:
        answer = running.submit(LOG.body(100, 250))
        assert (answer.status_code, answer.text) == (409, "200\n")
        assert running.submit(LOG.fork(200).body(100)).status_code == 409
        assert running.submit(LOG.body(200, 200)).status_code == 200
        assert running.submit(LOG.body(200, 250)).status_code == 200


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, WitnessProgram]]:
    """A hub with a witness, and a witness itself."""
    directory = tmp_path_factory.mktemp("watched")
    environment = {"LIENTHONG_WITNESS_LOGS": LOG.key.text, "LIENTHONG_WITNESS_EVERY_SECONDS": "0.2"}
    with World(directory / "hub", environment) as world:
        [own] = keyring.load_signing(world.settings).signers
        with WitnessProgram(directory / "witness", [own.log_key.text]) as running:
            world.environment["LIENTHONG_WITNESSES"] = running.setting
            world.start("up")
            yield world, running


def test_a_hub_is_a_witness_of_another_log(watched: tuple[World, WitnessProgram]) -> None:
    world, _ = watched
    with httpx.Client(base_url=f"{world.url}/v1/witness", timeout=30) as http:
        key = VerifierKey.parse(http.get("/key").text)
        assert key.name == f"{world.settings.log_name}/witness"
        answer = http.post("/add-checkpoint", content=LOG.body(0, 100))
        assert Note.parse(LOG.note(100) + answer.text).signed_by(key)
        answer = http.post("/add-checkpoint", content=LOG.body(0, 200))
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (409, "100\n", "text/x.tlog.size")
        for body, code in (
            (b"", "checkpoint-malformed"),
            (Log("third.test/log").grown(1).body(0), "checkpoint-log-unknown"),
            (Log(LOG.name).grown(200).body(100), "checkpoint-unsigned"),
            (LOG.fork(120).body(100), "checkpoint-inconsistent"),
            (b"x" * (LONGEST_BODY + 1), "request-too-large"),
        ):
            problem(http.post("/add-checkpoint", content=body), code)
        [trouble] = world.ledger.read_now(log_troubles.every)
        assert (trouble.kind, trouble.subject) == ("rewritten", LOG.name)
        with contextlib.closing(auditor(world)) as browser:
            shown = browser.get("/").text
            assert LOG.name in shown
            assert "A log that this hub watches may have been rewritten" in shown
            assert "The log was rewritten" not in shown
        assert http.post("/add-checkpoint", content=LOG.body(100, 300)).status_code == 200
        assert world.ledger.read_now(log_troubles.every) == []
    assert CATALOGUE["checkpoint-inconsistent"].status == 422


def test_the_doctor_asks_every_witness(watched: tuple[World, WitnessProgram], tmp_path: Path) -> None:
    _, running = watched
    key = VerifierKey.parse(running.told["key"])
    away = NoteSigner("away.test/w", Log().private).witness_key
    good, wrong = f"{key.text}={running.told['url']}", f"{away.text}=http://127.0.0.1:{free_port()}"
    other = NoteSigner("lost.test/w", Log().private).witness_key
    settings = Settings(data_dir=tmp_path, witnesses=f"{good},{wrong},{other.text}={running.told['url']}/elsewhere")
    checks = [one for one in asyncio.run(outward.examine(settings)) if one[0] == "witness"]
    assert [(good, words.partition(",")[0]) for _, good, words in checks] == [
        (True, "witness.test/w1"),
        (False, "away.test/w"),
        (False, "lost.test/w"),
    ]


@pytest.mark.parametrize("setting", ["witnesses", "witness_logs"])
def test_settings_about_witnesses_are_looked_at_before_anything_starts(setting: str) -> None:
    with pytest.raises(Misconfigured) as error:
        load(**{setting: "nonsense"})
    assert [one.location for one in error.value.findings] == [f"LIENTHONG_{setting.upper()}"]


def test_authorities_of_witnesses_that_cannot_be_read_are_a_wrong_setting(tmp_path: Path) -> None:
    setting = f"{NoteSigner('w.test/1', Log().private).witness_key.text}=https://w.test"
    settings = Settings(data_dir=tmp_path, witnesses=setting, witness_ca_file=tmp_path / "none.pem")
    ledger = Ledger.sqlite(tmp_path / "ledger.sqlite")
    with pytest.raises(Misconfigured, match=r"none\.pem"):
        proving.works(settings, ledger)
    ledger.close()


def asked(world: World) -> None:
    """One more entry in the log: an auditor's question is one."""
    world.get("/v1/audit/entries?limit=1", world.auditor)


def newest_cosigned(world: World) -> int:
    column = log_tables.log_cosignature.c.size
    return world.ledger.read_now(lambda transaction: transaction.execute(select(func.max(column))).scalar_one()) or 0


def size(world: World) -> int:
    newest = world.ledger.read_now(transparency.newest)
    return 0 if newest is None else newest.size


def grown_to(world: World, wanted: int) -> bool:
    asked(world)
    return size(world) >= wanted


def test_a_hub_whose_ledger_was_put_back_is_caught_and_says_so(watched: tuple[World, WitnessProgram]) -> None:
    world, running = watched
    ledger = world.settings.data_dir / "ledger.sqlite"
    asked(world)
    eventually(lambda: newest_cosigned(world) >= 1, 60)
    with sqlite3.connect(ledger) as source, sqlite3.connect(world.directory / "older.sqlite") as copy:
        source.backup(copy)
    before = size(world)
    eventually(lambda: grown_to(world, before + 3), 60)
    eventually(lambda: newest_cosigned(world) >= before + 3, 60)
    world.stop()
    known = newest_cosigned(world)
    world.ledger.close()
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (world.settings.data_dir / name).unlink(missing_ok=True)
    os.replace(world.directory / "older.sqlite", ledger)
    world.ledger = wiring.open_ledger(world.settings)
    world.start("up")
    asked(world)
    eventually(lambda: own_trouble(world), 60)
    [evidence, *_] = eventually(lambda: grown_to(world, 1) and running.evidence(), 120, every=0.2)
    key = keyring.load_signing(world.settings).signers[0].log_key
    earlier, later = (Note.parse(evidence[name]) for name in ("earlier", "later"))
    assert earlier.signed_by(key)
    assert later.signed_by(key)
    # the witness may have answered once more than the hub heard before it stopped
    assert known <= Checkpoint.parse(earlier.text).size <= Checkpoint.parse(later.text).size
    assert '"log.rewritten"' in (world.directory / "up.log").read_text()
    assert "lienthong_log_rewritten 1.0" in httpx.get(f"{world.url}/metrics", timeout=30).text
    with contextlib.closing(auditor(world)) as browser:
        for page in ("/", "/log/proof"):
            shown = browser.get(page).text
            assert "The log was rewritten" in shown
            assert "witness.test/w1" in shown


def auditor(world: World) -> httpx.Client:
    """The browser of an auditor who logged in."""
    login, password = f"kiemtoan-{uuid.uuid4().hex[:8]}", "đường-về-quê-xa"
    world.ledger.write_now(
        people.add_person, login, "Kiểm toán viên", ("auditor",), hash_password(password), None, clock.now()
    )
    opened = httpx.Client(base_url=world.url, headers={"Accept-Language": "en"}, timeout=30)
    assert opened.post("/login", data={"login": login, "password": password}).status_code == 303
    return opened


def own_trouble(world: World) -> bool:
    return any((one.kind, one.subject) == ("rewritten", "") for one in world.ledger.read_now(log_troubles.every))
