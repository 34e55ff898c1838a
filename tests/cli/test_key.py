"""``lienthong key``: a next key is published before it signs, and every step is an entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub import keyring, language
from hub.cli import build_app
from hub.ledger import Ledger, exchange_log
from hub.ledger.exchange_log import LogQuery
from hub.problems import HubError
from hub.settings import load
from hub.signatures.jws import jwk_of
from tests.cli.entry import run
from tests.services import SoftHsm

Key = Callable[..., Any]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def key(data: Path) -> Key:
    """The command within this process; its answer as JSON. Raises the refusal that a user would be told."""
    language.current.set("en")
    app = build_app()

    def call(*arguments: str) -> Any:
        result = CliRunner().invoke(app, ["key", *arguments[:1], "--data", str(data), "--json", *arguments[1:]])
        if isinstance(result.exception, HubError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return call


def kinds(data: Path) -> list[str]:
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    rows, _ = ledger.read_now(exchange_log.query, LogQuery(), None, 100)
    ledger.close()
    assert {row["actor"] for row in rows} == {"command line"}
    return [row["kind"] for row in rows]


def states(key: Key) -> dict[str, str]:
    return {one["kid"]: one["state"] for one in key("list")}


def refusal(key: Key, *arguments: str) -> str:
    with pytest.raises(HubError) as refused:
        key(*arguments)
    return refused.value.detail


def test_a_key_is_prepared_then_signs_then_is_retired(key: Key, data: Path) -> None:
    first = key("prepare", str(data / "keys" / "hub-ed25519.pem"))["kid"]
    assert states(key) == {first: "signs"}
    assert "key prepare" in refusal(key, "rotate")
    second = key("prepare")["kid"]
    assert states(key) == {first: "signs", second: "next"}
    assert "may not have seen it yet" in refusal(key, "rotate")
    assert "this key signs" in refusal(key, "retire", "--", first)
    assert key("rotate", "--now") == {"kid": second, "former": first, "purpose": "receipts"}
    assert states(key) == {first: "former", second: "signs"}
    assert keyring.load_hub_key(load(data_dir=data)).kid == second
    key("retire", "--", first)
    assert states(key) == {first: "retired", second: "signs"}
    assert "retired already" in refusal(key, "retire", "--", first)
    assert "nobody" in refusal(key, "retire", "--", "nobody")
    steps = ["registry.key_added", "registry.key_added", "registry.key_rotated", "registry.key_retired"]
    assert kinds(data) == steps


def test_a_prepared_key_may_be_withdrawn_and_never_comes_back(key: Key, data: Path) -> None:
    file = data / "keys" / "next.pem"
    key("prepare", str(data / "keys" / "hub-ed25519.pem"))
    withdrawn = key("prepare", str(file))["kid"]
    key("retire", "--", withdrawn)
    assert "key prepare" in refusal(key, "rotate", "--now")
    assert "retired already" in refusal(key, "prepare", str(file))


def test_a_log_key_whose_file_is_lost_can_still_be_retired(key: Key, data: Path) -> None:
    first = key("prepare", "--log", str(data / "keys" / "log-ed25519.pem"))["kid"]
    second = key("prepare", "--log")["kid"]
    key("rotate", "--log", "--now")
    (data / "keys" / "log-ed25519.pem").unlink()
    assert states(key) == {first: "published", second: "signs"}
    key("retire", "--", first)
    signers = keyring.load_signing(load(data_dir=data)).signers
    assert [jwk_of(one.log_key.public)["kid"] for one in signers] == [second]


def test_one_key_is_not_for_two_purposes(key: Key, data: Path) -> None:
    key("prepare", str(data / "keys" / "hub-ed25519.pem"))
    assert "another purpose" in refusal(key, "prepare", "--log", str(data / "keys" / "hub-ed25519.pem"))


def test_a_hub_may_have_its_first_key_in_hardware(
    key: Key, data: Path, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = softhsm.uri("two", "first")
    monkeypatch.setenv("LIENTHONG_HUB_KEY", place)
    with pytest.raises(HubError, match="no private key 'first'"):
        keyring.load_hub_key(load(data_dir=data))
    made = key("prepare", place, "--algorithm", "ES256")
    assert (made["algorithm"], made["place"]) == ("ES256", place)
    assert states(key) == {made["kid"]: "signs"}
    assert keyring.load_hub_key(load(data_dir=data)).kid == made["kid"]


def test_the_logs_key_in_hardware_has_to_be_ed25519(key: Key, softhsm: SoftHsm) -> None:
    assert key("prepare", "--log", softhsm.uri("two", "log"))["algorithm"] == "EdDSA"
    key("prepare", softhsm.uri("two", "curve"), "--algorithm", "ES256")
    assert "signs with Ed25519" in refusal(key, "prepare", "--log", softhsm.uri("two", "curve"))


def test_the_doctor_says_what_is_wrong_with_the_hardware(softhsm: SoftHsm, tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("000000")
    wrong, gone = softhsm.uri("one", "x", pin), softhsm.uri("gone", "x")
    outcome = run("doctor", "--data", tmp_path, "--json", LIENTHONG_HUB_KEY=wrong, LIENTHONG_LOG_KEY=gone)
    found = {one["check"]: (one["ok"], one["detail"]) for one in outcome.json["checks"]}
    assert outcome.code == 1
    for check, reason in (("hub key", "refuses the PIN"), ("log key", "no token with token gone")):
        good, detail = found[check]
        assert not good
        assert reason in detail
