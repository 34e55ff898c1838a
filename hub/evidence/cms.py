"""A detached CMS signature of one exact form (RFC 5652), with the attributes of CAdES baseline B (ETSI EN 319 122-1).

ECDSA P-256 with SHA-256. Signed attributes: content type, signing time, message digest, and the signer's certificate
by digest (RFC 5035). A reader makes the whole again out of certificate, time, digest and signature, and compares: an
octet that means nothing to others means something here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from hub.signatures.der import CONTEXT_0, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, element, elements, identifier

_UTC_TIME = 0x17
_TIME = "%y%m%d%H%M%SZ"
_SIGNED_DATA = identifier("1.2.840.113549.1.7.2")
_DATA = identifier("1.2.840.113549.1.7.1")
_CONTENT_TYPE = identifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = identifier("1.2.840.113549.1.9.4")
_SIGNING_TIME = identifier("1.2.840.113549.1.9.5")
_SIGNING_CERTIFICATE = identifier("1.2.840.113549.1.9.16.2.47")
_SHA256 = element(SEQUENCE, identifier("2.16.840.1.101.3.4.2.1"))
_ECDSA_SHA256 = element(SEQUENCE, identifier("1.2.840.10045.4.3.2"))
_ONE = element(INTEGER, b"\x01")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a signature says: who, when, of which octets."""

    certificate: x509.Certificate
    at: datetime
    sha256: bytes


def _attributes(certificate: bytes, at: datetime, sha256: bytes) -> bytes:
    """The content of the signed attributes, sorted as DER has a SET OF."""
    digest = element(OCTET_STRING, hashlib.sha256(certificate).digest())
    named = element(SEQUENCE, element(SEQUENCE, element(SEQUENCE, digest)))
    time = element(_UTC_TIME, at.astimezone(UTC).strftime(_TIME).encode())
    found = (
        element(SEQUENCE, _CONTENT_TYPE, element(SET, _DATA)),
        element(SEQUENCE, _SIGNING_TIME, element(SET, time)),
        element(SEQUENCE, _MESSAGE_DIGEST, element(SET, element(OCTET_STRING, sha256))),
        element(SEQUENCE, _SIGNING_CERTIFICATE, element(SET, named)),
    )
    return b"".join(sorted(found))


def _whole(certificate: bytes, attributes: bytes, signature: bytes) -> bytes:
    parsed = x509.load_der_x509_certificate(certificate)
    serial = parsed.serial_number
    number = element(INTEGER, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))
    signer = element(
        SEQUENCE,
        _ONE,
        element(SEQUENCE, parsed.issuer.public_bytes(), number),
        _SHA256,
        element(CONTEXT_0, attributes),
        _ECDSA_SHA256,
        element(OCTET_STRING, signature),
    )
    beside = (element(SET, _SHA256), element(SEQUENCE, _DATA), element(CONTEXT_0, certificate), element(SET, signer))
    return element(SEQUENCE, _SIGNED_DATA, element(CONTEXT_0, element(SEQUENCE, _ONE, *beside)))


def sign(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, octets: bytes, at: datetime) -> bytes:
    """A detached signature over ``octets``, DER. ``at`` is kept to the second."""
    der = certificate.public_bytes(Encoding.DER)
    attributes = _attributes(der, at, hashlib.sha256(octets).digest())
    return _whole(der, attributes, key.sign(element(SET, attributes), ec.ECDSA(hashes.SHA256())))


def opened(der: bytes) -> Sealed:
    """What the signature says, once it verified with the certificate inside. Raises ``ValueError``.

    Whose certificate that is, and whether ``sha256`` is the digest of the octets, is for the caller to look at.
    """
    try:
        certificate, attributes, signature = _read(der)
        values = dict(_attribute(contents) for _, contents in elements(attributes))
        moment = datetime.strptime(values[_SIGNING_TIME].decode("ascii"), _TIME).replace(tzinfo=UTC)
        digest = values[_MESSAGE_DIGEST]
        parsed = x509.load_der_x509_certificate(certificate)
        key = parsed.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("not a P-256 key")
        if attributes != _attributes(certificate, moment, digest):
            raise ValueError("its attributes are not the ones that belong there")
        if der != _whole(certificate, attributes, signature):
            raise ValueError("it holds more or other than it may")
        key.verify(signature, element(SET, attributes), ec.ECDSA(hashes.SHA256()))
    except (UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ValueError("its certificate cannot be read") from error
    except InvalidSignature as error:
        raise ValueError("the signature does not verify") from error
    except KeyError as error:
        raise ValueError("an attribute is missing") from error
    return Sealed(parsed, moment, digest)


def _read(der: bytes) -> tuple[bytes, bytes, bytes]:
    """Certificate, contents of the signed attributes, signature; every other octet is compared by the caller."""
    ((_, info),) = elements(der)
    _, (_, wrapped) = elements(info)
    ((_, data),) = elements(wrapped)
    _, _, _, (_, certificate), (_, signers) = elements(data)
    ((_, signer),) = elements(signers)
    _, _, _, (_, attributes), _, (_, signature) = elements(signer)
    return certificate, attributes, signature


def _attribute(contents: bytes) -> tuple[bytes, bytes]:
    """The identifier of an attribute (whole) and the contents of its single value."""
    (_, named), (_, values) = elements(contents)
    ((_, value),) = elements(values)
    return element(OID, named), value
