"""Verification by profile ``strict``.

0. (before) The octets passed ``hub.envelope.hardening``: one tree, no DTD, comment, processing instruction or CDATA.
1. Exactly one ``ds:Signature``, in its place; exact child lists; permitted algorithms, by name.   [shape]
2. The certificate path to a configured anchor at the moment of receipt.                            [chain]
3. Key type, curve and hash tied together; the value has the key's exact length.                    [algorithms]
4. signxml checks digest and signature with the leaf that step 2 verified, and returns what was signed.
5. What was signed is the whole document: its root is the document's root. Only that tree may be read afterwards;
   a wrapped forgery beside the signed part would otherwise travel on with the original octets.
The caller binds the leaf to an agency of the authenticated system (registry): a valid signature is not yet a right one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import signxml.exceptions
from cryptography import x509
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm
from signxml.exceptions import InvalidDigest
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from hub.envelope.names import ENVELOPE, HEADER, ROOT
from hub.problems import Refused
from hub.signatures.algorithms import DIGESTS, EXCLUSIVE_C14N, METHODS, check_key
from hub.signatures.chain import Path, TrustStore, common_name, verify_path
from hub.signatures.shape import SignatureShape, shape_of, signature_of

_LOCATION = f"./{ENVELOPE}/{HEADER}/"
_PLACE = "/edXML/edXMLEnvelope/edXMLHeader/Signature"
_METHODS = frozenset(method.method for method in METHODS.values())
_DIGESTS = frozenset(DIGESTS.values())


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What a valid signature covers. ``root`` is read from the ``octets`` canonical octets, without the signature."""

    root: Any
    path: Path
    algorithm: str
    digest: str
    octets: int


class _Verifier(XMLVerifier):
    """signxml's verifier for a tree that is ours alone and for the one form of reference that the shape permits.

    signxml serialises and parses the document three times more, to be safe with any tree and any transforms.
    """

    def get_root(self, data: Any) -> Any:
        """No copy: what changes the tree puts it back."""
        return data

    def _verify_reference(
        self,
        reference: Any,
        index: int,
        root: Any,
        uri_resolver: Any,
        c14n_algorithm: CanonicalizationMethod,
        signature: Any,
        signature_key_used: Any,
    ) -> VerifyResult:
        """Digest of the whole document without its signature, in exclusive canonical form.

        ``reference`` is read from the SignedInfo whose signature holds; that it is this form is known from ``shape``.
        """
        steps: Any = self  # signxml's own, which have no types
        with _without(steps._get_signature(root)):
            payload = steps._c14n(root, algorithm=CanonicalizationMethod(EXCLUSIVE_C14N))
        algorithm = DigestAlgorithm(steps._find(reference, "DigestMethod").get("Algorithm"))
        steps.check_digest_alg_expected(algorithm)
        if base64.b64decode(steps._find(reference, "DigestValue").text) != steps._get_digest(payload, algorithm):
            raise InvalidDigest(f"Digest mismatch for reference {index}")
        return VerifyResult(payload, steps._fromstring(payload), signature, b"")

    def _check_cert_validity(self, cert: x509.Certificate, cert_source: str) -> None:
        """The same check, but the text that explains a failure is made only for one."""
        at = self.config.verification_time
        if at is None or not cert.not_valid_before_utc <= at <= cert.not_valid_after_utc:
            super()._check_cert_validity(cert, cert_source)  # type: ignore[no-untyped-call]  # signxml is untyped here


@contextmanager
def _without(signature: Any) -> Iterator[None]:
    """The tree while the signature, the last child of its parent, is taken out; the text after it stays."""
    parent, tail = signature.getparent(), signature.tail
    before = signature.getprevious()
    kept = parent.text if before is None else before.tail
    signature.tail = None
    parent.remove(signature)
    _set_text_after(parent, before, (kept or "") + (tail or "") or None)
    try:
        yield
    finally:
        _set_text_after(parent, before, kept)
        parent.append(signature)
        signature.tail = tail


def _set_text_after(parent: Any, before: Any, text: str | None) -> None:
    if before is None:
        parent.text = text
    else:
        before.tail = text


def verify(root: Any, store: TrustStore, at: datetime) -> SignedContent:
    """Verify the tree of a hardened parse by profile ``strict`` as of ``at``.

    Raises ``Refused`` (``signature-*``, ``certificate-*``) or ``Deferred('trust-unavailable')``.
    """
    shape = shape_of(signature_of(root))
    try:
        path = verify_path(shape.chain, store, at)
    except Refused as refusal:
        located = tuple(replace(one, location=one.location or f"{_PLACE}/KeyInfo/X509Data") for one in refusal.findings)
        raise Refused(refusal.code, findings=located) from refusal
    signed, octets = check_mathematics(root, shape, path.leaf, at)
    return SignedContent(signed, path, shape.method.name, shape.digest.rpartition("#")[2], octets)


def check_mathematics(root: Any, shape: SignatureShape, leaf: x509.Certificate, at: datetime) -> tuple[Any, int]:
    """Steps 3 to 5: the signed tree and the number of its canonical octets.

    Says nothing about whose certificate ``leaf`` is. Raises ``Refused`` (``signature-*``).
    """
    expected = check_key(leaf.public_key(), shape.method)
    if len(shape.value) != expected:
        detail = f"SignatureValue has {len(shape.value)} octets, the key makes {expected}"
        raise Refused("signature-invalid", detail, f"{_PLACE}/SignatureValue")
    configuration = SignatureConfiguration(
        require_x509=True,
        location=_LOCATION,
        expect_references=1,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        verification_time=at,
    )
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        result = _Verifier().verify(root, x509_cert=leaf, parser=parser, expect_config=configuration)
    except signxml.exceptions.InvalidDigest as error:
        digest = f"{_PLACE}/SignedInfo/Reference/DigestValue"
        raise Refused("signature-digest", "the digest does not match the document", digest) from error
    except (signxml.exceptions.SignXMLException, etree.LxmlError, ValueError) as error:
        detail = f"not made with the key of {common_name(leaf)}"
        raise Refused("signature-invalid", detail, f"{_PLACE}/SignatureValue") from error
    assert isinstance(result, VerifyResult), "one reference was asked for"
    if result.signed_xml is None or result.signed_xml.tag != ROOT:
        raise Refused("signature-reference", "what is signed is not the document", f"{_PLACE}/SignedInfo/Reference")
    return result.signed_xml, len(result.signed_data)
