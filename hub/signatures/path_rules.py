"""Rules of a certificate path beside the library's: what RFC 5280 decides, and what it leaves to a policy.

``check_leaf`` and ``check_authorities`` refuse, whatever a profile says. ``remarks`` only names things: the rows
``certificate.…`` of the profile make each of them a refusal, a warning or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from hub.problems import Refused
from hub.signatures.algorithms import check_key

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
# ETSI TS 119 312: RSA below this is not for new keys
RSA_RECOMMENDED_BITS = 3000
# kinds of name that the library compares; a constraint of any other kind cannot be honoured
_COMPARED = (x509.DNSName, x509.IPAddress, x509.RFC822Name)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a path that RFC 5280 leaves open, by the profile's rule (``certificate.*``) that asks for it."""

    rule: str
    detail: str


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name for people; the whole subject when there is none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.ExtensionType | None:
    """The value of an extension; None when the certificate does not have it."""
    return next((one.value for one in certificate.extensions if isinstance(one.value, kind)), None)


def check_leaf(leaf: x509.Certificate) -> None:
    """Raises ``Refused``: ``signature-key-weak``, ``certificate-usage``."""
    check_key(leaf.public_key())
    constraints = extension(leaf, x509.BasicConstraints)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise Refused("certificate-usage", "CA flag: the signer's certificate is an authority's")


def check_authorities(path: tuple[x509.Certificate, ...]) -> None:
    """What the library does not look at in the authorities of a path. Raises ``Refused('certificate-untrusted')``."""
    emails = [
        str(one.value) for below in path[:1] for one in below.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    ]
    for authority in path[1:]:
        check_key(authority.public_key())
        usage = extension(authority, x509.KeyUsage)
        if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:  # RFC 5280 §6.1.4 (n)
            raise _untrusted(authority, "key usage of an authority", "issues certificates without keyCertSign")
        constraints = extension(authority, x509.NameConstraints)
        if isinstance(constraints, x509.NameConstraints):
            _check_names(authority, constraints, emails)


def _check_names(authority: x509.Certificate, constraints: x509.NameConstraints, emails: list[str]) -> None:
    """RFC 5280 §4.2.1.10 where the library does not apply it: kinds in an extension that is not critical, and the

    addresses in a subject that has no alternative names.
    """
    permitted, excluded = constraints.permitted_subtrees or [], constraints.excluded_subtrees or []
    for one in (*permitted, *excluded):
        if not isinstance(one, _COMPARED):
            raise _untrusted(authority, "name constraints", f"{type(one).__name__} cannot be compared here")
    allowed = [one.value for one in permitted if isinstance(one, x509.RFC822Name)]
    forbidden = [one.value for one in excluded if isinstance(one, x509.RFC822Name)]
    for email in emails:
        if (allowed and not any(_within(email, one) for one in allowed)) or any(_within(email, o) for o in forbidden):
            raise _untrusted(authority, "name constraints", f"{email} lies outside")


def _within(email: str, constraint: str) -> bool:
    """A mailbox, a host, or (leading period) everything below a domain."""
    email, constraint = email.casefold(), constraint.casefold()
    host = email.rpartition("@")[2]
    if "@" in constraint:
        return email == constraint
    return host.endswith(constraint) if constraint.startswith(".") else host == constraint


def _untrusted(certificate: x509.Certificate, rule: str, detail: str) -> Refused:
    return Refused("certificate-untrusted", f"{common_name(certificate)}: {rule}: {detail}")


def remarks(path: tuple[x509.Certificate, ...]) -> tuple[Remark, ...]:
    """Everything that a policy may think otherwise about, leaf first. The anchor is the operator's own choice."""
    found = _leaf_remarks(path[0])
    for authority in path[1:-1]:
        name = common_name(authority)
        if extension(authority, x509.KeyUsage) is None:
            found.append(Remark("certificate.authority-usage", name))
        if not any(one.critical for one in authority.extensions if isinstance(one.value, x509.BasicConstraints)):
            found.append(Remark("certificate.authority-constraints", name))
    for certificate in path[:-1]:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_RECOMMENDED_BITS:
            found.append(Remark("certificate.strength", f"{common_name(certificate)}: RSA, {key.key_size} bits"))
        if extension(certificate, x509.AuthorityKeyIdentifier) is None:
            found.append(Remark("certificate.authority-identifier", common_name(certificate)))
    return tuple(found)


def _leaf_remarks(leaf: x509.Certificate) -> list[Remark]:
    found, name = [], common_name(leaf)
    usage, purposes = extension(leaf, x509.KeyUsage), extension(leaf, x509.ExtendedKeyUsage)
    if usage is None:
        found.append(Remark("certificate.usage-stated", name))
    elif isinstance(usage, x509.KeyUsage) and not (usage.digital_signature or usage.content_commitment):
        found.append(Remark("certificate.usage", f"{name}: neither digitalSignature nor nonRepudiation"))
    if isinstance(purposes, x509.ExtendedKeyUsage) and not SIGNING_PURPOSES.intersection(purposes):
        named = ", ".join(one.dotted_string for one in purposes)
        found.append(Remark("certificate.purpose", f"{name}: extended key usage names other purposes only: {named}"))
    if not leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
        found.append(Remark("certificate.organisation", name))
    if extension(leaf, x509.SubjectAlternativeName) is None:
        found.append(Remark("certificate.alternative-name", name))
    return found
