"""Alerts and incidents as people see them: acknowledged with a note, reported by a clerk, shut out in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub import clock
from hub.alerts.keeping import Keeper
from hub.alerts.watches import Wanted
from hub.ledger import Ledger, Transaction, agencies, people, sessions, systems
from hub.registry.model import Role
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.seeding import seed
from tests.dashboard.serving import served
from tests.dashboard.test_accessibility import wrong
from tests.intake.register import Register

pytestmark = pytest.mark.services

Read = Callable[..., Reader]
PEOPLE: dict[str, tuple[tuple[Role, ...], str | None]] = {
    "truc-hai": (("operator",), None),
    "quan": (("administrator",), None),
    "soat": (("auditor",), None),
    "vanthu-hai": (("clerk",), "H33.07"),
    "vanthu-ba": (("clerk",), "H33.21"),
}
TOLD = {
    "category": "key",
    "description": "Mất USB ký số của văn thư.\nĐã báo công an phường.",
    "contact": "Phòng CNTT, 0258 3123 456",
}


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub with alerts of several kinds, told to a mailbox."""
    directory = tmp_path_factory.mktemp("alerts")
    ledger, register = Ledger.sqlite(directory / "ledger.db"), Register()
    seed(ledger)
    certificate = register.identity("H33.07").certificate
    ledger.write_now(agencies.add_certificate, "H33.07", certificate, clock.now())
    ledger.write_now(raise_alerts)
    with served(ledger, directory, register) as address:
        site = Site(address, ledger, {}, register, register.identity("H33.12"))
        for login in PEOPLE:
            site.cookies[login] = {"name": "lienthong-session", "value": enter(ledger, login), "url": address}
        yield site
    ledger.close()


def enter(ledger: Ledger, login: str) -> str:
    """A session of somebody with these roles."""
    token, (roles, agency) = clock.new_secret(), PEOPLE[login]

    def work(transaction: Transaction) -> None:
        who = people.add_person(transaction, login, f"Người {login}", roles, "-", agency, clock.now())
        sessions.open_session(transaction, who, token, clock.now(), timedelta(hours=1))

    ledger.write_now(work)
    return token


def raise_alerts(transaction: Transaction) -> None:
    now = datetime.now(UTC)
    oldest = {"oldest_at": clock.rfc3339(now - timedelta(hours=6))}
    ends = {"ends_on": clock.rfc3339(now + timedelta(days=6))}
    names = {"agency": "H33.07", "name": "Sở Y tế tỉnh Khánh Hòa", "agency_path": "H33.07"}
    system = {"system": "soyte", "system_id": "system-soyte", "system_query": "soyte"}
    wanted = [
        Wanted("backlog", "system-soyte", {**system, **oldest}, now - timedelta(hours=2), 1204),
        Wanted("certificate", "H33.07", {**names, **ends}, now - timedelta(days=1), step=3),
        Wanted("scanner", "", {"reason": "clamd: hung up while 812 octets were sent"}, now - timedelta(minutes=3)),
        Wanted("malware", "H33.21", {**names, "envelope": "e"}, now - timedelta(minutes=40)),
        Wanted("dead-letter", "system-anphu", system, now - timedelta(days=3), 4),
        Wanted("witness", "w", {"name": "witness.example", "reason": "timed out"}, now - timedelta(days=3)),
    ]
    keeper = Keeper(("mail:truc@hub.example", "webhook:https://chat.example/hook"))
    keeper.keep(transaction, wanted, frozenset(one.kind for one in wanted), now)
    keeper.keep(transaction, [], frozenset({"witness"}), now)


@contextmanager
def logged_in(site: Site, login: str) -> Iterator[httpx.Client]:
    cookies = {"lienthong-session": site.cookies[login]["value"]}
    with httpx.Client(base_url=site.address, headers={"Accept-Language": "en"}, cookies=cookies) as client:
        yield client


