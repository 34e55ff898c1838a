"""Holds and purges in a real browser: an administrator asks, another person confirms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from hub.ledger import Ledger, PayloadStore, Transaction, people
from hub.registry.passwords import hash_password
from hub.retention.carrying_out import CarryingOut
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.seeding import PASSWORD, Seeder, seed
from tests.dashboard.serving import served
from tests.dashboard.test_accessibility import wrong
from tests.intake.register import Register

pytestmark = pytest.mark.services

Read = Callable[..., Reader]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub of twelve years with three letters past their time and two administrators, ``quan`` and ``tri``."""
    monkeypatch.setattr("hub.dashboard.situation.FRESH", 0.0)
    ledger, register = Ledger.sqlite(tmp_path / "ledger.db"), Register()
    seed(ledger)
    letters = ledger.write_now(_tell)
    with served(ledger, tmp_path, register) as address:
        yield Site(address, ledger, letters, register, register.identity("H33.12"))
    ledger.close()


def _tell(transaction: Transaction) -> dict[str, str]:
    now = datetime.now(UTC)
    for login, name in (("quan", "Quản trị viên"), ("tri", "Quản trị thứ hai")):
        hashed = hash_password(PASSWORD)
        people.add_person(transaction, login, name, ("administrator",), hashed, None, now - timedelta(days=30))
    seeder = Seeder(now, number=900)
    told = {}
    for number, code in enumerate(("H33.21", "H33.07", "H33.12")):
        at = now - timedelta(days=366 * 12 + number)
        told[code] = seeder.letter(transaction, at, "H33", {code: "06"}, document_type="Công văn")
    invited = now - timedelta(days=366 * 6)
    told["invitation"] = seeder.letter(transaction, invited, "G09", {"H33": "06"}, document_type="Giấy mời")
    seeder.write_log(transaction)
    return told


def carry_out(site: Site, directory: Path) -> int:
    """In a thread: a browser's event loop may run in this one."""
    carrying = CarryingOut(site.ledger, PayloadStore(directory / "payloads"))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, carrying.step()).result()


def test_two_people_purge_what_is_past_its_time_without_a_script(old: Site, read: Read) -> None:
    reader = read(old, script=False)
    page = reader.log_in("quan")
    page.goto(f"{old.address}/retention")
    page.click("#holds details:last-of-type > summary")
    page.fill("#f-envelope", old.letters["H33.07"])
    page.fill("#hold-reason", "Thanh tra đang làm việc")
    reader.follow("#holds .button-main")
    assert "Đang giữ" in page.inner_text(".holds")
    reader.follow("a[href='/retention/plan']")
    assert page.inner_text(".sums-big").startswith("3 văn bản")
    assert "có lệnh giữ" in page.inner_text(".replays")
    page.fill("#reason", "Hết thời hạn lưu giữ")
    reader.follow(".upload button")
    asked = page.url
    assert "Bạn là người đề nghị" in page.inner_text(".decide")
    assert page.locator("form[action$='/confirm']").count() == 0

    colleague = read(old, script=False)
    other = colleague.log_in("kiemtoan")
    assert "1 quyết định" in other.inner_text("#live-notices")
    other.goto(asked)
    colleague.follow("form[action$='/confirm'] button")
    assert "Đang thực hiện" in other.inner_text(".page-head")


def test_a_purged_letter_says_when_and_by_whom(old: Site, tmp_path: Path) -> None:
    with logged_in(old, "quan") as one, logged_in(old, "tri") as two:
        asked = one.post("/retention/purges", data={"reason": "Hết hạn", "class": "invitation"})
        assert asked.status_code == 303
        own = one.post(asked.headers["location"] + "/confirm")
        assert own.status_code == 403
        assert "Somebody else has to confirm" in own.text
        assert two.post(asked.headers["location"] + "/confirm").status_code == 303
        assert carry_out(old, tmp_path) == 1
        assert "Purged" in two.get(asked.headers["location"]).text
        letter = two.get(f"/envelopes/{old.letters['invitation']}").text
        assert "by quan and tri" in letter
        again = one.post("/retention/purges", data={"reason": "Hết hạn", "class": "invitation"})
        assert again.status_code == 422
        assert "Nothing is past its time" in again.text


def test_a_hold_is_lifted_by_a_second_person(old: Site) -> None:
    with logged_in(old, "quan") as one, logged_in(old, "kiemtoan") as two:
        assert one.post("/retention/holds", data={"reason": "Thanh tra"}).status_code == 422
        assert one.post("/retention/holds", data={"reason": "Thanh tra", "since": "hôm qua"}).status_code == 422
        assert one.post("/retention/holds", data={"sender": "H33"}).status_code == 422
        assert one.post("/retention/holds", data={"sender": "H33", "reason": "Thanh tra"}).status_code == 303
        page = one.get("/retention").text
        identifier = page.partition("/retention/holds/")[2].partition("/lift")[0]
        lift = f"/retention/holds/{identifier}/lift"
        assert one.post(lift, data={"reason": "Xong"}).status_code == 303
        own = one.post(lift)
        assert own.status_code == 403
        assert "Somebody else has to agree" in own.text
        assert two.post(lift).status_code == 303
        assert "Lifted" in two.get("/retention").text
        assert two.post(lift).status_code == 409


def test_others_do_not_decide_about_retention(old: Site) -> None:
    for login in ("truc", "vanthu"):
        with logged_in(old, login) as client:
            for path in ("/retention", "/retention/plan", "/retention/purges/none"):
                assert client.get(path).status_code == 403
            assert client.post("/retention/holds", data={"sender": "H33", "reason": "x"}).status_code == 403
            assert client.post("/retention/purges", data={"reason": "x"}).status_code == 403
    with logged_in(old, "kiemtoan") as auditor:
        assert auditor.post("/retention/purges", data={"reason": "x"}).status_code == 403
        assert auditor.get("/retention/purges/none").status_code == 404
        assert auditor.get("/retention/plan?day=2999-01-01").status_code == 422


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 320)])
def test_the_pages_can_be_used_by_everyone(old: Site, read: Read, theme: str, width: int) -> None:
    with logged_in(old, "tri") as other:
        held = {"sender": "H33", "recipient": "H33.07", "until": "2020-01-01", "reason": "Thanh tra chuyên đề"}
        other.post("/retention/holds", data=held)
        purge = other.post("/retention/purges", data={"reason": "Hết thời hạn lưu giữ"}).headers["location"]
    reader = read(old, theme=theme, width=width, language="vi" if width == 320 else "en")
    page = reader.log_in("quan")
    for path in ("/", "/retention", "/retention/plan", "/retention/plan?class=recall", purge):
        reader.open(path)
        if path == "/retention":
            page.click("#holds .unfold summary >> nth=0")
        assert wrong(page) == {}, path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    assert reader.complaints == []


@contextmanager
def logged_in(site: Site, login: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.address, headers={"Accept-Language": "en"}) as client:
        assert client.post("/login", data={"login": login, "password": PASSWORD}).status_code == 303
        yield client
