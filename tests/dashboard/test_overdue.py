"""The overdue list and the button that has a recipient reminded: who sees what, who may press, and how it looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from hub.ledger import Ledger, Transaction, people, tables
from hub.ledger.tables import delivery, envelope
from hub.receipts.deadline_policy import load
from hub.receipts.deadlines import Facts
from hub.registry.passwords import hash_password
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.seeding import AGENCIES, PASSWORD, seed
from tests.dashboard.serving import served
from tests.dashboard.test_accessibility import wrong
from tests.intake.register import Register

Read = Callable[..., Reader]
POLICY = load()
NOW = datetime.now(UTC)
SILENT = "H33.21.04"  # takes nothing


def let_lie(transaction: Transaction) -> str:
    """All letters to ``SILENT`` came three weeks ago; an urgent one was taken by H33.12 and not finished in time.

    Returns the envelope of the urgent one.
    """
    then = NOW - timedelta(days=21)
    due = POLICY.of(Facts(), then)
    lying = update(delivery).where(delivery.c.recipient_code == SILENT)
    sent = "-confirm.remind.1 confirm.contact.1 confirm.warn.1 confirm.notice"
    transaction.execute(
        lying.values(confirm_by=due.confirm_by, expires_at=NOW + timedelta(days=9), chase_step=sent, chase_at=None)
    )
    urgent: str = transaction.execute(
        select(envelope.c.id).join(delivery, delivery.c.envelope_id == envelope.c.id).where(envelope.c.priority == 1)
    ).scalars().first()  # fmt: skip
    late = update(delivery).where(delivery.c.envelope_id == urgent, delivery.c.recipient_code == "H33.21.03")
    transaction.execute(late.values(status_code="05", process_by=NOW - timedelta(hours=5), confirm_by=then))
    return urgent


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub on which a system takes nothing for weeks; ``trucso`` is a clerk of the sender."""
    directory = tmp_path_factory.mktemp("late")
    ledger = Ledger.sqlite(directory / "ledger.db")
    seed(ledger, "trouble")

    def write(transaction: Transaction) -> str:
        hashed = hash_password(PASSWORD)
        people.add_person(transaction, "trucso", "Văn thư tỉnh", ("clerk",), hashed, "H33", NOW)
        return let_lie(transaction)

    letters = {"urgent": ledger.write_now(write)}
    register = Register()
    for code, _name, _parent, _level, system in AGENCIES:
        register.agency(code, system=f"system-{system}")
    signer = register.identity("H33.12")
    with served(ledger, directory, register) as address:
        yield Site(address, ledger, letters, register, signer)
    ledger.close()


@pytest.fixture
def client(late: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=late.address, headers={"Accept-Language": "en"}) as opened:
        yield opened


def log_in(client: httpx.Client, login: str) -> httpx.Client:
    client.post("/login", data={"login": login, "password": PASSWORD})
    return client


def deliveries_to(late: Site, recipient: str) -> list[str]:
    statement = select(delivery.c.id).where(delivery.c.recipient_code == recipient).order_by(delivery.c.id)
    return list(late.ledger.read_now(lambda transaction: transaction.execute(statement).scalars().all()))


def reminders(late: Site) -> list[tuple[str, str]]:
    statement = select(tables.receipt.c.delivery_id, tables.receipt.c.event).order_by(tables.receipt.c.seq)
    return [tuple(row) for row in late.ledger.read_now(lambda transaction: transaction.execute(statement).all())]


def press(client: httpx.Client, delivery_id: str, **more: Any) -> httpx.Response:
    return client.post("/overdue/chase", data={"delivery": delivery_id, "next": "/overdue"}, **more)


def test_the_list_says_what_is_late_since_when_and_what_was_done(client: httpx.Client) -> None:
    page = log_in(client, "truc").get("/overdue").text
    assert page.count('class="c-due"') == 16
    assert "Not finished" in page
    assert "late by 5 hours" in page  # the urgent class counts round the clock
    assert re.search(r"late by \d+ working days", page)
    assert "duty contact written to, sender warned, sender told" in page
    assert "Not taken" in page
    only = client.get("/overdue", params={"which": "unprocessed"}).text
    assert only.count('class="c-due"') == 1
    assert client.get("/overdue", params={"agency": "Hòa Sơn"}).text.count('class="c-due"') == 15
    assert "Nothing matches" in client.get("/overdue", params={"agency": "G09"}).text


