"""The certificate path to a configured anchor, at a moment (RFC 5280 §6), and revocation by configured lists.

Done by ``cryptography``'s verifier with an own extension policy, because real Vietnamese chains have no subject
alternative names. Checked here because that verifier does not: CA:FALSE, key usage and extended key usage of the leaf,
key strength, CRLs.

The cache is honest only because of its key, the exact certificates and the trust store's revision; validity dates and
revocation are looked at again on every use.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from hub.problems import Deferred, Refused
from hub.signatures.algorithms import check_key

CACHE_SIZE = 4096
MAX_DEPTH = 4

# what a certificate of extended key usage may be for, to sign documents (RFC 5280 §4.2.1.12, RFC 9336): a server's, a
# time-stamping or a code-signing certificate of the same authority is not one
SIGNING_PURPOSES = frozenset(
    {
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # documentSigning
        ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # the same purpose by the name that came before
    }
)


@dataclass(frozen=True)
class RevocationList:
    """One CRL, its serials in a set: a look-up in the library's own list costs milliseconds."""

    issuer: bytes
    serials: frozenset[int]
    next_update: datetime | None
    crl: x509.CertificateRevocationList = field(repr=False, compare=False)
    _signed_by: dict[x509.Certificate, bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, der: bytes) -> RevocationList:
        crl = x509.load_der_x509_crl(der)
        serials = frozenset(entry.serial_number for entry in crl)
        return cls(crl.issuer.public_bytes(), serials, crl.next_update_utc, crl)

    def signed_by(self, issuer: x509.Certificate) -> bool:
        """Whether this very authority signed the list; settled once an authority, neither of the two can change."""
        if issuer not in self._signed_by:
            self._signed_by[issuer] = _issued_by(self.crl, issuer)
        return self._signed_by[issuer]


@dataclass(frozen=True)
class TrustStore:
    """Anchors and revocation lists as configured. ``revision`` changes whenever either does."""

    anchors: tuple[x509.Certificate, ...]
    revision: int
    lists: tuple[RevocationList, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a path that RFC 5280 leaves open, by the profile's rule (``certificate.*``) that asks for it."""

    rule: str
    detail: str


@dataclass(frozen=True)
class Path:
    """A path that held: leaf first, anchor last. ``revocation`` is ``good``, ``stale`` or ``unchecked``.

    ``remarks`` are for validation to weigh: a policy makes each of them a refusal, a warning or nothing.
    """

    certificates: tuple[x509.Certificate, ...]
    revocation: str
    remarks: tuple[Remark, ...] = ()

    @property
    def leaf(self) -> x509.Certificate:
        return self.certificates[0]

    @property
    def leaf_sha256(self) -> str:
        return hashlib.sha256(self.leaf.public_bytes(Encoding.DER)).hexdigest()


def _leaf_usage(_policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("key usage has neither digitalSignature nor nonRepudiation")


def _authority(_policy: verification.Policy, _certificate: x509.Certificate, basic: x509.BasicConstraints) -> None:
    if not basic.ca:
        raise ValueError("an issuer is not an authority")


_LEAF_POLICY = verification.ExtensionPolicy.permit_all().may_be_present(
    x509.KeyUsage, verification.Criticality.AGNOSTIC, _leaf_usage
)
_AUTHORITY_POLICY = verification.ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, verification.Criticality.AGNOSTIC, _authority
)

_cache: OrderedDict[tuple[int, tuple[bytes, ...]], tuple[x509.Certificate, ...]] = OrderedDict()


def verify_path(chain: tuple[bytes, ...], store: TrustStore, at: datetime) -> Path:
    """The path from ``chain[0]`` to an anchor at ``at``.

    Raises ``Refused`` (``certificate-*``, ``signature-key-weak``) or ``Deferred('trust-unavailable')`` when no anchor
    is configured: that is the operator's omission, not the sender's.
    """
    if not store.anchors:
        raise Deferred("trust-unavailable", "no trust anchor is configured", retry_after=300)
    key = (store.revision, chain)
    certificates = _cache.get(key)
    if certificates is None:
        certificates = _build(chain, store, at)
        _cache[key] = certificates
        if len(_cache) > CACHE_SIZE:
            _cache.popitem(last=False)
    _check_dates(certificates, at)
    return Path(certificates, _revocation(certificates, store, at))


def _build(chain: tuple[bytes, ...], store: TrustStore, at: datetime) -> tuple[x509.Certificate, ...]:
    certificates = [_load(der) for der in chain]
    leaf = certificates[0]
    check_key(leaf.public_key())
    _check_leaf(leaf)
    _check_dates(tuple(certificates), at)
    builder = (
        verification.PolicyBuilder().store(verification.Store(list(store.anchors))).time(at).max_chain_depth(MAX_DEPTH)
    )
    builder = builder.extension_policies(ca_policy=_AUTHORITY_POLICY, ee_policy=_LEAF_POLICY)
    try:
        verified = builder.build_client_verifier().verify(leaf, certificates[1:])
    except verification.VerificationError as error:
        raise Refused("certificate-untrusted", _reason(error, leaf)) from error
    for authority in verified.chain[1:]:
        check_key(authority.public_key())
    return tuple(verified.chain)


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


def _reason(error: verification.VerificationError, leaf: x509.Certificate) -> str:
    return f"{common_name(leaf)}: {str(error).splitlines()[0]}"


def _check_leaf(leaf: x509.Certificate) -> None:
    for extension in leaf.extensions:
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise Refused("certificate-usage", "the signer's certificate is an authority's")
        if isinstance(extension.value, x509.KeyUsage):
            usage = extension.value
            if not (usage.digital_signature or usage.content_commitment):
                raise Refused("certificate-usage", "key usage has neither digitalSignature nor nonRepudiation")
        if isinstance(extension.value, x509.ExtendedKeyUsage) and not SIGNING_PURPOSES.intersection(extension.value):
            raise Refused("certificate-usage", "extended key usage names other purposes only")


def _check_dates(certificates: tuple[x509.Certificate, ...], at: datetime) -> None:
    for certificate in certificates:
        if at < certificate.not_valid_before_utc:
            since = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
            raise Refused("certificate-not-yet-valid", f"{common_name(certificate)}: valid from {since}")
        if at > certificate.not_valid_after_utc:
            until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
            raise Refused("certificate-expired", f"{common_name(certificate)}: valid until {until}")


def _revocation(certificates: tuple[x509.Certificate, ...], store: TrustStore, at: datetime) -> str:
    """Worst answer over the path; the anchor itself is trusted by configuration."""
    answer = "good"
    for certificate, issuer in itertools.pairwise(certificates):
        one = _listed(certificate, issuer, store, at)
        answer = max(answer, one, key=("good", "stale", "unchecked").index)
    return answer


def _listed(certificate: x509.Certificate, issuer: x509.Certificate, store: TrustStore, at: datetime) -> str:
    name = issuer.subject.public_bytes()
    for listed in store.lists:
        if listed.issuer != name or not listed.signed_by(issuer):
            continue
        if certificate.serial_number in listed.serials:
            raise Refused("certificate-revoked", f"{common_name(certificate)}, serial {certificate.serial_number:x}")
        return "good" if listed.next_update is None or listed.next_update >= at else "stale"
    return "unchecked"


def _issued_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # key kinds are checked above
    except (InvalidSignature, TypeError, ValueError):
        return False


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name for people; the whole subject when there is none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()
