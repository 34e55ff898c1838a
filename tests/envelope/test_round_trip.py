"""What is written is what is read: any text of Unicode, through writing, signing, verifying and reading."""

from __future__ import annotations

import base64
import unicodedata
from datetime import UTC, date, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import clock
from hub.envelope import model as models
from hub.envelope.hardening import parse
from hub.envelope.model import ParsedEnvelope, parse_edxml_date
from hub.envelope.reading import read_document, read_status
from hub.envelope.writing import (
    Business,
    Letter,
    OutgoingAttachment,
    Party,
    Reference,
    Signatory,
    Staff,
    StatusReport,
    document_message,
    status_message,
)
from hub.signatures.sign import sign
from hub.signatures.verify import verify
from tests.intake.register import Register

# what XML 1.0 can carry (§2.2)
CHARACTERS = st.characters(
    exclude_categories=["Cs"],
    exclude_characters=[chr(n) for n in range(32) if n not in (9, 10, 13)] + ["\ufffe", "\uffff"],
)


def composed(text: str) -> str:
    """As it is read: NFC, without white space around it."""
    return unicodedata.normalize("NFC", text.strip())


any_text = st.text(CHARACTERS, max_size=40)
said = st.text(CHARACTERS, min_size=1, max_size=40).filter(lambda text: bool(composed(text)))
vietnamese = st.text(st.sampled_from("ăâđêôơưĂÂĐÊÔƠƯáàảãạếềểễệ aei&<>\"'"), max_size=40)
texts = st.one_of(any_text, vietnamese)
dates = st.dates(date(1900, 1, 1), date(2999, 12, 31))
parties = st.builds(Party, code=said, name=texts, in_charge=texts, address=texts, email=texts)
references = st.builds(Reference, organ=said, document_id=texts, code=texts, promulgated=st.none() | dates)
files = st.builds(
    OutgoingAttachment,
    name=said,
    content=st.binary(min_size=1, max_size=60),
    media_type=said,
    content_id=st.uuids().map(str),
)
letters = st.builds(
    Letter,
    sender=parties,
    recipients=st.lists(parties, min_size=1, max_size=3).map(tuple),
    number=said,
    notation=said,
    promulgated=dates,
    subject=said,
    attachments=st.lists(files, max_size=3).map(tuple),
    place=texts,
    type_name=said,
    content=texts,
    signatory=st.none() | st.builds(Signatory, name=texts, position=texts, competence=texts),
    due=st.none() | dates,
    priority=st.integers(0, 4),
    answers=st.lists(references, max_size=2).map(tuple),
    to_places=st.lists(said, max_size=3).map(tuple),
    business=st.builds(
        Business,
        type=st.integers(0, 3),
        reason=texts,
        document_id=texts,
        paper=st.integers(0, 1),
        staff=st.none() | st.builds(Staff, name=said, department=texts, mobile=texts, email=texts),
        document_changed=st.booleans(),
        receivers=st.dictionaries(said, st.integers(0, 1), max_size=3),
        replaces=st.dictionaries(said, st.lists(said, max_size=3).map(tuple), max_size=2),
    ),
    document_id=said,
    written_at=st.just(datetime(2026, 11, 20, tzinfo=UTC)),
    not_before=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy adds the zone
)


def same(letter: Letter, read: ParsedEnvelope) -> None:
    assert [read.sender, *read.recipients] == [model(party) for party in (letter.sender, *letter.recipients)]
    plain = ("number", "notation", "subject", "document_id")
    assert {name: getattr(read, name) for name in plain} == {name: composed(getattr(letter, name)) for name in plain}
    assert read.document_type == composed(letter.type_name)
    assert parse_edxml_date(read.promulgation_date) == letter.promulgated
    assert (parse_edxml_date(read.due_date) if read.due_date else None) == letter.due
    assert (read.business_type, read.priority) == (str(letter.business.type), str(letter.priority))
    assert [(one.code, one.notation, one.document_id) for one in read.response_for] == [
        (composed(one.organ), composed(one.code), composed(one.document_id)) for one in letter.answers
    ]
    sent = [(one.content_id, composed(one.name), composed(one.media_type)) for one in letter.attachments]
    assert [(one.content_id, one.name, one.content_type) for one in read.manifest] == sent
    assert [(one.content_id, one.name, one.content_type) for one in read.attachments] == sent
    assert [base64.b64decode(one.encoded) for one in read.attachments] == [one.content for one in letter.attachments]
    head = {"content": letter.content, "place": letter.place, "business_reason": letter.business.reason}
    assert {name: read.head.get(name, "") for name in head} == {name: composed(text) for name, text in head.items()}
    assert read.head.get("to_places", []) == [composed(place) for place in letter.to_places]
    assert read.not_before == ("" if letter.not_before is None else clock.rfc3339(letter.not_before))
    same_business(letter.business, read)


def same_business(asked: Business, read: ParsedEnvelope) -> None:
    told = read.business
    assert (told.type, told.reason, told.paper) == (str(asked.type), composed(asked.reason), str(asked.paper))
    assert told.document_id == composed(asked.document_id)
    assert [one.staff for one in told.staff] == ([] if asked.staff is None else [composed(asked.staff.name)])
    assert told.receivers == tuple((composed(code), str(kind)) for code, kind in asked.receivers.items())
    assert told.replaces == tuple(
        (composed(one), tuple(map(composed, holders))) for one, holders in asked.replaces.items()
    )
    if asked.document_changed or asked.receivers:
        flags = (str(int(asked.document_changed)), str(int(bool(asked.receivers))))
        assert (told.document_changed, told.receivers_changed) == flags


def model(party: Party) -> models.Party:
    from hub.envelope import model as models

    return models.Party(
        *(composed(text) for text in (party.code, party.name, party.in_charge, party.address, party.email))
    )


@settings(max_examples=150, deadline=None)
@given(letters)
def test_a_letter_is_read_as_it_was_written(letter: Letter) -> None:
    same(letter, read_document(parse(document_message(letter))))


REGISTER = Register()
IDENTITY = REGISTER.identity("H33.02")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(letters)
def test_a_letter_is_read_as_it_was_written_through_its_signature(letter: Letter) -> None:
    """Canonicalisation and a second parse stand between."""
    assert REGISTER.store is not None
    signed = verify(parse(sign(document_message(letter), IDENTITY.signer)), REGISTER.store, datetime.now(UTC))
    same(letter, read_document(signed.root))


@settings(max_examples=100, deadline=None)
@given(parties, references, st.sampled_from([f"{n:02d}" for n in range(1, 17)]), texts)
def test_a_status_is_read_as_it_was_written(reporter: Party, about: Reference, code: str, description: str) -> None:
    at = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    read = read_status(parse(status_message(StatusReport(reporter, about, code, description, at))))
    assert read.reporter == model(reporter)
    assert (read.response_for.code, read.response_for.document_id) == (
        composed(about.organ),
        composed(about.document_id),
    )
    assert (read.code, read.description, read.signed) == (code, composed(description), False)
    assert read.timestamp == "2026/11/21 00:30:00"  # Asia/Ho_Chi_Minh


@given(st.text(max_size=12))
def test_a_date_is_a_calendar_date_or_none(text: str) -> None:
    found = parse_edxml_date(text)
    assert found is None or f"{found.year:04}/{found.month:02}/{found.day:02}" == text


@given(st.dates())
def test_every_date_is_read_back(day: date) -> None:
    assert parse_edxml_date(f"{day.year:04}/{day.month:02}/{day.day:02}") == day
