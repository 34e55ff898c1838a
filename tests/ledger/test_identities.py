"""Accounts at the identity provider, on both stores: one person each, and a way back that is gone once, in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub import clock
from hub.ledger import Ledger, identities, people
from hub.ledger.people import Person
from hub.problems import Refused
from hub.registry.openid import Assertion

ISSUER = "https://id.example"


def registered(ledger: Ledger, login: str) -> Person:
    def add(transaction: Any) -> Person:
        people.add_person(transaction, login, login, ("auditor",), "", None, clock.now())
        found = people.find_by_login(transaction, login)
        assert found is not None
        return found[0]

    return ledger.write_now(add)


def enter(ledger: Ledger, person: Person, subject: str, email: str = "") -> None:
    ledger.write_now(identities.enter, person, ISSUER, subject, email, "person:chu", clock.now())


def known(ledger: Ledger, subject: str, email: str = "", issuer: str = ISSUER) -> str | None:
    found = ledger.write_now(identities.recognise, Assertion(issuer, subject, email, second_factor=False))
    return None if found is None else found.login


def test_an_account_is_one_persons_and_a_person_has_one(ledger: Ledger) -> None:
    lan, minh = registered(ledger, "lan"), registered(ledger, "minh")
    enter(ledger, lan, "s-1")
    with pytest.raises(Refused, match="identity-taken"):
        enter(ledger, minh, "s-1")
    enter(ledger, minh, "s-2", "minh@tinh.example")
    with pytest.raises(Refused, match="identity-taken"):
        enter(ledger, lan, "s-3", "MINH@tinh.example")
    enter(ledger, lan, "s-3")
    assert [known(ledger, one) for one in ("s-1", "s-2", "s-3")] == [None, "minh", "lan"]
    assert known(ledger, "s-2", issuer="https://other.example") is None
    shown = ledger.read_now(identities.of_person, minh.id, ISSUER)
    assert shown is not None
    assert (shown.subject, shown.email, shown.entered_by) == ("s-2", "minh@tinh.example", "person:chu")


def test_an_address_leads_to_a_person_until_the_subject_is_known(ledger: Ledger) -> None:
    enter(ledger, registered(ledger, "lan"), "", "Lan@tinh.example")
    assert known(ledger, "s-1") is None
    assert known(ledger, "s-1", "lan@TINH.example") == "lan"
    assert known(ledger, "s-2", "lan@tinh.example") is None
    assert known(ledger, "s-1") == "lan"


def test_a_way_back_is_gone_once_and_in_time(ledger: Ledger) -> None:
    now = clock.now()
    for state in ("one", "late"):
        ledger.write_now(identities.depart, state, f"/{state}", now)
    assert ledger.write_now(identities.arrive, "one", now) == "/one"
    assert ledger.write_now(identities.arrive, "one", now) is None
    assert ledger.write_now(identities.arrive, "late", now + identities.JOURNEY_LIFETIME) is None
    assert ledger.write_now(identities.arrive, "never", now) is None
    ledger.write_now(identities.depart, "again", "/", now + timedelta(days=1))
    assert ledger.write_now(identities.arrive, "again", now + timedelta(days=1)) == "/"
