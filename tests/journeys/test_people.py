"""A hub that knows nobody, and the people who run it: each role's day in a browser, from the first start on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyotp
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from adapters.client.conversation import CallRefused
from tests.dashboard.conftest import FLAGS, VIOLATIONS
from tests.world import Office, World, eventually

pytestmark = pytest.mark.services

PASSWORD = "con thuyền nhỏ trên sông"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub as it is after the first start: agencies, nobody who administers."""
    with World(tmp_path_factory.mktemp("people"), {"LIENTHONG_SWEEP_EVERY_SECONDS": "0.3"}) as built:
        built.start("up")
        yield built


@dataclass
class Official:
    """One person with a browser; what the browser complained of."""

    page: Page
    hub: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(path if path.startswith("http") else self.hub + path)
        return self.page

    def press(self, text: str) -> Page:
        """Press the button with this text and wait for what comes."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=text, exact=True).click()
        return self.page

    def follow(self, text: str) -> Page:
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=text).first.click()
        return self.page

    def welcome(self, link: str, login: str = "", *, second_factor: bool = True) -> None:
        """Choose a password, and set an authenticator up where the roles ask for one."""
        self.open(link)
        if login:
            self.page.fill("#login", login)
            self.page.fill("#name", login.title())
        self.page.fill("#password", PASSWORD)
        self.page.fill("#again", PASSWORD)
        self.press("Continue")
        if second_factor:
            secret = (self.page.locator("details.unfold code").text_content() or "").replace(" ", "")
            self.page.fill("#code", pyotp.TOTP(secret).now())
            self.press("Confirm and log in")
            self.follow("I have kept them: continue")

    def places(self) -> set[str]:
        return {link.get_attribute("href") or "" for link in self.page.locator("nav.side a").all()}


@pytest.fixture(scope="module")
def official(browser: Browser, empty: World) -> Iterator[Callable[[], Official]]:
    """Another person with a browser of their own."""
    opened = []

    def arrive() -> Official:
        context = browser.new_context(viewport={"width": 1280, "height": 844}, locale="en")
        context.add_init_script(VIOLATIONS)
        opened.append(context)
        here = Official(context.new_page(), empty.url)
        here.page.on("console", lambda said: here.complaints.append(said.text) if said.type == "error" else None)
        return here

    yield arrive
    for context in opened:
        context.close()


def invited(administrator: Official, login: str, role: str, agency: str = "") -> str:
    """Invite a person; the address of what came: a decision that waits, or the person's page."""
    page = administrator.open("/people/new")
    page.fill("#login", login)
    page.fill("#name", login.title())
    page.check(f"#role-{role}")
    page.fill("#agency", agency)
    page.fill("#reason", "người mới của trục")
    return administrator.press("Invite").url


def link_for(administrator: Official, login: str) -> str:
    administrator.open("/people")
    administrator.follow(login.title())
    administrator.press("Make a link")
    return (administrator.page.locator(".unlinked").text_content() or "").strip()


def first_link(hub: World) -> str:
    found = eventually(lambda: re.search(r"http\S+/welcome/[^\s\"]+", hub.logs()), 30)
    return str(found[0])


@dataclass
class Staff:
    """The people of a hub, and two agencies; the clerk is the recipient's."""

    administrator: Official
    auditor: Official
    operator: Official
    clerk: Official
    reporting: Official
    sender: Office
    recipient: Office


@pytest.fixture(scope="module")
def staff(empty: World, official: Callable[[], Official]) -> Staff:
    """Everybody came by a link; operating the hub took a second person, looking at one agency's letters did not."""
    sender, recipient = empty.office(), empty.office()
    administrator, auditor, operator = official(), official(), official()
    administrator.welcome(first_link(empty), "quantri")
    invited(administrator, "kiemtoan", "auditor")
    auditor.welcome(link_for(administrator, "kiemtoan"))
    waiting = invited(administrator, "truc", "operator")
    assert "/decisions/" in waiting
    assert administrator.page.get_by_role("button", name="Confirm: carry it out now").count() == 0
    auditor.open(waiting)
    auditor.press("Confirm: carry it out now")
    operator.welcome(link_for(administrator, "truc"))
    clerk, reporting = official(), official()
    assert "/decisions/" not in invited(administrator, "vanthu", "clerk", recipient.code)
    clerk.welcome(link_for(administrator, "vanthu"), second_factor=False)
    invited(administrator, "baocao", "reporting")
    reporting.welcome(link_for(administrator, "baocao"), second_factor=False)
    return Staff(administrator, auditor, operator, clerk, reporting, sender, recipient)


def test_everyone_finds_the_places_of_the_own_role_and_no_others(staff: Staff) -> None:
    assert {"/", "/people", "/agencies", "/decisions"} <= staff.administrator.places()
    assert "/log" in staff.auditor.places()
    assert "/people" not in staff.auditor.places() | staff.operator.places()
    assert staff.reporting.open("/").url.endswith("/figures")
    assert "/envelopes" not in staff.reporting.places()
    assert staff.reporting.open("/envelopes").locator("h1").text_content() != "Letters"


def test_a_clerk_sees_the_own_agencys_letter_and_nobody_elses(staff: Staff) -> None:
    post, letter = staff.sender.client.post_envelope, staff.sender.letter
    seen = post(letter(staff.recipient.code, subject="Thư cho văn thư"))["id"]
    hidden = post(letter(staff.sender.code, subject="Thư của người khác"))["id"]
    assert "Thư cho văn thư" in staff.clerk.open(f"/envelopes/{seen}").inner_text("body")
    assert "Thư của người khác" not in staff.clerk.open(f"/envelopes/{hidden}").inner_text("body")
    assert "Thư của người khác" in staff.operator.open(f"/envelopes/{hidden}").inner_text("body")


def test_a_reported_break_in_shuts_a_system_out_at_once_and_a_second_person_upholds_it(staff: Staff) -> None:
    page = staff.clerk.open("/incidents/new")
    page.select_option("#category", index=1)
    page.fill("#description", "Máy của văn thư có người lạ vào")
    page.fill("#contact", "0297 000 000")
    incident = "/incidents/" + staff.clerk.press("Report").url.rsplit("/", 1)[1]
    eventually(lambda: incident in staff.operator.open("/alerts").content(), 30, 0.5)
    page = staff.operator.open(incident)
    page.locator('input[name="what"][value^="system.suspend"]').check()
    page.fill("#reason", "máy trạm bị xâm nhập")
    staff.operator.press("Do it now")
    eventually(lambda: shut_out(staff.recipient), 20)
    staff.administrator.open("/decisions")
    staff.administrator.follow("Decide")
    staff.administrator.press("Uphold it")
    assert shut_out(staff.recipient)
    log = staff.auditor.open("/log?kind=proposal").inner_text("main")
    assert "truc" in log.lower()
    assert "quantri" in log.lower()


def shut_out(office: Office) -> bool:
    try:
        office.client.inbox(limit=1)
    except CallRefused:
        return True
    return False


def test_no_browser_had_to_complain(staff: Staff) -> None:
    for one in (staff.administrator, staff.auditor, staff.operator, staff.clerk, staff.reporting):
        assert [text for text in one.complaints if "403" not in text and "404" not in text] == []


def test_the_link_of_the_first_start_opens_nothing_a_second_time(
    empty: World, staff: Staff, official: Callable[[], Official]
) -> None:
    assert official().open(first_link(empty)).locator("#password").count() == 0
