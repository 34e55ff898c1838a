"""Dead letters and replays in a real browser: one operator proposes, another one confirms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from hub.ledger import Ledger, exchange_log
from hub.ledger.exchange_log import LogQuery
from hub.ledger.tables import delivery
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.failures_story import tell
from tests.dashboard.seeding import PASSWORD
from tests.dashboard.serving import served
from tests.dashboard.test_accessibility import wrong
from tests.intake.register import Register

pytestmark = pytest.mark.services

Read = Callable[..., Reader]


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub with dead letters and two operators, ``truc`` and ``ha``; its overview is read anew every time."""
    monkeypatch.setattr("hub.dashboard.situation.FRESH", 0.0)
    ledger, register = Ledger.sqlite(tmp_path / "ledger.db"), Register()
    told = tell(ledger, tmp_path)
    with served(ledger, tmp_path, register) as address:
        yield Site(address, ledger, told, register, register.identity("H33.12"))
    ledger.close()


def superseded(site: Site, identifier: str) -> str | None:
    statement = select(delivery.c.superseded_by).where(delivery.c.id == site.letters[identifier])
    found: str | None = site.ledger.read_now(lambda transaction: transaction.execute(statement).scalar_one())
    return found


@pytest.mark.parametrize("script", [True, False])
def test_two_operators_send_ticked_dead_letters_again(failed: Site, read: Read, script: bool) -> None:
    reader = read(failed, script=script)
    page = reader.log_in()
    assert page.inner_text(".figures .tone-bad[href='/dead-letters'] b") == "3"
    reader.follow(".figures a[href='/dead-letters']")
    assert page.locator(".dead tbody tr").count() == 3
    assert "Hệ thống từ chối văn bản" in page.inner_text(".dead")
    page.check(f"input[value='{failed.letters['H33.21']}']")
    page.check(f"input[value='{failed.letters['G09']}']")
    reader.follow(".work-bar button")
    assert page.locator(".replayed tbody tr").count() == 2
    page.fill("#reason", "Nơi nhận đã sửa hệ thống")
    reader.follow(".upload button")
    proposal = page.url
    assert "Bạn là người đề nghị" in page.inner_text(".decide")
    assert page.locator("form[action$='/confirm']").count() == 0
    assert superseded(failed, "H33.21") is None

    colleague = read(failed, script=script)
    other = colleague.log_in("ha")
    assert "1 lần gửi lại" in other.inner_text("#live-notices")
    other.goto(proposal)
    colleague.follow("form[action$='/confirm'] button")
    assert other.url == proposal
    assert "Đã xác nhận" in other.inner_text(".page-head")
    assert other.locator(".replayed .doc.breakable").count() >= 2
    assert superseded(failed, "H33.21")
    assert superseded(failed, "G09")
    assert superseded(failed, "H33.21.04") is None
    assert colleague.open("/dead-letters").locator(".dead tbody tr").count() == 1
    assert "vòng 2" in colleague.open(f"/envelopes/{failed.letters['letter']}").inner_text(".matrix")
    assert reader.complaints == colleague.complaints == []


def test_all_dead_letters_of_one_reason_are_chosen_by_the_filter(failed: Site, read: Read) -> None:
    reader = read(failed, language="en")
    reader.log_in()
    page = reader.open("/dead-letters?code=rejected")
    assert page.locator(".dead tbody tr").count() == 1
    reader.follow(".work-bar a >> nth=0")
    assert "code=rejected" in page.url
    assert page.locator(".replayed tbody tr").count() == 1
    reader.open("/replays/new?recipient=H33.07")
    assert "has taken the document before" in page.inner_text(".notice")
    assert "has it already" in page.inner_text(".replayed")
    reader.open("/replays/new?recipient=H33.12")
    assert "still under way" in page.inner_text(".replayed")
    assert page.locator("#reason").count() == 0, "there is nothing to propose"


def test_a_letter_shows_every_attempt_with_reason_and_next_time(failed: Site, read: Read) -> None:
    reader = read(failed, language="en")
    reader.log_in()
    page = reader.open(f"/envelopes/{failed.letters['letter']}")
    page.click(".matrix .attempts summary")
    tried = page.inner_text(".matrix .attempts")
    assert "3 attempts" in tried
    assert "The system could not be reached" in tried
    assert tried.count("next attempt") == 2
    dead = reader.open("/dead-letters")
    dead.click(".dead tbody tr >> nth=2 >> .attempts summary")
    assert "push" in dead.inner_text(".dead")
    assert dead.inner_text(".dead").count("Octets kept") == 1
    assert dead.inner_text(".dead").count("Octets are missing") == 2


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390), ("light", 320)])
def test_the_pages_can_be_used_by_everyone(failed: Site, read: Read, theme: str, width: int) -> None:
    reader = read(failed, theme=theme, width=width, language="vi" if width == 390 else "en")
    page = reader.log_in()
    one = f"delivery={failed.letters['G09']}"
    reader.open(f"/replays/new?{one}")
    page.fill("#reason", "Địa chỉ thư đã được sửa")
    reader.follow(".upload button")
    proposal = page.url.removeprefix(failed.address)
    for path in ("/", "/dead-letters", "/dead-letters?code=none", "/replays", "/replays/new", f"/replays/new?{one}",
                 "/replays/new?state=dead", proposal, f"/envelopes/{failed.letters['letter']}"):  # fmt: skip
        reader.open(path)
        assert wrong(page) == {}, path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    assert reader.complaints == []


