"""A browser, and servers over ledgers whose contents are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from adapters.sandbox.pki import Identity
from hub.ledger import Ledger
from tests.dashboard.registry_site import registry  # noqa: F401 - fixtures are found by their names here
from tests.dashboard.seeding import AGENCIES, PASSWORD, seed
from tests.dashboard.serving import served
from tests.intake.register import Register

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIOLATIONS = """document.addEventListener('securitypolicyviolation',
    (event) => console.error('CSP ' + event.violatedDirective + ' ' + event.blockedURI));"""


@dataclass
class Site:
    """A served dashboard: address, ledger, the letters that the stories are about, whom the intake knows, who signs."""

    address: str
    ledger: Ledger
    letters: dict[str, str]
    register: Register
    signer: Identity
    cookies: dict[str, Any] = field(default_factory=dict)


@dataclass
class Reader:
    """A browser tab and every complaint that the browser made in it."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.site.address + path)
        return self.page

    def log_in(self, login: str = "truc") -> Page:
        """Through the form the first time; later tabs go on with that session, as browsers do."""
        if login in self.site.cookies:
            self.page.context.add_cookies([self.site.cookies[login]])
            return self.open("/")
        self.log_in_anew(login)
        named = {cookie["name"]: cookie for cookie in self.page.context.cookies()}
        self.site.cookies[login] = named["lienthong-session"]
        return self.page

    def log_in_anew(self, login: str = "truc") -> Page:
        self.open("/login")
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.press("#password", "Enter")
        self.page.wait_for_url(self.site.address + "/")
        return self.page

    def follow(self, selector: str) -> Page:
        """Clicks what leads to another page and waits until that page is there."""
        with self.page.expect_navigation():
            self.page.click(selector)
        return self.page

    def text(self) -> str:
        return self.page.inner_text("body")


@pytest.fixture(scope="module")  # while it is open, its event loop runs in this thread and no other can
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield chromium
        chromium.close()


def site_in(directory: Path, *stories: str) -> Iterator[Site]:
    ledger = Ledger.sqlite(directory / "ledger.db")
    letters = seed(ledger, *stories)
    register = Register()
    for code, _name, _parent, _level, system in AGENCIES:
        register.agency(code, system=f"system-{system}")
    signer = register.identity("H33.12")
    with served(ledger, directory, register) as address:
        yield Site(address, ledger, letters, register, signer)
    ledger.close()


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A day of exchange, with trouble in it."""
    yield from site_in(tmp_path_factory.mktemp("busy"), "day", "trouble")


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A new hub: agencies and people, no letter yet."""
    yield from site_in(tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub whose intake saw malware, could not judge some submissions, and accepted a letter with warnings."""
    yield from site_in(tmp_path_factory.mktemp("watched"), "intake", "settled")


@pytest.fixture
def read(browser: Browser) -> Iterator[Callable[..., Reader]]:
    """Opens a tab on a site: ``read(site, language="vi", width=1280, theme="light", script=True)``."""
    contexts: list[BrowserContext] = []

    def start(
        site: Site, *, language: str = "vi", width: int = 1280, theme: str = "light", script: bool = True
    ) -> Reader:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if theme == "dark" else "light",
            locale=language,
            java_script_enabled=script,
        )
        context.add_init_script(VIOLATIONS)
        contexts.append(context)
        reader = Reader(context.new_page(), site)
        reader.page.on(
            "console",
            lambda message: reader.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        reader.page.on("pageerror", lambda error: reader.complaints.append(str(error)))
        return reader

    yield start
    for context in contexts:
        context.close()
