"""The explain report in a terminal says first what to mend, in the language of the terminal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub import language
from hub.cli.explaining import lines
from hub.envelope.writing import document_message
from hub.problems import CATALOGUE
from tests.intake.register import Register, letter, signed_letter
from tests.intake.test_report import RECIPIENT, SENDER, report


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.agency(RECIPIENT)
    return register


def explained(register: Register, body: bytes, spoken: language.Language = "en") -> str:
    made: dict[str, Any] = asyncio.run(report(register, body))
    token = language.current.set(spoken)
    try:
        return "\n".join(lines(made))
    finally:
        language.current.reset(token)


@pytest.mark.parametrize(("spoken", "verdict"), [("en", "Verdict: refused"), ("vi", "Kết luận: bị từ chối")])
def test_a_refusal_names_the_place_and_the_remedy(register: Register, spoken: language.Language, verdict: str) -> None:
    shown = explained(register, signed_letter(register.identity(SENDER), RECIPIENT, subject="x" * 501), spoken)
    assert shown.startswith(verdict)
    assert "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Subject" in shown
    assert CATALOGUE["metadata-too-long"].remedy(spoken) in shown


def test_an_accepted_letter_shows_its_chain(register: Register) -> None:
    shown = explained(register, signed_letter(register.identity(SENDER), RECIPIENT))
    assert shown.startswith("Verdict: accepted")
    assert f"signer: Cơ quan {SENDER}, EC secp256r1" in shown
    assert "trust anchor: " in shown


def test_what_has_no_signature_or_is_no_document_is_explained_without_a_chain(register: Register) -> None:
    register.identity(SENDER)
    assert "Signature: absent" in explained(register, document_message(letter(SENDER, RECIPIENT)))
    assert "Signature" not in explained(register, b"<edXML>")
