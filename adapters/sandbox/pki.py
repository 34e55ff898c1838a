"""A throw-away PKI: root, issuing CA, one certificate per agency, the hub's own, and revocation lists.

Certificates can also be made wrong on purpose, each flaw by its name, so that every reason for refusal has a real
certificate behind it. Nothing here may ever be an anchor outside a trial.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from hub import clock
from hub.signatures.sign import PrivateKey, Signer

KeyKind = Literal["p256", "p384", "p521", "rsa2048", "rsa3072", "rsa1024", "secp256k1"]
_DAY = timedelta(days=1)
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
    "secp256k1": ec.SECP256K1,
}


class Flaw(StrEnum):
    """What is wrong with a certificate, in the order of the checks that must find it."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    OTHER_CA = "other-ca"  # same names, other keys: only the signature on the certificate tells
    SELF_SIGNED = "self-signed"
    WRONG_USAGE = "wrong-usage"  # keyEncipherment only
    TLS_ONLY = "tls-only"  # extendedKeyUsage serverAuth
    CA_LEAF = "ca-leaf"  # CA:TRUE
    WEAK_KEY = "weak-key"  # RSA-1024
    ODD_CURVE = "odd-curve"  # secp256k1
    UNKNOWN_CRITICAL = "unknown-critical"  # a critical extension nobody knows


@dataclass(frozen=True, slots=True)
class Identity:
    """A key and its chain: leaf first, the anchor left out."""

    code: str
    name: str
    key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def signer(self) -> Signer:
        return Signer(self.key, self.chain)

    @property
    def key_pem(self) -> bytes:
        return private_pem(self.key)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.chain)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where an authority's word on revocation can be had, as its certificates name it; URLs."""

    lists: tuple[str, ...] = ()
    responders: tuple[str, ...] = ()


@dataclass(slots=True)
class Authority:
    """A certificate authority that can issue, revoke and say what it revoked."""

    key: PrivateKey
    certificate: x509.Certificate
    revoked: dict[int, datetime] = field(default_factory=dict)
    crl_number: int = 0
    addresses: Addresses = field(default_factory=Addresses)
    reasons: dict[int, x509.ReasonFlags] = field(default_factory=dict)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def revoke(
        self, certificate: x509.Certificate, at: datetime | None = None, reason: x509.ReasonFlags | None = None
    ) -> None:
        """Put a certificate on the lists made from now on."""
        self.revoked[certificate.serial_number] = at or clock.now()
        if reason is not None:
            self.reasons[certificate.serial_number] = reason

    def crl(self, *, issued: datetime | None = None, days: float = 7) -> x509.CertificateRevocationList:
        """A new list with the next number. ``issued`` in the past makes a stale one, in the future a premature one."""
        issued = issued or clock.now() - timedelta(minutes=5)
        self.crl_number += 1
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(issued)
            .next_update(issued + days * _DAY)
            .add_extension(x509.CRLNumber(self.crl_number), critical=False)
            .add_extension(_authority_key(self.certificate), critical=False)
        )
        for serial, at in self.revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            if serial in self.reasons:
                entry = entry.add_extension(x509.CRLReason(self.reasons[serial]), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256())

    def crl_pem(self, *, issued: datetime | None = None, days: float = 7) -> bytes:
        return self.crl(issued=issued, days=days).public_bytes(Encoding.PEM)


@dataclass(slots=True)
class Pki:
    """Root → issuing CA → leaves. ``anchor_pem`` is what a hub trusts; chains carry leaf and issuing CA."""

    root: Authority
    issuing: Authority

    @classmethod
    def create(
        cls,
        name: str = "Liên Thông thử nghiệm",
        *,
        moment: datetime | None = None,
        root: Addresses | None = None,
        issuing: Addresses | None = None,
    ) -> Pki:
        """A new PKI, valid from a year before ``moment`` (now) to ten years after.

        ``root``, ``issuing``: the addresses in the certificates that each of the two issues.
        """
        moment = moment or clock.now()
        top = _authority(f"{name} – CA gốc", None, moment, path_length=1)
        top.addresses = root or Addresses()
        below = _authority(f"{name} – CA cấp", top, moment, path_length=0)
        below.addresses = issuing or Addresses()
        return cls(top, below)

    @classmethod
    def from_pem(cls, root_key: bytes, root: bytes, issuing_key: bytes, issuing: bytes) -> Pki:
        """Read back what ``pem_files`` gave; revocations live in the lists, not here."""
        return cls(_read_authority(root_key, root), _read_authority(issuing_key, issuing))

    def pem_files(self) -> dict[str, bytes]:
        """Everything needed to go on issuing later, by the argument names of ``from_pem``."""
        return {
            "root_key": private_pem(self.root.key),
            "root": self.root.certificate_pem,
            "issuing_key": private_pem(self.issuing.key),
            "issuing": self.issuing.certificate_pem,
        }

    @property
    def anchor_pem(self) -> bytes:
        return self.root.certificate_pem

    @property
    def crls_pem(self) -> bytes:
        """Fresh lists of both authorities, one after the other."""
        return self.root.crl_pem(days=3650) + self.issuing.crl_pem(days=3650)

    def issue(
        self,
        code: str,
        name: str,
        *,
        flaw: Flaw | None = None,
        key: KeyKind | PrivateKey = "p256",
        moment: datetime | None = None,
    ) -> Identity:
        """An agency's certificate: code in organizationIdentifier, name in O and CN; with at most one flaw."""
        moment = moment or clock.now()
        if flaw is Flaw.WEAK_KEY:
            key = "rsa1024"
        elif flaw is Flaw.ODD_CURVE:
            key = "secp256k1"
        private = new_key(key) if isinstance(key, str) else key
        subject = _subject(code, name)
        issuer = self.issuing
        if flaw is Flaw.OTHER_CA:
            issuer = Authority(new_key("p256"), self.issuing.certificate)
        elif flaw is Flaw.SELF_SIGNED:
            issuer = Authority(private, _bare(subject, private, moment))
        leaf = _leaf(subject, private, issuer, _validity(moment, flaw), flaw)
        chain = (leaf,) if flaw is Flaw.SELF_SIGNED else (leaf, self.issuing.certificate)
        return Identity(code, name, private, chain)


