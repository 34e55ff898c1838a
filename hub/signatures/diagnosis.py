"""Why no path leads to an anchor, in words that name the rule. It explains a refusal and never makes one.

The library says "candidates exhausted"; this follows the certificates by name from the leaf up and tells at the first
one that cannot go on what the matter is.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from hub.signatures.path_rules import common_name, extension
from hub.signatures.revocation.answers import STRONG_HASHES

_UNDERSTOOD = (
    x509.AuthorityInformationAccess,
    x509.AuthorityKeyIdentifier,
    x509.SubjectKeyIdentifier,
    x509.KeyUsage,
    x509.SubjectAlternativeName,
    x509.BasicConstraints,
    x509.NameConstraints,
    x509.ExtendedKeyUsage,
)


def why_untrusted(
    leaf: x509.Certificate, sent: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], library: str
) -> str:
    """``<certificate>: <rule>: <what>``; the library's own words when the reason is none of those known here."""
    current, below = leaf, 0
    for _ in range(len(sent) + 1):
        if said := _own_fault(current):
            return said
        if current in anchors:
            break
        named = [one for one in (*anchors, *sent) if one.subject == current.issuer and one != current]
        if not named:
            return f"{common_name(current)}: issuer: neither sent nor trusted: {current.issuer.rfc4514_string()}"
        issuers = [one for one in named if _signed(current, one)]
        if not issuers:
            return f"{common_name(current)}: signature: not made by the key of {common_name(named[0])}"
        current = issuers[0]
        if said := _fault_as_authority(current, below):
            return said
        below += current.subject != current.issuer
    rule = "name constraints" if "constraint" in library and "name" in library.lower() else "path"
    return f"{common_name(leaf)}: {rule}: {library}"


def _own_fault(certificate: x509.Certificate) -> str:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or algorithm.name not in STRONG_HASHES:
        return f"{common_name(certificate)}: strength: signed with {'no hash' if algorithm is None else algorithm.name}"
    for one in certificate.extensions:
        if one.critical and not isinstance(one.value, _UNDERSTOOD):
            return f"{common_name(certificate)}: critical extension: {one.oid.dotted_string} is not processed"
    return ""


def _fault_as_authority(certificate: x509.Certificate, below: int) -> str:
    constraints = extension(certificate, x509.BasicConstraints)
    if not isinstance(constraints, x509.BasicConstraints) or not constraints.ca:
        return f"{common_name(certificate)}: CA flag: an issuer is not an authority"
    if constraints.path_length is not None and below > constraints.path_length:
        return f"{common_name(certificate)}: path length: {below} authorities below, {constraints.path_length} allowed"
    return ""


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True
