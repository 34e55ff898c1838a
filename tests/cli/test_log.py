"""``log export`` and ``verify-log``: from a hub's ledger to a file that is checked where there is no hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hub import clock, keyring
from hub.audit import Entry, Event
from hub.ledger import Ledger, exchange_log, migration, transparency
from hub.ledger.log_tables import log_leaf
from hub.ledger.tables import audit_entry
from hub.settings import Settings
from tests.cli.entry import run
from tests.rights import tamper

DONE, REFUSED, MISUSE = 0, 1, 2


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory of a hub whose log has 30 sealed entries."""
    settings = Settings(data_dir=tmp_path / "data")
    ledger = Ledger.chosen(None, 2, settings.data_dir)
    migration.upgrade(ledger)
    ledger.write_now(exchange_log.append, [Entry(Event.LOG_QUERIED, clock.now(), "test") for _ in range(30)])
    ledger.write_now(transparency.seal, keyring.load_signing(settings), 1000)
    ledger.close()
    return settings.data_dir


def key_of(data: Path) -> str:
    return keyring.load_signing(Settings(data_dir=data)).signers[0].log_key.text


def test_an_export_is_checked_offline_with_the_key_from_elsewhere(data: Path, tmp_path: Path) -> None:
    files = [tmp_path / "first.ndjson", tmp_path / "second.ndjson"]
    assert run("log", "export", files[0], "--to", "12", "--data", data).code == DONE
    told = run("log", "export", files[1], "--from", "12", "--data", data, "--json")
    assert (told.code, told.json["from"], told.json["to"]) == (DONE, 12, 30)
    found = run("verify-log", *files, "--key", key_of(data), "--json")
    assert (found.code, found.json["ok"]) == (DONE, True)
    assert [(one["from"], one["to"], one["entries"]) for one in found.json["files"]] == [(0, 12, 12), (12, 30, 18)]
    assert all(one["key_given"] for one in found.json["files"])
    (tmp_path / "key").write_text(key_of(data) + "\n")
    said = run("verify-log", *files, "--key", tmp_path / "key")
    assert said.code == DONE
    assert "unchanged" in said.out
    assert "ATTENTION" not in said.out


def test_an_export_of_the_log_is_an_entry_of_it(data: Path, tmp_path: Path) -> None:
    run("log", "export", tmp_path / "log.ndjson", "--data", data)
    ledger = Ledger.chosen(None, 2, data)
    rows, _ = ledger.read_now(exchange_log.query, exchange_log.LogQuery(kind="log.exported"), None, 10)
    ledger.close()
    assert [row["detail"] for row in rows] == [{"what": "leaves", "from": 0, "to": 30}]


def test_a_changed_line_is_named_and_a_key_from_the_file_alone_is_no_proof(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.ndjson"
    run("log", "export", file, "--data", data)
    # the ledger knows no keys before a role has run: then one has to be given
    assert run("verify-log", file).code == REFUSED
    lines = file.read_bytes().split(b"\n")
    lines[6] = lines[6].replace(b'"test"', b'"tess"')
    file.write_bytes(b"\n".join(lines))
    wrong = run("verify-log", file, "--key", key_of(data), "--json")
    assert (wrong.code, wrong.json["ok"], wrong.json["line"]) == (REFUSED, False, 7)
    assert "line 7" in run("verify-log", file, "--key", key_of(data)).out


def test_a_file_that_is_there_is_not_overwritten_and_an_odd_key_is_misuse(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.ndjson"
    file.write_bytes(b"mine")
    assert run("log", "export", file, "--data", data).code == MISUSE
    assert file.read_bytes() == b"mine"
    assert run("verify-log", file, "--key", "odd").code == MISUSE
    assert run("log", "export", tmp_path / "more", "--from", "30", "--data", data).code == REFUSED


@pytest.mark.parametrize("table", [audit_entry, log_leaf], ids=["entry", "leaf"])
def test_a_log_that_was_changed_is_not_written_out(data: Path, tmp_path: Path, table: Any) -> None:
    ledger = Ledger.chosen(None, 2, data)
    column = {"audit_entry": "actor", "log_leaf": "hash"}[table.name]
    tamper(ledger, update(table).values({column: {"actor": "nobody", "hash": bytes(32)}[column]}))
    ledger.close()
    outcome = run("log", "export", tmp_path / "log.ndjson", "--data", data, "--json")
    assert (outcome.code, outcome.json["code"]) == (REFUSED, "log-rewritten")
    assert [one.name for one in tmp_path.iterdir()] == ["data"]
