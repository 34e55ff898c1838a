"""``lienthong hold`` and ``purge``: an administrator on the hub's own machine, and a second person."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from hub.cli import main
from hub.ledger import Ledger, PayloadStore, Transaction, migration, registration, tables
from hub.retention.carrying_out import CarryingOut
from tests.cli.command import Outcome
from tests.ledger.stage import Stage

DONE, REFUSED, MISUSE = 0, 1, 2
LONG_AGO = datetime(2014, 6, 1, 5, tzinfo=UTC)


@dataclass
class Desk:
    """A data directory with two letters of long ago, and the password files of three people."""

    data: Path
    letters: list[str]
    said: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def call(self, *arguments: str, by: str = "") -> Outcome:
        person = ("--person", by, "--password-file", str(self.data / f"{by}.secret")) if by else ()
        self.patch.setattr(sys, "argv", ["lienthong", *arguments, *person, "--data", str(self.data)])
        self.said.readouterr()
        with pytest.raises(SystemExit) as ended:
            contextvars.copy_context().run(main)
        return Outcome(int(ended.value.code or 0), *self.said.readouterr())

    def carry_out(self) -> int:
        ledger = Ledger.sqlite(self.data / "ledger.sqlite")
        try:
            return asyncio.run(CarryingOut(ledger, PayloadStore(self.data / "payloads")).step())
        finally:
            ledger.close()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    data = tmp_path / "data"
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    migration.upgrade(ledger)
    stage = Stage(ledger)
    stage.furnish()
    for login, role in (("one", "administrator"), ("two", "administrator"), ("three", "auditor")):
        password = ledger.write_now(registration.add_person, login, login, [role], None)
        (data / f"{login}.secret").write_text(f"{password}\n")
    letters = [stage.accept(code, at=LONG_AGO).envelope_id for code in ("H33", "H40")]

    def settle(transaction: Transaction) -> None:
        transaction.execute(delete(tables.outbox))
        transaction.execute(update(tables.delivery).values(state="dead", reason="expired", closed_at=LONG_AGO))

    ledger.write_now(settle)
    ledger.close()
    return Desk(data, letters, capsys, monkeypatch)


def test_two_people_purge_from_the_terminal_what_no_hold_keeps(desk: Desk) -> None:
    held = desk.call("hold", "place", "--recipient", "H40", "--reason", "Thanh tra", "--json", by="three").json
    assert (held["envelopes"], held["purged"]) == (1, 0)
    plan = desk.call("purge", "plan", "--json").json
    assert [(one["class"], one["stays"], one["envelopes"]) for one in plan["classes"]] == [
        ("correspondence", "", 1),
        ("correspondence", "held", 1),
    ]
    words = desk.call("purge", "plan").out
    assert "a legal hold" in words
    assert f"--seen {plan['seen']}" in words
    asked = desk.call("purge", "ask", "--reason", "Hết hạn", "--seen", plan["seen"], "--json", by="one").json
    assert (asked["state"], asked["chosen"]) == ("asked", 1)
    own = desk.call("purge", "confirm", asked["purge"], by="one")
    assert own.code == REFUSED
    assert "purge-second-person" in own.err
    assert desk.carry_out() == 0
    assert desk.call("purge", "confirm", asked["purge"], "--json", by="three").json["state"] == "confirmed"
    assert desk.carry_out() == 1
    [listed] = desk.call("purge", "list", "--json").json
    assert (listed["state"], listed["purged"], listed["decided_by"]) == ("done", 1, "three")
    dead = {one["envelope"]: one["purged"] for one in desk.call("dead-letters", "--json").json["dead_letters"]}
    assert dead == {desk.letters[0]: True, desk.letters[1]: False}
    assert "purge-decided" in desk.call("purge", "decline", asked["purge"], by="two").err
    assert "purge-empty" in desk.call("purge", "ask", "--reason", "Hết hạn", by="one").err


def test_two_people_lift_a_hold_from_the_terminal(desk: Desk) -> None:
    place = ("hold", "place", "--from", "2014-01-01", "--to", "2014-12-31", "--reason", "Thanh tra", "--json")
    hold = desk.call(*place, by="one").json["hold"]
    assert "second person" in desk.call("hold", "lift", hold, "--reason", "Xong", by="one").out
    assert "hold-second-person" in desk.call("hold", "lift", hold, by="one").err
    assert desk.call("hold", "lift", hold, "--json", by="three").json["state"] == "lifted"
    assert "hold-lifted" in desk.call("hold", "keep", hold, by="three").err
    [listed] = desk.call("hold", "list", "--json").json
    assert listed["scope"] == {"since": "2014-01-01", "until": "2014-12-31"}
    assert "since=2014-01-01" in desk.call("hold", "list").out


def test_nobody_decides_without_a_password(desk: Desk) -> None:
    (desk.data / "one.secret").write_text("wrong\n")
    for command in (("hold", "place", "--sender", "G22", "--reason", "x"), ("purge", "ask", "--reason", "x")):
        refused = desk.call(*command, by="one")
        assert refused.code == REFUSED
        assert "person-not-verified" in refused.err
        assert desk.call(*command).code == MISUSE


def test_the_doctor_names_the_policy_and_what_is_wrong_with_it(desk: Desk, tmp_path: Path) -> None:
    checks = {one["check"]: one for one in desk.call("doctor", "--json").json["checks"]}
    assert checks["retention"]["ok"]
    assert "correspondence 10" in checks["retention"]["detail"]
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[[class]]\nname = "all"\nkeep = "a while"\n')
    desk.patch.setenv("LIENTHONG_RETENTION", str(wrong))
    checks = {one["check"]: one for one in desk.call("doctor", "--json").json["checks"]}
    assert not checks["retention"]["ok"]
    assert "class all: keep" in checks["retention"]["detail"]
