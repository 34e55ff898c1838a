"""What several processes do to one person at the same moment, on both stores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from hub.ledger import Ledger, login_failures, people, person_acts, person_links, second_factors, sessions
from hub.ledger.login_failures import FREE_FAILURES, LONGEST_WAIT, Place
from hub.problems import Refused

AT = datetime(2026, 11, 20, 7, tzinfo=UTC)
PLACE = Place("key of a login")


def add(ledger: Ledger, login: str, *roles: people.Role) -> str:
    return ledger.write_now(people.add_person, login, login, roles or ("operator",), "hash", None, AT)


def test_attempts_at_the_same_moment_are_no_more_than_attempts_in_turn(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _turn: ledger.write_now(login_failures.attempt, PLACE, AT), range(12)))
    assert sum(wait == timedelta() for wait in waits) == FREE_FAILURES
    assert ledger.read_now(login_failures.waits, ["key of a login", "other"], AT).keys() == {"key of a login"}
    known = Place(PLACE.login, "a browser")
    assert ledger.write_now(login_failures.attempt, known, AT) == timedelta()
    ledger.write_now(login_failures.unlock, PLACE.login)
    assert ledger.write_now(login_failures.attempt, PLACE, AT) == timedelta()


def test_waits_grow_to_a_quarter_of_an_hour_and_are_forgotten_after_an_hour(ledger: Ledger) -> None:
    at, waits = AT, []
    for _turn in range(FREE_FAILURES + 9):
        while wait := ledger.write_now(login_failures.attempt, PLACE, at):
            waits.append(wait)
            at += wait
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT
    assert ledger.write_now(login_failures.attempt, PLACE, at + timedelta(hours=1, seconds=1)) == timedelta()
    assert ledger.read_now(login_failures.count, PLACE) == 1


def test_a_step_and_a_recovery_code_are_taken_by_one_of_many(ledger: Ledger) -> None:
    who = add(ledger, "mot")
    ledger.write_now(second_factors.put, who, b"sealed", 7, ("one", "two"), AT)
    with ThreadPoolExecutor(4) as pool:
        steps = list(pool.map(lambda _turn: ledger.write_now(second_factors.take_step, who, 8), range(6)))
        codes = list(pool.map(lambda _turn: ledger.write_now(second_factors.take_code, who, "one", AT), range(6)))
    assert (sum(steps), sum(codes)) == (1, 1)
    assert ledger.read_now(second_factors.secret, who) == (b"sealed", 8)
    assert ledger.read_now(second_factors.codes_left, who) == 1


def test_one_of_two_last_administrators_stays_when_both_are_switched_off_at_once(ledger: Ledger) -> None:
    for login in ("mot", "hai"):
        add(ledger, login, "administrator")

    def off(login: str) -> bool:
        found = ledger.read_now(people.find_by_login, login)
        assert found is not None
        try:
            ledger.write_now(person_acts.deactivate, found[0], "test")
        except Refused as refusal:
            return refusal.code != "person-last-administrator"
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(off, ("mot", "hai"))) == [False, True]


@pytest.mark.parametrize("text", ["MOT", "h3"])
def test_people_are_found_by_parts_of_login_and_agency_whatever_the_case(ledger: Ledger, text: str) -> None:
    add(ledger, "so-mot")
    found = [one.login for one in ledger.read_now(people.page, "", text)]
    assert found == (["so-mot"] if text == "MOT" else [])
    assert ledger.read_now(people.page, "so-mot") == []


def test_a_used_link_and_an_ended_session_are_gone(ledger: Ledger) -> None:
    who = add(ledger, "mot")
    person = ledger.read_now(people.find, who)
    assert person is not None
    ledger.write_now(person_links.make, person[0], "token", AT, "test")
    assert ledger.write_now(person_links.take, "token", AT).person == person[0]
    with pytest.raises(Refused):
        ledger.write_now(person_links.take, "token", AT)
    for number in range(3):
        ledger.write_now(sessions.open_session, who, f"token {number}", AT, timedelta(hours=1))
    first, *rest = ledger.read_now(sessions.open_ones, who, AT, timedelta(hours=1))
    assert ledger.write_now(sessions.end, who, first.id)
    assert not ledger.write_now(sessions.end, "somebody else", rest[0].id)
    assert ledger.write_now(sessions.end_all, who, rest[0].id) == 1
    assert [one.id for one in ledger.read_now(sessions.open_ones, who, AT, timedelta(hours=1))] == [rest[0].id]
