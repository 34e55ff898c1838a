"""The certificate path at a moment: what holds, what does not, and a cache that remembers only what stays true."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.pki import Addresses, Authority, Flaw, Identity, KeyKind, Pki, new_key
from hub import clock
from hub.problems import Deferred, Refused
from hub.signatures import chain
from hub.signatures.chain import Path, TrustStore, verify_path
from tests.signatures.revocations import mutated

DAY = timedelta(days=1)
REVISIONS = itertools.count(10**9)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


def ders(*certificates: x509.Certificate) -> tuple[bytes, ...]:
    return tuple(one.public_bytes(Encoding.DER) for one in certificates)


def fresh(*pkis: Pki) -> TrustStore:
    """The anchors, under a revision that no other test has."""
    return TrustStore(tuple(pki.root.certificate for pki in pkis), next(REVISIONS))


def path(identity: Identity, trust: TrustStore, at: datetime | None = None) -> Path:
    return verify_path(ders(*identity.chain), trust, at or clock.now())


def rules(found: Path) -> set[str]:
    """What the path leaves to a policy."""
    return {remark.rule for remark in found.remarks}


def code(work: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refusal:
        work()
    return refusal.value.code


@pytest.mark.parametrize("key", ["p256", "p384", "p521", "rsa2048", "rsa3072"])
def test_a_good_chain_leads_to_the_anchor(pki: Pki, key: KeyKind) -> None:
    identity = pki.issue("H33.02", "Sở Nội vụ", key=key)
    found = path(identity, fresh(pki))
    assert found.certificates == (*identity.chain, pki.root.certificate)
    assert found.leaf == identity.certificate
    assert [link.certificate for link in found.links] == list(identity.chain), "the anchor is nobody's to revoke"
    assert found.leaf_sha256 == identity.certificate.fingerprint(hashes.SHA256()).hex()


def test_the_anchor_may_be_sent_along_and_strangers_beside_it_change_nothing(pki: Pki) -> None:
    identity, other = pki.issue("H33.02", "Sở Nội vụ"), pki.issue("H33.07", "Sở Tài chính")
    sent = ders(*identity.chain, pki.root.certificate, other.certificate)
    assert verify_path(sent, fresh(pki), clock.now()).certificates == (*identity.chain, pki.root.certificate)


def test_a_missing_issuer_is_not_guessed(pki: Pki) -> None:
    identity = pki.issue("H33.02", "Sở Nội vụ")
    assert code(lambda: verify_path(ders(identity.certificate), fresh(pki), clock.now())) == "certificate-untrusted"


def test_the_same_names_under_another_key_are_not_the_anchor(pki: Pki) -> None:
    other = Pki.create()
    assert other.root.certificate.subject == pki.root.certificate.subject
    assert code(lambda: path(other.issue("H33.02", "Sở Nội vụ"), fresh(pki))) == "certificate-untrusted"


def test_without_an_anchor_the_hub_cannot_tell(pki: Pki) -> None:
    """The operator's omission is not the sender's fault."""
    with pytest.raises(Deferred) as deferral:
        path(pki.issue("H33.02", "Sở Nội vụ"), TrustStore((), next(REVISIONS)))
    assert deferral.value.code == "trust-unavailable"


FLAWS = {
    Flaw.EXPIRED: "certificate-expired",
    Flaw.NOT_YET_VALID: "certificate-not-yet-valid",
    Flaw.OTHER_CA: "certificate-untrusted",
    Flaw.SELF_SIGNED: "certificate-untrusted",
    Flaw.CA_LEAF: "certificate-usage",
    Flaw.WEAK_KEY: "signature-key-weak",
    Flaw.ODD_CURVE: "signature-key-weak",
    Flaw.UNKNOWN_CRITICAL: "certificate-untrusted",
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_flaw_of_the_path_has_its_code(pki: Pki, flaw: Flaw) -> None:
    trust = fresh(pki)
    assert code(lambda: path(pki.issue("H33.02", "Sở Nội vụ", flaw=flaw), trust)) == FLAWS[flaw]
    # not remembered as good either
    assert code(lambda: path(pki.issue("H33.02", "Sở Nội vụ", flaw=flaw), trust)) == FLAWS[flaw]


def reissued(pki: Pki, *extensions: x509.ExtensionType, issuer: Authority | None = None) -> Identity:
    """A leaf whose extensions are exactly these."""
    by, key, now = issuer or pki.issuing, new_key(), clock.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sở Nội vụ")]))
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.certificate.public_key()),  # type: ignore[arg-type]  # the authority has an EC key
            critical=False,
        )
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Identity("H33.02", "Sở Nội vụ", key, (builder.sign(by.key, hashes.SHA256()), pki.issuing.certificate))


PURPOSES = {
    "document signing": "1.3.6.1.5.5.7.3.36",
    "document signing as Windows names it": "1.3.6.1.4.1.311.10.3.12",
    "client and e-mail": ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string,
    "e-mail": ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string,
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_real_chains_signing_purposes_are_taken(pki: Pki, purpose: str) -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ObjectIdentifier(PURPOSES[purpose])])
    assert "certificate.purpose" not in rules(path(reissued(pki, usage), fresh(pki)))


@pytest.mark.parametrize("name", ["TIME_STAMPING", "CODE_SIGNING", "OCSP_SIGNING", "SERVER_AUTH"])
def test_other_purposes_are_remarked_on(pki: Pki, name: str) -> None:
    usage = x509.ExtendedKeyUsage([getattr(ExtendedKeyUsageOID, name)])
    assert "certificate.purpose" in rules(path(reissued(pki, usage), fresh(pki)))


def test_what_old_chains_lack_is_remarked_on_and_left_to_the_policy(pki: Pki) -> None:
    """Vietnamese chains have no subject alternative names, and odd key usages."""
    bare = {"certificate.usage-stated", "certificate.organisation", "certificate.alternative-name"}
    assert rules(path(reissued(pki), fresh(pki))) == bare
    found = path(pki.issue("H33.02", "Sở Nội vụ", flaw=Flaw.WRONG_USAGE), fresh(pki))
    assert rules(found) == {"certificate.usage", "certificate.alternative-name"}
    found = path(pki.issue("H33.02", "Sở Nội vụ", flaw=Flaw.TLS_ONLY), fresh(pki))
    assert rules(found) == {"certificate.purpose", "certificate.alternative-name"}
    short = path(pki.issue("H33.02", "Sở Nội vụ", key="rsa2048"), fresh(pki))
    assert "certificate.strength" in rules(short)
    assert "certificate.strength" not in rules(path(pki.issue("H33.02", "Sở Nội vụ", key="rsa3072"), fresh(pki)))


def test_a_leaf_cannot_issue(pki: Pki) -> None:
    """An agency's key signs another 'agency': the issuer is no authority."""
    agency = pki.issue("H33.02", "Sở Nội vụ")
    victim = reissued(pki, issuer=Authority(agency.key, agency.certificate))
    sent = ders(victim.certificate, agency.certificate, pki.issuing.certificate)
    assert code(lambda: verify_path(sent, fresh(pki), clock.now())) == "certificate-untrusted"


