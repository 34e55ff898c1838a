"""Agencies as a tree, found by name, registered and changed; rules that mean something else until a day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from hub import clock
from hub.audit import Event
from hub.envelope.names import PROFILE
from hub.ledger import Transaction, agencies, agency_tree, exchange_log, overrides, proposals, tables
from hub.ledger.exchange_log import LogQuery
from hub.problems import Refused
from hub.proposals import Proposals
from hub.validation.rules import profile
from tests.dashboard.registry_site import Registry


def logged(registry: Registry, kind: Event) -> list[dict[str, Any]]:
    entries, _ = registry.ledger.read_now(exchange_log.query, LogQuery(kind=kind.value), None, 100)
    return entries


def named(page: str) -> list[str]:
    """The codes of the agencies in the table, in their order."""
    return re.findall(r'<th scope="row" class="c-agency"><a href="/agencies/([^"]+)"', page)


def test_a_branch_is_in_the_order_of_the_alphabet_with_the_way_to_it(registry: Registry) -> None:
    audit = registry.of["audit"]
    top = audit.get("/agencies").text
    assert named(top) == ["G09", "H33"]
    assert 'href="/agencies?under=H33"' in top
    assert "4 agencies" in top
    below = audit.get("/agencies", params={"under": "H33"}).text
    # Sở Tài chính, Sở Y tế, Ủy ban, Văn phòng: S, U, V
    assert named(below) == ["H33.12", "H33.07", "H33.21", "H33.01"]
    deep = audit.get("/agencies", params={"under": "H33.21"}).text
    trail = re.search(r'<nav class="trail".*?</nav>', deep, re.DOTALL)
    assert trail is not None
    assert [one in trail[0] for one in ("Khánh Sơn", 'aria-current="page"', "An Phú")] == [True] * 3
    assert audit.get("/agencies", params={"under": "nobody"}).status_code == 404


@pytest.mark.parametrize("words", ["so y te", "Y TẾ", "h33.07"])
def test_an_agency_is_found_with_and_without_diacritics_and_by_its_code(registry: Registry, words: str) -> None:
    answer = registry.of["watch"].get("/agencies", params={"q": words}, follow_redirects=True)
    assert "/agencies/H33.07" in answer.text or answer.url.path == "/agencies/H33.07"
    assert "H33.12" not in named(answer.text)


def test_a_former_code_leads_to_the_agency(registry: Registry) -> None:
    answer = registry.of["watch"].get("/agencies", params={"q": "000.00.07.H33"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/agencies/H33.07")
    assert "No agency has these words" in registry.of["watch"].get("/agencies?q=zzz").text


def test_a_large_branch_is_read_page_by_page_without_gap_or_repeat(registry: Registry) -> None:
    def fill(transaction: Transaction) -> None:
        same = {"system_id": "system-bnv", "parent_code": "G09", "level": 2, "changed_at": clock.now(), "revision": 2}
        rows = [{"code": f"G09.{number}", "name": f"Phòng số {number}", **same} for number in range(1, 128)]
        transaction.execute(insert(tables.agency), rows)

    registry.ledger.write_now(fill)
    client, codes, pages, address = registry.of["audit"], [], 0, "/agencies?under=G09"
    while address:
        page = client.get(address).text
        codes += named(page)
        pages += 1
        later = re.search(r'class="on" href="([^"]+)" rel="next"', page)
        address = "" if later is None else later[1].replace("&amp;", "&")
    # numbers as people count them: 9 before 10
    assert (codes, pages) == ([f"G09.{number}" for number in range(1, 128)], 3)
    middle = registry.ledger.read_now(agency_tree.branch, "G09", "", "G09.101")
    assert [one.code for one in middle.rows] == [f"G09.{number}" for number in range(51, 101)]
    assert (middle.earlier, middle.later) == ("G09.51", "G09.100")


def test_an_administrator_registers_renames_and_gives_codes_and_contacts(registry: Registry) -> None:
    first = registry.of["first"]
    form = {"code": "H33.30", "name": "Sở Xây dựng", "system": "soyte", "parent": "H33", "aliases": "000.00.30.H33"}
    assert first.post("/agencies", data=form).headers["location"] == "/agencies/H33.30"
    assert named(first.get("/agencies?q=xay dung").text) == ["H33.30"]
    again = first.post("/agencies", data=form)
    assert again.status_code == 409
    assert 'value="Sở Xây dựng"' in again.text
    assert first.post("/agencies/H33.30/name", data={"name": "Sở Kiến trúc"}).status_code == 303
    assert named(first.get("/agencies?q=xay dung").text) == []
    assert named(first.get("/agencies?q=kien truc").text) == ["H33.30"]
    assert first.post("/agencies/H33.30/aliases", data={"alias": "H33.XD"}).status_code == 303
    assert first.post("/agencies/H33.30/aliases", data={"alias": "H33.07"}).status_code == 409
    assert first.get("/agencies?q=H33.XD").headers["location"] == "/agencies/H33.30"
    contact = {"email": "truc@xaydung.example.vn", "contact": "Trực ban"}
    assert first.post("/agencies/H33.30/contacts", data=contact).status_code == 303
    assert "truc@xaydung.example.vn" in first.get("/agencies/H33.30").text
    assert first.post("/agencies/H33.30/contacts/remove", data=contact).status_code == 303
    assert "truc@xaydung.example.vn" not in first.get("/agencies/H33.30").text
    changed = [one["detail"] for one in logged(registry, Event.AGENCY_CHANGED) if one["agency_code"] == "H33.30"]
    assert [sorted(one) for one in changed] == [["before", "name"], ["alias"]]


def test_a_move_to_another_system_waits_for_a_second_person(registry: Registry) -> None:
    first, second = registry.of["first"], registry.of["second"]
    answer = first.post("/agencies/H33.12/move", data={"system": "anphu", "reason": "gộp phần mềm"})
    address = answer.headers["location"]
    assert address.startswith("/decisions/")
    waiting = first.get("/agencies/H33.12").text
    assert address in waiting
    assert "sotaichinh" in waiting
    assert first.post(f"{address}/confirm").status_code != 303
    assert second.post(f"{address}/confirm").status_code == 303
    known = registry.ledger.read_now(agencies.find, ["H33.12"])["H33.12"]
    assert known.system_id == "system-anphu"
    assert [one["agency_code"] for one in logged(registry, Event.AGENCY_MOVED)] == ["H33.12"]
    assert first.post("/agencies/H33.12/move", data={"system": "anphu", "reason": "again"}).status_code == 409


def test_an_agency_is_suspended_at_once_and_comes_back_with_a_second_person(registry: Registry) -> None:
    address = registry.of["watch"].post("/agencies/G09/suspend", data={"reason": "lộ khóa"}).headers["location"]
    assert not registry.ledger.read_now(agencies.find, ["G09"])["G09"].active
    assert registry.of["second"].post(f"{address}/confirm").status_code == 303
    back = registry.of["watch"].post("/agencies/G09/resume", data={"reason": "đã thay khóa"}).headers["location"]
    assert not registry.ledger.read_now(agencies.find, ["G09"])["G09"].active
    assert registry.of["second"].post(f"{back}/confirm").status_code == 303
    assert registry.ledger.read_now(agencies.find, ["G09"])["G09"].active
    assert registry.of["watch"].post("/agencies/G09/suspend", data={"reason": " "}).status_code == 422
    assert len(logged(registry, Event.AGENCY_SUSPENDED)) == len(logged(registry, Event.AGENCY_RESUMED)) == 1


def overridden(registry: Registry) -> dict[tuple[str, str], str]:
    return {(one.agency_code, one.rule): one.severity for one in registry.ledger.read_now(overrides.every)}


def test_what_asks_less_of_every_agency_waits_and_everything_else_holds_at_once(registry: Registry) -> None:
    first = registry.of["first"]
    soon = (date.today() + timedelta(days=9)).isoformat()  # noqa: DTZ011 - as somebody would type it
    rule = {"rule": "number.length", "until": soon, "reason": "đang chuyển đổi"}
    assert (
        first.post("/policies", data=rule | {"severity": "warn", "agency": "H33.07"}).headers["location"] == "/policies"
    )
    assert overridden(registry)["H33.07", "number.length"] == "warn"
    shown = first.get("/policies").text
    assert "ends soon" in shown
    assert "đang chuyển đổi" in first.get("/agencies/H33.07").text
    asked = first.post("/policies", data=rule | {"severity": "ignore", "agency": ""}).headers["location"]
    assert asked.startswith("/decisions/")
    assert ("", "number.length") not in overridden(registry)
    assert registry.of["second"].post(f"{asked}/confirm").status_code == 303
    assert overridden(registry)["", "number.length"] == "ignore"
    for agency in ("", "H33.07"):
        assert first.post("/policies/remove", data={"rule": "number.length", "agency": agency}).status_code == 303
    assert overridden(registry) == {}


def test_going_back_from_a_stricter_rule_for_all_takes_two_people(registry: Registry) -> None:
    first = registry.of["first"]
    profile_warns = next(
        one for one in re.findall(r'<option value="([^"]+)"', first.get("/policies").text) if _severity(one) == "warn"
    )
    strict = {"rule": profile_warns, "severity": "refuse", "agency": "", "reason": "x", "until": "2199-01-01"}
    assert first.post("/policies", data=strict).headers["location"] == "/policies"
    assert first.post("/policies/remove", data={"rule": profile_warns, "agency": ""}).status_code == 422
    asked = first.post("/policies", data=strict | {"severity": "warn"}).headers["location"]
    assert asked.startswith("/decisions/")
    with pytest.raises(Refused, match="proposal-second-person"):
        registry.ledger.write_now(Proposals().confirm, asked.rpartition("/")[2], "first")
    assert registry.ledger.read_now(proposals.of_subject, profile_warns)[0].state == "asked"


def _severity(name: str) -> str:
    rule = profile(PROFILE).rules.get(name)
    return "" if rule is None else rule.severity


def test_a_page_of_what_is_registered_says_what_waits_there(registry: Registry) -> None:
    page = registry.of["audit"].get("/agencies/H33.07").text
    assert "Nothing waits" in page
    assert "none: it can receive, not send" in page
    assert "/agencies/H33.07/certificates" in page
    assert '<form class="stack"' not in page  # an auditor changes nothing
