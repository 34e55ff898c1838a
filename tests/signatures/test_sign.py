"""Signing adds one element and nothing else; what has no canonical form is not signed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from hub.envelope.writing import Letter, document_message
from hub.problems import Refused
from hub.signatures.sign import is_signed, sign, without_signatures
from tests.envelope.test_round_trip import letters
from tests.hostile.forgery import within
from tests.intake.register import Register, letter

IDENTITY = Register().identity("H33.02")


@settings(max_examples=60, deadline=None)
@given(letters)
def test_taking_the_signature_out_gives_the_message_back_octet_for_octet(written: Letter) -> None:
    message = document_message(written)
    signed = sign(message, IDENTITY.signer)
    assert (is_signed(message), is_signed(signed)) == (False, True)
    assert without_signatures(signed) == message


def test_nothing_is_signed_twice() -> None:
    signed = sign(document_message(letter("H33.02", "H33.90")), IDENTITY.signer)
    with pytest.raises(Refused, match="signature-multiple"):
        sign(signed, IDENTITY.signer)


def test_what_has_no_canonical_form_is_not_signed() -> None:
    message = document_message(letter("H33.02", "H33.90"))
    relative = within(message, "</edXML:edXMLBody>", '<x xmlns="relative"></x></edXML:edXMLBody>')
    with pytest.raises(Refused, match="no canonical form"):
        sign(relative, IDENTITY.signer)
