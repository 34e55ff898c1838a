"""``lienthong dead-letters`` and ``replay``: an operator on the hub's own machine, and a second one."""

from __future__ import annotations

import contextvars
import os
import pty
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub import clock
from hub.cli import main
from hub.ledger import Ledger, PayloadStore, Transaction, deliveries, exchange_log, migration, registration
from hub.ledger.exchange_log import LogQuery
from hub.receipts.non_delivery import give_up
from tests.cli.command import Outcome, environment
from tests.cli.entry import ENTRY, run
from tests.ledger.stage import Stage

DONE, REFUSED, MISUSE = 0, 1, 2


@dataclass
class Desk:
    """A data directory with dead letters, and the password files of two operators."""

    data: Path
    dead: list[str]
    said: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def call(self, *arguments: str, by: str = "") -> Outcome:
        """In this process: a command line's start costs more than all that is tested here."""
        person = ("--person", by, "--password-file", str(self.data / f"{by}.secret")) if by else ()
        self.patch.setattr(sys, "argv", ["lienthong", *arguments, *person, "--data", str(self.data)])
        self.said.readouterr()
        with pytest.raises(SystemExit) as ended:
            contextvars.copy_context().run(main)
        return Outcome(int(ended.value.code or 0), *self.said.readouterr())

    def ask(self) -> str:
        outcome = self.call("replay", "plan", "--state", "dead", "--reason", "Hỏng ổ đĩa", "--json", by="one")
        assert outcome.code == DONE, outcome.err
        return str(outcome.json["replay"])


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    data = tmp_path / "data"
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    migration.upgrade(ledger)
    stage = Stage(ledger)
    stage.furnish()
    for login in ("one", "two"):
        password = ledger.write_now(registration.add_person, login, login, ["operator"], None)
        (data / f"{login}.secret").write_text(f"{password}\n")
    kept = PayloadStore(data / "payloads").writer()
    kept.write(b"<letter/>")
    kept.keep()
    dead = stage.in_inbox("H33", body=b"<letter/>") + stage.in_inbox("H40", body=b"<gone/>")

    def kill(transaction: Transaction) -> None:
        for record in deliveries.find(transaction, dead, lock=True).values():
            assert give_up(transaction, stage.signer, record, "rejected", "HTTP 415", clock.now())

    ledger.write_now(kill)
    ledger.close()
    return Desk(data, dead, capsys, monkeypatch)


def kinds(desk: Desk) -> list[str]:
    ledger = Ledger.sqlite(desk.data / "ledger.sqlite")
    entries, _ = ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    ledger.close()
    return [entry["kind"] for entry in entries]


def test_dead_letters_are_listed_with_why_and_whether_their_octets_are_kept(desk: Desk) -> None:
    listed = desk.call("dead-letters", "--json").json
    assert listed["total"] == 2
    rows = {one["delivery"]: one for one in listed["dead_letters"]}
    assert [rows[one]["kept"] for one in desk.dead] == [True, False]
    first = rows[desk.dead[0]]
    assert (first["code"], first["detail"], first["explanation"]) == (
        "rejected", "HTTP 415", "The system rejected the document",
    )  # fmt: skip
    assert [one["delivery"] for one in desk.call("dead-letters", "--agency", "H40", "--json").json["dead_letters"]] == [
        desk.dead[1]
    ]
    words = desk.call("dead-letters", "--limit", "1").out
    assert "HTTP 415" in words
    assert "--before" in words
    assert desk.call("dead-letters", "--code", "gone").out.strip() == "No dead letters."


def test_two_people_send_a_dead_letter_again_from_the_terminal(desk: Desk) -> None:
    dry = desk.call("replay", "plan", "--state", "dead", "--json").json
    assert (dry["replay"], dry["sendable"], dry["left_out"]) == (None, 2, 0)
    assert [one["delivery"] for one in dry["deliveries"]] == desk.dead
    assert "replay.asked" not in kinds(desk)

    replay = desk.ask()
    shown = desk.call("replay", "show", replay, "--json").json
    assert (shown["state"], shown["asked_by"], shown["reason"], shown["changed"]) == ("asked", "one", "Hỏng ổ đĩa", 0)
    own = desk.call("replay", "confirm", replay, by="one")
    assert own.code == REFUSED
    assert "[replay-second-person]" in own.err
    done = desk.call("replay", "confirm", replay, "--seen", shown["seen"], "--json", by="two").json
    assert done == {"replay": replay, "sent": 2, "left_out": 0, "again": False}
    again = desk.call("replay", "confirm", replay, by="two")
    assert again.code == DONE
    assert "had been confirmed before" in again.out
    assert kinds(desk).count("delivery.replayed") == 2
    assert desk.call("dead-letters", "--json").json["total"] == 0
    [line] = desk.call("replay", "list", "--json").json
    assert (line["state"], line["decided_by"], line["sent"]) == ("confirmed", "two", 2)
    made = desk.call("replay", "show", replay, "--json").json["deliveries"]
    assert all(one["new_delivery"] for one in made)


def test_a_wrong_password_decides_nothing_and_is_logged(desk: Desk) -> None:
    replay = desk.ask()
    (desk.data / "two.secret").write_text("sai")
    outcome = desk.call("replay", "decline", replay, by="two")
    assert outcome.code == REFUSED
    assert outcome.err.split("[")[1].split("]")[0] == "person-not-verified"
    assert kinds(desk)[-1] == "person.login_failed"
    assert desk.call("replay", "confirm", replay).code == MISUSE, "nobody said who acts"


def test_declining_takes_a_proposal_back(desk: Desk) -> None:
    replay = desk.ask()
    assert desk.call("replay", "decline", replay, by="one").code == DONE
    assert "[replay-decided]" in desk.call("replay", "confirm", replay, by="two").err
    assert "declined" in desk.call("replay", "show", replay).out


def test_a_plan_of_everything_is_refused(desk: Desk) -> None:
    outcome = run("replay", "plan", "--data", desk.data)
    assert outcome.code == REFUSED
    assert "[request-invalid]" in outcome.err


def test_without_a_file_the_password_is_asked_for_and_not_shown(desk: Desk) -> None:
    replay = desk.ask()
    password = (desk.data / "one.secret").read_text().strip()
    child, terminal = pty.fork()
    if not child:
        os.execve(
            ENTRY, [str(ENTRY), "replay", "decline", replay, "--person", "one", "--data", str(desk.data)], environment()
        )
    said = b""
    while b": " not in said:  # the space comes once the terminal echoes no more
        said += os.read(terminal, 1000)
    os.write(terminal, password.encode() + b"\n")
    try:
        while piece := os.read(terminal, 1000):
            said += piece
    except OSError:  # so a terminal ends on Linux when its other side is closed
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == DONE, said
    os.close(terminal)
    assert password.encode() not in said
    assert b"declined" in said
