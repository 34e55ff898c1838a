"""What a letter's page says of recalls: what was asked of whom, how far the office was, what it answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub import clock
from hub.envelope.writing import Business, Reference
from hub.ledger import Ledger, migration, people
from hub.registry.passwords import hash_password
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.seeding import PASSWORD
from tests.dashboard.serving import served
from tests.dashboard.test_accessibility import wrong
from tests.intake.exchange import SENDER, Exchange, ids
from tests.intake.register import Register

Read = Callable[..., Reader]
NEVER, TAKING, ARRIVED, ACTED, AGREED = (f"H33.9{number}" for number in range(5))
CODES = (NEVER, TAKING, ARRIVED, ACTED, AGREED)


async def tell(exchange: Exchange) -> dict[str, str]:
    """A letter recalled from five agencies that are in five states; it answers one, and an update went before."""
    asked = await exchange.send(AGREED, document_id="câu hỏi")
    answers = (Reference(SENDER, "câu hỏi"), Reference("G22", "nơi khác"))
    sent = await exchange.send(*CODES, answers=answers, business=Business(paper=1))
    for code, state in zip(CODES, ("ready", "leased", "settled", "settled", "settled"), strict=True):
        await exchange.move(ids(sent)[code], state)
    await exchange.report("03", ids(sent)[ACTED], "Đã vào sổ")
    recall = await exchange.send(*CODES, kind=1, reason="Ban hành nhầm thẩm quyền")
    await exchange.report("15", ids(sent)[AGREED], "Đã hủy trên hệ thống")
    found = {"asked": asked, "sent": sent, "recall": recall}
    return {name: one.stored.envelope_id for name, one in found.items()}


@pytest.fixture(scope="module")
def recalled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("recalled")
    ledger = Ledger.sqlite(directory / "ledger.db")
    migration.upgrade(ledger)
    exchange = Exchange(ledger, directory / "payloads", codes=CODES)
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's own loop may run in this thread
        letters = elsewhere.submit(asyncio.run, tell(exchange)).result()
    for login, role, agency in (("truc", "operator", None), ("vanthu", "clerk", ACTED)):
        ledger.write_now(people.add_person, login, login, (role,), hash_password(PASSWORD), agency, clock.now())
    with served(ledger, directory, Register()) as address:
        yield Site(address, ledger, letters, Register(), exchange.identity)
    ledger.close()


def rows(reader: Reader) -> dict[str, str]:
    """The text of each recipient's row and of what was asked of it, by code."""
    found: dict[str, str] = {}
    code = ""
    for text in reader.page.locator(".matrix tbody tr").all_inner_texts():
        code = next((one for one in CODES if one in text), code)
        found[code] = f"{found.get(code, '')} {' '.join(text.split())}"
    return found


def test_the_letter_says_for_each_recipient_what_was_asked_and_whether_it_was_acted_on(
    recalled: Site, read: Read
) -> None:
    reader = read(recalled, language="en")
    reader.log_in()
    reader.open(f"/envelopes/{recalled.letters['sent']}")
    shown = rows(reader)
    assert "Withdrawn Ban hành nhầm thẩm quyền" in shown[NEVER]
    assert "Asked" not in shown[NEVER]
    assert "Its system was just taking it" in shown[TAKING]
    assert "It had arrived; the office had not acted on it" in shown[ARRIVED]
    assert "The office had acted on it before: Accepted" in shown[ACTED]
    assert "Agreed" in shown[AGREED]
    assert all("Asked; no answer yet" in shown[code] for code in (TAKING, ARRIVED, ACTED))
    facts = reader.page.inner_text(".facts >> nth=-1")
    assert "A paper copy follows" in facts
    assert reader.page.locator(f'.facts a[href="/envelopes/{recalled.letters["asked"]}"]').inner_text() == "câu hỏi"
    assert "nơi khác" in facts  # the hub does not know that one
    followed = reader.follow(f'.facts a[href="/envelopes/{recalled.letters["recall"]}"]')
    assert followed.locator(f'.facts a[href="/envelopes/{recalled.letters["sent"]}"]').count() == 1
    assert "The office had acted on it before: Accepted" in rows(reader)[ACTED]
    assert reader.complaints == []


def test_a_recipients_clerk_sees_its_own_question_and_no_letter_of_others(recalled: Site, read: Read) -> None:
    reader = read(recalled, language="en")
    reader.log_in("vanthu")
    reader.open(f"/envelopes/{recalled.letters['sent']}")
    assert list(rows(reader)) == [ACTED]
    assert "The office had acted on it before: Accepted" in rows(reader)[ACTED]
    assert reader.page.locator(f'a[href="/envelopes/{recalled.letters["asked"]}"]').count() == 0
    assert "câu hỏi" in reader.page.inner_text(".facts >> nth=-1")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390), ("light", 320)])
def test_it_can_be_read_by_everyone(recalled: Site, read: Read, theme: str, width: int, tmp_path: Path) -> None:
    reader = read(recalled, theme=theme, width=width)
    reader.log_in()
    page = reader.open(f"/envelopes/{recalled.letters['sent']}")
    assert wrong(page) == {}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=tmp_path / "letter.png", full_page=True)
