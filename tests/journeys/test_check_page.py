"""The page that explains a letter, on a running hub: what it says is what the real call then does."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import httpx
import pytest

from hub import clock
from hub.ledger import people
from hub.registry.passwords import hash_password
from tests.hostile.forgery import within
from tests.world import Office, World

PASSWORD = "đường-về-quê-xa"


@pytest.fixture(scope="module")
def offices(world: World) -> tuple[Office, Office]:
    return world.office(), world.office()


@pytest.fixture(scope="module")
def operator(world: World) -> Iterator[httpx.Client]:
    """The browser of an operator who logged in."""
    login = f"truc-{uuid.uuid4().hex[:8]}"
    world.ledger.write_now(
        people.add_person, login, "Trực vận hành", ("operator",), hash_password(PASSWORD), None, clock.now()
    )
    with httpx.Client(base_url=world.url, headers={"Accept-Language": "en"}, timeout=30) as opened:
        assert opened.post("/login", data={"login": login, "password": PASSWORD}).status_code == 303
        yield opened


def check(operator: httpx.Client, letter: bytes) -> str:
    answer = operator.post("/check", files={"envelope": ("letter.edxml", letter, "application/xml")})
    assert answer.status_code == 200
    return answer.text


def send(world: World, office: Office, letter: bytes) -> httpx.Response:
    headers = {"Authorization": f"Bearer {office.client.access_token()}", "Content-Type": "application/xml"}
    return httpx.post(f"{world.url}/v1/envelopes", content=letter, headers=headers, timeout=30)


def test_what_the_page_calls_acceptable_is_accepted(
    world: World, operator: httpx.Client, offices: tuple[Office, Office]
) -> None:
    sender, recipient = offices
    letter = sender.letter(recipient.code)
    page = check(operator, letter)
    assert "This letter would be accepted" in page
    assert f"Judged as if the system {sender.system} had sent it." in page
    assert "Not revoked" in page
    answer = send(world, sender, letter)
    assert answer.status_code == 201, answer.text
    warned = {row["code"] for row in answer.json()["warnings"]}
    assert {code for code in warned if f'href="/problems/{code}"' in page} == warned
    shown = operator.get(f"/envelopes/{answer.json()['id']}").text
    assert "Not revoked" in shown
    assert "Not scanned for malware" in shown
    assert "PDF" in shown


@pytest.mark.parametrize("kind", ["changed", "unknown recipient", "subject missing"])
def test_what_the_page_finds_is_what_the_refusal_names(
    world: World, operator: httpx.Client, offices: tuple[Office, Office], kind: str
) -> None:
    sender, recipient = offices
    letter = {
        "changed": within(sender.letter(recipient.code), "liên thông", "liên thộng"),
        "unknown recipient": sender.letter(recipient.code, "Z99.99"),
        "subject missing": sender.letter(recipient.code, subject=""),
    }[kind]
    page = check(operator, letter)
    assert "This letter would be refused" in page
    mended = page.split('id="to-mend"')[1].split("</section>")[0]
    answer = send(world, sender, letter)
    assert answer.status_code == 422
    assert re.findall(r'href="/problems/([\w-]+)"', mended) == [row["code"] for row in answer.json()["findings"]]
    assert f'href="/problems/{answer.json()["code"]}"' in operator.get("/refusals?outcome=refused").text


def test_the_rules_of_a_running_hub_are_shown(operator: httpx.Client) -> None:
    page = operator.get("/rules").text
    assert 'id="check-malware"' in page
    assert "every agency is judged by the same rules" in page