def new_key(kind: KeyKind = "p256") -> PrivateKey:
    """A fresh private key of the named kind; two of the kinds are too weak on purpose."""
    if curve := _CURVES.get(kind):
        return ec.generate_private_key(curve())
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


def private_pem(key: PrivateKey) -> bytes:
    """PKCS#8, unencrypted: the file's mode protects it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _subject(code: str, name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, code),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )


def _validity(moment: datetime, flaw: Flaw | None) -> tuple[datetime, datetime]:
    if flaw is Flaw.EXPIRED:
        return moment - 200 * _DAY, moment - _DAY
    if flaw is Flaw.NOT_YET_VALID:
        return moment + _DAY, moment + 200 * _DAY
    return moment - 30 * _DAY, moment + 3 * 365 * _DAY


def _leaf(
    subject: x509.Name,
    key: PrivateKey,
    issuer: Authority,
    validity: tuple[datetime, datetime],
    flaw: Flaw | None,
) -> x509.Certificate:
    signing = flaw is not Flaw.WRONG_USAGE
    usage = _usage(
        digital_signature=signing,
        content_commitment=signing,
        key_encipherment=not signing,
        key_cert_sign=flaw is Flaw.CA_LEAF,
    )
    builder = (
        _builder(subject, issuer.certificate.subject, key, validity)
        .add_extension(x509.BasicConstraints(ca=flaw is Flaw.CA_LEAF, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_authority_key(issuer.certificate), critical=False)
    )
    if flaw is Flaw.TLS_ONLY:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if flaw is Flaw.UNKNOWN_CRITICAL:
        strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
        builder = builder.add_extension(strange, critical=True)
    return _addressed(builder, issuer.addresses).sign(issuer.key, hashes.SHA256())


def _authority(name: str, parent: Authority | None, moment: datetime, *, path_length: int) -> Authority:
    key = new_key("p384")
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"), x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]
    )
    issuer_name = parent.certificate.subject if parent else subject
    builder = (
        _builder(subject, issuer_name, key, (moment - 365 * _DAY, moment + 3650 * _DAY))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    if parent:
        builder = builder.add_extension(_authority_key(parent.certificate), critical=False)
        builder = _addressed(builder, parent.addresses)
    return Authority(key, builder.sign(parent.key if parent else key, hashes.SHA384()))


def _addressed(builder: x509.CertificateBuilder, addresses: Addresses) -> x509.CertificateBuilder:
    """With cRLDistributionPoints and authorityInfoAccess, if there are addresses to name."""
    if addresses.lists:
        names = [x509.UniformResourceIdentifier(url) for url in addresses.lists]
        points = [x509.DistributionPoint([name], None, None, None) for name in names]
        builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
    if addresses.responders:
        names = [x509.UniformResourceIdentifier(url) for url in addresses.responders]
        access = [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, name) for name in names]
        builder = builder.add_extension(x509.AuthorityInformationAccess(access), critical=False)
    return builder


def _read_authority(key: bytes, certificate: bytes) -> Authority:
    private = load_pem_private_key(key, None)
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("an authority's key is RSA or EC")
    return Authority(private, x509.load_pem_x509_certificate(certificate))


def _bare(subject: x509.Name, key: PrivateKey, moment: datetime) -> x509.Certificate:
    """A self-signed stand-in that only lends its subject and key identifier to the leaf."""
    return _builder(subject, subject, key, _validity(moment, None)).sign(key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, validity: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _authority_key(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
