"""``lienthong policy``: what a rule means, for whom, until when, and that the running hub obeys."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from hub import clock
from hub.envelope.names import PROFILE
from hub.ledger import Ledger, agencies, migration, overrides
from hub.ledger.registration import add_agency, add_system
from hub.validation.rules import profile
from tests.cli.command import Outcome
from tests.cli.entry import run
from tests.world import World, eventually

DONE, REFUSED = 0, 1
TOMORROW = (clock.now().date() + timedelta(days=1)).isoformat()
AGENCY = "H33.02"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    with_agency = Ledger.sqlite(data / "ledger.sqlite")
    migration.upgrade(with_agency)
    with_agency.write_now(add_system, "system", "pull")
    with_agency.write_now(add_agency, AGENCY, "Cơ quan", "system", None, ("000.00.02.H33",))
    with_agency.close()
    return data


def policy(data: Path, *arguments: str) -> Outcome:
    return run("policy", *arguments, "--data", data)


def kept(data: Path) -> list[tuple[str, str, str, date]]:
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    found = ledger.read_now(overrides.every)
    ledger.close()
    return [(one.agency_code, one.rule, one.severity, one.until) for one in found]


def test_a_rule_is_changed_for_one_agency_known_by_its_alias_and_listed_and_taken_back(data: Path) -> None:
    arguments = ("subject.length", "warn", "--until", TOMORROW, "--reason", "chuyển đổi", "--agency", "000.00.02.H33")
    assert policy(data, "set", *arguments).code == DONE
    assert kept(data) == [(AGENCY, "subject.length", "warn", date.fromisoformat(TOMORROW))]
    listed = policy(data, "list", "--json").json
    assert listed == [
        {"rule": "subject.length", "agency": AGENCY, "severity": "warn", "until": TOMORROW, "reason": "chuyển đổi"}
    ]
    assert policy(data, "remove", "subject.length", "--agency", AGENCY).code == DONE
    assert kept(data) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("no.such", "warn", "--until", TOMORROW, "--reason", "x"), "registry-unknown"),
        (("document-id.required", "ignore", "--until", TOMORROW, "--reason", "x"), "registry-invalid"),
        (("subject.length", "perhaps", "--until", TOMORROW, "--reason", "x"), "registry-invalid"),
        (("subject.length", "warn", "--until", "2020-01-01", "--reason", "x"), "registry-invalid"),
        (("subject.length", "warn", "--until", "some day", "--reason", "x"), "registry-invalid"),
        (("subject.length", "warn", "--until", TOMORROW, "--reason", " "), "registry-invalid"),
        (("subject.length", "warn", "--until", TOMORROW, "--reason", "x", "--agency", "X99"), "registry-unknown"),
    ],
    ids=["no such rule", "fixed rule", "severity", "past day", "no day", "no reason", "no agency"],
)
def test_a_wrong_policy_is_refused_and_changes_nothing(data: Path, arguments: tuple[str, ...], code: str) -> None:
    outcome = policy(data, "set", *arguments)
    assert outcome.code == REFUSED
    assert f"[{code}]" in outcome.err
    assert kept(data) == []


def test_taking_back_what_was_never_set_is_refused(data: Path) -> None:
    assert policy(data, "remove", "subject.length").code == REFUSED


def test_the_rules_are_listed_with_severity_code_and_clause() -> None:
    listed = run("policy", "rules", "--json").json
    assert [one["rule"] for one in listed] == list(profile(PROFILE).rules)
    assert {one["severity"] for one in listed} == {"refuse", "warn", "ignore"}


def test_a_running_hub_obeys_a_policy_within_seconds_and_logs_it(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.start()
        sender, recipient = world.office(), world.office()
        long = {"subject": "x" * 501}
        eventually(lambda: world.ledger.read_now(agencies.find, [recipient.code]))
        said = eventually(lambda: verdict(sender.client, sender.letter(recipient.code, **long)))
        assert said["findings"][0]["rule"] == "subject.length"
        arguments = ("subject.length", "warn", "--until", TOMORROW, "--reason", "chuyển đổi", "--agency", sender.code)
        assert policy(tmp_path / "data", "set", *arguments).code == DONE
        eventually(lambda: sender.client.check_envelope(sender.letter(recipient.code, **long))["verdict"] == "accepted")
        accepted = sender.client.post_envelope(sender.letter(recipient.code, **long))
        assert [one["rule"] for one in accepted["warnings"]] == ["subject.length", "malware.scanned"]
        entries = world.log_entries(kind="policy.rule_set")
        assert [(one["agency"], one["detail"]["until"]) for one in entries] == [(sender.code, TOMORROW)]


def verdict(client: object, letter: bytes) -> dict[str, object] | None:
    said: dict[str, object] = client.check_envelope(letter)  # type: ignore[attr-defined]  # the sandbox's client
    return said if said["verdict"] == "refused" else None