def test_a_cached_chain_is_refused_once_it_has_expired(pki: Pki) -> None:
    identity, trust = pki.issue("H33.02", "Sở Nội vụ"), fresh(pki)
    end = identity.certificate.not_valid_after_utc
    assert path(identity, trust).leaf == identity.certificate
    assert path(identity, trust, end).leaf == identity.certificate
    assert code(lambda: path(identity, trust, end + timedelta(seconds=1))) == "certificate-expired"
    begin = identity.certificate.not_valid_before_utc
    assert code(lambda: path(identity, trust, begin - timedelta(seconds=1))) == "certificate-not-yet-valid"
    assert path(identity, trust).leaf == identity.certificate


def test_a_cached_chain_is_refused_once_its_authority_has_expired(pki: Pki) -> None:
    young = Pki.create(moment=clock.now() - 3640 * DAY)
    identity = young.issue("H33.02", "Sở Nội vụ")
    trust = fresh(young)
    assert path(identity, trust).leaf == identity.certificate
    assert code(lambda: path(identity, trust, clock.now() + 20 * DAY)) == "certificate-expired"


def test_a_cached_chain_is_judged_again_when_the_anchor_goes(pki: Pki) -> None:
    identity, trust = pki.issue("H33.02", "Sở Nội vụ"), fresh(pki)
    assert path(identity, trust).leaf == identity.certificate
    other = replace(trust, anchors=(Pki.create().root.certificate,), revision=next(REVISIONS))
    assert code(lambda: path(identity, other)) == "certificate-untrusted"


def test_the_cache_is_bounded(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "CACHE_SIZE", len(chain._cache) + 2)
    trust = fresh(pki)
    for _ in range(5):
        path(pki.issue("H33.02", "Sở Nội vụ"), trust)
    assert len(chain._cache) <= chain.CACHE_SIZE


def test_a_refused_chain_takes_no_room_in_the_cache(pki: Pki) -> None:
    trust, before = fresh(pki), len(chain._cache)
    for flaw in FLAWS:
        code(lambda flaw=flaw: path(pki.issue("H33.02", "Sở Nội vụ", flaw=flaw), trust))  # type: ignore[misc]  # a lambda's default
    assert len(chain._cache) == before


FUZZED = Pki.create(issuing=Addresses(("http://ca.example.test/list",), ("http://ca.example.test/ocsp",)))
VICTIM = FUZZED.issue("H33.02", "Sở Nội vụ")
BESIDE = x509.SubjectAlternativeName([x509.RFC822Name("a@gov.vn"), x509.DNSName("gov.vn")])
RICH = reissued(FUZZED, BESIDE)


@settings(max_examples=1500, deadline=None)
@given(data=st.data(), identity=st.sampled_from([VICTIM, RICH]), place=st.integers(0, 1))
def test_a_changed_certificate_is_refused_by_a_code_and_never_accepted(
    data: st.DataObject, identity: Identity, place: int
) -> None:
    sent = list(ders(*identity.chain))
    sent[place] = data.draw(mutated(sent[place]))
    if sent == list(ders(*identity.chain)):
        return
    refused = code(lambda: verify_path(tuple(sent), fresh(FUZZED), clock.now()))
    assert refused.startswith(("certificate-", "signature-key-weak"))
