"""Pictures of attachments on a letter's page: who gets them, what stands there instead, and that nothing else leaks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hub import clock
from hub.dashboard import previews
from hub.ledger import Transaction, journey
from hub.ledger.audit_tables import purge, purge_item
from tests.dashboard.letter_story import BESIDE, Told, told


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with told(tmp_path_factory.mktemp("preview")) as found:
        yield found


def answered(site: Told, login: str, number: int = 1, **headers: str) -> httpx.Response:
    with site.client(login) as client:
        return client.get(site.picture(number), headers=headers)


def test_parties_and_auditors_see_page_one_of_what_lies_inside_and_beside(site: Told) -> None:
    for login in ("sender", "taker", "waiter", "kiemtoan"):
        for number in (1, 3):
            answer = answered(site, login, number)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), (login, number)
            assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert answered(site, "sender", 1).content != answered(site, "sender", 3).content


def test_a_picture_is_for_no_cache_and_no_other_use(site: Told) -> None:
    headers = answered(site, "taker").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_who_is_no_party_gets_no_picture(site: Told) -> None:
    assert answered(site, "truc").status_code == 403, "operators see the head of a letter, not what is in it"
    assert answered(site, "other").status_code == 404
    for number in ("0", "9", "x", "1e1", "-1", "99999"):
        with site.client("taker") as client:
            assert client.get(f"/envelopes/{site.letter}/attachments/{number}/page-one.png").status_code == 404
            assert client.get("/envelopes/none/attachments/1/page-one.png").status_code == 404


def test_the_page_shows_pictures_or_says_why_there_are_none(site: Told) -> None:
    with site.client("taker") as client:
        page = client.get(f"/envelopes/{site.letter}").text
    assert f'src="{site.picture(1)}"' in page
    assert f'src="{site.picture(3)}"' in page
    assert page.count("No picture: it is not a PDF.") == 1
    with site.client("truc") as client:
        page = client.get(f"/envelopes/{site.letter}").text
    assert "<img" not in page
    assert page.count("for the letter&#39;s parties and for auditors") == 2
    with site.client("truc", "vi") as client:
        assert (
            "nội dung chỉ dành cho nơi gửi, nơi nhận và kiểm toán viên" in client.get(f"/envelopes/{site.letter}").text
        )


def test_what_is_no_pdf_answers_with_a_placard_in_the_readers_language(site: Told) -> None:
    answer = answered(site, "taker", 2)
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "No picture:" in answer.text


def test_octets_that_are_not_what_was_accepted_are_not_drawn(site: Told) -> None:
    letter = site.ledger.read_now(journey.letter, site.letter)
    assert letter is not None
    files = letter.details["attachments"]
    payloads = site.exchange.payloads
    with previews.opened(letter, files[2], payloads) as octets:
        assert octets.read() == BESIDE
    with pytest.raises(OSError, match="not what was accepted"):
        previews.opened(letter, files[0] | {"sha256": "0" * 64}, payloads)


def test_content_that_is_missing_or_purged_has_no_picture_also_when_one_was_drawn_before(tmp_path: Path) -> None:
    with told(tmp_path) as site:
        assert answered(site, "taker").status_code == 200
        shutil.rmtree(site.exchange.payloads.directory / "sha256")
        with site.client("taker") as client:
            assert client.get(f"/envelopes/{site.letter}").text.count("No picture: the octets are missing.") == 2
            assert client.get(site.picture(3)).status_code == 503
            site.ledger.write_now(gone, site.letter)
            assert client.get(site.picture(1)).status_code == 410
            page = client.get(f"/envelopes/{site.letter}").text
        assert "<img" not in page
        assert page.count("No picture: the content was purged.") == 2


def gone(transaction: Transaction, envelope_id: str) -> None:
    """As a purge leaves it: the envelope's octets went."""
    now = clock.now()
    people = {"asked_by": "ha", "asked_at": now, "decided_by": "truc", "decided_at": now}
    transaction.execute(purge.insert().values(id="p1", state="done", scope={}, reason="hết hạn", **people))
    item = {"purge_id": "p1", "envelope_id": envelope_id, "size": 1, "going_at": now, "purged_at": now}
    transaction.execute(purge_item.insert().values(**item))
