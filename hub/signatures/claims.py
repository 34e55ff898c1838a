"""What a signature says of itself, for people: read without trusting any of it.

Three questions are kept apart, as a reader of signed documents expects: is the document as it was signed (intact), was
it signed with the key of the certificate in it (valid), does that certificate lead to an anchor (trusted). The verdict
of acceptance is made elsewhere, by ``verify``; this only explains one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from hub.envelope.long_texts import LongText
from hub.envelope.names import SIGNATURE
from hub.envelope.reading import path_of
from hub.problems import Refused
from hub.signatures.algorithms import ENVELOPED, EXCLUSIVE_C14N
from hub.signatures.mathematics import check_mathematics
from hub.signatures.shape import SignatureShape, shape_of, signature_of


@dataclass(frozen=True, slots=True)
class Claims:
    """``chain`` as sent, leaf first, as far as it can be read. ``intact``, ``valid``: None when it was not computed."""

    location: str
    method: str = ""
    digest: str = ""
    canonicalisation: str = ""
    transforms: tuple[str, ...] = ()
    octets: int | None = None
    intact: bool | None = None
    valid: bool | None = None
    chain: tuple[x509.Certificate, ...] = ()


def claims(root: Any, texts: Sequence[LongText] = ()) -> Claims | None:
    """The claims of the first ``ds:Signature``; None where there is none. Never raises for what was sent.

    ``texts`` are those that a long document's tree has tokens for.
    """
    first = next(root.iter(SIGNATURE), None)
    if first is None:
        return None
    location = path_of(first)
    try:
        signature = signature_of(root)
        shape = shape_of(signature)
    except Refused:
        return Claims(location)
    chain = tuple(certificate for der in shape.chain if (certificate := _load(der)) is not None)
    octets, intact, valid = _mathematics(signature, shape, chain[0], texts) if chain else (None, None, None)
    method, digest = shape.method.name, shape.digest.rpartition("#")[2]
    transforms = (ENVELOPED, EXCLUSIVE_C14N)
    return Claims(location, method, digest, EXCLUSIVE_C14N, transforms, octets, intact, valid, chain)


def _mathematics(
    signature: Any, shape: SignatureShape, leaf: x509.Certificate, texts: Sequence[LongText]
) -> tuple[int | None, bool | None, bool | None]:
    """Octets signed, intact, valid, whatever the certificate's dates. A wrong digest means that the signature held."""
    try:
        _, octets = check_mathematics(signature, shape, leaf, texts)
    except Refused as refusal:
        if refusal.code == "signature-digest":
            return None, False, True
        return None, None, None if refusal.code == "signature-key-weak" else False
    return octets, True, True


def _load(der: bytes) -> x509.Certificate | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = (certificate.subject, certificate.issuer, certificate.extensions)
        certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension):
        return None  # what cannot be read is not shown; the verdict names the reason
    return certificate
