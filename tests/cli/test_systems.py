"""Systems that are pushed to, as an administrator registers, changes and enables them."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from hub import clock
from hub.ledger import Ledger, carriage, migration, systems
from hub.settings import load
from hub.signatures.jws import HubKey
from hub.signatures.webhooks import WebhookKeys
from tests.cli.command import Outcome
from tests.cli.entry import run

URL = "https://van-ban.h33.example/nhan"
ADD = ("system", "add", "Sở Y tế", "--channel", "push", "--url", URL)


class Hub:
    """A data directory and what is registered in it."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def run(self, *arguments: str, **environment: str) -> Outcome:
        return run(*arguments, "--json", "--data", self.data, **environment)

    def ledger(self) -> Ledger:
        ledger = Ledger.sqlite(self.data / "ledger.sqlite")
        migration.upgrade(ledger)
        return ledger


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "data")


@pytest.mark.slow
def test_a_system_is_registered_with_what_verifies_its_pushes(hub: Hub) -> None:
    key = HubKey.load_or_create(load(data_dir=hub.data).hub_key_file)
    added = hub.run(*ADD)
    (shown,) = added.json["verify_with"]
    ledger = hub.ledger()
    kept = ledger.read_now(systems.by_client, added.json["client_id"])
    ledger.close()
    assert kept is not None
    assert (kept.channel, kept.url, kept.options) == ("push", URL, {})
    assert WebhookKeys([key], kept.id).shown("v1a") == [shown]
    assert len(base64.b64decode(shown.removeprefix("whpk_"))) == 32

    assert hub.run("system", "change", "Sở Y tế", "--option", "signature=v1").json["options"] == {"signature": "v1"}
    (secret,) = hub.run("system", "keys", "Sở Y tế").json["verify_with"]
    assert secret.startswith("whsec_")


def test_a_hub_without_a_key_gets_none_from_an_administrators_account(hub: Hub) -> None:
    """The hub makes it under its own account; made here it might not be able to read it."""
    added = run(*ADD, "--data", hub.data)
    assert (added.code, "lienthong system keys" in added.out) == (0, True)
    assert not (hub.data / "keys").exists()


def test_what_cannot_be_pushed_to_is_refused_by_name(hub: Hub) -> None:
    refused = hub.run("system", "add", "x", "--channel", "push", "--url", "https://169.254.169.254/latest/")
    assert (refused.code, refused.json["code"]) == (1, "registry-invalid")
    assert refused.json["findings"][0]["location"] == "url"


@pytest.mark.slow
def test_an_address_within_the_administration_is_registered_where_its_network_is_allowed(hub: Hub) -> None:
    inside = ("system", "add", "x", "--channel", "push", "--url", "https://10.20.0.7/nhan")
    assert hub.run(*inside, LIENTHONG_PUSH_ALLOWED_NETWORKS="10.20.0.0/16").code == 0
    wrong = hub.run(*inside, LIENTHONG_PUSH_ALLOWED_NETWORKS="10.20.0.0/99")
    assert (wrong.code, wrong.json["findings"][0]["location"]) == (2, "LIENTHONG_PUSH_ALLOWED_NETWORKS")


@pytest.mark.slow
def test_a_system_in_trouble_is_listed_with_its_reason_and_enabled(hub: Hub) -> None:
    client_id = hub.run(*ADD).json["client_id"]
    ledger, at = hub.ledger(), clock.now()
    known = ledger.read_now(systems.by_client, client_id)
    assert known is not None
    ledger.write_now(carriage.disable, known.id, "gone: HTTP 410", at)
    ledger.write_now(carriage.note_failure, known.id, 6, at + timedelta(hours=1), "gone", "HTTP 410", at)

    (listed,) = hub.run("system", "list").json
    assert (listed["disabled"], listed["disabled_reason"], listed["failing"]["failures"]) == (True, "gone: HTTP 410", 6)
    assert "gone: HTTP 410" in run("system", "list", "--data", hub.data).out
    assert hub.run("system", "enable", "Sở Y tế").json == {"name": "Sở Y tế", "disabled": False}
    after = ledger.read_now(systems.by_id, known.id)
    ledger.close()
    assert after is not None
    assert not after.disabled
