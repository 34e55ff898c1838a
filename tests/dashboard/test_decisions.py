"""Decisions on the pages: one person proposes, another one sees what it does to whom and decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import clock
from hub.ledger import Ledger, Transaction, decisions, registration, tables
from hub.ledger.holds import Scope
from hub.proposals import Proposals
from hub.retention import holds as lifting
from hub.signatures.rehearsing import fingerprint
from tests.dashboard.two_people import Desk, desk_in

pytestmark = pytest.mark.services

REASON = "theo công văn 12"


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_in(tmp_path_factory.mktemp("decisions")) as made:
        yield made


def kinds_of(ledger: Ledger, first: str) -> list[str]:
    """The kinds of entries that begin so, in the order of the log."""

    def read(transaction: Transaction) -> list[str]:
        entries = tables.audit_entry.c
        chosen = select(entries.kind).where(entries.kind.startswith(first)).order_by(entries.seq)
        return list(transaction.execute(chosen).scalars())

    return ledger.read_now(read)


def withdrawal(desk: Desk, code: str = "H33.07") -> tuple[str, dict[str, Any]]:
    return "certificate.withdraw", {"agency": code, "certificate": fingerprint(desk.identities[code].certificate)}


def test_everything_that_waits_is_in_one_list_with_who_may_decide(desk: Desk) -> None:
    asked = desk.ledger.write_now(Proposals().ask, *withdrawal(desk), REASON, "quan")
    hold, _reached = desk.ledger.write_now(lifting.place, Scope(sender="H33"), "Thanh tra", "quan")
    desk.ledger.write_now(lifting.lift, hold, "quan", "Thanh tra đã xong")
    own = desk["quan"].get("/decisions").text
    assert own.count("yours: a colleague decides") == 2
    assert "none of them is yours to decide" in own
    other = desk["tri"].get("/decisions").text
    assert "2 of them are yours to decide" in other
    assert f"/decisions/{asked.id}" in other
    assert "Lift a legal hold" in other
    assert "H33.07" in other
    operator = desk["truc"].get("/decisions").text
    assert "1 of them is yours to decide" in operator, "holds are not an operator's"
    assert "/retention" not in re.sub(r"<nav.*?</nav>", "", operator, flags=re.S)
    assert desk.ledger.read_now(decisions.number_waiting) == 2


def test_what_was_decided_goes_below_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.dashboard.screens.decisions.SHOWN", 2)
    made = []
    for code in ("H33.07", "H33.12", "H33.21"):
        asked = desk.ledger.write_now(Proposals().ask, *withdrawal(desk, code), f"{REASON} {code}", "quan")
        desk.ledger.write_now(Proposals().decline, asked.id, "tri")
        made.append(asked.id)
    first = desk["tri"].get("/decisions").text
    assert "Nothing waits for a decision." in first
    assert made[0] not in first
    older = re.search(r'href="(/decisions\?before=[^"]+)"', first)
    assert older is not None
    second = desk["tri"].get(older[1].replace("&amp;", "&")).text
    assert [f'/decisions/{one}"' in second for one in made] == [True, False, False]
    assert desk["tri"].get("/decisions?before=nonsense").status_code == 200


def test_a_proposal_that_would_do_something_else_by_now_shows_both_and_cannot_be_confirmed(desk: Desk) -> None:
    asked = desk.ledger.write_now(Proposals().ask, *withdrawal(desk), REASON, "quan")
    address = f"/decisions/{asked.id}"
    assert "Confirm: carry it out now" in desk["tri"].get(address).text
    another = desk.pki.issue("H33.07", "Sở Y tế", moment=clock.now() + timedelta(days=9))
    desk.ledger.write_now(registration.add_certificate, "H33.07", another.certificate)
    page = desk["tri"].get(address).text
    assert "It would do something else now" in page
    assert fingerprint(another.certificate)[:16] in page
    assert "Confirm: carry it out now" not in page
    refused = desk["tri"].post(f"{address}/confirm")
    assert refused.status_code == 409
    assert "no longer do what was shown" in refused.text
    assert desk["quan"].post(f"{address}/decline").status_code == 303
    assert "Declined" in desk["tri"].get(address).text
    assert desk["tri"].post(f"{address}/confirm").status_code == 409


def test_what_cannot_be_done_any_more_says_why(desk: Desk) -> None:
    kind, arguments = withdrawal(desk)
    asked = desk.ledger.write_now(Proposals().ask, kind, arguments, REASON, "quan")
    desk.ledger.write_now(registration.withdraw_certificate, "H33.07", arguments["certificate"])
    page = desk["tri"].get(f"/decisions/{asked.id}").text
    assert "it cannot be carried out" in page
    assert "Confirm" not in page


def test_what_was_carried_out_at_once_is_upheld_or_taken_back_by_another_person(desk: Desk) -> None:
    arguments = {"system": "system-soyte"}
    done = desk.ledger.write_now(Proposals().act, "system.suspend", arguments, REASON, "quan")
    address = f"/decisions/{done.id}"
    own = desk["quan"].get(address).text
    assert "Uphold it" not in own
    assert "Another person has to look at it" in own
    assert "soyte" in own, "what was shown is kept"
    assert desk["quan"].post(f"{address}/confirm").status_code == 403
    page = desk["truc"].get(address).text
    assert "Uphold it" in page
    assert "Undo it" in page
    assert desk["truc"].post(f"{address}/decline").status_code == 303
    assert "Taken back" in desk["kiemtoan"].get(address).text
    assert desk["kiemtoan"].get("/decisions/nothing").status_code == 404
    assert desk["kiemtoan"].post(f"{address}/confirm").status_code == 403
