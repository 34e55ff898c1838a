"""``lienthong proposal``: what takes two people, decided on the hub's own machine; secrets rotated there too."""

from __future__ import annotations

import contextvars
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.cli import main
from hub.ledger import Ledger, migration, registration, systems
from hub.proposals import Proposals
from hub.registry.model import is_secret_of
from tests.cli.command import Outcome

DONE, REFUSED, MISUSE = 0, 1, 2


@dataclass
class Desk:
    """A data directory with a suspended system that nobody has looked at, and the password files of two people."""

    data: Path
    proposal: str
    client_id: str
    said: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def call(self, *arguments: str, by: str = "") -> Outcome:
        person = ("--person", by, "--password-file", str(self.data / f"{by}.secret")) if by else ()
        self.patch.setattr(sys, "argv", ["lienthong", *arguments, *person, "--data", str(self.data)])
        self.said.readouterr()
        with pytest.raises(SystemExit) as ended:
            contextvars.copy_context().run(main)
        return Outcome(int(ended.value.code or 0), *self.said.readouterr())


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    data = tmp_path / "data"
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    migration.upgrade(ledger)
    client_id, _secret = ledger.write_now(registration.add_system, "Sở Y tế", "pull")
    known = ledger.read_now(systems.by_client, client_id)
    assert known is not None
    for login in ("one", "two"):
        password = ledger.write_now(registration.add_person, login, login, ["administrator"], None)
        (data / f"{login}.secret").write_text(f"{password}\n")
    made = ledger.write_now(Proposals().act, "system.suspend", {"system": known.id}, "nghi lộ khóa", "one")
    ledger.close()
    return Desk(data, made.id, client_id, capsys, monkeypatch)


def test_a_second_person_looks_and_decides_from_the_terminal(desk: Desk) -> None:
    [waiting] = desk.call("proposal", "list", "--json").json
    assert (waiting["proposal"], waiting["state"], waiting["subject"]) == (desk.proposal, "acted", "Sở Y tế")
    assert "nghi lộ khóa" in desk.call("proposal", "list").out
    shown = desk.call("proposal", "show", desk.proposal)
    assert "Suspend a system" in shown.out
    assert f"System: Sở Y tế ({desk.client_id})" in shown.out
    own = desk.call("proposal", "confirm", desk.proposal, by="one")
    assert (own.code, "proposal-second-person" in own.err) == (REFUSED, True)
    assert desk.call("proposal", "confirm", desk.proposal, "--json", by="two").json["state"] == "upheld"
    assert "proposal-decided" in desk.call("proposal", "decline", desk.proposal, by="two").err
    assert desk.call("proposal", "list", "--json").json == []
    [over] = desk.call("proposal", "list", "--decided", "--json").json
    assert over["decided_by"] == "two"
    assert desk.call("proposal", "show", desk.proposal, "--json").json["effect"][0] == [
        "System",
        f"Sở Y tế ({desk.client_id})",
    ]
    assert "not-found" in desk.call("proposal", "show", "none").err
    assert desk.call("proposal", "confirm", desk.proposal).code == MISUSE


def test_a_secret_rotated_from_the_terminal_leaves_the_one_before_its_hours(desk: Desk) -> None:
    first = desk.call("system", "rotate", "Sở Y tế", "--json").json
    second = desk.call("system", "rotate", "Sở Y tế", "--overlap", "2", "--json").json
    ledger = Ledger.sqlite(desk.data / "ledger.sqlite")
    known = ledger.read_now(systems.by_client, desk.client_id)
    ledger.close()
    assert known is not None
    assert sorted(one.ends_at.isoformat()[:16] for one in known.former) == sorted(
        one["former_until"][:16] for one in (first, second)
    )
    end = min(one.ends_at for one in known.former)
    assert [is_secret_of(known, one["client_secret"], end) for one in (first, second)] == [False, True]
    assert "count no more" in desk.call("system", "rotate", "Sở Y tế", "--overlap", "0").out
    assert desk.call("system", "rotate", "Sở Y tế", "--overlap", "200").code == MISUSE
    assert "registry-invalid" in desk.call("system", "rotate", "Sở Y tế", "--broker").err
