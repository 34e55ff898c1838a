"""The page that explains a letter before it is sent: the verdict, what to mend, who signed, and no trace left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from hub.ledger import Ledger, Transaction, tables
from hub.problems import CATALOGUE
from hub.signatures.chain import TrustStore
from hub.validation import SEQUENCE
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.seeding import PASSWORD, seed
from tests.dashboard.serving import LARGEST_ENVELOPE, served
from tests.hostile.forgery import within
from tests.intake.register import Register, signed_letter

Read = Callable[..., Reader]
RECIPIENT = "H33.07"


@pytest.fixture
def client(watched: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=watched.address, headers={"Accept-Language": "en"}) as opened:
        yield opened


def log_in(client: httpx.Client, login: str) -> None:
    assert client.post("/login", data={"login": login, "password": PASSWORD}).status_code == 303


def check(client: httpx.Client, body: bytes, name: str = "letter.edxml") -> httpx.Response:
    return client.post("/check", files={"envelope": (name, body, "application/xml")})


def letter(site: Site, *recipients: str) -> bytes:
    return signed_letter(site.signer, *(recipients or (RECIPIENT,)))


def outcomes(page: str) -> list[tuple[str, str]]:
    """Each check of the table with its outcome in words."""
    table = page.split('<table class="list checks">')[1].split("</table>")[0]
    rows = re.findall(r'<small class="code">([\w-]+)</small>.*?c-outcome">.*?<span>(\w[\w ]*)</span>', table, re.S)
    return [(name, outcome) for name, outcome in rows]


def test_a_letter_that_would_be_accepted_is_explained_from_its_signer_to_the_root(
    client: httpx.Client, watched: Site
) -> None:
    log_in(client, "truc")
    response = check(client, letter(watched))
    assert response.status_code == 200
    page = response.text
    assert "This letter would be accepted" in page
    assert "Judged as if the system sotaichinh had sent it." in page
    assert "everything but the signature itself" in page
    ladder = page.split('<ol class="ladder"')[1].split("</ol>")[0]
    assert re.findall(r'<span class="muted">([^<]+)</span>', ladder) == [
        "Signer",
        "Certification authority",
        "Trusted root of this hub",
    ]
    assert [name for name, _outcome in outcomes(page)] == [row.name for row in SEQUENCE]
    said = dict(outcomes(page))
    assert said.pop("malware") == "Not scanned for malware"
    assert set(said.values()) == {"Passed"}


def test_a_changed_letter_is_refused_in_words_with_the_remedy_and_shows_nothing_of_itself(
    client: httpx.Client, watched: Site
) -> None:
    log_in(client, "truc")
    page = check(client, within(letter(watched), "liên thông", "liên thộng")).text
    assert "This letter would be refused" in page
    assert "1 thing has to be mended first." in page
    assert CATALOGUE["signature-digest"].remedy_en in page
    assert 'href="/problems/signature-digest"' in page
    assert "Changed after it was signed" in page
    assert "Signed with the key of the certificate in it" in page
    assert "liên thộng" not in page
    assert dict(outcomes(page))["form"] == "Passed"
    assert dict(outcomes(page))["signature"] == "Failed"
    assert dict(outcomes(page))["recipients"] == "Not reached"


def test_everything_that_is_wrong_is_named_at_once_with_its_place(client: httpx.Client, watched: Site) -> None:
    log_in(client, "truc")
    page = check(client, signed_letter(watched.signer, "H99.98", RECIPIENT, number="")).text
    assert "2 things have to be mended first." in page
    assert "H99.98" in page
    assert "MessageHeader/To[1]/OrganId" in page
    assert 'href="/rules#rule-number.required"' in page


def test_a_letter_of_a_stranger_is_intact_but_not_trusted(client: httpx.Client) -> None:
    log_in(client, "truc")
    stranger = Register().identity("H33.12")
    page = check(client, signed_letter(stranger, RECIPIENT)).text
    assert "Unchanged since it was signed" in page
    assert "The certificate is not one that this hub trusts" in page
    assert 'href="/problems/certificate-untrusted"' in page


@pytest.mark.parametrize("body", [b"<edXML", b"not xml at all", b"\x00\xff", "<a>Kế hoạch</a>".encode()])
def test_what_is_no_envelope_is_explained_too(client: httpx.Client, body: bytes) -> None:
    log_in(client, "truc")
    response = check(client, body)
    assert response.status_code == 200
    assert "This letter would be refused" in response.text


def test_a_clerk_s_letter_is_judged_as_the_own_agency_s_system_would_send_it(
    client: httpx.Client, watched: Site
) -> None:
    log_in(client, "vanthu")
    page = check(client, letter(watched)).text
    assert 'href="/problems/sender-not-served"' in page
    assert "Judged as if" not in page


def test_a_look_stores_and_logs_nothing(client: httpx.Client, watched: Site) -> None:
    log_in(client, "truc")

    def held(transaction: Transaction) -> tuple[int, int, int]:
        counts = [
            transaction.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.envelope, tables.audit_entry, tables.receipt)
        ]
        return counts[0], counts[1], counts[2]

    before = watched.ledger.read_now(held)
    for body in (letter(watched), b"<edXML"):
        assert check(client, body).status_code == 200
    assert watched.ledger.read_now(held) == before


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ({"envelope": ("", b"", "application/xml")}, 400, "The request has no body"),
        ({"envelope": ("empty.edxml", b"", "application/xml")}, 400, "The request has no body"),
        ({"other": ("letter.edxml", b"<a/>", "application/xml")}, 400, "The request has no body"),
        ({"envelope": ("big.edxml", b"x" * (LARGEST_ENVELOPE + 1), "application/xml")}, 413, "larger than this hub"),
        ({"envelope": ("huge.edxml", b"x" * (2 * LARGEST_ENVELOPE), "application/xml")}, 413, "larger than this hub"),
    ],
)
def test_a_form_without_a_file_or_with_too_large_a_one_says_so_beside_the_field(
    client: httpx.Client, files: dict[str, tuple[str, bytes, str]], status: int, said: str
) -> None:
    log_in(client, "truc")
    response = client.post("/check", files=files)
    assert response.status_code == status
    assert said in response.text
    assert 'aria-invalid="true"' in response.text
    assert 'href="#envelope"' in response.text


def test_two_files_a_broken_form_and_another_kind_of_form_are_refused(client: httpx.Client) -> None:
    log_in(client, "truc")
    twice = [("envelope", (name, b"<a/>", "application/xml")) for name in ("a.edxml", "b.edxml")]
    assert client.post("/check", files=twice).status_code == 422
    multipart = {"Content-Type": "multipart/form-data"}
    assert client.post("/check", content=b"--x\r\n", headers=multipart).status_code == 422
    assert client.post("/check", data={"envelope": "<a/>"}).status_code == 415


def test_an_undeclared_length_is_counted_while_it_is_read(client: httpx.Client) -> None:
    log_in(client, "truc")

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="envelope"; filename="a.edxml"\r\n\r\n'
        for _turn in range(40):
            yield b"x" * 100_000

    response = client.post("/check", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert response.status_code == 413


def test_nobody_checks_without_a_login_nor_from_another_site_s_page(client: httpx.Client, watched: Site) -> None:
    assert check(client, letter(watched)).status_code == 303
    log_in(client, "truc")
    files = {"envelope": ("letter.edxml", letter(watched), "application/xml")}
    assert client.post("/check", files=files, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_crafted_file_name_stays_text(client: httpx.Client, watched: Site) -> None:
    log_in(client, "truc")
    page = check(client, letter(watched), "<script>alert(1)</script>.edxml").text
    assert "<script>alert" not in page


def test_a_hub_that_cannot_tell_says_so_and_when_to_try_again(tmp_path: Path) -> None:
    register = Register()
    signer = register.identity("H33.12")
    register.store = TrustStore((), revision=1)
    ledger = Ledger.sqlite(tmp_path / "ledger.db")
    seed(ledger)
    with served(ledger, tmp_path, register) as address, httpx.Client(base_url=address) as opened:
        opened.headers["Accept-Language"] = "en"
        log_in(opened, "truc")
        response = check(opened, signed_letter(signer, RECIPIENT))
    ledger.close()
    assert response.status_code == 200
    assert "The hub cannot tell now" in response.text
    assert "Try again in 5 minutes." in response.text
    assert "What stands in the way" in response.text
    assert dict(outcomes(response.text))["signature"] == "Cannot tell now"


@pytest.mark.services
@pytest.mark.parametrize("script", [True, False])
def test_in_a_browser_the_verdict_comes_first_and_the_file_can_be_chosen_again(
    watched: Site, read: Read, tmp_path: Path, script: bool
) -> None:
    file = tmp_path / "cong-van.edxml"
    file.write_bytes(letter(watched))
    reader = read(watched, script=script)
    page = reader.log_in()
    reader.follow("nav.side a[href='/check']")
    page.set_input_files("#envelope", file)
    reader.follow(".upload button")
    assert page.inner_text("h1") == "Kiểm tra văn bản"
    assert page.locator("main h2").first.inner_text() == "Văn bản này sẽ được nhận"
    assert "cong-van.edxml" in reader.text()
    assert page.locator("#envelope").count() == 1
    assert reader.complaints == []
