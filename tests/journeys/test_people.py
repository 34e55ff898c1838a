"""A hub that knows nobody, and the people who run it: each role's day in a browser, from the first start on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyotp
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from adapters.client.conversation import CallRefused
from tests.dashboard.conftest import FLAGS, VIOLATIONS
from tests.world import World, eventually

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
            secret = (self.page.locator("code.secret").text_content() or "").replace(" ", "")
            self.page.fill("#code", pyotp.TOTP(secret).now())
            self.press("Confirm and log in")
            self.follow("I have kept them: continue")

    def places(self) -> set[str]:
        return {link.get_attribute("href") or "" for link in self.page.locator("nav.side a").all()}


@pytest.fixture
def official(browser: Browser, empty: World) -> Iterator[type[Official]]:
    opened = []

    class Here(Official):
        def __init__(self) -> None:
            context = browser.new_context(viewport={"width": 1280, "height": 844}, locale="en")
            context.add_init_script(VIOLATIONS)
            opened.append(context)
            super().__init__(context.new_page(), empty.url)
            self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    yield Here
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


def test_people_of_every_role_do_their_work_from_the_first_start_on(empty: World, official: type[Official]) -> None:
    sender, recipient = empty.office(), empty.office()
    link = eventually(lambda: re.search(r"http\S+/welcome/\S+", empty.logs()), 30)
    assert link is not None

    # the first administrator; the second person may be let in alone, because nobody else could decide
    administrator = official()
    administrator.welcome(link[0].rstrip('",'), "quantri")
    assert {"/", "/people", "/agencies", "/decisions"} <= administrator.places()
    assert "/people/" in invited(administrator, "kiemtoan", "auditor") or "/decisions/" in administrator.page.url
    auditor = official()
    auditor.welcome(link_for(administrator, "kiemtoan"))
    assert "/log" in auditor.places()
    assert "/people" not in auditor.places()

    # from now on a second person decides who operates the hub
    waiting = invited(administrator, "truc", "operator")
    assert "/decisions/" in waiting
    assert administrator.page.get_by_role("button", name="Confirm: carry it out now").count() == 0
    auditor.open(waiting)
    auditor.press("Confirm: carry it out now")
    operator = official()
    operator.welcome(link_for(administrator, "truc"))

    # one administrator invites a clerk and a reporting officer
    invited(administrator, "vanthu", "clerk", recipient.code)
    clerk = official()
    clerk.welcome(link_for(administrator, "vanthu"), second_factor=False)
    invited(administrator, "baocao", "reporting")
    reporting = official()
    reporting.welcome(link_for(administrator, "baocao"), second_factor=False)
    assert reporting.page.url.endswith("/figures")
    assert "/envelopes" not in reporting.places()
    assert reporting.open("/envelopes").locator("h1").text_content() != "Letters"

    # the clerk sees the own agency's letter and nobody else's
    seen = sender.client.post_envelope(sender.letter(recipient.code, subject="Thư cho văn thư"))["id"]
    hidden = sender.client.post_envelope(sender.letter(sender.code, subject="Thư của người khác"))["id"]
    assert "Thư cho văn thư" in clerk.open(f"/envelopes/{seen}").inner_text("body")
    assert "Thư của người khác" not in clerk.open(f"/envelopes/{hidden}").inner_text("body")
    assert "Thư của người khác" in operator.open(f"/envelopes/{hidden}").inner_text("body")

    # the clerk reports that a machine was broken into; the operator is told and shuts the system out at once
    page = clerk.open("/incidents/new")
    page.select_option("#category", index=1)
    page.fill("#description", "Máy của văn thư có người lạ vào")
    page.fill("#contact", "0297 000 000")
    clerk.press("Report")
    incident = clerk.page.url
    told = f"/incidents/{incident.rsplit('/', 1)[1]}"
    eventually(lambda: told in operator.open("/alerts").content(), 30, 0.5)
    page = operator.open(incident)
    page.locator('input[name="what"][value^="system.suspend"]').check()
    page.fill("#reason", "máy trạm bị xâm nhập")
    operator.press("Do it now")

    def shut_out() -> bool:
        try:
            recipient.client.inbox(limit=1)
        except CallRefused:
            return True
        return False

    eventually(shut_out, 20)

    # another person upholds it, afterwards
    page = administrator.open("/decisions")
    administrator.follow("Decide")
    administrator.press("Uphold it")
    assert "/decisions/" in administrator.page.url

    # the auditor finds all of it in the log
    log = auditor.open("/log?kind=proposal").inner_text("main")
    assert "person:truc" in log or "truc" in log.lower()
    for one in (administrator, auditor, operator, clerk, reporting):
        assert [text for text in one.complaints if "403" not in text and "404" not in text] == []


def test_the_link_of_the_first_start_opens_nothing_a_second_time(empty: World, official: type[Official]) -> None:
    link = re.search(r"http\S+/welcome/\S+", empty.logs())
    assert link is not None
    assert official().open(link[0].rstrip('",')).locator("#password").count() == 0
