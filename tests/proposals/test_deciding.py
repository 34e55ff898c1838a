"""One person asks, another one decides; what cannot wait is done at once and looked at afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from hub import clock
from hub.audit import Event
from hub.ledger import Ledger, Transaction, people, proposals, tables
from hub.problems import Refused
from hub.proposals import Effect, Proposals

REASON = "đổi theo công văn"


class Lamp:
    """A kind whose effect can be watched."""

    name, title, urgent = "lamp", "Lamp", True
    asking, deciding = frozenset({"operator"}), frozenset({"administrator", "operator"})

    def __init__(self) -> None:
        self.lit, self.colour = False, "white"

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        return Effect(arguments["where"], (("Colour", self.colour),))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        self.lit = True

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        self.lit = False


@pytest.fixture
def lamp(ledger: Ledger) -> Lamp:
    def register(transaction: Transaction) -> None:
        for login, role in (("asks", "operator"), ("decides", "administrator"), ("reads", "auditor")):
            people.add_person(transaction, login, login, (role,), "-", None, clock.now())  # type: ignore[arg-type] # roles as text

    ledger.write_now(register)
    return Lamp()


def kinds_of(ledger: Ledger) -> list[str]:
    def read(transaction: Transaction) -> list[str]:
        entries = tables.audit_entry.c
        rows = transaction.execute(
            select(entries.kind).where(entries.kind.startswith("proposal.")).order_by(entries.seq)
        )
        return list(rows.scalars())

    return ledger.read_now(read)


def asked(ledger: Ledger, lamp: Lamp) -> str:
    proposed = Proposals({"lamp": lamp})
    return ledger.write_now(proposed.ask, "lamp", {"where": "H33.07"}, REASON, "asks").id


def test_nothing_happens_until_a_second_person_confirms(ledger: Ledger, lamp: Lamp) -> None:
    known = Proposals({"lamp": lamp})
    proposal = asked(ledger, lamp)
    assert not lamp.lit
    assert [one.id for one in ledger.read_now(proposals.open_ones)] == [proposal]
    with pytest.raises(Refused, match="proposal-second-person"):
        ledger.write_now(known.confirm, proposal, "asks")
    with pytest.raises(Refused, match="forbidden"):
        ledger.write_now(known.confirm, proposal, "reads")
    assert ledger.write_now(known.confirm, proposal, "decides").state == "confirmed"
    assert lamp.lit
    assert ledger.write_now(known.confirm, proposal, "decides").state == "confirmed"
    assert kinds_of(ledger) == [Event.PROPOSAL_ASKED, Event.PROPOSAL_DECIDED]


def test_whoever_asked_may_take_it_back_and_nobody_confirms_it_then(ledger: Ledger, lamp: Lamp) -> None:
    known = Proposals({"lamp": lamp})
    proposal = asked(ledger, lamp)
    assert ledger.write_now(known.decline, proposal, "asks").state == "declined"
    with pytest.raises(Refused, match="proposal-decided"):
        ledger.write_now(known.confirm, proposal, "decides")
    assert not lamp.lit


def test_what_would_do_something_else_by_now_is_not_confirmed(ledger: Ledger, lamp: Lamp) -> None:
    known = Proposals({"lamp": lamp})
    proposal = asked(ledger, lamp)
    lamp.colour = "red"
    assert ledger.read_now(known.view, proposal).changed
    with pytest.raises(Refused, match="proposal-changed"):
        ledger.write_now(known.confirm, proposal, "decides")
    assert not lamp.lit


def test_what_was_done_at_once_is_upheld_by_another_person_only(ledger: Ledger, lamp: Lamp) -> None:
    known = Proposals({"lamp": lamp})
    done = ledger.write_now(known.act, "lamp", {"where": "H33.07"}, REASON, "asks")
    assert lamp.lit
    with pytest.raises(Refused, match="proposal-second-person"):
        ledger.write_now(known.confirm, done.id, "asks")
    assert ledger.write_now(known.confirm, done.id, "decides").state == "upheld"
    assert lamp.lit


def test_what_was_done_at_once_can_be_taken_back(ledger: Ledger, lamp: Lamp) -> None:
    known = Proposals({"lamp": lamp})
    done = ledger.write_now(known.act, "lamp", {"where": "H33.07"}, REASON, "asks")
    assert ledger.write_now(known.decline, done.id, "decides").state == "reverted"
    assert not lamp.lit
    with pytest.raises(Refused, match="proposal-decided"):
        ledger.write_now(known.confirm, done.id, "decides")


def test_a_hub_with_nobody_else_who_could_decide_says_that_it_was_one_person(ledger: Ledger) -> None:
    ledger.write_now(people.add_person, "first", "first", ("operator",), "-", None, clock.now())
    lamp = Lamp()
    record = ledger.write_now(Proposals({"lamp": lamp}).ask, "lamp", {"where": "H33.07"}, REASON, "first")
    assert (record.state, lamp.lit) == ("alone", True)
    assert kinds_of(ledger) == [Event.PROPOSAL_ACTED]


@pytest.mark.parametrize(("reason", "code"), [("  ", "reason-missing"), ("a" * 501, "request-invalid")])
def test_a_proposal_says_why(ledger: Ledger, lamp: Lamp, reason: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        ledger.write_now(Proposals({"lamp": lamp}).ask, "lamp", {"where": "H33.07"}, reason, "asks")


def test_an_unknown_kind_and_an_unknown_proposal_are_said(ledger: Ledger, lamp: Lamp) -> None:
    known = Proposals({"lamp": lamp})
    with pytest.raises(Refused, match="request-invalid"):
        ledger.write_now(known.ask, "sun", {}, REASON, "asks")
    with pytest.raises(Refused, match="not-found"):
        ledger.write_now(known.confirm, "nothing", "decides")