def incident_by(client: httpx.Client, **more: str) -> str:
    answer = client.post("/incidents", data={**TOLD, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_an_alert_is_acknowledged_with_a_note_and_listed_where_it_belongs(troubled: Site) -> None:
    with logged_in(troubled, "truc-hai") as client, logged_in(troubled, "soat") as auditor:
        page = client.get("/alerts").text
        assert page.index("The malware scanner") < page.index("Letters waiting for the system soyte: 1\u202f204")
        assert "Whom it touches" in page
        assert "about to be told" in page
        identifier = page.partition("Dead letters for the system")[0].rpartition('id="')[2].partition('"')[0]
        done = client.post(f"/alerts/{identifier}/acknowledge", data={"note": "đã gửi lại", "next": "/alerts"})
        assert (done.status_code, done.headers["location"]) == (303, "/alerts")
        assert "Dead letters for the system" not in client.get("/alerts").text
        noted = auditor.get("/alerts?state=acknowledged").text
        assert "đã gửi lại" in noted
        assert "/acknowledge" not in noted
        assert "witness.example" in auditor.get("/alerts?state=ended").text
        assert client.get("/alerts?after=nonsense").status_code == 422


def test_a_clerk_reports_and_an_operator_shuts_out_in_one_step(troubled: Site) -> None:
    with logged_in(troubled, "vanthu-hai") as clerk, logged_in(troubled, "vanthu-ba") as other:
        missing = clerk.post("/incidents", data=TOLD | {"description": " "})
        assert missing.status_code == 422
        assert "0258 3123 456" in missing.text
        place = incident_by(clerk, agency="H33.21")
        shown = clerk.get(place).text
        assert "Đã báo công an phường" in shown
        assert "Do it now" not in shown
        assert place in clerk.get("/incidents").text
        assert other.get(place).status_code == 404
        assert place not in other.get("/incidents").text
        assert clerk.post(f"{place}/suspend", data={"what": "system.suspend x"}).status_code == 403
    with logged_in(troubled, "truc-hai") as operator, logged_in(troubled, "quan") as second:
        page = operator.get(place).text
        assert "Suspend the system soyte" in page
        assert "Suspend the certificate" in page
        unsaid = operator.post(f"{place}/suspend", data={"what": "system.suspend system-soyte", "reason": ""})
        assert unsaid.status_code == 422
        what = {"what": "system.suspend system-soyte", "reason": "nghi lộ khóa"}
        done = operator.post(f"{place}/suspend", data=what)
        assert done.status_code == 303
        assert active(troubled) is False
        assert "waits for a second person" in operator.get(place).text
        assert second.post(done.headers["location"] + "/confirm").status_code == 303
        asked = operator.post(f"{place}/suspend", data=what | {"what": "system.resume system-soyte"})
        assert active(troubled) is False
        assert second.post(asked.headers["location"] + "/confirm").status_code == 303
        assert active(troubled) is True
        closed = operator.post(f"{place}/close", data={"outcome": "Đã cấp khóa mới."})
        assert closed.status_code == 303
        assert operator.post(f"{place}/close", data={"outcome": "lần nữa"}).status_code == 409
        assert "Đã cấp khóa mới." in operator.get(place).text


def active(site: Site) -> bool:
    found = site.ledger.read_now(systems.by_id, "system-soyte")
    assert found is not None
    return found.active


def test_a_certificate_is_shut_out_and_let_in_from_the_same_page(troubled: Site) -> None:
    with logged_in(troubled, "truc-hai") as operator, logged_in(troubled, "quan") as second:
        place = incident_by(operator, agency="H33.07", category="leak")
        before = operator.get(place).text
        name = before.partition("certificate.suspend ")[2].partition('"')[0]
        what = {"what": f"certificate.suspend {name}", "reason": "nghi lộ khóa"}
        assert operator.post(f"{place}/suspend", data=what).status_code == 303
        assert troubled.ledger.read_now(agencies.holders, name) == frozenset()
        page = operator.get(place).text
        assert f"certificate.restore {name}" in page
        asked = operator.post(f"{place}/suspend", data=what | {"what": f"certificate.restore {name}"})
        assert second.post(asked.headers["location"] + "/confirm").status_code == 303
        assert troubled.ledger.read_now(agencies.holders, name) == frozenset({"H33.07"})
        foreign = {"what": "system.suspend system-anphu", "reason": "không phải của họ"}
        assert operator.post(f"{place}/suspend", data=foreign).status_code == 422


def test_who_only_watches_reports_nothing_and_too_many_reports_are_a_call(troubled: Site) -> None:
    with logged_in(troubled, "soat") as auditor, logged_in(troubled, "truc-hai") as operator:
        assert auditor.get("/incidents").status_code == 200
        assert auditor.get("/incidents/new").status_code == 403
        assert auditor.post("/incidents", data=TOLD).status_code == 403
        unknown = operator.post("/incidents", data=TOLD | {"agency": "X99"})
        assert unknown.status_code == 404
        late = operator.post("/incidents", data=TOLD | {"agency": "G09", "noticed_at": "hôm qua"})
        assert late.status_code == 422
        for number in range(20):
            incident_by(operator, agency="G09", description=f"sự cố {number}")
        many = operator.post("/incidents", data=TOLD | {"agency": "G09"})
        assert many.status_code == 409
        assert "Call the operator" in many.text


@pytest.mark.parametrize(("theme", "width", "language"), [("light", 1280, "en"), ("dark", 320, "vi")])
def test_the_pages_can_be_used_by_everyone(
    troubled: Site, read: Read, theme: str, width: int, language: str, tmp_path: Path
) -> None:
    with logged_in(troubled, "truc-hai") as client:
        place = incident_by(client, agency="H33.21", description=f"{theme} {width}")
    reader = read(troubled, theme=theme, width=width, language=language, script=theme == "light")
    reader.page.context.add_cookies([troubled.cookies["truc-hai"]])
    paths: Any = ("/alerts", "/alerts?state=acknowledged", "/alerts?state=ended", "/incidents", "/incidents/new", place)
    for path in paths:
        page = reader.open(path)
        assert wrong(page) == {}, path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    assert reader.complaints == []
