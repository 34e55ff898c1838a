"""Registering systems of both channels, and asking for what came back, as typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub import clock
from hub.ledger import Ledger, deliveries, leasing, mail, migration, reconfiguring, registration, systems
from hub.problems import Refused
from hub.registry.folder import Root
from tests.cli.entry import run
from tests.ledger.stage import Stage
from tests.mail.reports import TOKEN

MAILBOX = "vanthu@xa-a.example"


@contextmanager
def ledger_in(data: Path) -> Iterator[Ledger]:
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    migration.upgrade(ledger)
    yield ledger
    ledger.close()


@pytest.mark.parametrize(
    ("channel", "options", "said"),
    [
        ("mail", {}, "no mailbox"),
        ("mail", {"address": "vanthu"}, "no mailbox"),
        ("mail", {"address": MAILBOX, "policy": "fax"}, "notice, document"),
        ("folder", {"folder": "xa-a"}, "No such file"),
        ("folder", {"folder": "../xa-a"}, "without .."),
        ("folder", {}, "missing"),
    ],
)
def test_what_cannot_work_is_not_registered(tmp_path: Path, channel: str, options: dict[str, str], said: str) -> None:
    (tmp_path / "folders").mkdir()
    with ledger_in(tmp_path) as ledger:
        for folders in (Root(tmp_path / "folders"), None):
            with pytest.raises(Refused) as refused:
                ledger.write_now(registration.add_system, "Xã A", channel, options=options, folders=folders)
            assert refused.value.code == "registry-invalid"
            assert said in refused.value.detail or (folders is None and "LIENTHONG_FOLDER_ROOT" in refused.value.detail)
        assert ledger.read_now(systems.every) == []
        ledger.write_now(registration.add_system, "Xã B", "mail", options={"address": MAILBOX})
        with pytest.raises(Refused):
            ledger.write_now(reconfiguring.change, "Xã B", None, {"policy": "fax"})
        ledger.write_now(reconfiguring.change, "Xã B", None, {"policy": "document"})
        [kept] = ledger.read_now(systems.every)
        assert kept.options == {"address": MAILBOX, "policy": "document"}


def test_both_channels_are_registered_by_command(tmp_path: Path) -> None:
    data, root = tmp_path / "data", tmp_path / "folders"
    (root / "a" / "den").mkdir(parents=True)
    by_mail = run("system", "add", "Xã A", "--channel", "mail", "--option", f"address={MAILBOX}", "--data", data)
    typed = ("system", "add", "Xã B", "--channel", "folder", "--option", "folder=a/den", "--data", data)
    by_folder = run(*typed, LIENTHONG_FOLDER_ROOT=str(root))
    assert [one.code for one in (by_mail, by_folder)] == [0, 0]
    with ledger_in(data) as ledger:
        assert [one.options for one in ledger.read_now(systems.every)] == [{"address": MAILBOX}, {"folder": "a/den"}]


def test_mails_that_came_back_are_listed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ledger_in(data) as ledger:
        stage = Stage(ledger)
        stage.furnish()
        [one] = stage.in_inbox("H33")
        at = clock.now()
        ledger.write_now(leasing.lease, "h33", clock.new_id(), 1, at, at)
        ledger.write_now(mail.opened, one, MAILBOX, TOKEN)
        ledger.write_now(mail.accepted, one, MAILBOX, "document", "250 OK", at)
        ledger.write_now(deliveries.close, [one], "settled", at)
        ledger.write_now(mail.bounced, one, "5.1.1 no such mailbox", at)
    [listed] = run("bounces", "--json", "--data", data).json["bounces"]
    assert (listed["delivery"], listed["state"], listed["policy"]) == (one, "settled", "document")
    assert listed["reason"] == "5.1.1 no such mailbox"
