"""Time stamps (RFC 3161): the request to an authority, and the strict check of what it answers.

What is kept is the token, the CMS structure inside the answer, DER: ``openssl ts -verify -token_in`` takes it. It can
be checked for ever, by anyone who trusts the authority's anchor: certificates count as of the token's own time.
Whether the authority's certificate was revoked since is not looked at.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.problems import HubError
from hub.signatures import der
from hub.signatures.chain import TrustStore, verify_path

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MOST_OCTETS = 64 * 1024
# how far an authority's clock and ours may lie apart; one of them is wrong beyond
SKEW = timedelta(minutes=5)
_SHA256 = "2.16.840.1.101.3.4.2.1"
_DIGESTS = {_SHA256: "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
_STATUS = ("granted", "granted with modifications", "rejected", "waiting", "revocation warning", "revoked")
_GRANTED = der.element(der.SEQUENCE, der.element(der.INTEGER, b"\0"))
# RFC 5816 and, with SHA-1, RFC 2634: which certificate signed, said within what is signed
_SIGNING_CERTIFICATE_V2 = der.identifier("1.2.840.113549.1.9.16.2.47")
_SIGNING_CERTIFICATE = der.identifier("1.2.840.113549.1.9.16.2.12")


class NotStamped(ValueError):
    """An answer or a token that proves nothing; the text says why."""


@dataclass(frozen=True)
class TimeTrust:
    """Whose time stamps count: anchors, and the policy (dotted OID) under which they must be given, if any."""

    anchors: tuple[x509.Certificate, ...]
    policy: str | None = None

    @classmethod
    def parse(cls, pem: bytes, policy: str | None = None) -> TimeTrust:
        """From certificates in PEM. Raises ``ValueError``."""
        return cls(tuple(x509.load_pem_x509_certificates(pem)), policy)

    @functools.cached_property
    def store(self) -> TrustStore:
        """As a store of its own: a negative revision, which no registry has, keeps paths apart in the cache."""
        digest = hashlib.sha256(b"".join(one.public_bytes(Encoding.DER) for one in self.anchors)).digest()
        return TrustStore(self.anchors, -int.from_bytes(digest[:16], "big") - 1)


@dataclass(frozen=True, slots=True)
class Question:
    """A request for a time stamp: its octets and its nonce."""

    octets: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token that holds, when its authority says that the octets were there (genTime), under which policy, by whom."""

    token: bytes
    at: datetime
    policy: str
    signer: str


def question(message: bytes, policy: str | None = None) -> Question:
    """Ask for a stamp on ``message`` by its SHA-256, with a fresh nonce and the authority's certificate (§2.4.1)."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    built = TimestampRequestBuilder(message, HashAlgorithm.SHA256, nonce=True, cert_req=True).build()
    octets, nonce = built.as_bytes(), built.nonce
    if nonce is None:
        raise AssertionError("the request was to have a nonce")
    if policy is not None:
        # reqPolicy stands behind version and imprint; the library does not write it
        [(_, contents)] = der.elements(octets)
        parts = [der.element(tag, value) for tag, value in der.elements(contents)]
        octets = der.element(der.SEQUENCE, *parts[:2], der.identifier(policy), *parts[2:])
    return Question(octets, nonce)


def answered(asked: Question, answer: bytes, message: bytes, trust: TimeTrust, now: datetime) -> Stamp:
    """The stamp in an authority's answer to this very question (§2.4.2). Raises ``NotStamped``."""
    if len(answer) > MOST_OCTETS:
        raise NotStamped(f"more than {MOST_OCTETS} octets")
    stamp = _checked(answer, message, trust, asked.nonce)
    if abs(stamp.at - now) > SKEW:
        raise NotStamped(f"its time is {stamp.at:%Y-%m-%dT%H:%M:%SZ}, ours {now:%Y-%m-%dT%H:%M:%SZ}")
    if not answer.endswith(stamp.token):
        raise NotStamped("the token does not end the answer")
    return stamp


