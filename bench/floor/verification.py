"""A signed envelope, verified as directly as can be: one parse, two canonical forms, one signature."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

DS = "{http://www.w3.org/2000/09/xmldsig#}"
ED = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"
HEADER = f"{ED}edXMLEnvelope/{ED}edXMLHeader"


class Unacceptable(Exception):
    """Not signed by whom we trust, or not what was signed."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What the floor keeps of an envelope."""

    document_id: str
    sender: str
    recipients: tuple[str, ...]


class Verifier:
    """Trusts one anchor; every signer sends its issuer's certificate along."""

    def __init__(self, anchor: x509.Certificate) -> None:
        self._anchor = anchor
        self._known: dict[tuple[str, ...], rsa.RSAPublicKey | ec.EllipticCurvePublicKey] = {}

    def verify(self, octets: bytes) -> Letter:
        """Raises ``Unacceptable``, or lxml's and cryptography's own errors for what is no envelope."""
        root: Any = etree.fromstring(octets, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
        header = root.find(HEADER)
        signature = header[-1]
        signed_info = signature.find(f"{DS}SignedInfo")
        value = base64.b64decode(signature.findtext(f"{DS}SignatureValue"))
        chain = tuple(one.text for one in signature.iter(f"{DS}X509Certificate"))
        key = self._known.get(chain) or self._trusted(chain)
        _check(key, value, etree.tostring(signed_info, method="c14n", exclusive=True))
        before = signature.getprevious()
        before.tail = (before.tail or "") + (signature.tail or "")
        header.remove(signature)
        digest = hashlib.sha256(etree.tostring(root, method="c14n", exclusive=True)).digest()
        if digest != base64.b64decode(signed_info.findtext(f"{DS}Reference/{DS}DigestValue")):
            raise Unacceptable("the digest does not match")
        head = header.find(f"{ED}MessageHeader")
        return Letter(
            head.findtext(f"{ED}DocumentId"),
            head.findtext(f"{ED}From/{ED}OrganId"),
            tuple(one.findtext(f"{ED}OrganId") for one in head.iterfind(f"{ED}To")),
        )

    def _trusted(self, chain: tuple[str, ...]) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        """The signer's key, once its path to the anchor holds; remembered by the certificates' own text."""
        path = [x509.load_der_x509_certificate(base64.b64decode(one)) for one in chain]
        for one, issuer in zip(path, [*path[1:], self._anchor], strict=True):
            one.verify_directly_issued_by(issuer)
        key = path[0].public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise Unacceptable("neither an RSA nor an EC key")
        return self._known.setdefault(chain, key)


def _check(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, value: bytes, signed: bytes) -> None:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, padding.PKCS1v15(), hashes.SHA256())
        else:
            half = len(value) // 2
            pair = int.from_bytes(value[:half]), int.from_bytes(value[half:])
            key.verify(encode_dss_signature(*pair), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Unacceptable("the signature does not hold") from error
