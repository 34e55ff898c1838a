"""The pages in a real browser: what people see, in both languages, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hub.ledger import Transaction
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.seeding import Seeder

pytestmark = pytest.mark.services

Read = Callable[..., Reader]


def test_the_browsers_complaints_are_heard(busy: Site, read: Read) -> None:
    reader = read(busy)
    page = reader.open("/login")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')")
    page.wait_for_timeout(100)
    assert any("CSP" in complaint for complaint in reader.complaints)


def test_the_overview_says_what_is_wrong_in_one_sentence(busy: Site, read: Read) -> None:
    reader = read(busy)
    page = reader.log_in()
    assert page.inner_text(".headline h2") == "Có văn bản không giao được"
    reader.follow(".headline .button")
    assert page.url.endswith("/dead-letters")
    assert page.locator(".dead tbody tr").count() == 1


def test_the_overview_lists_refusals_waits_and_slow_systems(busy: Site, read: Read) -> None:
    reader = read(busy)
    page = reader.log_in()
    concerns = page.inner_text("#live-concerns")
    assert "đề nghị gửi Sở Tài chính" in concerns
    assert "Chứng thư đã hết hạn" in concerns
    assert "Chờ 2 giờ" in concerns
    assert re.search(r"hoason\s+15\s+2 giờ", page.inner_text("#systems"))


def test_a_new_hub_is_calm_and_says_what_would_appear(quiet: Site, read: Read) -> None:
    reader = read(quiet)
    page = reader.log_in()
    assert page.inner_text(".headline h2") == "Mọi thứ thông suốt"
    for path in ("/envelopes", "/refusals"):
        assert page.locator(".empty").count() >= 1, reader.open(path)
    assert reader.complaints == []


@pytest.mark.parametrize("words", ["tiem chung", "TIÊM CHỦNG mở rộng", "Tiem  Chung"])
def test_search_finds_a_subject_however_it_is_typed(busy: Site, read: Read, words: str) -> None:
    reader = read(busy)
    page = reader.log_in()
    page.fill("#find", words)
    with page.expect_navigation():
        page.press("#find", "Enter")
    subjects = page.locator(".letters .c-subject").all_inner_texts()
    assert subjects
    assert all("tiêm chủng" in subject for subject in subjects)


def test_search_finds_a_number_and_an_agency_and_says_when_nothing_matches(busy: Site, read: Read) -> None:
    reader = read(busy)
    page = reader.log_in()
    number = reader.open(f"/envelopes/{busy.letters['trouble']}").inner_text("h1")
    reader.open(f"/envelopes?q={number}")
    assert page.locator(".c-number a").all_inner_texts() == [number]
    reader.open("/envelopes?agency=H33.21.04&direction=sent")
    assert set(page.locator(".c-parties").evaluate_all("cells => cells.map(c => c.firstChild.textContent)")) == {
        "Ủy ban nhân dân xã Hòa Sơn"
    }
    reader.open("/envelopes?q=khong-co-van-ban-nao-nhu-the")
    assert "Không có văn bản nào khớp bộ lọc" in reader.text()


def test_older_and_newer_lead_through_all_letters_once(busy: Site, read: Read) -> None:
    reader = read(busy)
    page = reader.log_in()
    reader.open("/envelopes")
    first = page.locator(".c-number a").evaluate_all("links => links.map(link => link.href)")
    reader.follow(".pager .on")
    second = page.locator(".c-number a").evaluate_all("links => links.map(link => link.href)")
    assert len(first) == len(second) == 50
    assert not set(first) & set(second)
    reader.follow(".pager [rel=prev]")
    assert page.locator(".c-number a").evaluate_all("links => links.map(link => link.href)") == first


def test_a_letter_shows_its_head_its_recipients_and_what_happened(busy: Site, read: Read) -> None:
    reader = read(busy)
    reader.log_in()
    page = reader.open(f"/envelopes/{busy.letters['trouble']}")
    assert "ủy ban nhân dân tỉnh khánh sơn" in page.inner_text(".letterhead").lower()
    rows = page.locator(".matrix tbody tr").all_inner_texts()
    assert len(rows) == 5
    standing = {row.split("\n")[1]: row for row in rows}
    assert "Từ chối" in standing["H33.07"]
    assert "đề nghị gửi Sở Tài chính" in standing["H33.07"]
    assert "Đã đến" in standing["H33.12"]
    assert "Hoàn thành" in standing["H33.12"]
    assert "Chờ nhận" in standing["H33.21.04"]
    assert "Không giao được" in standing["H33.21"]
    assert "Trả lại" in standing["H33.21.03"]
    steps = page.locator(".steps > li p:first-child").all_inner_texts()
    assert steps[0] == "Trục đã nhận văn bản và ký xác nhận"
    assert "Sở Y tế từ chối văn bản" in steps
    assert page.locator(".digest").last.inner_text()


def test_every_status_is_a_shape_and_a_word(busy: Site, read: Read) -> None:
    reader = read(busy)
    reader.log_in()
    page = reader.open(f"/envelopes/{busy.letters['trouble']}")
    for status in page.locator(".status").all():
        assert status.locator("svg.icon > *").count() >= 1
        assert (status.text_content() or "").strip()


def test_times_are_vietnams(busy: Site, read: Read) -> None:
    reader = read(busy)
    reader.log_in()
    page = reader.open(f"/envelopes/{busy.letters['day']}")
    first = page.locator(".steps time").first
    moment = datetime.fromisoformat(first.get_attribute("datetime") or "")
    assert first.inner_text() == (moment.astimezone(UTC) + timedelta(hours=7)).strftime("%H:%M:%S")


def test_the_language_and_the_theme_can_be_chosen_and_stay(busy: Site, read: Read) -> None:
    reader = read(busy, language="vi")
    page = reader.log_in()
    reader.follow("button[name=language]")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert "Needs a look" in reader.text()
    page.click(".menu summary >> nth=0")
    reader.follow("button[name=theme][value=dark]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 24)"
    reader.open("/envelopes")
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme]") == ["en", "dark"]


def test_everything_works_without_javascript(busy: Site, read: Read) -> None:
    reader = read(busy, script=False, language="en")
    page = reader.log_in_anew()
    assert page.locator(".figures li").count() == 9
    page.fill("#find", "H33.07")
    with page.expect_navigation():
        page.press("#find", "Enter")
    reader.follow(".c-number a >> nth=0")
    assert page.locator(".matrix tbody tr").count() >= 1
    reader.follow("button[name=language]")
    assert "Diễn biến" in reader.text()
    page.click(".menu summary >> nth=1")
    reader.follow("form[action='/logout'] button")
    assert page.url.endswith("/login")


def test_the_overview_refreshes_in_place(quiet: Site, read: Read) -> None:
    reader = read(quiet)
    page = reader.log_in()
    before = page.inner_text(".figures li >> nth=0")
    page.evaluate("window.stayed = true")

    def arrive(transaction: Transaction) -> None:
        seeder = Seeder(datetime.now(UTC))
        seeder.letter(transaction, seeder.now, "H33", {"H33.07": "ready"})
        seeder.write_log(transaction)

    quiet.ledger.write_now(arrive)
    page.wait_for_function("before => document.querySelector('.figures li').innerText !== before", arg=before)
    assert page.inner_text(".figures li b >> nth=0") == "1"
    assert page.evaluate("window.stayed") is True


def test_the_keyboard_is_enough_and_seen(busy: Site, read: Read) -> None:
    reader = read(busy)
    page = reader.log_in()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reader.open("/")
    outlined = "['solid', 'auto'].includes(getComputedStyle(document.activeElement).outlineStyle)"
    for _step in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(outlined), page.evaluate("document.activeElement.outerHTML")


def test_a_refusal_says_who_why_and_what_to_do(busy: Site, read: Read) -> None:
    reader = read(busy)
    reader.log_in()
    page = reader.open("/refusals?code=certificate-expired")
    refusal = page.inner_text(".refusals")
    assert "Chứng thư đã hết hạn" in refusal
    assert "Sở Tài chính" in refusal
    assert "Gia hạn chứng thư" in refusal
    reader.follow(".code")
    assert page.url.endswith("/problems/certificate-expired")


def test_the_log_is_filtered_by_step(busy: Site, read: Read) -> None:
    reader = read(busy)
    page = reader.log_in()
    reader.open("/log?kind=delivery.refused")
    assert page.locator(".log tbody tr").count() == 1
    assert page.input_value("#f-kind") == "delivery.refused"
