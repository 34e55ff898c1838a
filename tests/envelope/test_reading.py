"""What real senders do differently is read all the same; what would be ambiguous is refused with its place."""

from __future__ import annotations

import pytest

from hub.envelope.hardening import parse
from hub.envelope.identifiers import MAX_LENGTH, guess_2020, is_2016, is_2020
from hub.envelope.reading import read_document, read_status
from hub.envelope.writing import OutgoingAttachment, document_message
from hub.problems import Refused
from tests.hostile.forgery import doubled, within
from tests.intake.register import letter

MESSAGE = document_message(letter("H33.02", "H33.90"))
NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


def test_prefixes_do_not_matter() -> None:
    plain = MESSAGE.replace(b"edXML:", b"")
    other = MESSAGE.replace(b"edXML:", b"e:").replace(b"xmlns:edXML", b"xmlns:e")
    assert read_document(parse(plain)) == read_document(parse(other)) == read_document(parse(MESSAGE))


def test_the_same_names_in_another_namespace_are_not_read() -> None:
    foreign = '<From xmlns="urn:x:y"><OrganId>H33.66</OrganId></From>'
    changed = within(MESSAGE, "<edXML:From>", foreign + "<edXML:From>")
    assert read_document(parse(changed)).sender.code == "H33.02"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<edXML:ContentId>cid:a1<", "<edXML:ContentId>a1<"),
        ("<ContentId>cid:a1<", "<ContentId>a1<"),
        ("<edXML:ContentId>cid:a1<", "<edXML:ContentId>\n  cid:a1 <"),
        ("edXMLManifest", "Manifest"),
    ],
)
def test_manifests_are_read_as_senders_write_them(old: str, new: str) -> None:
    read = read_document(parse(within(MESSAGE, old, new, MESSAGE.count(old.encode()))))
    assert [one.content_id for one in read.manifest] == [one.content_id for one in read.attachments] == ["a1"]


def test_a_manifest_may_refer_by_link() -> None:
    linked = within(
        MESSAGE, "<edXML:Reference>", '<edXML:Reference xmlns:l="http://www.w3.org/1999/xlink" l:href="cid:a1">'
    )
    read = read_document(parse(within(linked, "<edXML:ContentId>cid:a1</edXML:ContentId>", "")))
    assert read.manifest[0].content_id == "a1"


def test_empty_and_absent_are_the_same() -> None:
    absent = read_document(parse(within(MESSAGE, "<edXML:Place>Rạch Giá</edXML:Place>", "")))
    empty = read_document(parse(within(MESSAGE, "<edXML:Place>Rạch Giá</", "<edXML:Place> \n </")))
    assert absent == empty
    assert "place" not in empty.head


def test_composed_and_decomposed_letters_are_the_same() -> None:
    decomposed = within(MESSAGE, "Về việc", "Ve\u0302\u0300 vie\u0323\u0302c")
    assert read_document(parse(decomposed)).subject == letter("H33.02").subject


def test_places_are_numbered_as_an_xpath_counts() -> None:
    files = tuple(OutgoingAttachment(f"{n}.txt", b"x", content_id=f"a{n}") for n in range(3))
    read = read_document(parse(document_message(letter("H33.02", "H33.90", attachments=files))))
    assert [one.location for one in read.attachments] == [
        f"/edXML/AttachmentEncoded/Attachment[{n}]" for n in (1, 2, 3)
    ]
    assert read.manifest[2].location == "/edXML/edXMLEnvelope/edXMLBody/edXMLManifest/Reference[3]"


@pytest.mark.parametrize(("element", "place"), [("OrganId", "From/OrganId[2]"), ("DocumentId", "DocumentId[2]")])
def test_the_second_of_two_is_named_by_its_place(element: str, place: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_document(parse(doubled(MESSAGE, element)))
    assert refusal.value.findings[0].location == f"/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/{place}"


def test_each_kind_of_message_is_told_from_the_other() -> None:
    with pytest.raises(Refused, match="message-type-mismatch"):
        read_status(parse(MESSAGE))
    status = within(MESSAGE, "<edXML:Subject>", "<edXML:StatusCode>03</edXML:StatusCode><edXML:Subject>")
    with pytest.raises(Refused, match="message-type-mismatch"):
        read_document(parse(status))


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("000.00.15.H51", True, False),
        ("H51.15", False, True),
        ("G09", False, True),
        ("H33.40.01", False, True),
        ("28.22.H17", False, False),
        ("h33", False, False),
        ("", False, False),
        ("H33." + "A1B2." * 6 + "XY", False, False),
    ],
)
def test_identifiers_are_told_by_their_form(code: str, old: bool, new: bool) -> None:
    assert (is_2016(code), is_2020(code)) == (old, new)


def test_the_rule_of_thumb_turns_the_groups_around() -> None:
    assert guess_2020("000.00.15.H51") == "H51.15"
    assert guess_2020("000.00.00.G09") == "G09"
    assert guess_2020("012.03.15.H51") == "H51.15.03.012"
    assert guess_2020("H51.15") == "H51.15"
    assert MAX_LENGTH == 35