# ---------------------------------------------------------------- without a browser


@contextmanager
def logged_in(site: Site, login: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.address, headers={"Accept-Language": "en"}) as client:
        assert client.post("/login", data={"login": login, "password": PASSWORD}).status_code == 303
        yield client


def proposed(client: httpx.Client, site: Site, *names: str, reason: str = "again") -> httpx.Response:
    return client.post("/replays", data={"delivery": [site.letters[name] for name in names], "reason": reason})


def test_clerks_see_their_own_dead_letters_and_no_replay(failed: Site) -> None:
    with logged_in(failed, "vanthu") as clerk:
        page = clerk.get("/dead-letters")
        assert page.status_code == 200
        assert "H33.21" not in page.text
        for path in ("/replays", "/replays/new"):
            assert clerk.get(path).status_code == 403
        assert proposed(clerk, failed, "G09").status_code == 403
    with logged_in(failed, "kiemtoan") as auditor:
        assert "H33.21.04" in auditor.get("/dead-letters").text
        assert auditor.get("/replays").status_code == 200
        assert proposed(auditor, failed, "G09").status_code == 403


def test_all_dead_letters_of_one_agency_are_chosen_by_its_name(failed: Site) -> None:
    with logged_in(failed, "truc") as one:
        page = one.get("/dead-letters", params={"agency": "hoa son"}).text
        [address] = re.findall(r'href="(/replays/new\?[^"]*agency=H33.21.04[^"]*)"', page)
        plan = one.get(address.replace("&amp;", "&")).text
        assert failed.letters["H33.21.04"] in plan
        assert failed.letters["G09"] not in plan
        assert 'name="agency" value="H33.21.04"' in plan
        made = one.post("/replays", data={"agency": "H33.21.04", "state": "dead", "reason": "again"})
        assert failed.letters["H33.21.04"] in one.get(made.headers["location"]).text
        several = one.get("/dead-letters", params={"agency": "ủy ban"}).text
        assert "agency=" not in "".join(re.findall(r'href="/replays/new[^"]*"', several))


def test_another_sites_page_can_neither_propose_nor_confirm(failed: Site) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    with logged_in(failed, "truc") as one, logged_in(failed, "ha") as other:
        assert (
            one.post("/replays", data={"delivery": failed.letters["G09"], "reason": "x"}, headers=foreign).status_code
            == 403
        )
        address = proposed(one, failed, "G09").headers["location"]
        for act in ("confirm", "decline"):
            assert other.post(f"{address}/{act}", headers=foreign).status_code == 403
        assert superseded(failed, "G09") is None


def test_what_goes_wrong_is_said_on_the_page(failed: Site) -> None:
    with logged_in(failed, "truc") as one, logged_in(failed, "ha") as other:
        missing = proposed(one, failed, "G09", reason=" ")
        assert (missing.status_code, "A refusal needs its reason" in missing.text) == (422, True)
        assert "nothing is sent" in missing.text
        assert proposed(one, failed, "ready").status_code == 422
        assert one.get("/replays/new?since=yesterday").status_code == 422
        assert one.get("/replays/no-such-replay").status_code == 404
        first = proposed(one, failed, "G09").headers["location"]
        second = proposed(one, failed, "G09", "H33.21").headers["location"]
        own = one.post(f"{first}/confirm")
        assert (own.status_code, "Somebody else has to confirm" in own.text) == (403, True)
        seen = other.get(second).text.split('name="seen" value="')[1][:16]
        assert other.post(f"{first}/confirm").headers["location"] == first
        stale = other.post(f"{second}/confirm", data={"seen": seen})
        assert (stale.status_code, "Something changed" in stale.text) == (409, True)
        assert "stands otherwise" in stale.text
        assert other.post(f"{second}/decline").status_code == 303
        late = other.post(f"{second}/confirm")
        assert (late.status_code, "decided before" in late.text) == (409, True)
        assert other.post(f"{first}/decline").status_code == 409


def test_both_people_stand_in_the_log(failed: Site) -> None:
    with logged_in(failed, "truc") as one, logged_in(failed, "ha") as other:
        address = proposed(one, failed, "G09", reason="Địa chỉ đã sửa").headers["location"]
        other.post(f"{address}/confirm")
    entries, _ = failed.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    told = [(entry["kind"], entry["actor"]) for entry in entries if "replay" in entry["kind"]]
    assert told == [
        ("replay.asked", "person:truc"), ("delivery.replayed", "person:ha"), ("replay.decided", "person:ha"),
    ]  # fmt: skip
