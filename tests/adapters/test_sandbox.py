"""The sandbox's letters, books and agencies: valid, repeatable, and nothing lost at a stop."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree
from pypdf import PdfReader

from adapters.sandbox.agencies import ALL, PRACTICE, SIMULATED
from adapters.sandbox.book import Book, Matter
from adapters.sandbox.demo import COLLEAGUES, LOGIN, prepare
from adapters.sandbox.documents import Correspondence, LetterWriter, simple_pdf
from hub.envelope.writing import document_message

MOMENT = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def test_the_agencies_stand_on_four_levels_below_parents_that_exist() -> None:
    codes = [agency.code for agency in ALL]
    assert len(set(codes)) == len(codes)
    for agency in ALL:
        assert agency.parent is None or codes.index(agency.parent) < codes.index(agency.code)
    assert [agency.alias for agency in SIMULATED if agency.code in ("G09", "H33.40", "H33.40.01")] == [
        "000.00.00.G09",
        "000.00.40.H33",
        "000.01.40.H33",
    ]
    assert not {agency.system for agency in PRACTICE} & {agency.system for agency in SIMULATED}


def test_the_same_seed_writes_the_same_letters() -> None:
    def some(seed: str) -> list[str]:
        writer = LetterWriter(seed)
        letters = []
        for number in range(1, 40):
            what = Correspondence(SIMULATED[1], writer.recipients(SIMULATED[1]), number)
            letters.append(writer.write(what, MOMENT))
        return [f"{letter.identifier} {letter.subject} {len(letter.recipients)}" for letter in letters]

    assert some("a") == some("a")
    assert some("a") != some("b")


def test_every_letter_is_well_formed_addressed_to_others_and_carries_a_readable_pdf() -> None:
    writer = LetterWriter("x")
    for number in range(1, 120):
        sender = SIMULATED[number % len(SIMULATED)]
        recipients = writer.recipients(sender)
        assert recipients
        assert sender not in recipients
        letter = writer.write(Correspondence(sender, recipients, number), MOMENT)
        etree.fromstring(document_message(letter))
        reader = PdfReader(io.BytesIO(letter.attachments[0].content), strict=True)
        assert len(reader.pages) == letter.pages
        assert reader.metadata is not None
        assert reader.metadata.title == letter.subject
        assert str(number) in reader.pages[0].extract_text()


def test_a_pdf_keeps_its_brackets_and_backslashes() -> None:
    reader = PdfReader(io.BytesIO(simple_pdf("T", [["a (b) \\c", "Đường số 1"]])), strict=True)
    assert reader.pages[0].extract_text().splitlines() == ["a (b) \\c", "Duong so 1"]


def test_a_book_opened_again_gives_no_number_twice_and_forgets_no_matter(tmp_path: Path) -> None:
    book = Book.open(tmp_path / "book.json")
    assert [book.next_number("H33"), book.next_number("H33"), book.next_number("G09")] == [1, 2, 1]
    book.matters["d"] = Matter("d", "H33", "G09", "id", "1/X", [(1.5, "03", "x")])
    book.cursor = "c"
    book.save()
    again = Book.open(tmp_path / "book.json")
    assert again.next_number("H33") == 3
    assert again.matters == book.matters
    assert again.cursor == "c"


class Registry:
    """Notes what is registered; what is noted during a cut-off start is forgotten, as a transaction forgets it."""

    def __init__(self, broken_at: str = "") -> None:
        self.systems: list[str] = []
        self.agencies: dict[str, str | None] = {}
        self.people: list[str] = []
        self.anchors = 0
        self.broken_at = broken_at

    def knows(self, code: str) -> bool:
        return code in self.agencies

    def add_anchor(self, certificate_pem: bytes, crls_pem: bytes) -> None:
        assert certificate_pem.startswith(b"-----BEGIN CERTIFICATE")
        assert crls_pem.count(b"BEGIN X509 CRL") == 2
        self.anchors += 1

    def add_system(self, name: str) -> tuple[str, str]:
        self.systems.append(name)
        return f"client-{name}", f"secret-{name}"

    def add_agency(self, code: str, name: str, *, parent: str | None, **_others: object) -> None:
        if code == self.broken_at:
            raise OSError("power cut")
        assert parent is None or parent in self.agencies
        self.agencies[code] = parent

    def add_person(self, login: str, name: str, roles: object, agency: str | None = None) -> str:
        self.people.append(login)
        return "password-1"


def modes(directory: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in directory.rglob("*") if file.is_file()}


def test_a_demo_is_made_once_and_read_back_under_a_new_address(tmp_path: Path) -> None:
    registry = Registry()
    first = prepare(tmp_path, "http://127.0.0.1:8080", registry)
    assert (first.login, first.password) == (LOGIN, "password-1")
    assert (registry.anchors, len(registry.agencies), len(registry.systems)) == (1, 10, 5)
    assert modes(tmp_path) == {0o600}
    before = {agency.code: first.profile(agency) for agency in ALL}
    second = prepare(tmp_path, "http://127.0.0.1:9090", registry)
    everybody = [LOGIN, *(login for login, _name, _role in COLLEAGUES)]
    assert (registry.anchors, len(registry.agencies), registry.people) == (1, 10, everybody)
    for agency in ALL:
        after = second.profile(agency)
        assert after.client_secret == before[agency.code].client_secret
        assert after.signer().chain == before[agency.code].signer().chain
        assert after.hub == "http://127.0.0.1:9090"


def test_a_demo_cut_off_while_starting_is_made_again(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="power cut"):
        prepare(tmp_path, "http://127.0.0.1:8080", Registry(broken_at="H33.40"))
    registry = Registry()
    demo = prepare(tmp_path, "http://127.0.0.1:8080", registry)
    assert len(registry.agencies) == len(ALL)
    assert [demo.profile(agency).agency for agency in ALL] == [agency.code for agency in ALL]
