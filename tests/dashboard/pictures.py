"""``python -m tests.dashboard.pictures DIR``: a picture of every page, to be leafed through by a person.

Every page in three states of the hub (a busy day, trouble, new and empty), light and dark, on a desk and on a phone, in
both languages; ``--state``, ``--theme``, ``--width``, ``--language`` and ``--page`` make fewer.
``DIR/index.html`` shows them side by side. What axe-core finds is printed.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from hub import clock
from hub.ledger import Ledger, Transaction, people, sessions
from tests.dashboard.addresses import pages
from tests.dashboard.axe import SCRIPT, violations
from tests.dashboard.office_story import office
from tests.dashboard.seeding import AGENCIES, seed
from tests.dashboard.serving import served
from tests.intake.register import Register

STATES = {"busy": ("day",), "trouble": ("day", "trouble", "intake", "settled"), "empty": ()}
THEMES = ("light", "dark")
WIDTHS = (1440, 390)
LANGUAGES = ("vi", "en")
HEIGHTS = {1440: 900, 390: 844}
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    theme: str
    width: int
    language: str

    @property
    def name(self) -> str:
        return f"{self.theme}-{self.width}-{self.language}"


def looks(themes: Sequence[str], widths: Sequence[int], languages: Sequence[str]) -> list[Look]:
    return [Look(theme, width, language) for theme in themes for width in widths for language in languages]


@contextmanager
def site(stories: Sequence[str], directory: Path) -> Iterator[tuple[str, Ledger]]:
    """A served dashboard in which these stories happened."""
    ledger = Ledger.sqlite(directory / "ledger.db")
    seed(ledger, *stories)
    if "trouble" in stories:
        office(ledger)
    register = Register()
    for code, _name, _parent, _level, system in AGENCIES:
        register.agency(code, system=f"system-{system}")
    with served(ledger, directory, register) as address:
        yield address, ledger
    ledger.close()


def enter(ledger: Ledger, *roles: people.Role) -> str:
    """A session of somebody with these roles; its token."""
    token = clock.new_secret()

    def write(transaction: Transaction) -> None:
        now = clock.now()
        login = f"{'-'.join(roles)}-{clock.new_id()[-6:]}"
        who = people.add_person(transaction, login, "Quản trị trục", roles, "-", None, now)
        sessions.open_session(transaction, who, token, now, timedelta(hours=8))

    ledger.write_now(write)
    return token


@contextmanager
def tab(browser: Browser, address: str, token: str, look: Look) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": look.width, "height": HEIGHTS.get(look.width, 844)},
        color_scheme="dark" if look.theme == "dark" else "light",
        locale=look.language,
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": "lienthong-session", "value": token, "url": address}])
    page = context.new_page()
    page.add_init_script(SCRIPT)
    yield page
    context.close()


def photograph(browser: Browser, target: Path, state: str, chosen: Iterable[Look], only: str = "") -> list[Path]:
    """Pictures of every page in this state; returns their files."""
    taken: list[Path] = []
    with tempfile.TemporaryDirectory() as directory, site(STATES[state], Path(directory)) as (address, ledger):
        token = enter(ledger, "administrator")
        addresses = pages(address, ledger, token, only)
        for look in chosen:
            with tab(browser, address, token, look) as page:
                for path in addresses:
                    page.goto(address + path, wait_until="load")
                    taken.append(target / f"{_name(path)}--{state}-{look.name}.png")
                    for rule, places in violations(page).items():
                        print(f"{path} ({state}, {look.name}): {rule}: {places[:3]}", flush=True)
                    page.screenshot(path=taken[-1], full_page=look.width > 500)
    return taken


def _name(path: str) -> str:
    return (
        re.sub(r"[^a-z-]+", "_", re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}", "one", path.strip("/")))
        or "overview"
    )


def index(target: Path) -> Path:
    """A page that shows all pictures of the folder, page by page."""
    groups: dict[str, list[str]] = {}
    for picture in sorted(target.glob("*--*.png")):
        groups.setdefault(picture.name.partition("--")[0], []).append(picture.name)
    sections = "".join(
        f"<h2>{html.escape(name)}</h2><div>"
        + "".join(
            f'<figure><a href="{file}"><img src="{file}" alt="" loading="lazy"></a>'
            f"<figcaption>{html.escape(file.partition('--')[2].removesuffix('.png'))}</figcaption></figure>"
            for file in files
        )
        + "</div>"
        for name, files in groups.items()
    )
    style = (
        "body{font:14px system-ui;margin:24px;background:#ddd}"
        "div{display:flex;flex-wrap:wrap;gap:16px;align-items:start}"
        "figure{margin:0;background:#fff;padding:8px}img{height:420px;border:1px solid #999}figcaption{font-size:12px}"
    )
    found = target / "index.html"
    found.write_text(
        f"<!doctype html><meta charset=utf-8><title>Pages</title><style>{style}</style>{sections}", "utf-8"
    )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.dashboard.pictures", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--state", choices=STATES, action="append")
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--width", type=int, action="append")
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    parser.add_argument("--page", default="", metavar="PATTERN", help="addresses in which this occurs")
    chosen = parser.parse_args(arguments)
    chosen.directory.mkdir(parents=True, exist_ok=True)
    wanted = looks(chosen.theme or THEMES, chosen.width or WIDTHS, chosen.language or LANGUAGES)
    count = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        for state in chosen.state or STATES:
            count += len(photograph(browser, chosen.directory, state, wanted, chosen.page))
        browser.close()
    print(f"{count} pictures: {index(chosen.directory)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
