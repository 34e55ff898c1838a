"""The page of one letter: its signature as a sentence, recipients, receipts, what may be done and by whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub import language
from hub.dashboard import signing
from hub.ledger import journey
from hub.ledger.journey import Letter
from hub.signatures.jws import open_jws
from tests.dashboard.conftest import Reader
from tests.dashboard.letter_story import OTHER, TAKER, WAITER, Told, told
from tests.dashboard.test_accessibility import wrong
from tests.intake.exchange import SENDER

Read = Callable[..., Reader]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with told(tmp_path_factory.mktemp("letter")) as found:
        yield found


def page_of(site: Told, login: str, language: str = "en") -> str:
    with site.client(login, language) as client:
        answer = client.get(f"/envelopes/{site.letter}")
        assert answer.status_code == 200
        return answer.text


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_signature_is_one_sentence_that_unfolds_into_the_report(site: Told) -> None:
    page = page_of(site, "kiemtoan")
    part = page.partition("<h2>Signature</h2>")[2].partition("</section>")[0]
    said = words(part.partition("<details")[0])
    assert re.match(
        rf"Signed by Cơ quan {SENDER} \({SENDER}\), unchanged when the hub accepted it at \d\d:\d\d \d\d/\d\d/\d{{4}}, "
        r"certificate valid until \d\d/\d{4}, not revoked \(CRL, \d+ \w+ old\)\.",
        said,
    ), said
    assert "Certificate's SHA-256" in part
    with site.client("taker") as client:
        report = client.get(f"/envelopes/{site.letter}/verification")
    assert report.headers["content-disposition"].startswith("attachment")
    assert report.json()["envelope"] == site.letter
    assert "crl" in {one["kind"] for one in report.json()["evidence"]}


def test_each_recipient_has_state_time_deadline_and_what_can_be_done(site: Told) -> None:
    rows = page_of(site, "truc").partition('class="list matrix"')[2].partition("</table>")[0].split("<tr>")[2:]
    taker, waiter = (next(row for row in rows if code in row) for code in (TAKER, WAITER))
    assert "Accepted" in words(taker)
    assert "Đã vào sổ" in words(taker)
    assert "Waiting to be taken" in words(waiter)
    assert "confirm by" in words(waiter)
    assert 'action="/overdue/chase"' in waiter
    assert f"/replays/new?delivery={site.deliveries[TAKER]}" in taker
    assert "/replays/new" not in waiter, "it is still on its way"


def test_actions_are_there_for_those_who_may(site: Told) -> None:
    offered = {
        "truc": ("/replays/new?envelope_id=", "/log?envelope="),
        "kiemtoan": ("/evidence", "/log?envelope="),
        "sender": ("/evidence",),
        "taker": ("/evidence",),
    }
    for login, some in offered.items():
        actions = page_of(site, login).partition('class="actions"')[2].partition("</ul>")[0]
        for address in ("/evidence", "/replays/new?envelope_id=", "/log?envelope="):
            assert (address in actions) is (address in some), (login, address)


def test_receipts_are_listed_for_whom_they_were_signed_and_hold_as_they_are_given_out(site: Told) -> None:
    listed = {login: receipts_in(page_of(site, login)) for login in ("truc", "sender", "taker", "waiter")}
    assert len(listed["truc"]) >= 3
    assert set(listed["sender"]) < set(listed["truc"]) or listed["sender"] == listed["truc"]
    assert set(listed["sender"]).isdisjoint(listed["taker"])
    keys = {site.exchange.key.kid: site.exchange.key.public}
    with site.client("sender") as client:
        for address in listed["sender"]:
            answer = client.get(address)
            assert answer.headers["content-type"] == "application/jose"
            assert open_jws(answer.text, keys, "lienthong-receipt+jws")
    with site.client("taker") as client:
        assert client.get(listed["sender"][0]).status_code == 404
        assert client.get(f"/envelopes/{site.letter}/receipts/none").status_code == 404
    page = page_of(site, "sender")
    assert "Acknowledgement" in page
    assert "/log/proof/" not in page
    assert "/log/proof/" in page_of(site, "kiemtoan")


def receipts_in(page: str) -> list[str]:
    return re.findall(r'href="(/envelopes/[^"]+/receipts/[^"]+)"', page)


def test_a_clerk_of_a_recipient_sees_the_own_part_only(site: Told) -> None:
    page = page_of(site, "waiter")
    assert WAITER in page
    assert "your agency only" in page
    assert TAKER not in page
    assert "Đã vào sổ" not in page
    with site.client("other") as client:
        for rest in ("", "/verification", "/receipts/01890000-0000-7000-8000-000000000000"):
            assert client.get(f"/envelopes/{site.letter}{rest}").status_code == 404, rest
    assert OTHER not in page


def letter_of(site: Told) -> Letter:
    found = site.ledger.read_now(journey.letter, site.letter)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("signer", "facts", "tone", "said"),
    [
        ({"not_after": "2027-03-01T00:00:00Z"}, [{"status": "good", "kind": "crl", "age_seconds": 1200}], "ok",
         "chứng thư còn hạn đến 03/2027, không bị thu hồi (CRL 20 phút trước)."),
        ({"not_after": "2020-03-01T00:00:00Z"}, [{"status": "good"}], "ok", "chứng thư chỉ còn hạn đến 03/2020"),
        ({}, [{"status": "good"}, {"status": "revoked", "kind": "ocsp"}], "bad", "đã bị thu hồi (OCSP)"),
        ({"revocation": "pending"}, [], "warn", "chưa rõ"),
        ({"not_after": "no time"}, [{"status": "stale"}], "warn", "chưa rõ"),
        ({}, [], "ok", "nguyên vẹn khi trục tiếp nhận"),
    ],
)  # fmt: skip
def test_the_sentence_says_the_worst_that_is_known(
    site: Told, signer: dict[str, Any], facts: list[dict[str, Any]], tone: str, said: str
) -> None:
    language.current.set("vi")
    sentence = signing.sentence(letter_of(site), signer, facts)
    assert (sentence.tone, said in sentence.text) == (tone, True), sentence.text
    assert sentence.text.startswith(f"Ký bởi Cơ quan {SENDER} ({SENDER})")


@pytest.mark.services
@pytest.mark.parametrize(("theme", "width", "login"), [("dark", 390, "truc"), ("light", 320, "taker")])
def test_the_page_can_be_used_by_everyone(site: Told, read: Read, theme: str, width: int, login: str) -> None:
    reader = read(site, theme=theme, width=width, language="vi" if width == 390 else "en")
    session = {"name": "lienthong-session", "value": site.tokens[login], "url": site.address}
    reader.page.context.add_cookies([session])
    page = reader.open(f"/envelopes/{site.letter}")
    page.wait_for_load_state("networkidle")
    for unfold in page.locator("main details summary").all():
        unfold.click()
    assert wrong(page) == {}
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    pictures = page.locator(".page-one img")
    assert pictures.count() == (0 if login == "truc" else 2)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    assert reader.complaints == []
