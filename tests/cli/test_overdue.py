"""``agency contact``, ``overdue`` and ``chase``, and what the doctor says of calendar and deadlines."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from adapters.client import Profile
from hub import clock
from hub.cli.care import _calendar_words
from hub.ledger import Ledger, Transaction, contacts, exchange_log, migration
from hub.ledger.exchange_log import LogQuery
from hub.ledger.registration import add_agency, add_contact, add_system, remove_contact
from hub.ledger.tables import delivery, envelope
from hub.problems import Refused
from hub.receipts.deadline_policy import load
from tests.cli.entry import run
from tests.world import World, eventually

DONE, REFUSED, MISUSE = 0, 1, 2


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    migration.upgrade(ledger)
    ledger.write_now(add_system, "system", "pull")
    for code in ("H33.02", "H33.03"):
        ledger.write_now(add_agency, code, f"Cơ quan {code}", "system", None, (f"000.{code}",))
    ledger.close()
    return data


def contact(data: Path, *arguments: str) -> tuple[int, object]:
    outcome = run("agency", "contact", *arguments, "--data", data, "--json")
    return outcome.code, outcome.json


def test_a_duty_contact_is_added_under_an_alias_listed_and_removed_and_the_log_keeps_no_address(data: Path) -> None:
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    ledger.write_now(add_contact, "H33.02", "truc@h33.example.vn", "Văn thư")
    ledger.write_now(add_contact, "H33.03", "vt@h33.example.vn")
    # the same address again: the name is what was given last
    assert contact(data, "add", "000.H33.02", "truc@h33.example.vn", "--name", "Trực ban")[0] == DONE
    listed = [{"agency": "H33.02", "email": "truc@h33.example.vn", "name": "Trực ban"}]
    assert contact(data, "list", "000.H33.02") == (DONE, listed)
    assert contact(data, "remove", "H33.02", "truc@h33.example.vn")[0] == DONE
    assert [one.email for one, _ in ledger.read_now(contacts.every)] == ["vt@h33.example.vn"]
    entries = [
        ledger.read_now(exchange_log.query, LogQuery(kind=f"registry.contact_{verb}"), None, 9)[0]
        for verb in ("added", "removed")
    ]
    ledger.close()
    assert [len(one) for one in entries] == [3, 1]
    assert "example.vn" not in repr(entries)


@pytest.mark.parametrize(
    ("code", "email", "name", "problem"),
    [
        ("H99", "truc@h33.example.vn", "", "registry-unknown"),
        ("H33.02", "truc@h33.example.vn\nBcc: x@y.vn", "", "registry-invalid"),
        ("H33.02", "truc", "", "registry-invalid"),
        ("H33.02", "truc@h33.example.vn", "x" * 201, "registry-invalid"),
    ],
)
def test_a_contact_that_cannot_be_is_refused(data: Path, code: str, email: str, name: str, problem: str) -> None:
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    with pytest.raises(Refused) as refusal:
        ledger.write_now(add_contact, code, email, name)
    assert refusal.value.code == problem
    with pytest.raises(Refused, match="registry-unknown"):
        ledger.write_now(remove_contact, "H33.02", email)
    ledger.close()


def late_letters(data: Path, count: int) -> None:
    """Letters to H33.02, one a minute since a day, whose time to confirm was an hour after they came."""
    start = clock.now() - timedelta(days=1)
    ledger = Ledger.sqlite(data / "ledger.sqlite")

    def write(transaction: Transaction) -> None:
        for number in range(count):
            at = start + timedelta(minutes=number)
            common = {"profile": "qcvn-102-2016", "promulgated_on": date(2026, 11, 20), "document_type": "Công văn"}
            row = {
                "id": clock.new_id(), "sender_code": "H33.03", "sender_system_id": "s", "document_id": f"d{number}",
                "business_type": 0, "number": str(number), "notation": "CV", "subject": "Về việc", "priority": 2,
                "sha256": "0" * 64, "size": 1, "received_at": at, "details": {}, **common,
            }  # fmt: skip
            transaction.execute(insert(envelope).values(row))
            transaction.execute(
                insert(delivery).values(
                    id=clock.new_id(), envelope_id=row["id"], recipient_code="H33.02", system_id="s", state="ready",
                    priority=2, since=at, available_at=at, confirm_by=at + timedelta(hours=1),
                )
            )  # fmt: skip

    ledger.write_now(write)
    ledger.close()


def test_what_is_overdue_is_listed_latest_first_and_page_by_page(data: Path) -> None:
    late_letters(data, 5)
    first = run("overdue", "--data", data, "--limit", "3", "--json").json
    more = ("--before", first["next"], "--agency", "000.H33.03")
    second = run("overdue", "--data", data, "--limit", "3", *more, "--json").json
    assert [one["document"] for one in first["overdue"] + second["overdue"]] == [f"{n}/CV" for n in (4, 3, 2, 1, 0)]
    assert second["next"] is None
    row = first["overdue"][0]
    assert (row["overdue"], row["class"], row["recipient"]) == ("unconfirmed", "very-urgent", "H33.02")
    assert 22 * 60 < row["late_minutes"] < 24 * 60
    nothing = run("overdue", "--data", data, "--agency", "H99", LC_ALL="en_GB.UTF-8")
    assert (nothing.code, nothing.out) == (DONE, "Nothing is overdue.\n")


def test_the_doctor_reads_the_deadlines_and_warns_of_a_year_without_holidays(tmp_path: Path) -> None:
    file = tmp_path / "deadlines.toml"
    file.write_text('calendar = "atlantis"\n', encoding="utf-8")
    outcome = run("doctor", "--data", tmp_path, "--json", LIENTHONG_DEADLINES=str(file))
    checks = {one["check"]: one for one in outcome.json["checks"]}
    assert outcome.code == REFUSED
    assert not checks["deadlines"]["ok"]
    calendar = load().office.calendar
    assert _calendar_words(calendar, date(2026, 11, 30)) == (True, "Việt Nam 2025–2028")
    assert _calendar_words(calendar, date(2028, 11, 30))[0]
    assert not _calendar_words(calendar, date(2028, 12, 1))[0]
    good, words = _calendar_words(calendar, date(2031, 1, 1))
    assert not good
    assert "2031" in words


def test_a_wrong_policy_stops_the_hub_before_it_starts(tmp_path: Path) -> None:
    file = tmp_path / "deadlines.toml"
    file.write_text("[[class]]\n", encoding="utf-8")
    outcome = run("up", "--data", tmp_path / "data", LIENTHONG_DEADLINES=str(file))
    assert outcome.code == MISUSE
    assert "LIENTHONG_DEADLINES" in outcome.out + outcome.err


@pytest.mark.slow
def test_a_sender_chases_from_the_command_line(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.start()
        sender, recipient = world.office(), world.office()
        sender.client.post_envelope(sender.letter(recipient.code))
        [taken] = eventually(recipient.client.inbox)
        profile = tmp_path / "profile.toml"
        nothing = tmp_path / "unused.pem"  # a chase signs nothing
        Profile(world.url, sender.client_id, sender.secret, sender.code, "x", nothing, nothing).save(profile)
        asked = run("chase", taken["delivery"], "--as", profile, "--note", "Cần gấp", "--json")
        assert asked.code == DONE
        assert asked.json["recipient"] == recipient.code
        before = datetime.now(UTC)
        again = run("chase", taken["delivery"], "--as", profile, "--json")
        assert (again.code, again.json["code"]) == (REFUSED, "chase-too-soon")
        assert datetime.now(UTC) - before < timedelta(seconds=30)  # it does not wait for the half hour