def checked(token: bytes, message: bytes, trust: TimeTrust) -> Stamp:
    """A token kept from an earlier answer, checked anew as of its own time. Raises ``NotStamped``."""
    stamp = _checked(der.element(der.SEQUENCE, _GRANTED, token), message, trust, None)
    if stamp.token != token:
        raise NotStamped("something follows the token")
    return stamp


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an answer says, read; nothing is believed yet. ``named``: issuer and serial number of each signer."""

    imprint: tuple[str, bytes]
    nonce: int | None
    policy: str
    at: datetime
    digests: frozenset[str]
    named: tuple[tuple[x509.Name, int], ...]
    certificates: tuple[x509.Certificate, ...]
    token: bytes


def _opened(answer: bytes) -> tuple[TimeStampResponse, _Parts]:
    """Raises ``NotStamped`` when it is no response, or one that refuses."""
    from rfc3161_client import decode_timestamp_response

    try:
        response = decode_timestamp_response(answer)
        status, words = response.status, tuple(response.status_string)
        if status == 0:
            return response, _read(response)
    except Exception as error:  # the library reads parts on first use, and says KeyError or TypeError where it cannot
        raise NotStamped("not a time-stamp response") from error
    name = _STATUS[status] if status < len(_STATUS) else str(status)
    raise NotStamped(": ".join((f"status: {name}", *words)))


def _read(response: TimeStampResponse) -> _Parts:
    info, signed = response.tst_info, response.signed_data
    certificates = tuple(x509.load_der_x509_certificate(one) for one in signed.certificates)
    for one in certificates:
        _ = (one.extensions, one.subject, one.issuer, one.public_key(), one.signature_hash_algorithm)
    return _Parts(
        imprint=(info.message_imprint.hash_algorithm.dotted_string, info.message_imprint.message),
        nonce=info.nonce,
        policy=info.policy.dotted_string,
        at=info.gen_time,
        digests=frozenset(one.dotted_string for one in signed.digest_algorithms),
        named=tuple((one.issuer, one.serial_number) for one in signed.signer_infos),
        certificates=certificates,
        token=response.time_stamp_token(),
    )


def _checked(answer: bytes, message: bytes, trust: TimeTrust, nonce: int | None) -> Stamp:
    response, parts = _opened(answer)
    if parts.imprint[0] != _SHA256:
        raise NotStamped(f"imprint by {parts.imprint[0]}, not SHA-256")
    if parts.imprint[1] != hashlib.sha256(message).digest():
        raise NotStamped("the imprint is another document's")
    if nonce is not None and parts.nonce != nonce:
        raise NotStamped("the nonce is another question's")
    if trust.policy not in (None, parts.policy):
        raise NotStamped(f"policy {parts.policy}, not {trust.policy}")
    if unknown := parts.digests - _DIGESTS.keys():
        raise NotStamped(f"signed with {', '.join(sorted(unknown))}")
    signer = _signer(parts)
    _check_signer(signer, parts, trust)
    _check_signature(response, message, trust)
    try:
        _check_reference(parts.token, signer)
    except NotStamped:
        raise
    except ValueError as error:
        raise NotStamped(f"its signed attributes: {error}") from error
    return Stamp(parts.token, parts.at, parts.policy, signer.subject.rfc4514_string())


def _signer(parts: _Parts) -> x509.Certificate:
    """The certificate that the one signature names."""
    if not parts.certificates:
        raise NotStamped("without the authority's certificate")
    if len(parts.named) != 1:
        raise NotStamped(f"{len(parts.named)} signatures, not one")
    found = [one for one in parts.certificates if (one.issuer, one.serial_number) == parts.named[0]]
    if len(found) != 1:
        raise NotStamped("the signer's certificate is not there once")
    return found[0]


def _check_signer(signer: x509.Certificate, parts: _Parts, trust: TimeTrust) -> None:
    """A certificate for time stamps alone, and a path to an anchor at genTime, without weak keys or digests."""
    usages = [one for one in signer.extensions if isinstance(one.value, x509.ExtendedKeyUsage)]
    if not any(one.critical and list(one.value) == [ExtendedKeyUsageOID.TIME_STAMPING] for one in usages):
        raise NotStamped("its certificate is not for time stamps alone (critical, §2.3)")
    others = (one for one in parts.certificates if one is not signer)
    chain = tuple(one.public_bytes(Encoding.DER) for one in (signer, *others))
    try:
        verify_path(chain, trust.store, parts.at)
    except HubError as error:
        raise NotStamped(f"its certificate: {error.detail}") from error


def _check_signature(response: TimeStampResponse, message: bytes, trust: TimeTrust) -> None:
    """The CMS signature over what it says."""
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        VerifierBuilder(roots=list(trust.anchors)).build().verify_message(response, message)
    except (VerificationError, ValueError) as error:
        raise NotStamped(f"its signature: {error}") from error


def _check_reference(token: bytes, signer: x509.Certificate) -> None:
    """The signed attribute that names the signing certificate by digest (RFC 3161 §2.4.2, RFC 5816)."""
    signed_data = der.inside(der.inside(der.inside(token, der.SEQUENCE), der.CONTEXT_0), der.SEQUENCE)
    *_, (_, infos) = der.elements(signed_data)
    attributes = der.inside(der.inside(infos, der.SEQUENCE), der.CONTEXT_0)
    for _, attribute in der.elements(attributes):
        for kind, algorithm in ((_SIGNING_CERTIFICATE_V2, "sha256"), (_SIGNING_CERTIFICATE, "sha1")):
            if attribute.startswith(kind):
                _check_digest(der.inside(attribute, der.SET), algorithm, signer.public_bytes(Encoding.DER))
                return
    raise NotStamped("the signature does not say by which certificate")


def _check_digest(attribute: bytes, algorithm: str, certificate: bytes) -> None:
    """The first ESSCertID is the signer's; ``algorithm`` is the one that counts when it names none."""
    first = der.inside(der.inside(der.inside(attribute, der.SEQUENCE), der.SEQUENCE), der.SEQUENCE)
    for tag, value in der.elements(first):
        if tag == der.SEQUENCE:
            named = [name for dotted, name in _DIGESTS.items() if value.startswith(der.identifier(dotted))]
            if not named:
                raise NotStamped("the signing certificate is named by an unknown digest")
            [algorithm] = named
        elif tag == der.OCTET_STRING:
            if value == hashlib.new(algorithm, certificate).digest():
                return
            break
    raise NotStamped("the signature is meant for another certificate")