def test_older_and_newer_lead_through_the_list_once(late: Site, client: httpx.Client) -> None:
    from hub.ledger import overdue

    def pages(transaction: Transaction) -> tuple[list[str], list[str]]:
        first = overdue.page(transaction, NOW, limit=6)
        forward, page = [row.id for row in first.rows], first
        while page.older:
            page = overdue.page(transaction, NOW, limit=6, before=page.older)
            forward += [row.id for row in page.rows]
        backward = [row.id for row in reversed(page.rows)]
        while page.newer:
            page = overdue.page(transaction, NOW, limit=6, after=page.newer)
            backward += [row.id for row in reversed(page.rows)]
        return forward, backward

    forward, backward = late.ledger.read_now(pages)
    assert len(forward) == len(set(forward)) == 16
    assert backward == list(reversed(forward))
    page = log_in(client, "truc")
    for cursor in ("x", "2026_", "2026-11-20T00:00:00Z_", "\x00"):
        assert page.get("/overdue", params={"before": cursor}).status_code == 200


def test_clerks_see_what_their_own_agency_sent_or_received(client: httpx.Client) -> None:
    log_in(client, "vanthu")  # of H33.07, which is not overdue and sent nothing
    assert "Nothing is overdue" in client.get("/overdue").text
    client.cookies.clear()
    log_in(client, "trucso")
    page = client.get("/overdue").text
    assert page.count('class="c-due"') == 16
    assert page.count('action="/overdue/chase"') == 16


def test_the_sender_s_clerk_reminds_a_recipient_once_and_the_log_names_the_person(
    late: Site, client: httpx.Client
) -> None:
    log_in(client, "trucso")
    one = deliveries_to(late, SILENT)[0]
    before = len(reminders(late))
    answer = press(client, one)
    assert (answer.status_code, answer.headers["location"]) == (303, "/overdue?chased=done")
    assert "The recipient was reminded" in client.get(answer.headers["location"]).text
    assert reminders(late)[before:] == [(one, "delivery.reminder")]
    assert press(client, one).headers["location"] == "/overdue?chased=too-soon"
    assert len(reminders(late)) == before + 1
    statement = select(tables.audit_entry.c.actor).where(tables.audit_entry.c.kind == "chase.asked")
    assert late.ledger.read_now(lambda tx: tx.execute(statement).scalars().all())[-1] == "person:trucso"


def test_nobody_else_presses_the_button(late: Site, client: httpx.Client) -> None:
    one = deliveries_to(late, SILENT)[1]
    before = reminders(late)
    assert press(client, one).headers["location"].startswith("/login")
    log_in(client, "kiemtoan")
    assert 'action="/overdue/chase"' not in client.get("/overdue").text
    assert press(client, one).status_code == 403
    client.cookies.clear()
    log_in(client, "vanthu")
    assert press(client, one).status_code == 404
    client.cookies.clear()
    log_in(client, "truc")
    assert press(client, one, headers={"Origin": "https://example.org"}).status_code == 403
    assert press(client, "none").status_code == 404
    assert reminders(late) == before
    elsewhere = client.post("/overdue/chase", data={"delivery": one, "next": "https://example.org/"})
    assert elsewhere.headers["location"] == "/?chased=done"


def test_many_are_reminded_at_once_after_a_dry_run_and_each_is_told(late: Site, client: httpx.Client) -> None:
    log_in(client, "truc")
    soon, *rest = deliveries_to(late, SILENT)[3:7]
    press(client, soon)
    before = len(reminders(late))
    plan = client.get("/overdue/chases/new", params={"delivery": [soon, *rest, "no-such-delivery"]}).text
    assert plan.count("Will be reminded") == 3
    assert plan.count("Left out: reminded a short time ago") == 1
    assert "1 of the ticked is not overdue any more" in plan
    assert re.findall(r'name="delivery" value="([^"]+)"', plan) == sorted(rest, reverse=True)
    assert len(reminders(late)) == before, "a dry run reminds nobody"
    answer = client.post("/overdue/chases", data={"delivery": [*rest, soon, "no-such-delivery"], "note": "Xin xử lý"})
    assert answer.status_code == 303
    assert {one for one, _event in reminders(late)[before:]} == set(rest)
    told = client.get(answer.headers["location"]).text
    assert told.count(">Reminded<") == 3
    assert told.count("Left out: reminded a short time ago") == 1
    again = client.post("/overdue/chases", data={"delivery": rest}).headers["location"]
    assert client.get(again).text.count("Left out: reminded a short time ago") == 3
    statement = select(tables.audit_entry.c.detail).where(tables.audit_entry.c.kind == "chase.asked")
    details = late.ledger.read_now(lambda tx: tx.execute(statement).scalars().all())
    assert [one["reason"] for one in details[-3:]] == ["Xin xử lý"] * 3


