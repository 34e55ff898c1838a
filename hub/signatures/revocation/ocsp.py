"""OCSP (RFC 6960): the request for one certificate, and an answer whose signature, subject and times hold.

A responder is the issuer itself, or one that the issuer certified for nothing else but that (id-kp-OCSPSigning). Its
certificate bounds the answer: past that certificate's end the answer is stale, whatever its own nextUpdate says.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.problems import Refused
from hub.signatures.algorithms import check_key
from hub.signatures.revocation.answers import SKEW, STRONG_HASHES, UNREADABLE, Revoked

# without nextUpdate "newer information is available all the time" (RFC 6960 §4.2.2.1): good for this long only
WITHOUT_NEXT_UPDATE = timedelta(hours=1)
_UNDERSTOOD = (x509.OCSPNonce, x509.OCSPAcceptableResponses)
_RESPONDER_MAY_HAVE = (x509.KeyUsage, x509.ExtendedKeyUsage, x509.BasicConstraints, x509.OCSPNoCheck)


@dataclass(frozen=True)
class OcspAnswer:
    """One authentic answer about one certificate: good or revoked; "unknown" is not an answer."""

    der: bytes = field(repr=False)
    sha256: str
    serial: int
    this_update: datetime
    next_update: datetime
    revocation: Revoked | None
    responder: x509.Certificate = field(repr=False)
    delegated: bool  # the responder is not the issuer itself

    kind = "ocsp"

    def revoked(self, serial: int) -> Revoked | None:
        return self.revocation if serial == self.serial else None

    @classmethod
    def load(
        cls, der: bytes, certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes | None = None
    ) -> OcspAnswer:
        """Read and verify an answer about ``certificate``; raises ``ValueError`` that says what is wrong with it.

        Freshness is not judged here. A nonce in the answer must be the one asked with; responders may leave it out.
        """
        try:
            return cls._read(der, certificate, issuer, nonce)
        except UNREADABLE as error:
            raise ValueError(str(error)) from error

    @classmethod
    def _read(
        cls, der: bytes, certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes | None
    ) -> OcspAnswer:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise ValueError(f"the responder says {response.response_status.name.lower()}")
        _check_extensions(response, nonce)
        responder = _responder(response, issuer)
        single = _about(response, certificate, issuer)
        if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
            raise ValueError("the responder does not know the certificate")
        begun = single.this_update_utc
        _check_responder(responder, issuer, begun)
        end = single.next_update_utc or begun + WITHOUT_NEXT_UPDATE
        if end < begun:
            raise ValueError("nextUpdate before thisUpdate")
        digest = hashlib.sha256(der).hexdigest()
        end = min(end, responder.not_valid_after_utc)
        return cls(der, digest, certificate.serial_number, begun, end, _revoked(single), responder, responder != issuer)


def request(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes) -> bytes:
    """A DER request. The certificate is named by SHA-1, the digest that every responder knows (RFC 5019 §2.1.1)."""
    digest = hashes.SHA1()  # noqa: S303 - names a certificate, protects nothing
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, digest)
    return builder.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(Encoding.DER)


def _check_extensions(response: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            if nonce is not None and extension.value.nonce != nonce:
                raise ValueError("the answer belongs to another request (nonce)")
        elif extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            raise ValueError(f"unknown critical extension {extension.oid.dotted_string}")


def _responder(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> x509.Certificate:
    """Whoever signed the answer: the one certificate, of the issuer and those sent, that fits its name and key."""
    candidates = [one for one in (issuer, *response.certificates) if _is_named(response, one)]
    if not candidates:
        raise ValueError("the responder's certificate is neither the issuer's nor sent along")
    for candidate in candidates:
        if _signed(response, candidate):
            return candidate
    raise ValueError("the signature of the answer does not hold")


def _is_named(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return response.responder_name == certificate.subject
    return response.responder_key_hash == _key_hash(certificate, hashes.SHA1())  # noqa: S303 - RFC 6960 names by it


def _signed(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    try:
        digest = response.signature_hash_algorithm
        key = certificate.public_key()
        check_key(key)
    except (UnsupportedAlgorithm, Refused, ValueError):
        return False
    if digest is None or digest.name not in STRONG_HASHES:
        raise ValueError(f"the answer is signed with {'no hash' if digest is None else digest.name}")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _check_responder(responder: x509.Certificate, issuer: x509.Certificate, at: datetime) -> None:
    """RFC 6960 §4.2.2.2: the issuer itself, or one that this very issuer certified for OCSP, in its validity."""
    if responder == issuer:
        return
    try:
        responder.verify_directly_issued_by(issuer)
        purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise ValueError("the responder's certificate is not from the certificate's own issuer") from error
    except x509.ExtensionNotFound as error:
        raise ValueError("the responder's certificate is not for OCSP") from error
    algorithm = responder.signature_hash_algorithm
    if algorithm is None or algorithm.name not in STRONG_HASHES:
        raise ValueError("the responder's certificate is signed with a weak hash")
    if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
        raise ValueError("the responder's certificate is not for OCSP")
    for extension in responder.extensions:
        if extension.critical and not isinstance(extension.value, _RESPONDER_MAY_HAVE):
            raise ValueError(f"the responder's certificate has a critical extension {extension.oid.dotted_string}")
        if isinstance(extension.value, x509.KeyUsage) and not extension.value.digital_signature:
            raise ValueError("the responder's key usage does not allow signing")
    if not responder.not_valid_before_utc - SKEW <= at <= responder.not_valid_after_utc:
        raise ValueError("the responder's certificate was not valid when it answered")


def _about(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPSingleResponse:
    """The part about this very certificate: serial, issuer's name and issuer's key."""
    name = issuer.subject.public_bytes()
    for single in response.responses:
        algorithm = single.hash_algorithm
        digest = hashes.Hash(algorithm)
        digest.update(name)
        if (
            single.serial_number == certificate.serial_number
            and single.issuer_name_hash == digest.finalize()
            and single.issuer_key_hash == _key_hash(issuer, algorithm)
        ):
            return single
    raise ValueError("the answer is about another certificate")


def _key_hash(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """Digest of the key's BIT STRING without tag, length and unused bits (RFC 6960 §4.1.1)."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        octets = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        octets = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        raise ValueError("keys are RSA or EC")
    digest = hashes.Hash(algorithm)
    digest.update(octets)
    return digest.finalize()


def _revoked(single: ocsp.OCSPSingleResponse) -> Revoked | None:
    if single.certificate_status is not ocsp.OCSPCertStatus.REVOKED:
        return None
    at = single.revocation_time_utc
    assert at is not None, "RFC 6960: RevokedInfo always has its time"
    reason = single.revocation_reason or x509.ReasonFlags.unspecified
    return Revoked(at, str(reason.value))
