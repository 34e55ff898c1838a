"""``lienthong audit``: a list as a file, and a complete list that ``verify-log`` then checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub import clock
from hub.audit import Entry, Event
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.ledger import Ledger, exchange_log, migration, transparency
from hub.ledger.exchange_log import LogQuery
from tests.cli.entry import run

LOG = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three letters from G22, two of them to H33; sealed."""
    data = tmp_path / "data"
    data.mkdir()
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    migration.upgrade(ledger)
    lists = (["H33"], ["H40"], ["H40", "H33"])
    entries = [
        Entry(
            Event.ENVELOPE_ACCEPTED, clock.now(), "s", "G22", f"e{n}", document_id=f"d{n}", detail={"recipients": codes}
        )
        for n, codes in enumerate(lists)
    ]
    ledger.write_now(exchange_log.append, entries)
    ledger.write_now(transparency.seal, Signing([LOG]), 1000)
    ledger.close()
    return data


def test_entries_are_written_once_and_it_is_logged(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    done = run("audit", "export", file, "--where", "kind=envelope.accepted", "--data", data, "--json")
    assert done.code == 0
    assert file.read_text(encoding="utf-8-sig").count("envelope.accepted") == 3
    assert run("audit", "export", file, "--data", data).code == 2
    assert run("audit", "export", tmp_path / "log.pdf", "--data", data).code == 2
    assert run("audit", "export", tmp_path / "other.csv", "--where", "outcome=lost", "--data", data).code == 1
    assert run("audit", "export", tmp_path / "other.csv", "--where", "outcome", "--data", data).code == 2
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    [entry], _ = ledger.read_now(exchange_log.query, LogQuery(kind="log.exported"), None, 9)
    ledger.close()
    assert entry["detail"] == {"what": "entries", "format": "csv", "filters": {"kind": "envelope.accepted"}}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "log.csv"]


def test_a_complete_list_is_written_and_checked(data: Path, tmp_path: Path) -> None:
    file, today = tmp_path / "complete.ndjson", f"{clock.now().astimezone(clock.VIETNAM):%Y-%m-%d}"
    asked = ("--from", "G22", "--to", "H33", "--since", today, "--until", today)
    assert run("audit", "complete", file, *asked, "--data", data).code == 0
    checked = run("verify-log", file, "--key", LOG.log_key.text, "--json")
    assert checked.code == 0
    [told] = checked.json["files"]
    assert (told["complete"], told["matches"], told["open_end"]) == (True, ["e0", "e2"], True)
    said = run("verify-log", file, "--key", LOG.log_key.text).out
    assert "e0" in said.split()
    assert "e1" not in said.split()  # nor as a part of the log's random name
    file.write_bytes(file.read_bytes().replace(b'"matches":["e0","e2"]', b'"matches":["e0"]'))
    assert run("verify-log", file, "--key", LOG.log_key.text).code == 1
