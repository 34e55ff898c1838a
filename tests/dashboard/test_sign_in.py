"""Signing in step by step on a served dashboard: second factors, recovery codes, links, locked logins, sessions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from hub import clock
from hub.dashboard.access import RIGHTS, Right
from hub.ledger import Ledger, Transaction, login_failures, people, people_tables, person_links, sessions, tables
from hub.registry import passwords
from tests.dashboard.serving import served

PASSWORD = "con thuyền nhỏ trên sông"
OTHER = "mái đình cũ giữa làng"
COOKIE = "lienthong-session"


@dataclass
class Door:
    """Two processes of one hub, and browsers in front of them."""

    first: str
    second: str
    ledger: Ledger

    def browser(self, *, second: bool = False) -> httpx.Client:
        return httpx.Client(base_url=self.second if second else self.first, headers={"Accept-Language": "en"})

    def add(self, login: str, *roles: people.Role, required: bool = False, agency: str | None = None) -> str:
        return self.ledger.write_now(
            lambda transaction: people.add_person(
                transaction, login, login.title(), roles, self.hashed, agency, clock.now(), factor_required=required
            )
        )

    @property
    def hashed(self) -> str:
        if not hasattr(self, "_hashed"):
            self._hashed = passwords.hash_password(PASSWORD)
        return self._hashed

    def later(self, login: str) -> None:
        """A minute passes: the last code of this person is long gone, the next one is another step's."""
        person = tables.person
        step = person.c.factor_step - 3
        self.ledger.write_now(
            lambda t: t.execute(update(person).where(person.c.login == login).values(factor_step=step))
        )

    def entries(self, login: str) -> list[tuple[str, dict[str, object]]]:
        column = tables.audit_entry.c
        asked = select(column.kind, column.detail, column.actor).order_by(column.seq)
        rows = self.ledger.read_now(lambda transaction: transaction.execute(asked).all())
        return [
            (row.kind, row.detail) for row in rows if login in (row.detail.get("login"), row.actor.partition(":")[2])
        ]

    def kinds(self, login: str) -> list[str]:
        return [kind for kind, _detail in self.entries(login)]


