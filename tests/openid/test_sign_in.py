"""Signing in at the provider, over HTTP, with a provider that is honest: whom it lets in, and as whom."""

from __future__ import annotations

import uuid

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from hub.ledger import identities, people
from hub.problems import CATALOGUE
from tests.openid.conftest import PASSWORD, Door, parameters


@pytest.fixture
def login(door: Door) -> str:
    """Somebody new who is known here and has an account there, of the same name."""
    name = f"lan-{uuid.uuid4().hex[:8]}"
    door.person(name)
    door.provider.account = {"sub": name}
    return name


def inside(browser: httpx.Client) -> bool:
    """Whether this browser has an open session."""
    return browser.get("/log").status_code == 200


def test_the_button_leads_there_and_back_to_the_page_that_was_wanted(door: Door, login: str) -> None:
    door.entered(login, subject=login)
    browser = door.browser()
    page = browser.get("/login?next=/log").text
    assert 'href="/login/openid?next=/log"' in page
    answer = door.sign_in(browser, "?next=/log")
    assert (answer.status_code, answer.headers["location"]) == (303, "/log")
    assert inside(browser)
    assert not any("openid" in name for name in browser.cookies)
    assert [one["actor"] for one in door.entries("person.login")][-1] == f"person:{login}"


def test_the_question_carries_state_nonce_and_a_challenge_and_differs_each_time(door: Door) -> None:
    one, other = (parameters(door.leave(door.browser())) for _ in range(2))
    assert one["code_challenge_method"] == "S256"
    assert one["scope"] == "openid email"
    different = ("state", "nonce", "code_challenge")
    assert all(one[name] != other[name] and len(one[name]) == 43 for name in different)
    assert len({one[name] for name in different}) == 3


def test_the_wanted_page_is_never_on_another_site(door: Door, login: str) -> None:
    door.entered(login, subject=login)
    for wanted in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        assert door.sign_in(door.browser(), f"?next={wanted}").headers["location"] == "/"


def test_who_is_known_to_the_provider_only_gets_in_nowhere_and_is_not_made(door: Door, login: str) -> None:
    before = len(door.ledger.read_now(people.page, "", "", 1000))
    door.provider.account = {"sub": f"{login}-other", "email": f"{login}@tinh.example", "email_verified": True,
                             "roles": ["administrator"], "preferred_username": login}  # fmt: skip
    browser = door.browser()
    answer = door.sign_in(browser)
    assert (answer.status_code, CATALOGUE["openid-unknown"].title_vi in answer.text) == (403, True)
    assert not inside(browser)
    assert len(door.ledger.read_now(people.page, "", "", 1000)) == before
    assert door.entries("person.login_failed")[-1]["actor"] == "person:unknown"


def test_a_verified_address_leads_to_its_person_once_and_then_the_subject_does(door: Door, login: str) -> None:
    address = f"{login}@tinh.example"
    door.entered(login, email=address.upper())
    door.provider.account = {"sub": login, "email": address, "email_verified": False}
    assert door.sign_in(door.browser()).status_code == 403
    door.provider.account |= {"email_verified": True}
    assert door.sign_in(door.browser()).status_code == 303
    door.provider.account = {"sub": "somebody else", "email": address, "email_verified": True}
    assert door.sign_in(door.browser()).status_code == 403
    door.provider.account = {"sub": login, "email": "new@tinh.example", "email_verified": True}
    assert door.sign_in(door.browser()).status_code == 303


def test_who_opens_the_link_and_signs_in_there_is_that_person_from_then_on(door: Door, login: str) -> None:
    link = door.link(login)
    browser = door.browser()
    assert f'href="/login/openid?link={link}"' in browser.get(f"/welcome/{link}").text
    assert door.sign_in(browser, f"?link={link}").status_code == 303
    assert inside(browser)
    assert browser.get(f"/welcome/{link}").status_code != 200, "the link was used up"
    again = door.browser()
    assert door.sign_in(again).status_code == 303
    assert inside(again)
    door.provider.account = {"sub": f"{login}-thief"}
    stolen = door.browser()
    assert door.sign_in(stolen, f"?link={link}").status_code in (404, 409, 410)
    assert not inside(stolen)


