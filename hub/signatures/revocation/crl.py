"""Certificate revocation lists (RFC 5280 §5, §6.3): complete lists of one issuer; every other form is named as such."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from hub.problems import Refused
from hub.signatures.algorithms import check_key
from hub.signatures.path_rules import extension
from hub.signatures.revocation.answers import STRONG_HASHES, UNREADABLE, Revoked

_UNDERSTOOD = (x509.CRLNumber, x509.AuthorityKeyIdentifier)


@dataclass(frozen=True)
class RevocationList:
    """One list, its serials in a set: a look-up in the library's own list costs milliseconds.

    ``defect`` says why the list must not be relied on, empty when it may: a partial list read as a complete one would
    call revoked certificates good.
    """

    der: bytes = field(repr=False)
    sha256: str
    issuer: bytes  # DER of the name
    this_update: datetime
    next_update: datetime
    number: int | None
    defect: str
    serials: frozenset[int] = field(repr=False)
    crl: x509.CertificateRevocationList = field(repr=False, compare=False)
    _signed_by: dict[x509.Certificate, bool] = field(default_factory=dict, repr=False, compare=False)

    kind = "crl"

    @classmethod
    def load(cls, der: bytes) -> RevocationList:
        """Read a list; raises ``ValueError`` when it cannot be read at all."""
        return _load(bytes(der))

    def signed_by(self, issuer: x509.Certificate) -> bool:
        """Whether this very authority signed the list and may; settled once, neither of the two can change."""
        if issuer not in self._signed_by:
            self._signed_by[issuer] = self.issuer == issuer.subject.public_bytes() and _issued_by(self.crl, issuer)
        return self._signed_by[issuer]

    def revoked(self, serial: int) -> Revoked | None:
        if serial not in self.serials:
            return None
        entry = self.crl.get_revoked_certificate_by_serial_number(serial)
        assert entry is not None, "the set was made of the same list"
        return Revoked(entry.revocation_date_utc, _reason(entry))

    def goes_back_behind(self, kept: RevocationList) -> bool:
        """Whether this list is older than the one kept: taking it would make the revoked good again."""
        if self.this_update < kept.this_update:
            return True
        return self.number is not None and kept.number is not None and self.number < kept.number


# every change of the registry makes the hub read its lists again
@functools.lru_cache(maxsize=32)
def _load(der: bytes) -> RevocationList:
    try:
        return _read(der)
    except UNREADABLE as error:
        raise ValueError(str(error)) from error


def _read(der: bytes) -> RevocationList:
    crl = x509.load_der_x509_crl(der)
    extensions = list(crl.extensions)
    serials, entry_defect = _entries(crl)
    never = datetime.min.replace(tzinfo=UTC)
    return RevocationList(
        der,
        hashlib.sha256(der).hexdigest(),
        crl.issuer.public_bytes(),
        crl.last_update_utc,
        crl.next_update_utc or never,
        next((one.value.crl_number for one in extensions if isinstance(one.value, x509.CRLNumber)), None),
        _defect(crl, extensions) or entry_defect,
        serials,
        crl,
    )


def _defect(crl: x509.CertificateRevocationList, extensions: list[x509.Extension[x509.ExtensionType]]) -> str:
    for one in extensions:
        if isinstance(one.value, x509.DeltaCRLIndicator):
            return "a delta list"
        if isinstance(one.value, x509.IssuingDistributionPoint):
            return "a partial or indirect list (issuing distribution point)"
        if one.critical and not isinstance(one.value, _UNDERSTOOD):
            return f"unknown critical extension {one.oid.dotted_string}"
    try:
        algorithm = crl.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return f"signature algorithm {crl.signature_algorithm_oid.dotted_string}"
    if algorithm is None or algorithm.name not in STRONG_HASHES:
        return f"signed with {'no hash' if algorithm is None else algorithm.name}"
    if crl.next_update_utc is None:
        return "no nextUpdate"
    return "nextUpdate before thisUpdate" if crl.next_update_utc < crl.last_update_utc else ""


def _entries(crl: x509.CertificateRevocationList) -> tuple[frozenset[int], str]:
    serials, defect = set(), ""
    for entry in crl:
        serials.add(entry.serial_number)
        try:
            extensions = list(entry.extensions)
        except (ValueError, *UNREADABLE) as error:
            defect = defect or f"entry {entry.serial_number:x}: {error}"
            continue
        for one in extensions:
            if isinstance(one.value, x509.CertificateIssuer):
                defect = defect or "an indirect list (certificate issuer of an entry)"
            elif isinstance(one.value, x509.CRLReason):
                if one.value.reason is x509.ReasonFlags.remove_from_crl:
                    defect = defect or f"entry {entry.serial_number:x}: removeFromCRL in a complete list"
            elif one.critical:
                defect = defect or f"entry with unknown critical extension {one.oid.dotted_string}"
    return frozenset(serials), defect


def _reason(entry: x509.RevokedCertificate) -> str:
    stated = [one.value.reason for one in entry.extensions if isinstance(one.value, x509.CRLReason)]
    return str((stated[0] if stated else x509.ReasonFlags.unspecified).value)


def _issued_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """RFC 5280 §6.3.3 (f), (g): the issuer's key signed the list, and its key usage does not forbid that."""
    usage = extension(issuer, x509.KeyUsage)
    if isinstance(usage, x509.KeyUsage) and not usage.crl_sign:
        return False
    try:
        key = issuer.public_key()
        check_key(key)
        return crl.is_signature_valid(key)  # type: ignore[arg-type]  # check_key leaves RSA and EC
    except (InvalidSignature, UnsupportedAlgorithm, Refused, TypeError, ValueError):
        return False
