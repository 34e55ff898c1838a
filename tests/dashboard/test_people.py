"""People, passwords, sessions and the brake on guessing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from hub.dashboard.throttle import FREE_FAILURES, LONGEST_WAIT, REMEMBERED, AddressThrottle
from hub.ledger import Ledger, people, sessions, tables
from hub.problems import Refused
from hub.registry.passwords import hash_password, needs_rehash, verify_password

AT = datetime(2026, 11, 20, 7, tzinfo=UTC)
IDLE = timedelta(hours=1)
LIFETIME = timedelta(hours=12)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.sqlite(tmp_path / "ledger.db")
    tables.metadata.create_all(opened.engine)
    yield opened
    opened.close()


def add(ledger: Ledger, login: str = "Truc", roles: tuple[people.Role, ...] = ("operator",)) -> str:
    return ledger.write_now(people.add_person, login, "Trực", roles, "hash", None, AT)


def test_a_login_is_found_whatever_its_case(ledger: Ledger) -> None:
    identifier = add(ledger)
    found = ledger.read_now(people.find_by_login, " TRUC ")
    assert found is not None
    assert (found[0].id, found[1]) == (identifier, "hash")


@pytest.mark.parametrize(
    ("login", "roles"), [("truc", ("operator",)), ("khac", ("king",)), ("khac", ()), ("khac", ("clerk",))]
)
def test_a_login_in_use_an_unknown_role_and_a_clerk_without_agency_are_refused(
    ledger: Ledger, login: str, roles: tuple[people.Role, ...]
) -> None:
    add(ledger)
    with pytest.raises(Refused):
        add(ledger, login, roles)


def test_a_session_lasts_while_used_and_not_longer_than_its_lifetime(ledger: Ledger) -> None:
    ledger.write_now(sessions.open_session, add(ledger), "token", AT, LIFETIME)
    moment = AT
    while moment + timedelta(minutes=50) < AT + LIFETIME:
        moment += timedelta(minutes=50)
        session = ledger.read_now(sessions.find, "token", moment, IDLE)
        assert session is not None
        assert session.touch_due
        ledger.write_now(sessions.touch, "token", session.person.id, moment)
    assert ledger.read_now(sessions.find, "token", AT + LIFETIME, IDLE) is None


def test_an_idle_session_ends(ledger: Ledger) -> None:
    ledger.write_now(sessions.open_session, add(ledger), "token", AT, LIFETIME)
    assert ledger.read_now(sessions.find, "token", AT + timedelta(minutes=59), IDLE) is not None
    assert ledger.read_now(sessions.find, "token", AT + IDLE, IDLE) is None
    assert ledger.read_now(sessions.find, "other", AT, IDLE) is None


def test_passwords_are_verified_and_never_kept_as_given() -> None:
    first, second = hash_password("đường xa"), hash_password("đường xa")
    assert first != second
    assert "đường" not in first
    assert first.startswith("$argon2id$")
    assert verify_password("đường xa", first)
    assert not verify_password("duong xa", first)
    assert not verify_password("", None)
    assert not verify_password("đường xa", "no hash at all")


def test_a_weaker_hash_is_replaced() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8192).hash("x"))
    assert not needs_rehash(hash_password("x"))


def test_guessing_from_one_address_waits_longer_each_time_whatever_it_guesses() -> None:
    throttle = AddressThrottle()
    waits = []
    now = 0.0
    for _turn in range(FREE_FAILURES + 12):
        waits.append(throttle.wait("192.0.2.1", now))
        now += waits[-1]
        throttle.failed("192.0.2.1", now)
    assert waits[:FREE_FAILURES] == [0.0] * FREE_FAILURES
    assert waits[FREE_FAILURES:] == sorted(waits[FREE_FAILURES:])
    assert max(waits) == LONGEST_WAIT
    assert throttle.wait("192.0.2.9", now) == 0


def test_the_brake_forgets_the_oldest_so_that_its_memory_is_bounded() -> None:
    throttle = AddressThrottle()
    for number in range(REMEMBERED + 5):
        throttle.failed(f"address-{number}", 0.0)
    assert len(throttle._failures) == REMEMBERED
