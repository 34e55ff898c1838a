"""Who gets in, who sees what, and what a page of another site cannot do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from hub.ledger import Ledger, Transaction, people_tables, tables
from tests.dashboard.conftest import Site
from tests.dashboard.seeding import PASSWORD
from tests.dashboard.serving import served

PRIVATE = (
    "/",
    "/envelopes",
    "/envelopes/01890000-0000-7000-8000-000000000000",
    "/overdue",
    "/refusals",
    "/log",
    "/messages",
    "/log/export?what=entries&format=csv",
    "/log/proof",
    "/check",
    "/rules",
    "/dead-letters",
    "/replays",
    "/replays/new?state=dead",
)


@pytest.fixture
def client(busy: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=busy.address, headers={"Accept-Language": "en"}) as opened:
        yield opened


def log_in(client: httpx.Client, login: str, password: str = PASSWORD, **form: str) -> httpx.Response:
    return client.post("/login", data={"login": login, "password": password} | form)


@pytest.mark.parametrize("path", PRIVATE)
def test_a_page_for_people_asks_for_a_login_and_leads_back(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 303
    wanted = response.headers["location"]
    assert wanted == "/login" if path == "/" else wanted.startswith("/login?next=")
    assert log_in(client, "truc", next=path).headers["location"] == path


@pytest.mark.parametrize("target", ["https://example.org/", "//example.org", "/\\example.org", "javascript:1"])
def test_a_crafted_link_leads_nobody_to_another_site(client: httpx.Client, target: str) -> None:
    assert log_in(client, "truc", next=target).headers["location"] == "/"


@pytest.mark.parametrize(("login", "password"), [("truc", "sai"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_login_or_password_opens_nothing(client: httpx.Client, login: str, password: str) -> None:
    response = log_in(client, login, password)
    assert response.status_code == 422
    assert "did not match" in response.text
    assert "set-cookie" not in response.headers
    assert password not in response.text or not password


def test_logins_and_failures_are_in_the_log_without_the_mistyped_word(client: httpx.Client, busy: Site) -> None:
    slip = f"mat-khau-{uuid.uuid4().hex}"
    log_in(client, slip, "x")
    log_in(client, "kiemtoan")

    def entries(transaction: Transaction) -> list[tuple[str, str]]:
        column = tables.audit_entry.c
        rows = transaction.execute(select(column.kind, column.actor).where(column.kind.startswith("person.")))
        return [(row.kind, row.actor) for row in rows]

    written = busy.ledger.read_now(entries)
    assert ("person.login", "person:kiemtoan") in written
    assert ("person.login_failed", "person:unknown") in written
    assert slip not in str(written)


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(client: httpx.Client, busy: Site) -> None:
    cookie = log_in(client, "truc").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = client.cookies["lienthong-session"]

    def stored(transaction: Transaction) -> list[str]:
        return list(transaction.execute(select(people_tables.person_session.c.token_sha256)).scalars())

    assert token not in busy.ledger.read_now(stored)


def test_logging_out_ends_the_session_on_the_server(client: httpx.Client, busy: Site) -> None:
    log_in(client, "truc")
    token = client.cookies["lienthong-session"]
    assert client.get("/").status_code == 200
    client.post("/logout")
    with httpx.Client(base_url=busy.address, cookies={"lienthong-session": token}) as thief:
        assert thief.get("/").status_code == 303


def test_a_session_ends_when_the_account_is_switched_off(client: httpx.Client, busy: Site) -> None:
    log_in(client, "kiemtoan")
    assert client.get("/").status_code == 200

    def switch(transaction: Transaction, active: bool) -> None:
        person = tables.person
        transaction.execute(update(person).where(person.c.login == "kiemtoan").values(active=active))

    busy.ledger.write_now(switch, False)
    try:
        assert client.get("/").status_code == 303
    finally:
        busy.ledger.write_now(switch, True)


def test_another_sites_page_cannot_log_anyone_in_or_out(client: httpx.Client) -> None:
    form = {"login": "truc", "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.test"}):
        for path in ("/login", "/logout", "/preferences"):
            assert client.post(path, data=form, headers=headers).status_code == 403
    assert client.post("/login", data=form, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_guessing_is_slowed_down_for_that_login_only(client: httpx.Client) -> None:
    answers = [log_in(client, "guessed", "x").status_code for _turn in range(8)]
    assert answers[:5] == [422] * 5
    assert answers[-1] == 429
    assert int(log_in(client, "guessed", "x").headers["retry-after"]) > 0
    assert log_in(client, "truc").status_code == 303


def test_a_form_larger_than_any_of_ours_is_refused(client: httpx.Client) -> None:
    assert client.post("/login", content=b"login=" + b"a" * 20_000).status_code == 413


def test_every_answer_carries_the_policy(client: httpx.Client) -> None:
    log_in(client, "truc")
    for path in (*PRIVATE, "/login", "/problems", "/static/refresh.js", "/static/nothing.js"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert path.startswith("/static") or headers["cache-control"] == "no-store", path


def test_assets_are_kept_by_the_browser_until_they_change(client: httpx.Client) -> None:
    page = client.get("/login").text
    address = page.split('href="/static/site.css')[1].split('"')[0]
    response = client.get(f"/static/site.css{address}")
    assert "immutable" in response.headers["cache-control"]
    assert client.get("/static/site.css").headers["cache-control"] == "no-cache"
    again = client.get(f"/static/site.css{address}", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_a_clerk_sees_the_own_agencys_letters_only(client: httpx.Client, busy: Site) -> None:
    log_in(client, "vanthu")
    assert "H33.07" in client.get("/envelopes").text

    def letters(transaction: Transaction) -> tuple[str, str]:
        delivery, envelope = tables.delivery, tables.envelope
        mine = select(delivery.c.envelope_id).where(delivery.c.recipient_code == "H33.07")
        foreign = select(envelope.c.id).where(envelope.c.sender_code != "H33.07", envelope.c.id.not_in(mine))
        return transaction.execute(foreign.limit(1)).scalar_one(), transaction.execute(mine.limit(1)).scalar_one()

    foreign, mine = busy.ledger.read_now(letters)
    assert client.get(f"/envelopes/{foreign}").status_code == 404
    assert client.get(f"/envelopes/{mine}").status_code == 200
    assert foreign not in client.get("/envelopes?q=H33").text


def test_a_recipients_clerk_does_not_see_what_other_recipients_did(client: httpx.Client, busy: Site) -> None:
    log_in(client, "vanthu")
    page = client.get(f"/envelopes/{busy.letters['trouble']}").text
    assert "Sở Y tế" in page
    assert "your agency only" in page
    assert "H33.21" not in page
    assert "Sở Tài chính reported" not in page


def test_a_clerk_sees_the_own_refusals_and_no_log(client: httpx.Client) -> None:
    log_in(client, "vanthu")
    refusals = client.get("/refusals?agency=H33.12").text
    assert "changed after it was signed" in refusals
    assert "expired" not in refusals
    assert client.get("/log").status_code == 403
    assert 'href="/log"' not in client.get("/").text


def test_a_clerk_gets_only_the_own_agencys_messages_on_the_page_and_as_a_file(client: httpx.Client) -> None:
    log_in(client, "vanthu")
    assert "Sở Y tế" in client.get("/messages").text
    rows = client.get("/log/export?what=messages&format=ndjson").text.splitlines()
    assert rows
    for row in map(json.loads, rows):
        assert "H33.07" in (row["sender"], row["recipient"])
    others = client.get("/log/export?what=messages&format=ndjson&from=H33.12&to=G09&kind=delivery.settled")
    assert others.text == ""
    assert client.get("/log/export?what=entries&format=csv").status_code == 403
    assert client.get("/messages?outcome=refused&agency=H33.12").text.count("<tr>") <= 1


def test_a_question_is_kept_by_a_form_asked_by_a_link_and_forgotten(client: httpx.Client) -> None:
    log_in(client, "kiemtoan")
    form = {"what": "messages", "name": "Y tế <gửi>", "from": "H33.07", "words": "tiêm chủng"}
    answer = client.post("/questions", data=form)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/messages")
    page = client.get(answer.headers["location"]).text
    assert "Y tế &lt;gửi&gt;" in page
    assert "tiêm chủng" in page
    identifier = page.split('name="id" value="')[1].split('"')[0]
    log_in(client, "truc")
    assert "Y tế &lt;gửi&gt;" not in client.get("/messages").text
    assert client.post("/questions/forget", data={"id": identifier}).status_code == 404
    log_in(client, "kiemtoan")
    assert client.post("/questions/forget", data={"id": identifier, "what": "messages"}).status_code == 303
    assert "Y tế &lt;gửi&gt;" not in client.get("/messages").text
    assert client.post("/questions", data={"what": "all", "name": "x"}).status_code == 422


def test_what_is_asked_for_stands_as_tags_that_can_be_taken_away(client: httpx.Client) -> None:
    log_in(client, "kiemtoan")
    page = client.get("/messages?words=tiem+chung&outcome=delivered&since=2026-01-01&until=2026-12-31&code=zz%00").text
    assert page.count('title="Remove this filter"') == 5
    assert 'value="2026-12-31"' in page
    assert "31/12/2026" in page
    empty = client.get("/messages?words=khongco&since=nonsense&outcome=lost&after=nonsense").text
    assert "No message matches" in empty
    assert empty.count('title="Remove this filter"') == 1
    pages = client.get("/log?kind=delivery").text
    older = pages.split('rel="next"')[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
    assert client.get(older).text != pages


def test_an_auditor_reads_the_log_and_leaves_a_line_in_it(client: httpx.Client) -> None:
    log_in(client, "kiemtoan")
    client.get("/log?agency=G09")
    assert "person:kiemtoan" in client.get("/log?kind=log.queried").text


@pytest.mark.parametrize(
    "path", ["/envelopes/none", "/problems/none", "/envelopes/01890000-0000-7000-8000-000000000000"]
)
def test_what_is_not_there_is_a_page_that_says_so(client: httpx.Client, path: str) -> None:
    log_in(client, "truc")
    response = client.get(path)
    assert response.status_code == 404
    assert "There is nothing here" in response.text


@pytest.mark.parametrize(
    "query",
    [
        "q=%00%27%22%3Cscript%3E",
        "before=zzz&after=%F0%9F%92%A5",
        "from=2026-13-45&to=x",
        "state=%25&direction=_",
        "q=%25_",
    ],
)
def test_odd_filters_are_harmless(client: httpx.Client, query: str) -> None:
    log_in(client, "truc")
    for path in ("/envelopes", "/log", "/refusals"):
        response = client.get(f"{path}?{query}")
        assert response.status_code == 200, path
        assert "<script>" not in response.text


def test_problem_pages_are_public_and_speak_both_languages(client: httpx.Client) -> None:
    assert "The document was changed after it was signed" in client.get("/problems/signature-digest").text
    vietnamese = client.get("/problems/signature-digest", headers={"Accept-Language": "vi"}).text
    assert "Tài liệu đã bị thay đổi sau khi ký" in vietnamese


def test_a_ledger_that_does_not_answer_is_a_page_and_not_a_riddle(tmp_path: Path) -> None:
    ledger = Ledger.postgresql("postgresql://nobody@127.0.0.1:9/nowhere", 2)
    with (
        served(ledger, tmp_path) as address,
        httpx.Client(base_url=address, cookies={"lienthong-session": "x"}) as client,
    ):
        response = client.get("/", headers={"Accept-Language": "en"})
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        assert "ledger-unavailable" in response.text
        assert client.get("/problems/ledger-unavailable").status_code == 200
    ledger.close()
