"""Rules about certificates that RFC 5280 leaves open: each fires on the chain that breaks it, and on no other.

Real Vietnamese chains are old-fashioned: what a chain lacks is warned of or refused as profile and overrides say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.sandbox.pki import Authority, Identity, KeyKind, Pki, new_key
from hub import clock
from hub.registry.model import Override, Severity
from hub.signatures.chain import RevocationList
from hub.validation import Accepted
from hub.validation.rules import profile
from tests.intake.register import Register, signed_letter

SENDER, RECIPIENT = "H33.02", "H33.90"
PLACE = "/edXML/edXMLEnvelope/edXMLHeader/Signature/KeyInfo/X509Data"
RULES = {name: rule for name, rule in profile("qcvn-102-2016").rules.items() if name.startswith("certificate.")}
UNTIL = (clock.now() + timedelta(days=2)).date()


def key_usage(*named: str) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    flags = {name: name in named for name in (*every, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")}
    return x509.KeyUsage(**flags)


@dataclass(frozen=True)
class Chain:
    """What is in the issuing authority's certificate and in the agency's; as it stands, everything."""

    authority: tuple[x509.ExtensionType, ...] = (key_usage("key_cert_sign", "crl_sign"),)
    authority_is_critical: bool = True
    leaf: tuple[x509.ExtensionType, ...] = (
        key_usage("digital_signature"),
        x509.SubjectAlternativeName([x509.RFC822Name("vanthu@tinh.gov.vn")]),
    )
    names: tuple[tuple[x509.ObjectIdentifier, str], ...] = (
        (NameOID.ORGANIZATION_NAME, "Sở Nội vụ"),
        (NameOID.COMMON_NAME, "Sở Nội vụ"),
    )
    identified: bool = True  # certificates name their issuer's key
    key: KeyKind = "p256"


WHOLE = Chain()
# rule: a chain that breaks it alone
CHAINS = {
    "certificate.usage": replace(WHOLE, leaf=(key_usage("key_encipherment"), WHOLE.leaf[1])),
    "certificate.usage-stated": replace(WHOLE, leaf=(WHOLE.leaf[1],)),
    "certificate.purpose": replace(
        WHOLE, leaf=(*WHOLE.leaf, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]))
    ),
    "certificate.organisation": replace(WHOLE, names=WHOLE.names[1:]),
    "certificate.alternative-name": replace(WHOLE, leaf=WHOLE.leaf[:1]),
    "certificate.strength": replace(WHOLE, key="rsa2048"),
    "certificate.authority-usage": replace(WHOLE, authority=()),
    "certificate.authority-constraints": replace(WHOLE, authority_is_critical=False),
    "certificate.authority-identifier": replace(WHOLE, identified=False),
}


def certificate(
    subject: x509.Name, key: Any, issuer: Authority, extensions: list[tuple[x509.ExtensionType, bool]]
) -> x509.Certificate:
    now = clock.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=100))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key, hashes.SHA256())


def identifier(issuer: Authority) -> tuple[x509.ExtensionType, bool]:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.certificate.public_key()), False  # type: ignore[arg-type]  # RSA or EC


@dataclass
class Office:
    """A register with one agency whose chain is made to order."""

    register: Register
    signer: Identity
    rules: set[str] = field(default_factory=set)

    @classmethod
    def create(cls, chain: Chain) -> Office:
        pki = Pki.create()
        above = [identifier(pki.root)] if chain.identified else []
        constraints = (x509.BasicConstraints(ca=True, path_length=0), chain.authority_is_critical)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA cấp kiểu cũ")])
        key = new_key("p256")
        stated = [(one, True) for one in chain.authority]
        own_key: tuple[x509.ExtensionType, bool] = x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        issuing = Authority(key, certificate(name, key, pki.root, [constraints, own_key, *stated, *above]))
        subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in chain.names])
        own, below = new_key(chain.key), [identifier(issuing)] if chain.identified else []
        extensions: list[tuple[x509.ExtensionType, bool]] = [(one, False) for one in chain.leaf]
        leaf = certificate(subject, own, issuing, [*extensions, *below])
        register = Register(pki)
        assert register.store is not None
        listed = RevocationList.load(issuing.crl(days=3650).public_bytes(Encoding.DER))
        register.store = replace(register.store, lists=(*register.store.lists, listed))
        register.agency(SENDER)
        register.agency(RECIPIENT)
        signer = Identity(SENDER, "Sở Nội vụ", own, (leaf, issuing.certificate))
        register.certify(SENDER, signer)
        return cls(register, signer)

    async def noted(self, *overrides: Override) -> dict[str, tuple[str, str, str]]:
        """Rule: code, place, and what became of it."""
        self.register.exceptions = overrides
        self.register.changes += 1
        await self.register.directory.refresh(now=True)
        verdict = await self.register.judge(signed_letter(self.signer, RECIPIENT), SENDER)
        warnings = verdict.envelope.warnings if isinstance(verdict, Accepted) else verdict.warnings
        findings = () if isinstance(verdict, Accepted) else verdict.findings
        found = [(one, "refuse") for one in findings] + [(one, "warn") for one in warnings]
        return {one.rule: (one.code, one.location, how) for one, how in found if one.rule in RULES or not one.rule}


def every(severity: Severity) -> list[Override]:
    return [Override("", name, severity, UNTIL) for name in RULES]


def test_every_row_has_a_chain() -> None:
    assert CHAINS.keys() == RULES.keys()


async def test_a_chain_that_lacks_nothing_passes_in_silence() -> None:
    assert await Office.create(WHOLE).noted(*every("warn")) == {}


@pytest.mark.parametrize("name", CHAINS)
async def test_the_rule_fires_alone_with_its_code_place_and_severity(name: str) -> None:
    office, rule = Office.create(CHAINS[name]), RULES[name]
    assert await office.noted(*every("warn")) == {name: (rule.code, PLACE, "warn")}
    expected = {} if rule.severity == "ignore" else {name: (rule.code, PLACE, rule.severity)}
    assert await office.noted() == expected
    for severity in ("refuse", "ignore"):
        override = Override(SENDER, name, severity, UNTIL)  # type: ignore[arg-type]  # two of the three
        assert await office.noted(override) == ({name: (rule.code, PLACE, "refuse")} if severity == "refuse" else {})
