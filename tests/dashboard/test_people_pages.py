"""Who may sign in, as administrators change it: alone where little hangs on it, else with a second person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from hub import clock
from hub.ledger import Ledger, Transaction, people, person_acts, registration, second_factors, sessions, tables
from hub.ledger.people import Person
from hub.problems import Refused, explain
from hub.registry import passwords
from tests.dashboard.serving import served

PASSWORD = "gió thổi qua cánh đồng"


class House:
    """A served hub with two administrators, an auditor and an agency, and a browser for each of them."""

    def __init__(self, address: str, ledger: Ledger) -> None:
        self.address, self.ledger = address, ledger
        self.browsers: dict[str, httpx.Client] = {}
        ledger.write_now(self._people)

    def _people(self, transaction: Transaction) -> None:
        registration.add_system(transaction, "soyte", "pull")
        registration.add_agency(transaction, "H33.07", "Sở Y tế", "soyte")
        for login, role in (("mot", "administrator"), ("hai", "administrator"), ("ba", "auditor")):
            people.add_person(transaction, login, login.title(), (role,), "-", None, clock.now())  # type: ignore[arg-type]  # roles as text

    def by(self, login: str) -> httpx.Client:
        if login not in self.browsers:
            token = clock.new_secret()
            opened = sessions.open_session, self.person(login).id, token, clock.now(), sessions.HALF_LIFETIME
            self.ledger.write_now(*opened)
            headers = {"Accept-Language": "en"}
            self.browsers[login] = httpx.Client(
                base_url=self.address, cookies={"lienthong-session": token}, headers=headers
            )
        return self.browsers[login]

    def person(self, login: str) -> Person:
        found = self.ledger.read_now(people.find_by_login, login)
        assert found is not None, login
        return found[0]

    def decide(self, proposed: httpx.Response, login: str, outcome: str = "confirm") -> httpx.Response:
        where = proposed.headers["location"]
        assert where.startswith("/decisions/")
        return self.by(login).post(f"{where}/{outcome}")

    def kinds(self) -> list[str]:
        column = tables.audit_entry.c
        asked = select(column.kind).order_by(column.seq)
        return list(self.ledger.read_now(lambda transaction: transaction.execute(asked).scalars().all()))


@pytest.fixture(scope="module", autouse=True)
def light_hashes() -> Iterator[None]:
    """Argon2 with little memory: these tests ask for passwords a hundred times."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=256, parallelism=1))
        passwords._nobody.cache_clear()
        yield
    passwords._nobody.cache_clear()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory: Path = tmp_path_factory.mktemp("house")
    ledger = Ledger.sqlite(directory / "ledger.db")
    tables.metadata.create_all(ledger.engine)
    with served(ledger, directory) as address:
        made = House(address, ledger)
        yield made
        for browser in made.browsers.values():
            browser.close()
    ledger.close()


def link_on(page: str) -> str:
    found = re.search(r"/welcome/[A-Za-z0-9_-]{43}", page)
    assert found is not None
    return found[0]