@pytest.fixture(scope="module", autouse=True)
def light_hashes() -> Iterator[None]:
    """Argon2 with little memory: these tests ask for passwords a hundred times."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=256, parallelism=1))
        passwords._nobody.cache_clear()
        yield
    passwords._nobody.cache_clear()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    directory: Path = tmp_path_factory.mktemp("door")
    ledger = Ledger.sqlite(directory / "ledger.db")
    tables.metadata.create_all(ledger.engine)
    with served(ledger, directory) as first, served(ledger, directory) as second:
        yield Door(first, second, ledger)
    ledger.close()


def enter(browser: httpx.Client, login: str, password: str = PASSWORD, **form: str) -> httpx.Response:
    return browser.post("/login", data={"login": login, "password": password} | form)


def secret_on(page: str) -> str:
    found = re.search(r'class="typed-secret">([A-Z2-7 ]+)<', page)
    assert found is not None
    return found[1].replace(" ", "")


def codes_on(page: str) -> list[str]:
    return re.findall(r'<code class="doc">([a-z2-7-]{19})</code>', page)


def enrolled(door: Door, browser: httpx.Client, login: str) -> tuple[str, list[str]]:
    """Sign in, set the second factor up as asked, and return secret and recovery codes."""
    assert enter(browser, login).headers["location"].startswith("/login/factor")
    secret = secret_on(browser.get("/login/factor").text)
    answer = browser.post("/login/factor", data={"code": pyotp.TOTP(secret).now()})
    assert answer.status_code == 200
    return secret, codes_on(answer.text)


def test_who_decides_sets_a_second_factor_up_before_anything_opens(door: Door) -> None:
    door.add("hanh", "administrator", required=True)
    with door.browser() as browser:
        assert enter(browser, "hanh", next="/people").headers["location"] == "/login/factor?next=/people"
        half = browser.cookies[COOKIE]
        page = browser.get("/login/factor?next=/people")
        assert page.headers["cache-control"] == "no-store"
        secret = secret_on(page.text)
        assert browser.get("/people").status_code == 303
        assert browser.post("/login/factor", data={"code": "000000"}).status_code == 422
        assert secret_on(browser.get("/login/factor").text) == secret
        answer = browser.post("/login/factor", data={"code": pyotp.TOTP(secret).now(), "next": "/people"})
        codes = codes_on(answer.text)
        assert len(set(codes)) == 10
        assert 'href="/people"' in answer.text
        assert browser.cookies[COOKIE] != half
        assert browser.get("/people").status_code == 200
        assert browser.get("/login/factor").status_code == 303
    with door.browser() as thief:
        thief.cookies.set(COOKIE, half)
        assert thief.get("/account").status_code == 303
    assert door.kinds("hanh") == ["person.factor_set", "person.login"]
    written = str(door.entries("hanh"))
    assert secret not in written
    assert not any(code in written for code in codes)
    [(kept, digests)] = door.ledger.read_now(_kept, "hanh")
    assert secret.encode() not in kept
    assert not set(codes) & set(digests)


def _kept(transaction: Transaction, login: str) -> list[tuple[bytes, list[str]]]:
    person, code = tables.person, people_tables.recovery_code
    row = transaction.execute(select(person.c.id, person.c.factor_secret).where(person.c.login == login)).one()
    rows = transaction.execute(select(code.c.sha256).where(code.c.person_id == row.id)).scalars()
    return [(row.factor_secret, list(rows))]


def test_a_code_and_a_recovery_code_work_once_each(door: Door) -> None:
    door.add("binh", "auditor", required=True)
    with door.browser() as browser:
        secret, codes = enrolled(door, browser, "binh")
        browser.post("/logout")
        code = pyotp.TOTP(secret).now()

        assert enter(browser, "binh").headers["location"].startswith("/login/code")
        replayed = browser.post("/login/code", data={"code": code})
        assert replayed.status_code == 422, "the code that set it up was used"
        assert "used before" in replayed.text

        half = browser.cookies[COOKIE]
        door.later("binh")
        given = browser.post("/login/code", data={"code": f" {code[:3]} {code[3:]} ", "next": "/log"})
        assert given.headers["location"] == "/log"
        assert browser.cookies[COOKIE] != half
        browser.post("/logout")

        for code_of_paper, outcome in ((codes[0].upper(), 303), (codes[0], 422), (codes[1], 303)):
            enter(browser, "binh")
            assert browser.post("/login/code", data={"code": code_of_paper}).status_code == outcome
        assert "8 recovery codes left" in browser.get("/account").text
    how = [detail["how"] for kind, detail in door.entries("binh") if kind == "person.login"]
    assert how == ["password+totp", "password+totp", "password+recovery", "password+recovery"]


@pytest.mark.parametrize("stage", ["code", "enrolment"])
def test_a_half_sign_in_opens_no_page_and_does_nothing(door: Door, stage: sessions.Stage) -> None:
    who, token = door.add(f"half-{stage}", *people.ROLES, agency=_agency(door)), clock.new_secret()
    door.ledger.write_now(sessions.open_half, who, token, clock.now(), sessions.Origin(), stage, None)
    with door.browser() as browser:
        browser.cookies.set(COOKIE, token)
        for route in (one for one, right in RIGHTS.items() if right is not Right.OPEN):
            method, path = route.split()
            answer = browser.request(method, re.sub(r"\{[^}]+\}", who, path))
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login"), route
        other = "/login/factor" if stage == "code" else "/login/code"
        assert browser.get(other).headers["location"] == "/login"


def _agency(door: Door) -> str:
    """An agency for clerks."""
    from hub.ledger import registration

    def write(transaction: Transaction) -> None:
        registration.add_system(transaction, "soyte", "pull")
        registration.add_agency(transaction, "H33.07", "Sở Y tế", "soyte")

    if not door.ledger.read_now(lambda transaction: transaction.execute(select(tables.agency.c.code)).all()):
        door.ledger.write_now(write)
    return "H33.07"


def test_a_login_that_was_guessed_at_waits_in_every_process_but_not_at_the_own_desk(door: Door) -> None:
    door.add("khanh", "operator")
    with door.browser() as desk, door.browser() as guesser, door.browser(second=True) as elsewhere:
        assert enter(desk, "khanh").status_code == 303
        for _turn in range(login_failures.FREE_FAILURES):
            assert enter(guesser, "khanh", "sai mật khẩu rồi").status_code == 422
        waits = enter(guesser, "khanh")
        assert waits.status_code == 429, "the right password is not even looked at"
        assert int(waits.headers["retry-after"]) > 0
        assert enter(elsewhere, "khanh").status_code == 429
        assert door.kinds("khanh").count("person.locked") == 1
        desk.post("/logout")
        assert enter(desk, "khanh").status_code == 303, "the browser in which it succeeded before"

        door.add("mokhoa", "administrator")
        assert enter(elsewhere, "mokhoa").status_code == 303
        assert "locked" in elsewhere.get("/people").text
        who = door.ledger.read_now(people.find_by_login, "khanh")
        assert who is not None
        assert "Unlock" in elsewhere.get(f"/people/{who[0].id}").text
        assert elsewhere.post(f"/people/{who[0].id}/unlock").status_code == 303
        assert enter(guesser, "khanh").status_code == 303
    assert "person.unlocked" in door.kinds("khanh")


def test_wrong_codes_count_as_failures_even_when_the_password_is_right(door: Door) -> None:
    door.add("lan", "operator", required=True)
    with door.browser() as browser:
        enrolled(door, browser, "lan")
    with door.browser() as thief:
        for turn in range(login_failures.FREE_FAILURES):
            assert enter(thief, "lan").status_code == 303, f"attempt {turn}"
            assert thief.post("/login/code", data={"code": "123456"}).status_code == 422
        assert enter(thief, "lan").status_code == 429
        assert thief.post("/login/code", data={"code": "123456"}).status_code == 429


def test_the_first_administrator_is_made_by_a_link_that_works_once(tmp_path: Path) -> None:
    ledger = Ledger.sqlite(tmp_path / "ledger.db")
    tables.metadata.create_all(ledger.engine)
    stale, token = clock.new_secret(), clock.new_secret()
    assert ledger.write_now(person_links.first, stale, clock.now())
    assert ledger.write_now(person_links.first, token, clock.now())
    with (
        served(ledger, tmp_path) as address,
        httpx.Client(base_url=address, headers={"Accept-Language": "en"}) as browser,
    ):
        assert browser.get(f"/welcome/{stale}").status_code == 404, "each start makes a new one"
        assert "first administrator" in browser.get(f"/welcome/{token}").text
        form = {"login": "Quantri", "name": "Quản trị", "password": PASSWORD, "again": PASSWORD}
        for wrong in (
            {"password": "ngắn", "again": "ngắn"},
            {"again": OTHER},
            {"password": "matkhau123456"},
            {"login": "x y"},
        ):
            answer = browser.post(f"/welcome/{token}", data=form | wrong)
            assert answer.status_code == 422, wrong
            assert PASSWORD not in answer.text
        answer = browser.post(f"/welcome/{token}", data=form)
        assert answer.headers["location"].startswith("/login/factor")
        secret = secret_on(browser.get("/login/factor").text)
        assert browser.post("/login/factor", data={"code": pyotp.TOTP(secret).now()}).status_code == 200
        assert browser.get("/people").status_code == 200
        assert browser.get(f"/welcome/{token}").status_code == 404
        assert browser.post(f"/welcome/{token}", data=form | {"login": "hai"}).status_code == 404
    assert not ledger.write_now(person_links.first, clock.new_secret(), clock.now()), "there is an administrator"
    ledger.close()


def test_a_link_ends_after_a_day_and_the_code_is_link_unusable(door: Door) -> None:
    from hub.problems import Refused

    who = door.add("muon", "reporting")
    found = door.ledger.read_now(people.find, who)
    assert found is not None
    token, made = clock.new_secret(), clock.now() - person_links.LIFETIME
    door.ledger.write_now(person_links.make, found[0], token, made, "person:hanh")
    assert door.ledger.read_now(person_links.find, token, made + timedelta(hours=23)) is not None
    with pytest.raises(Refused) as error:
        door.ledger.write_now(person_links.take, token, clock.now())
    assert error.value.code == "link-unusable"


def test_the_own_account_shows_and_ends_sessions_and_changes_the_password(door: Door) -> None:
    door.add("mai", "operator")
    with door.browser() as desk, door.browser() as phone, door.browser(second=True) as old:
        for browser in (desk, phone, old):
            assert enter(browser, "mai").status_code == 303
        page = desk.get("/account").text
        ended = re.findall(r'action="/account/sessions/([0-9a-f-]{36})/end"', page)
        assert len(ended) == 2
        assert page.count("this browser") == 1
        assert desk.post(f"/account/sessions/{ended[0]}/end").status_code == 303
        assert desk.post(f"/account/sessions/{ended[0]}/end").status_code == 404
        assert sorted([phone.get("/account").status_code, old.get("/account").status_code]) == [200, 303]

        form = {"old": PASSWORD, "password": OTHER, "again": OTHER}
        for wrong, said in (
            ({"old": "không phải"}, "present password is wrong"),
            ({"again": PASSWORD}, "not the same"),
            ({"password": "ngan", "again": "ngan"}, "at least 12"),
            ({"password": "mai mai mai", "again": "mai mai mai"}, "12 characters"),
        ):
            answer = desk.post("/account/password", data=form | wrong)
            assert answer.status_code == 422
            assert said in answer.text
        before = desk.cookies[COOKIE]
        assert desk.post("/account/password", data=form).status_code == 303
        assert desk.cookies[COOKIE] != before
        assert desk.get("/account?done=password").status_code == 200
        assert phone.get("/account").status_code == old.get("/account").status_code == 303
        assert enter(phone, "mai").status_code == 422
        assert enter(phone, "mai", OTHER).status_code == 303
        assert desk.post("/account/sessions/end").status_code == 303
        assert phone.get("/account").status_code == 303
        assert desk.get("/account").status_code == 200
    assert {"person.password_changed", "person.session_ended"} <= set(door.kinds("mai"))


def test_a_second_factor_is_set_up_renewed_and_removed_on_the_own_account(door: Door) -> None:
    door.add("nam", "reporting")
    with door.browser() as browser, door.browser() as other:
        enter(browser, "nam")
        enter(other, "nam")
        assert browser.post("/account/factor", data={"password": "sai"}).status_code == 422
        assert browser.post("/account/codes", data={"password": PASSWORD}).status_code == 409
        assert browser.post("/account/factor/remove", data={"password": PASSWORD}).status_code == 409
        assert browser.post("/account/factor", data={"password": PASSWORD}).status_code == 303
        secret = secret_on(browser.get("/account/factor").text)
        assert browser.post("/account/factor/confirm", data={"code": "12"}).status_code == 422
        first = codes_on(browser.post("/account/factor/confirm", data={"code": pyotp.TOTP(secret).now()}).text)
        assert other.get("/account").status_code == 303, "sessions from before it end"
        renewed = codes_on(browser.post("/account/codes", data={"password": PASSWORD}).text)
        assert len(first) == len(renewed) == 10
        assert not set(first) & set(renewed)
        enter(other, "nam")
        assert other.post("/login/code", data={"code": first[0]}).status_code == 422
        assert other.post("/login/code", data={"code": renewed[0]}).status_code == 303
        assert other.post("/account/factor/remove", data={"password": PASSWORD}).status_code == 303
        browser.post("/logout")
        assert enter(browser, "nam").headers["location"] == "/"
    assert {"person.factor_set", "person.codes_renewed", "person.factor_removed"} <= set(door.kinds("nam"))


def test_who_must_have_a_second_factor_cannot_remove_it(door: Door) -> None:
    door.add("oanh", "operator", required=True)
    with door.browser() as browser:
        enrolled(door, browser, "oanh")
        assert browser.post("/account/factor/remove", data={"password": PASSWORD}).status_code == 403