def test_everything_that_the_filter_matches_can_be_chosen_and_no_more_than_a_hundred(client: httpx.Client) -> None:
    log_in(client, "truc")
    page = client.get("/overdue", params={"which": "unprocessed"}).text
    [address] = re.findall(r'href="(/overdue/chases/new[^"]+)"', page)
    plan = client.get(address.replace("&amp;", "&")).text
    assert len(re.findall(r'name="delivery"', plan)) == 1
    assert len(re.findall(r"<tr>", client.get("/overdue/chases/new?all=yes").text)) == 17
    many = [f"d{number}" for number in range(101)]
    assert client.post("/overdue/chases", data={"delivery": many}).status_code == 422
    assert "Nothing was chosen" in client.get("/overdue/chases/new").text
    assert "Nobody was reminded" in client.get("/overdue/chases?at=never&delivery=x").text


def test_only_the_sender_s_side_and_operators_remind_many(late: Site, client: httpx.Client) -> None:
    one = deliveries_to(late, SILENT)[8]
    before = reminders(late)
    log_in(client, "kiemtoan")
    plan = client.get("/overdue/chases/new", params={"delivery": one}).text
    assert "clerks and operators remind" in plan
    assert '<form class="sheet upload"' not in plan
    assert 'type="checkbox"' not in client.get("/overdue").text
    assert client.post("/overdue/chases", data={"delivery": one}).status_code == 403
    client.cookies.clear()
    log_in(client, "vanthu")  # neither sent it nor received it
    assert "Nothing was chosen" in client.get("/overdue/chases/new", params={"delivery": one}).text
    assert client.post("/overdue/chases", data={"delivery": one}).status_code == 303
    assert reminders(late) == before


def test_nothing_is_chased_that_ended(late: Site, client: httpx.Client) -> None:
    log_in(client, "truc")
    refused = select(delivery.c.id).where(delivery.c.state == "refused")
    [one] = late.ledger.read_now(lambda tx: tx.execute(refused).scalars().all())
    assert press(client, one).headers["location"] == "/overdue?chased=needless"


@pytest.mark.services
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)])
def test_the_pages_can_be_used_by_everyone(late: Site, read: Read, theme: str, width: int) -> None:
    reader = read(late, theme=theme, width=width)
    reader.log_in()
    chosen = f"delivery={deliveries_to(late, SILENT)[10]}"
    bulk = (f"/overdue/chases/new?{chosen}", f"/overdue/chases?{chosen}", "/overdue/chases/new")
    for path in (
        "/overdue",
        "/overdue?agency=none",
        *bulk,
        f"/envelopes/{late.letters['urgent']}?chased=too-soon",
        "/",
    ):
        page = reader.open(path)
        assert wrong(page) == {}, path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    assert reader.complaints == []


@pytest.mark.services
def test_a_letter_shows_the_deadlines_of_each_recipient_and_its_button(late: Site, read: Read) -> None:
    reader = read(late, script=False)
    reader.log_in()
    page = reader.open("/")
    assert page.inner_text('.figures a[href="/overdue"] b') == "16"
    page = reader.open(f"/envelopes/{late.letters['urgent']}")
    rows = page.inner_text("#live-recipients")
    assert "quá hạn: hạn xử lý" in rows
    assert "ngừng chuyển lúc" in rows
    buttons = page.locator('form[action="/overdue/chase"] button')
    assert buttons.count() >= 2
    buttons.last.click()
    page.wait_for_url("**chased=*")
    assert page.locator('[role="status"]').count() == 1


def test_the_rules_say_until_when_each_class_of_letters_must_be_confirmed_and_finished(client: httpx.Client) -> None:
    page = log_in(client, "truc").get("/rules").text
    table = page.partition('class="list deadlines"')[2].partition("</table>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in table.split("<tr>")[2:]]
    assert len(rows) == len(POLICY.classes)
    assert " ".join(rows[0]).startswith("Express express round the clock")
    assert "30 minutes" in " ".join(rows[0])
    ordinary = " ".join(rows[-1])
    assert "in office hours Confirmation : on the same working day" in ordinary.replace(
        "Confirmation:", "Confirmation :"
    )
    assert "by the letter's due date" in ordinary.replace("&#39;", "'")
    assert "30 working days" in ordinary
