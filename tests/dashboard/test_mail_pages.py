"""What people see of mail: the page behind a link, for a clerk without an account, and what came back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import clock
from hub.ledger import mail
from hub.ledger.tables import delivery
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.test_accessibility import wrong
from tests.dashboard.test_replay_pages import failed  # noqa: F401 - a fixture is found by its name here

pytestmark = pytest.mark.services

Read = Callable[..., Reader]


def one_in(site: Site, state: str) -> str:
    statement = select(delivery.c.id).where(delivery.c.state == state).limit(1)
    found: str = site.ledger.read_now(lambda transaction: transaction.execute(statement).scalar_one())
    return found


def test_mailed_documents_that_came_back_stand_beside_the_dead_letters(failed: Site, read: Read) -> None:  # noqa: F811 - a fixture is asked for by its name
    at, settled, dead = clock.now(), one_in(failed, "settled"), one_in(failed, "dead")
    for number, (one, policy) in enumerate(((settled, "document"), (dead, "notice"))):
        failed.ledger.write_now(mail.opened, one, "vanthu@h33.example", f"{number:032x}")
        failed.ledger.write_now(mail.accepted, one, "vanthu@h33.example", policy, "250 OK", at)
        failed.ledger.write_now(mail.bounced, one, "5.1.1 <b>no such mailbox</b>", at)
    reader = read(failed)
    reader.log_in()
    page = reader.open("/dead-letters")
    assert page.locator("#returned ~ section tbody tr").count() == 1, "dead letters stand in the list above"
    assert "5.1.1 <b>no such mailbox</b>" in page.inner_text("#returned ~ section")
    assert wrong(page) == {}
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("#returned ~ section a[href^='/replays/new']").get_attribute("href") == (
        f"/replays/new?delivery={settled}"
    )
    assert reader.open("/dead-letters?code=expired").locator("#returned").count() == 0


@pytest.mark.parametrize(("language", "width", "theme"), [("vi", 320, "dark"), ("en", 1280, "light")])
def test_the_page_behind_a_link_needs_no_account(
    failed: Site,  # noqa: F811 - a fixture is asked for by its name
    read: Read,
    language: str,
    width: int,
    theme: str,
) -> None:
    at, one, token = clock.now(), one_in(failed, "ready"), clock.new_secret()
    failed.ledger.write_now(mail.opened, one, "vanthu@h33.example", "0" * 32)
    failed.ledger.write_now(mail.add_link, one, token, at, at + timedelta(days=1))
    reader = read(failed, language=language, width=width, theme=theme)
    page = reader.open(f"/fetch/{token}")
    assert wrong(page) == {}
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("form[action^='/fetch/'] button").count() >= 1
    assert page.locator("nav").count() == 0
    closed = reader.open(f"/fetch/{clock.new_secret()}")
    assert "link-closed" in closed.inner_text("main")
    scriptless = read(failed, script=False).open(f"/fetch/{token}")
    assert scriptless.locator("form[action^='/fetch/'] button").count() >= 1