def test_one_administrator_invites_a_clerk_by_a_link_that_is_shown_once(house: House) -> None:
    form = {"login": "vanthu", "name": "Văn thư", "role": "clerk", "agency": "H33.07"}
    for wrong in ({"login": "mot"}, {"agency": ""}, {"agency": "H99"}, {"name": " "}, {"role": "king"}):
        answer = house.by("mot").post("/people", data=form | wrong)
        assert answer.status_code in (404, 422), wrong
        assert "error-summary" in answer.text
    answer = house.by("mot").post("/people", data=form)
    link = link_on(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    page = house.by("mot").get(f"/people/{house.person('vanthu').id}").text
    assert "has not chosen a password yet" in page
    assert link not in page
    assert link.rpartition("/")[2] not in str(house.ledger.read_now(_log))
    with httpx.Client(base_url=house.address, headers={"Accept-Language": "en"}) as invited:
        chosen = {"password": PASSWORD, "again": PASSWORD, "login": "mot", "name": "Khác"}
        assert invited.post(link, data=chosen).headers["location"] == "/"
        assert "Văn thư" in invited.get("/account").text
        assert invited.get("/people").status_code == 403
        assert invited.post("/login", data={"login": "vanthu", "password": PASSWORD}).status_code == 303
    assert not house.person("vanthu").invited


def _log(transaction: Transaction) -> list[object]:
    return [tuple(row) for row in transaction.execute(select(tables.audit_entry))]


def test_whoever_decides_is_invited_by_two_people_and_needs_a_second_factor(house: House) -> None:
    form = {"login": "soat", "name": "Kiểm soát", "role": ["auditor", "reporting"], "agency": "", "reason": ""}
    assert house.by("mot").post("/people", data=form).status_code == 422, "it takes a reason"
    proposed = house.by("mot").post("/people", data=form | {"reason": "người mới"})
    assert house.ledger.read_now(people.find_by_login, "soat") is None
    assert (
        house.decide(proposed, "mot").status_code != 303 or house.ledger.read_now(people.find_by_login, "soat") is None
    )
    assert house.decide(proposed, "ba").status_code == 303
    person = house.person("soat")
    assert (person.roles, person.invited, person.factor_required) == ({"auditor", "reporting"}, True, True)
    link = link_on(house.by("hai").post(f"/people/{person.id}/link").text)
    again = link_on(house.by("hai").post(f"/people/{person.id}/link").text)
    assert link != again
    assert httpx.get(house.address + link).status_code == 404
    answer = httpx.post(house.address + again, data={"password": PASSWORD, "again": PASSWORD})
    assert answer.headers["location"].startswith("/login/factor")


def test_roles_change_by_two_people_and_end_the_sessions(house: House) -> None:
    house.ledger.write_now(people.add_person, "doi", "Đổi Vai", ("reporting",), "-", None, clock.now())
    person = house.person("doi")
    assert house.by("doi").get("/account").status_code == 200
    path, form = (
        f"/people/{person.id}/roles",
        {"role": ["clerk", "operator"], "agency": "H33.07", "reason": "điều động"},
    )
    assert house.by("mot").post(path, data=form | {"role": "reporting", "agency": ""}).status_code == 422, "no change"
    proposed = house.by("mot").post(path, data=form)
    page = house.by("mot").get(f"/people/{person.id}").text
    assert proposed.headers["location"] in page
    assert "Waiting for a second person" in page
    assert house.person("doi").roles == {"reporting"}
    assert house.decide(proposed, "hai").status_code == 303
    changed = house.person("doi")
    assert (changed.roles, changed.agency_code, changed.factor_required) == ({"clerk", "operator"}, "H33.07", True)
    assert house.by("doi").get("/account").status_code == 303


def test_a_clerk_is_switched_off_by_one_and_an_operator_by_two(house: House) -> None:
    def add(transaction: Transaction) -> None:
        people.add_person(transaction, "thu", "Thư", ("clerk",), "-", "H33.07", clock.now())
        people.add_person(transaction, "ca", "Trực ca", ("operator",), "-", None, clock.now())

    house.ledger.write_now(add)
    clerk, operator = house.person("thu"), house.person("ca")
    assert house.by("thu").get("/account").status_code == 200
    assert house.by("mot").post(f"/people/{clerk.id}/active").status_code == 303
    assert house.by("thu").get("/account").status_code == 303
    assert house.by("mot").post(f"/people/{clerk.id}/link").status_code == 409
    with pytest.raises(Refused) as error:
        house.ledger.write_now(house_link, house.person("thu"))
    assert error.value.code == "person-inactive"
    assert house.by("mot").post(f"/people/{clerk.id}/active").status_code == 303
    assert house.person("thu").active

    proposed = house.by("mot").post(f"/people/{operator.id}/active", data={"reason": "nghỉ việc"})
    assert house.person("ca").active
    house.decide(proposed, "ba")
    assert not house.person("ca").active
    proposed = house.by("mot").post(f"/people/{operator.id}/active", data={"reason": "trở lại"})
    house.decide(proposed, "hai")
    assert house.person("ca").active


def test_one_administrator_does_not_become_the_second_person_by_a_link(house: House) -> None:
    answer = house.by("mot").post(f"/people/{house.person('ba').id}/link")
    assert answer.status_code == 409
    assert explain("person-unprotected").title("en").replace("'", "&#39;") in answer.text
    assert "/welcome/" not in answer.text


def house_link(transaction: Transaction, person: Person) -> None:
    from hub.ledger import person_links

    person_links.make(transaction, person, clock.new_secret(), clock.now(), "test")


def test_a_lost_second_factor_is_removed_by_two_people(house: House) -> None:
    house.ledger.write_now(
        people.add_person, "mat", "Mất máy", ("operator",), "-", None, clock.now(), factor_required=True
    )
    person = house.person("mat")
    path = f"/people/{person.id}/factor"
    answer = house.by("mot").post(path, data={"reason": "mất điện thoại"})
    assert answer.status_code == 409
    assert "no second factor" in answer.text
    with pytest.raises(Refused) as error:
        house.ledger.write_now(person_acts.remove_factor, person, "test")
    assert error.value.code == "second-factor-missing"
    house.ledger.write_now(second_factors.put, person.id, b"sealed", 1, ("digest",), clock.now())
    proposed = house.by("mot").post(path, data={"reason": "mất điện thoại"})
    assert house.person("mat").has_factor
    house.decide(proposed, "ba")
    assert not house.person("mat").has_factor
    assert house.person("mat").factor_required
    assert house.ledger.read_now(second_factors.codes_left, person.id) == 0


def test_administrators_rename_people_and_end_their_sessions(house: House) -> None:
    house.ledger.write_now(people.add_person, "ten", "Tên Cũ", ("reporting",), "-", None, clock.now())
    person = house.person("ten")
    assert house.by("ten").get("/account").status_code == 200
    assert house.by("mot").post(f"/people/{person.id}/name", data={"name": " "}).status_code == 422
    house.by("mot").post(f"/people/{person.id}/name", data={"name": "Tên  Mới"})
    page = house.by("mot").get(f"/people/{person.id}").text
    assert "Tên Mới" in page
    [session] = set(re.findall(r"/sessions/([0-9a-f-]{36})/end", page))
    assert house.by("mot").post(f"/people/{house.person('mot').id}/sessions/{session}/end").status_code == 404
    assert house.by("mot").post(f"/people/{person.id}/sessions/{session}/end").status_code == 303
    assert house.by("ten").get("/account").status_code == 303
    assert house.by("mot").post(f"/people/{person.id}/sessions/end").status_code == 303
    assert "registry.person_changed" in house.kinds()


def test_people_are_found_and_paged(house: House) -> None:
    def many(transaction: Transaction) -> None:
        for number in range(60):
            people.add_person(
                transaction, f"nhom-{number:02}", f"Nhóm {number}", ("reporting",), "-", None, clock.now()
            )

    house.ledger.write_now(many)
    first = house.by("mot").get("/people?q=nhom-").text
    assert ("nhom-00" in first, "nhom-49" in first, "nhom-50" in first) == (True, True, False)
    more = re.search(r'href="(/people\?[^"]+)" rel="next"', first)
    assert more is not None
    rest = house.by("mot").get(more[1].replace("&amp;", "&")).text
    assert (">nhom-49<" in rest, ">nhom-50<" in rest, ">nhom-59<" in rest) == (False, True, True)
    assert 'rel="next"' not in rest
    assert "Nobody like that" in house.by("mot").get("/people?q=khong-co").text
    assert house.by("mot").get("/people/khong-co").status_code == 404


def test_the_last_administrator_who_can_sign_in_stays(house: House) -> None:
    hai = house.person("hai")
    house.ledger.write_now(people.set_active, hai.id, active=False)
    try:
        mot = house.person("mot")
        for path, form in (("active", {}), ("roles", {"role": "auditor", "agency": ""})):
            answer = house.by("mot").post(f"/people/{mot.id}/{path}", data=form | {"reason": "thôi việc"})
            assert answer.status_code == 409
            assert "last administrator" in answer.text
        for act, rest in ((person_acts.deactivate, ()), (person_acts.set_roles, (("auditor",), None))):
            with pytest.raises(Refused) as error:
                house.ledger.write_now(act, mot, *rest, "test")  # type: ignore[arg-type]  # two acts in one loop
            assert error.value.code == "person-last-administrator"
    finally:
        house.ledger.write_now(people.set_active, hai.id, active=True)
