"""Octets from strangers' servers: whatever they are, they are read, or they are a ``ValueError``; nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.pki import Pki
from adapters.sandbox.responder import Responder
from hub import clock
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.ocsp import OcspAnswer
from tests.signatures.revocations import crl, der, link, mutated

PKI = Pki.create()
IDENTITY = PKI.issue("H33.02", "Sở Nội vụ")
PKI.issuing.revoke(PKI.issue("H33.03", "Sở Tài chính").certificate, clock.now(), x509.ReasonFlags.superseded)
LIST = der(
    crl(
        PKI.issuing,
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(PKI.issuing.key.public_key()), False),
        entries=[(5, [(x509.CRLReason(x509.ReasonFlags.key_compromise), False)]), (6, [])],
    )
)
ANSWERS = tuple(
    made.answer(IDENTITY.certificate, nonce=b"n" * 16)
    for made in (Responder.own(PKI.issuing), Responder.delegated(PKI.issuing))
)


def read_list(octets: bytes) -> bool:
    """Whether it is a list that its issuer signed."""
    found = RevocationList.load(octets)
    for serial in (5, 6, 7):
        found.revoked(serial)
    return found.signed_by(PKI.issuing.certificate)


def read_answer(octets: bytes) -> bool:
    one = link(IDENTITY)
    return OcspAnswer.load(octets, one.certificate, one.issuer).revocation is None


def attempt(read: Callable[[bytes], bool], octets: bytes) -> bool:
    try:
        return read(octets)
    except ValueError:
        return False


@settings(max_examples=1500, deadline=None)
@given(octets=mutated(LIST))
def test_a_changed_list_is_never_signed_by_its_issuer(octets: bytes) -> None:
    if attempt(read_list, octets):
        assert RevocationList.load(octets).crl.tbs_certlist_bytes in LIST


@pytest.mark.parametrize("original", ANSWERS, ids=["own", "delegated"])
@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_a_changed_answer_is_never_believed_to_say_something_else(original: bytes, data: st.DataObject) -> None:
    octets = data.draw(mutated(original))
    if attempt(read_answer, octets):
        one = link(IDENTITY)
        believed = OcspAnswer.load(octets, one.certificate, one.issuer)
        told = OcspAnswer.load(original, one.certificate, one.issuer)
        assert (believed.this_update, believed.next_update) == (told.this_update, told.next_update)


@settings(max_examples=300, deadline=None)
@given(octets=st.binary(max_size=200))
def test_noise_is_neither(octets: bytes) -> None:
    assert not attempt(read_list, octets)
    assert not attempt(read_answer, octets)
