"""The page of rules shows what is asked as it is asked: the sequence itself, the profile itself, who is excepted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import httpx
import pytest

from hub import language
from hub.dashboard import rulebook, wording
from hub.envelope.names import PROFILE
from hub.language import LANGUAGES, Language
from hub.registry.model import Override
from hub.validation import SEQUENCE
from hub.validation.rules import profile
from tests.dashboard.conftest import Site
from tests.dashboard.seeding import PASSWORD

TODAY = date(2026, 11, 20)


@pytest.fixture
def client(watched: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=watched.address, headers={"Accept-Language": "en"}) as opened:
        yield opened


@pytest.fixture(params=LANGUAGES)
def reading(request: pytest.FixtureRequest) -> Iterator[Language]:
    token = language.current.set(request.param)
    yield request.param
    language.current.reset(token)


def rules_page(client: httpx.Client, login: str = "truc") -> str:
    client.post("/login", data={"login": login, "password": PASSWORD})
    response = client.get("/rules")
    assert response.status_code == 200
    return response.text


def test_the_page_shows_exactly_the_sequence_in_its_order(client: httpx.Client) -> None:
    table = rules_page(client).split('<table class="list checks">')[1].split("</table>")[0]
    shown = re.findall(r'<tr id="check-([\w-]+)"><td[^>]*>(\d+)</td>.*?c-when[^>]*>([^<]+)<', table)
    when = {"stops": "Stops here when it fails", "goes on": "The next ones run all the same"}
    when["last"] = "Only while nothing is refused"
    assert shown == [(row.name, str(row.number), when[row.when]) for row in SEQUENCE]


def test_every_check_has_its_title_and_its_sentence(reading: Language) -> None:
    assert {row.name for row in SEQUENCE} <= wording.CHECKS.keys()
    for row in rulebook.checks():
        assert row.title
        assert row.establishes
        assert row.title != row.name
    titles = [row.title for row in rulebook.checks()]
    assert len(titles) == len(set(titles))


def test_the_page_shows_every_rule_once_with_its_severity(client: httpx.Client) -> None:
    page = rules_page(client)
    shown = re.findall(r'<tr id="rule-([\w.-]+)">(.*?)</tr>', page, re.S)
    rules = profile(PROFILE).rules
    assert sorted(name for name, _row in shown) == sorted(rules)
    word = {"refuse": "Refused", "warn": "Warning", "ignore": "Ignored"}
    for name, row in shown:
        assert word[rules[name].severity] in row, name
        assert ("fixed</small>" in row) is rules[name].fixed, name
        assert f'href="/problems/{rules[name].code}"' in row, name


def test_every_rule_says_in_words_what_it_asks(reading: Language) -> None:
    for rule in profile(PROFILE).rules.values():
        words = rulebook.text_of(rule)
        assert words
        assert words != rule.name
        assert "%(" not in words


def test_exceptions_in_force_come_with_their_agency_and_end_the_soonest_first(client: httpx.Client) -> None:
    table = rules_page(client).split('<table class="list exceptions">')[1].split("</table>")[0]
    rules = re.findall(r'<small class="code breakable">([\w.-]+)</small>', table)
    assert rules == ["notation.required", "subject.length", "timestamp.old"]
    assert "Ủy ban nhân dân huyện An Phú" in table
    assert "Every agency" in table
    assert table.count("ends soon") == 2
    assert "đã hết hạn" not in table


def test_a_clerk_sees_the_own_exceptions_and_everybody_s(client: httpx.Client) -> None:
    page = rules_page(client, "vanthu")
    assert "notation.required</small>" in page
    assert "timestamp.old</small>" in page
    assert "đang nâng cấp" not in page


def test_a_hub_without_exceptions_says_so(quiet: Site) -> None:
    with httpx.Client(base_url=quiet.address, headers={"Accept-Language": "en"}) as client:
        assert "every agency is judged by the same rules" in rules_page(client)


def test_an_exception_holds_through_its_last_day() -> None:
    ends = Override("H33.07", "subject.length", "ignore", TODAY)
    rows = rulebook.exceptions([ends], profile(PROFILE), TODAY, None)
    assert [row.until for row in rows] == [TODAY]
    assert rulebook.exceptions([ends], profile(PROFILE), TODAY + timedelta(days=1), None) == []


def test_an_exception_of_a_rule_that_is_gone_is_still_shown() -> None:
    [row] = rulebook.exceptions([Override("", "no.rule", "warn", TODAY)], profile(PROFILE), TODAY, "H33.07")
    assert (row.rule, row.text, row.usual) == ("no.rule", "", None)
