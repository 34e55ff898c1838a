"""The certificate path to a configured anchor, at a moment (RFC 5280 §6.1).

Done by ``cryptography``'s verifier with an own extension policy, because real Vietnamese chains have no subject
alternative names. What that verifier does not look at, and what is left to a policy: ``path_rules``. Whether a
certificate was revoked is another question (``revocation``), asked only of a path that holds.

The cache is honest only because of its key, the exact certificates and the trust store's revision; validity dates are
looked at again on every use.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification

from hub.clock import rfc3339
from hub.problems import Deferred, Refused
from hub.signatures.diagnosis import why_untrusted
from hub.signatures.path_rules import Remark, check_authorities, check_leaf, common_name, remarks
from hub.signatures.revocation.crl import RevocationList

CACHE_SIZE = 4096
MAX_DEPTH = 4


@dataclass(frozen=True)
class TrustStore:
    """Anchors and revocation lists as configured. ``revision`` changes whenever either does."""

    anchors: tuple[x509.Certificate, ...]
    revision: int
    lists: tuple[RevocationList, ...] = ()


@dataclass(frozen=True)
class Link:
    """One step of a path: a certificate and its issuer's."""

    certificate: x509.Certificate
    issuer: x509.Certificate

    @functools.cached_property
    def sha256(self) -> str:
        """The certificate's digest, hexadecimal."""
        return fingerprint(self.certificate)

    @functools.cached_property
    def serial(self) -> str:
        """The certificate's serial number, hexadecimal."""
        return f"{self.certificate.serial_number:x}"

    @functools.cached_property
    def authority(self) -> str:
        """The issuer by name and key: its certificates may be several (cross-signed, renewed), its word is one."""
        key = self.issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(self.issuer.subject.public_bytes() + key).hexdigest()


class Signer(NamedTuple):
    """Names for people; the serial number hexadecimal, the end of validity RFC 3339."""

    subject: str
    issuer: str
    serial: str
    not_after: str


@dataclass(frozen=True)
class Path:
    """A path that held: leaf first, anchor last.

    ``remarks`` are for validation to weigh: a policy makes each of them a refusal, a warning or nothing.
    """

    certificates: tuple[x509.Certificate, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def leaf(self) -> x509.Certificate:
        return self.certificates[0]

    @functools.cached_property
    def signer(self) -> Signer:
        """What is told of the leaf: the same for every letter of this path."""
        leaf = self.leaf
        issuer = self.certificates[1] if len(self.certificates) > 1 else leaf
        until = rfc3339(leaf.not_valid_after_utc)
        return Signer(common_name(leaf), common_name(issuer), f"{leaf.serial_number:x}", until)

    @functools.cached_property
    def sha256s(self) -> tuple[str, ...]:
        return tuple(fingerprint(one) for one in self.certificates)

    @property
    def leaf_sha256(self) -> str:
        return self.sha256s[0]

    @functools.cached_property
    def links(self) -> tuple[Link, ...]:
        """Every certificate but the anchor, which is trusted by configuration, with its issuer."""
        return tuple(itertools.starmap(Link, itertools.pairwise(self.certificates)))


def _authority(_policy: verification.Policy, _certificate: x509.Certificate, basic: x509.BasicConstraints) -> None:
    if not basic.ca:
        raise ValueError("an issuer is not an authority")


_LEAF_POLICY = verification.ExtensionPolicy.permit_all()
_AUTHORITY_POLICY = verification.ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, verification.Criticality.AGNOSTIC, _authority
)

_cache: OrderedDict[tuple[int, tuple[bytes, ...]], Path] = OrderedDict()


def verify_path(chain: tuple[bytes, ...], store: TrustStore, at: datetime) -> Path:
    """The path from ``chain[0]`` to an anchor at ``at``.

    Raises ``Refused`` (``certificate-*``, ``signature-key-weak``) whose detail names the rule, or
    ``Deferred('trust-unavailable')`` when no anchor is configured: that is the operator's omission, not the sender's.
    """
    if not store.anchors:
        raise Deferred("trust-unavailable", "no trust anchor is configured", retry_after=300)
    key = (store.revision, chain)
    path = _cache.get(key)
    if path is None or not _within_dates(path, at):
        # built again where a date has passed: a cross-signed authority may still lead to an anchor
        path = _build(chain, store, at)
        _cache[key] = path
        if len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    return path


def _within_dates(path: Path, at: datetime) -> bool:
    return all(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in path.certificates)


def _build(chain: tuple[bytes, ...], store: TrustStore, at: datetime) -> Path:
    certificates = [_load(der) for der in chain]
    leaf = certificates[0]
    check_leaf(leaf)
    _check_dates((leaf,), at)
    builder = (
        verification.PolicyBuilder().store(verification.Store(list(store.anchors))).time(at).max_chain_depth(MAX_DEPTH)
    )
    builder = builder.extension_policies(ca_policy=_AUTHORITY_POLICY, ee_policy=_LEAF_POLICY)
    try:
        verified = tuple(builder.build_client_verifier().verify(leaf, certificates[1:]).chain)
    except verification.VerificationError as error:
        # an authority out of its time is why, if there is one; but only of those that could have led to an anchor
        _check_dates(tuple(certificates), at)
        reason = why_untrusted(leaf, certificates[1:], store.anchors, str(error).splitlines()[0])
        raise Refused("certificate-untrusted", reason) from error
    _check_dates(verified, at)
    check_authorities(verified)
    return Path(verified, remarks(verified))


def _load(der: bytes) -> x509.Certificate:
    """A certificate of which every part that is looked at later can be read; the library reads parts on first use."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.public_key()
        _ = (certificate.extensions, certificate.subject, certificate.issuer, certificate.signature_hash_algorithm)
    except UnsupportedAlgorithm as error:
        raise Refused("signature-key-weak", str(error)) from error
    except (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension) as error:
        raise Refused("certificate-malformed", str(error)) from error
    return certificate


def _check_dates(certificates: tuple[x509.Certificate, ...], at: datetime) -> None:
    for certificate in certificates:
        if at < certificate.not_valid_before_utc:
            since = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
            raise Refused("certificate-not-yet-valid", f"{common_name(certificate)}: dates: valid from {since}")
        if at > certificate.not_valid_after_utc:
            until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
            raise Refused("certificate-expired", f"{common_name(certificate)}: dates: valid until {until}")


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate's DER, hexadecimal."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


__all__ = [
    "Link",
    "Path",
    "Remark",
    "RevocationList",
    "TrustStore",
    "common_name",
    "fingerprint",
    "verify_path",
]
