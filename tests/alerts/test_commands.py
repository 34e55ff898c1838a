"""``lienthong alert`` on the hub's own machine."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub import clock
from hub.alerts.keeping import Keeper
from hub.alerts.watches import Wanted
from hub.cli import build_app
from hub.ledger import alerts, people
from hub.registry.passwords import hash_password
from tests.ledger.stage import Stage
from tests.push.receiver import Receiver, Say

PASSWORD = "một mật khẩu dài"


def run(*words: object) -> tuple[int, Any]:
    """Exit code, and what was printed as JSON (a refusal: itself)."""
    done = CliRunner().invoke(build_app(), ["alert", *map(str, words), "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return 1, done.exception
    return done.exit_code, json.loads(done.stdout) if done.stdout.startswith(("[", "{")) else done.output


@pytest.fixture
def lists(plain: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A hub in ``tmp_path`` with one alert and two people."""
    monkeypatch.setenv("LIENTHONG_DATA_DIR", str(tmp_path))
    at = clock.now()
    for login, role in (("truc", "operator"), ("soat", "auditor")):
        hashed = hash_password(PASSWORD)
        plain.ledger.write_now(people.add_person, login, login, (role,), hashed, None, at)  # type: ignore[arg-type] # roles as text
    (tmp_path / "password").write_text(PASSWORD)
    malware = Wanted("malware", "H33", {"agency": "H33", "name": "Cơ quan H33", "envelope": "e"})
    plain.ledger.write_now(Keeper().keep, [malware], frozenset({"malware"}), at)
    return plain


def test_an_operator_lists_alerts_and_takes_note_with_a_password(lists: Stage, tmp_path: Path) -> None:
    code, [one] = run("list")
    assert (code, one["kind"], one["severity"], one["state"]) == (0, "malware", "bad", "open")
    secret = ("--password-file", tmp_path / "password")
    code, refusal = run("ack", one["id"], "--person", "soat", *secret)
    assert (code, getattr(refusal, "code", "")) == (1, "forbidden")
    code, done = run("ack", one["id"], "--person", "truc", *secret, "--note", "đã gọi")
    assert (code, done["acknowledged_by"], done["note"]) == (0, "truc", "đã gọi")
    assert run("list") == (0, [])
    assert lists.ledger.read_now(alerts.count_open).count == 0
    assert run("list", "--state", "nonsense")[0] == 2


def test_a_test_alert_shows_whether_everybody_can_be_told(lists: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("test")[0] == 2
    with Receiver() as receiver:
        monkeypatch.setenv("LIENTHONG_PUSH_ALLOWED_NETWORKS", "127.0.0.0/8")
        monkeypatch.setenv("LIENTHONG_PUSH_PLAIN_HTTP", "true")
        monkeypatch.setenv("LIENTHONG_ALERT_WEBHOOKS", f"{receiver.url()},{receiver.url(path='/other')}")
        receiver.otherwise = lambda push: Say(status=204 if push.path == "/in" else 500)
        code, told = run("test")
    assert code == 1
    assert [one["ok"] for one in told] == [True, False]
    assert json.loads(receiver.pushes[0].body)["data"]["kind"] == "test"
    code, shown = run("key")
    assert (code, len(base64.b64decode(shown["keys"][0].removeprefix("whpk_")))) == (0, 32)
