"""The sequence of checks: what it establishes, where it stops, what it says at once, what it cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.pki import Identity
from hub import clock
from hub.envelope.model import ReceivedEnvelope
from hub.envelope.writing import (
    OutgoingAttachment,
    Party,
    Reference,
    StatusReport,
    document_message,
    status_message,
)
from hub.problems import Deferred, Refused
from hub.signatures.chain import TrustStore
from hub.signatures.sign import sign
from hub.validation import SEQUENCE, Declined, VerifiedEnvelope, judge_status, sequence
from hub.validation.examination import OFFLOAD_BYTES, Policy
from tests.hostile.forgery import within
from tests.intake.register import PDF, Register, letter, signed_letter

SENDER, RECIPIENT = "H33.02", "H33.90"


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.agency(RECIPIENT, aliases=("000.00.90.H33",))
    register.agency("H33.77", active=False)
    return register


@pytest.fixture(scope="module")
def sender(register: Register) -> Identity:
    return register.identity(SENDER)


def test_the_table_in_the_docstring_is_the_table_that_runs() -> None:
    documented = [
        (int(cells[0]), cells[1].strip(), cells[3].strip())
        for line in (sequence.__doc__ or "").splitlines()
        if len(cells := line.split("|")) == 4 and cells[0].strip().isdigit()
    ]
    assert documented == [(row.number, row.name, row.when) for row in SEQUENCE]


async def test_a_letter_that_lacks_nothing_is_verified(register: Register, sender: Identity) -> None:
    envelope = await register.accepted(signed_letter(sender, RECIPIENT), SENDER)
    assert (envelope.sender.code, [agency.code for agency in envelope.recipients]) == (SENDER, [RECIPIENT])
    assert (envelope.business_type, envelope.priority, str(envelope.due_on)) == (0, 1, "2026-12-01")
    assert (envelope.signer.algorithm, envelope.signer.digest, envelope.signer.revocation) == (
        "ECDSA-P256-SHA256",
        "sha256",
        "good",
    )
    assert [(one.name, one.size) for one in envelope.attachments] == [("van-ban.pdf", len(PDF))]


async def test_nobody_else_can_make_a_verified_envelope(register: Register, sender: Identity) -> None:
    envelope = await register.accepted(signed_letter(sender, RECIPIENT), SENDER)
    with pytest.raises(TypeError, match="only the validation sequence"):
        replace(envelope, seal=object())
    fields: dict[str, Any] = dict.fromkeys(VerifiedEnvelope.__dataclass_fields__)
    with pytest.raises(TypeError, match="only the validation sequence"):
        VerifiedEnvelope(**fields)


async def test_one_answer_names_everything_that_can_be_seen_at_once(register: Register, sender: Identity) -> None:
    body = signed_letter(
        sender,
        "H33.99",
        "H33.77",
        subject="",
        number="1" * 12,
        document_id="x",
        priority=9,
        attachments=(OutgoingAttachment("a", b"", content_id="a"), OutgoingAttachment("b", b"x", content_id="a")),
    )
    found = [(one.code, one.location.rpartition("/MessageHeader/")[2]) for one in await register.findings(body, SENDER)]
    assert found == [
        ("metadata-too-long", "Code/CodeNumber"),
        ("metadata-missing", "Subject"),
        ("metadata-invalid", "OtherInfo/Priority"),
        ("recipient-unknown", "To[1]/OrganId"),
        ("recipient-suspended", "To[2]/OrganId"),
        ("attachment-repeated", "/edXML/edXMLEnvelope/edXMLBody/edXMLManifest/Reference[2]"),
        ("attachment-repeated", "/edXML/AttachmentEncoded/Attachment[2]"),
        ("attachment-empty", "/edXML/AttachmentEncoded/Attachment[1]"),
    ]


async def test_nothing_is_read_from_what_is_not_proven(register: Register, sender: Identity) -> None:
    """A changed letter with an unknown recipient: only the signature is spoken of, and no claim is repeated."""
    body = within(signed_letter(sender, RECIPIENT), "<edXML:OrganId>H33.90<", "<edXML:OrganId>H33.99<")
    verdict = await register.judge(body, SENDER)
    assert isinstance(verdict, Declined)
    assert [one.code for one in verdict.findings] == ["signature-digest"]
    assert (verdict.sender, verdict.document_id) == ("", "")


async def test_an_old_and_a_new_identifier_are_one_recipient(register: Register, sender: Identity) -> None:
    envelope = await register.accepted(signed_letter(sender, "000.00.90.H33"), SENDER)
    assert [agency.code for agency in envelope.recipients] == [RECIPIENT]
    assert await register.codes(signed_letter(sender, RECIPIENT, "000.00.90.H33"), SENDER) == ["recipient-repeated"]


async def test_a_certificate_of_two_agencies_signs_for_both(register: Register) -> None:
    shared = register.identity("H33.41")
    register.agency("H33.42", system="system of H33.41")
    register.certify("H33.42", shared)
    for code in ("H33.41", "H33.42"):
        body = sign(document_message(letter(code, RECIPIENT)), shared.signer)
        assert (await register.accepted(body, "H33.41")).sender.code == code


async def test_without_trust_the_hub_cannot_tell(sender: Identity) -> None:
    register = Register()
    register.agency(SENDER)
    register.store = TrustStore((), 1)
    with pytest.raises(Deferred) as deferral:
        await register.judge(signed_letter(sender, RECIPIENT), SENDER)
    assert deferral.value.code == "trust-unavailable"


async def test_limits_of_the_policy_hold_at_their_edge(sender: Identity) -> None:
    register = Register(policy=Policy(recipients=2, attachments=2))
    for code in ("H33.90", "H33.91", "H33.92"):
        register.agency(code)
    identity = register.identity(SENDER)
    files = tuple(OutgoingAttachment(f"{number}", b"x", content_id=f"{number}") for number in range(3))
    assert await register.codes(signed_letter(identity, "H33.90", "H33.91", attachments=files[:2]), SENDER) == []
    three = signed_letter(identity, "H33.90", "H33.91", "H33.92", attachments=files)
    assert await register.codes(three, SENDER) == ["recipient-limit", "attachment-limit"]


@pytest.mark.parametrize("size", [OFFLOAD_BYTES // 2, OFFLOAD_BYTES * 2])
async def test_big_and_small_letters_are_judged_alike(register: Register, sender: Identity, size: int) -> None:
    big = OutgoingAttachment("lớn.bin", bytes(size), content_id="a1")
    body = signed_letter(sender, RECIPIENT, attachments=(big,))
    assert [one.size for one in (await register.accepted(body, SENDER)).attachments] == [size]
    assert await register.codes(within(body, "AAAAAAAA", "AAAABAAA"), SENDER) == ["signature-digest"]


async def test_an_attachment_beyond_ten_million_characters_is_judged(register: Register, sender: Identity) -> None:
    """libxml2's own limit on a text would have stopped it."""
    big = OutgoingAttachment("lớn.bin", bytes(9_000_000), content_id="a1")
    envelope = await register.accepted(signed_letter(sender, RECIPIENT, attachments=(big,)), SENDER)
    assert envelope.attachments[0].size == 9_000_000