def test_an_account_is_one_persons_and_stays_with_who_has_it(door: Door, login: str) -> None:
    door.entered(login, subject=login)
    second = f"{login}-2"
    door.person(second)
    link = door.link(second)
    refused = door.sign_in(door.browser(), f"?link={link}")
    assert (refused.status_code, CATALOGUE["identity-taken"].title_vi in refused.text) == (409, True)
    assert door.browser().get(f"/welcome/{link}").status_code == 200, "what failed uses no link up"


def test_who_left_or_lost_the_account_gets_in_no_more(door: Door, login: str) -> None:
    door.entered(login, subject=login)
    found = door.ledger.read_now(people.find_by_login, login)
    assert found is not None
    assert door.ledger.write_now(identities.remove, found[0], door.provider.url, "person:chu")
    assert door.sign_in(door.browser()).status_code == 403
    door.entered(login, subject=login)
    door.ledger.write_now(people.set_active, found[0].id, active=False)
    assert door.sign_in(door.browser()).status_code == 403


def test_a_second_factor_is_asked_here_unless_the_provider_is_believed_and_asked(door: Door, login: str) -> None:
    strict = f"{login}-strict"
    door.person(strict, factor_required=True)
    door.entered(strict, subject=strict)
    cases = [(False, ["pwd", "otp"], True), (True, ["pwd"], True), (True, ["pwd", "otp"], False)]
    for believed, methods, asked_here in cases:
        door.line.renew(second_factor=believed)
        door.provider.account = {"sub": strict, "amr": methods}
        browser = door.browser()
        answer = door.sign_in(browser)
        assert answer.headers["location"].startswith("/login/factor") is asked_here
        assert inside(browser) is not asked_here


def test_after_a_rotation_the_new_key_is_fetched_and_the_old_one_gone(door: Door, login: str) -> None:
    door.entered(login, subject=login)
    assert door.sign_in(door.browser()).status_code == 303
    door.line.renew()
    door.provider.key, door.provider.kid = rsa.generate_private_key(65537, 2048), "two"
    assert door.sign_in(door.browser()).status_code == 303
    asked = door.provider.asked.count("/keys")
    assert door.sign_in(door.browser()).status_code == 303
    assert door.provider.asked.count("/keys") == asked, "keys are kept for a while"


def test_a_provider_that_is_away_is_said_to_be_and_passwords_still_work(door: Door, login: str) -> None:
    door.entered(login, subject=login)
    door.provider.away = True
    answer = door.browser().get("/login/openid")
    assert (answer.status_code, CATALOGUE["openid-unavailable"].title_vi in answer.text) == (503, True)
    assert answer.headers["retry-after"].isdigit()
    browser = door.browser()
    assert browser.post("/login", data={"login": login, "password": PASSWORD}).status_code == 303
    assert inside(browser)
    door.provider.away = False
    browser = door.browser()
    back = door.agree(door.leave(browser))
    door.provider.away = True
    door.line.renew()
    assert browser.get(back).status_code == 503


def test_an_administrator_enters_and_removes_the_account_and_every_step_is_logged(door: Door, login: str) -> None:
    chief = f"{login}-chu"
    door.person(chief, "administrator")
    browser = door.browser()
    browser.post("/login", data={"login": chief, "password": PASSWORD})
    found = door.ledger.read_now(people.find_by_login, login)
    assert found is not None
    place = f"/people/{found[0].id}/identity"
    assert f'href="{place}"' in browser.get(f"/people/{found[0].id}").text
    assert browser.get(place).status_code == 200
    wrong = browser.post(place, data={"subject": " ", "email": "no address"})
    assert (wrong.status_code, 'value="no address"' in wrong.text) == (422, True)
    assert browser.post(place, data={"subject": login}).status_code == 303
    assert login in browser.get(place).text
    assert door.sign_in(door.browser()).status_code == 303
    other = door.ledger.read_now(people.find_by_login, chief)
    assert other is not None
    taken = browser.post(f"/people/{other[0].id}/identity", data={"subject": login})
    assert (taken.status_code, "đã" in taken.text) == (422, True)
    assert browser.post(f"{place}/remove").status_code == 303
    assert door.sign_in(door.browser()).status_code == 403
    told = [one["detail"]["identity"] for one in door.entries("registry.person_changed")][-2:]
    assert told == [login, ""]
