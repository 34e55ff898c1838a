"""``db`` and ``doctor``: the state of things, and every fault at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sandbox.pki import Pki
from hub import settings
from hub.cli import guarding
from hub.ledger import Ledger, guard, migration
from hub.problems import Misconfigured
from tests.cli.entry import run
from tests.rights import APPLICATION, as_application, tamper
from tests.services import Clamd
from tests.services.processes import free_port

DONE, REFUSED, MISUSE = 0, 1, 2


def checks(**found: Any) -> dict[str, tuple[bool, str]]:
    return {one["check"]: (one["ok"], one["detail"]) for one in found["checks"]}


def test_a_database_without_schema_is_named_and_brought_to_the_head(tmp_path: Path) -> None:
    before = run("db", "check", "--data", tmp_path, "--json")
    assert (before.code, before.json["code"]) == (MISUSE, "schema-outdated")
    for _ in range(2):
        upgraded = run("db", "upgrade", "--data", tmp_path, "--json")
        assert (upgraded.code, upgraded.json) == (DONE, {"version": migration.head()})
    after = run("db", "check", "--data", tmp_path, "--json")
    assert (after.code, after.json) == (DONE, {"version": migration.head()})


def test_the_doctor_finds_a_furnished_hub_well(tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.pem"
    anchor.write_bytes(Pki.create().root.certificate_pem)
    data = tmp_path / "data"
    assert run("trust", "add", anchor, "--data", data).code == DONE
    outcome = run("doctor", "--data", data, "--json")
    assert (outcome.code, outcome.json["ok"]) == (DONE, True)
    found = checks(**outcome.json)
    assert found["engine"] == (True, "embedded")
    assert found["schema"] == (True, migration.head())
    assert found["trust anchors"] == (True, "1")
    assert found["malware scan"] == (True, "attachments are not scanned: LIENTHONG_CLAMD is not set")
    assert found["alerts"][1].startswith("nobody is told of alerts")
    assert found["PDF reader"] == (True, "ok")


def test_the_doctor_asks_the_malware_scanner(clamd: Clamd, tmp_path: Path) -> None:
    run("db", "upgrade", "--data", tmp_path)

    def scanner(address: str) -> tuple[bool, str]:
        return checks(**run("doctor", "--data", tmp_path, "--json", LIENTHONG_CLAMD=address).json)["malware scan"]

    for address in (clamd.unix, clamd.tcp):
        good, version = scanner(address)
        assert good
        assert version.startswith("ClamAV ")
    good, reason = scanner(f"unix:{tmp_path}/nobody")
    assert not good
    assert "No such file or directory" in reason


def test_the_doctor_finds_a_scanner_that_is_silent_about_its_limits(tmp_path: Path) -> None:
    run("db", "upgrade", "--data", tmp_path)
    with Clamd(AlertExceedsMax="no") as silent:
        outcome = run("doctor", "--data", tmp_path, "--json", LIENTHONG_CLAMD=silent.unix)
    good, reason = checks(**outcome.json)["malware scan"]
    assert not good
    assert "AlertExceedsMax" in reason


def test_the_doctor_says_what_a_new_hub_lacks(tmp_path: Path) -> None:
    run("db", "upgrade", "--data", tmp_path)
    outcome = run("doctor", "--data", tmp_path, "--json")
    assert (outcome.code, outcome.json["ok"]) == (REFUSED, False)
    assert [name for name, (good, _) in checks(**outcome.json).items() if not good] == ["trust anchors"]


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    outcome = run(
        "doctor", "--data", tmp_path, "--json",
        LIENTHONG_DATABASE_URL="mysql://somewhere", LIENTHONG_BROKER_URL="http://somewhere", LIENTHONG_LISTEN="nowhere",
        LIENTHONG_TOKEN_SECONDS="5", LIENTHONG_LEASE_SECONDS="soon", LIENTHONG_MAX_ENVELOPE_BYTES="-1",
        LIENTHONG_TLS_KEY="key.pem", LIENTHONG_LOG_FORMAT="xml", LIENTHONG_HUB_NAME="",
        LIENTHONG_SWEEP_EVERY_SECONDS="0", LIENTHONG_CLAMD="tcp://nowhere",
    )  # fmt: skip
    assert outcome.code == REFUSED
    found = checks(**outcome.json)
    assert {name for name, (good, _) in found.items() if not good} == {
        "LIENTHONG_DATABASE_URL", "LIENTHONG_BROKER_URL", "LIENTHONG_LISTEN", "LIENTHONG_TOKEN_SECONDS",
        "LIENTHONG_LEASE_SECONDS", "LIENTHONG_MAX_ENVELOPE_BYTES", "LIENTHONG_TLS_KEY", "LIENTHONG_LOG_FORMAT",
        "LIENTHONG_HUB_NAME", "LIENTHONG_SWEEP_EVERY_SECONDS", "LIENTHONG_CLAMD",
    }  # fmt: skip
    assert found["LIENTHONG_DATABASE_URL"][1] == "must start with postgresql://"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"LIENTHONG_DATABASE_URL": "postgresql://x/y"}, "LIENTHONG_BROKER_URL"),
        ({"LIENTHONG_BROKER_URL": "amqp://x/"}, "LIENTHONG_BROKER_URL"),
        ({"LIENTHONG_TLS_CERTIFICATE": "c.pem"}, "LIENTHONG_TLS_KEY"),
        ({"LIENTHONG_TLS_KEY": "k.pem"}, "LIENTHONG_TLS_KEY"),
    ],
)
def test_half_a_pair_is_named_beside_other_faults(
    given: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**given, "LIENTHONG_LISTEN": "nowhere"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as error:
        settings.load()
    found = {finding.location: finding.detail for finding in error.value.findings}
    assert found.keys() == {missing, "LIENTHONG_LISTEN"}
    assert "go together" in found[missing]


def test_services_that_do_not_answer_are_named_without_their_passwords(tmp_path: Path) -> None:
    outcome = run(
        "doctor", "--data", tmp_path, "--json",
        LIENTHONG_DATABASE_URL=f"postgresql://hub:hunter2@127.0.0.1:{free_port()}/x",
        LIENTHONG_BROKER_URL=f"amqp://hub:hunter2@127.0.0.1:{free_port()}/",
    )  # fmt: skip
    assert outcome.code == REFUSED
    found = checks(**outcome.json)
    assert [name for name, (good, _) in found.items() if not good] == ["schema", "broker"]
    assert "hunter2" not in outcome.out + outcome.err


def test_services_that_answer_are_found_well(tmp_path: Path, database_url: str, broker_url: str) -> None:
    production = {"LIENTHONG_DATABASE_URL": database_url, "LIENTHONG_BROKER_URL": broker_url}
    assert run("db", "check", "--data", tmp_path, **production).code == MISUSE
    assert run("db", "upgrade", "--data", tmp_path, **production).code == DONE
    found = checks(**run("doctor", "--data", tmp_path, "--json", **production).json)
    assert found["engine"] == (True, "production")
    assert found["schema"] == (True, migration.head())
    assert found["broker"][0]
    assert found["log months"] == (True, "12 months ahead")
    good, words = found["log guard"]
    assert good
    assert "WARNING: the role hub could change the log" in words
    assert not (tmp_path / "ledger.sqlite").exists()


def test_the_hubs_role_gets_its_rights_with_an_upgrade_or_by_itself(tmp_path: Path, database_url: str) -> None:
    """Rights are taken from it, and one too many is given; each of the two commands puts that right."""
    own = as_application(database_url)
    owner, hub = Ledger.postgresql(database_url, 2), Ledger.postgresql(own, 2)
    production = {"LIENTHONG_BROKER_URL": f"amqp://127.0.0.1:{free_port()}/"}
    wrong = [text(f"REVOKE ALL ON outbox FROM {APPLICATION}"), text(f"GRANT DELETE ON receipt TO {APPLICATION}")]
    for command in (("db", "upgrade", "--app-role", APPLICATION), ("db", "grant", APPLICATION)):
        tamper(owner, *wrong)
        assert hub.read_now(guard.state).changeable == ("receipt",)
        assert run(*command, "--data", tmp_path, LIENTHONG_DATABASE_URL=database_url, **production).code == DONE
        assert hub.read_now(guard.state).changeable == ()
        assert [one[:2] for one in guarding.examine(hub)] == [("log guard", True), ("log months", True)]
    tamper(owner, *wrong)
    refused = run("db", "check", "--data", tmp_path, LIENTHONG_DATABASE_URL=own, **production)
    assert (refused.code, "no rights on outbox: run lienthong db grant" in refused.err) == (MISUSE, True)
    tamper(owner, text("DROP TRIGGER guard ON receipt"))
    assert guarding.examine(hub)[0][:2] == ("log guard", False)
    owner.close()
    hub.close()


@pytest.mark.parametrize("command", [("grant", "nobody"), ("upgrade", "--app-role", "nobody")])
def test_an_embedded_ledger_has_no_roles(tmp_path: Path, command: tuple[str, ...]) -> None:
    outcome = run("db", *command, "--data", tmp_path, "--json")
    assert (outcome.code, outcome.json["code"]) == (MISUSE, "settings-invalid")


@pytest.mark.parametrize("content", [None, "= broken", "listen = 5\nunknown = 1\n"], ids=["absent", "broken", "wrong"])
def test_a_settings_file_that_cannot_be_used_is_never_ignored(
    tmp_path: Path, content: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "hub.toml"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("LIENTHONG_CONFIG", str(file))
    with pytest.raises(Misconfigured) as error:
        settings.load()
    assert {finding.code for finding in error.value.findings} == {"settings-invalid"}
    if content is not None and "unknown" in content:
        assert [one.location for one in error.value.findings] == ["LIENTHONG_LISTEN", "LIENTHONG_UNKNOWN"]


def test_arguments_environment_secret_files_and_the_settings_file_are_read_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, secrets = tmp_path / "hub.toml", tmp_path / "secrets"
    secrets.mkdir()
    file.write_text('listen = "file:1"\nhub_name = "trục liên thông"\ntoken_seconds = 61\n')
    (secrets / "LIENTHONG_LISTEN").write_text("secret:1")
    (secrets / "LIENTHONG_TOKEN_SECONDS").write_text("62")
    monkeypatch.setenv("LIENTHONG_CONFIG", str(file))
    monkeypatch.setenv("LIENTHONG_SECRETS_DIR", str(secrets))
    read = settings.load()
    assert (read.hub_name, read.listen, read.token_seconds) == ("trục liên thông", "secret:1", 62)
    monkeypatch.setenv("LIENTHONG_LISTEN", "environment:1")
    assert (settings.load().listen, settings.load(listen="argument:1").listen) == ("environment:1", "argument:1")
    monkeypatch.setenv("LIENTHONG_SECRETS_DIR", str(tmp_path / "none"))
    with pytest.raises(Misconfigured) as error:
        settings.load()
    assert [one.location for one in error.value.findings] == ["LIENTHONG_SECRETS_DIR"]


@pytest.mark.parametrize("command", [("db", "check"), ("up",)])
def test_a_data_directory_that_cannot_be_is_a_wrong_setting(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_bytes(b"")
    outcome = run(*command, "--data", tmp_path / "file" / "below")
    assert outcome.code == MISUSE
    assert "LIENTHONG_DATA_DIR" in outcome.err