@settings(max_examples=60, deadline=None)
@given(
    octets=st.binary(min_size=1, max_size=200), width=st.integers(1, 80), gap=st.sampled_from(["\n", "\r\n", " ", "\t"])
)
async def test_base64_may_be_broken_into_lines_as_senders_do(octets: bytes, width: int, gap: str) -> None:
    octets = b"\x89PNG\r\n\x1a\n" + octets  # otherwise a program or a cut PDF would be found in time
    file = OutgoingAttachment("a.png", octets, content_id="a1")
    message = document_message(letter(SENDER, RECIPIENT, attachments=(file,)))
    start = message.index(b"edXML:ContentTransferEncoded xmlns")
    start = message.index(b">", start) + 1
    end = message.index(b"<", start)
    text = message[start:end].decode()
    lines = gap.join(text[place : place + width] for place in range(0, len(text), width))
    body = sign(message[:start] + lines.replace("\r", "&#13;").encode() + message[end:], SHARED_SENDER.signer)
    assert (await SHARED.accepted(body, SENDER)).attachments[0].size == len(octets)


SHARED = Register()
SHARED.agency(RECIPIENT)
SHARED_SENDER = SHARED.identity(SENDER)


def received(body: bytes, system: str) -> ReceivedEnvelope:
    return ReceivedEnvelope(body, "", system, clock.now())


def report(code: str = SENDER) -> bytes:
    return status_message(StatusReport(Party(code), Reference(RECIPIENT, "1"), "03", "Đã vào sổ"))


async def test_a_status_needs_no_signature_but_the_right_system(register: Register, sender: Identity) -> None:
    status = await judge_status(received(report(), f"system of {SENDER}"), register.directory, register.policy)
    assert (status.reporter.code, status.signer) == (SENDER, None)
    with pytest.raises(Refused, match="sender-not-served"):
        await judge_status(received(report(), "system of H33.90"), register.directory, register.policy)


async def test_a_status_that_is_signed_must_be_signed_rightly(register: Register, sender: Identity) -> None:
    system, signed = f"system of {SENDER}", sign(report(), sender.signer)
    status = await judge_status(received(signed, system), register.directory, register.policy)
    assert status.signer is not None
    assert status.signer.subject == f"Cơ quan {SENDER}"
    for body, code in (
        (within(signed, ">03<", ">06<"), "signature-digest"),
        (sign(report(), register.identity("H33.66").signer), "certificate-other-agency"),
        (signed.replace(b"</ds:Signature>", b"<ds:Object></ds:Object></ds:Signature>"), "signature-shape"),
    ):
        with pytest.raises(Refused) as refusal:
            await judge_status(received(body, system), register.directory, register.policy)
        assert refusal.value.code == code
