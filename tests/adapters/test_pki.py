"""The throw-away PKI, judged by openssl: good chains pass, every flaw shows."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from adapters.sandbox.pki import Flaw, Identity, Pki
from hub import clock


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


def openssl_verify(pki: Pki, identity: Identity, directory: Path, *options: str) -> tuple[int, str]:
    files = {"root.pem": pki.anchor_pem, "leaf.pem": identity.certificate_pem, "crl.pem": pki.crls_pem}
    files["issuing.pem"] = pki.issuing.certificate_pem
    for name, content in files.items():
        (directory / name).write_bytes(content)
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "issuing.pem", *options]
    done = subprocess.run(
        [*command, "leaf.pem"], cwd=directory, capture_output=True, text=True, check=False, timeout=30
    )
    return done.returncode, done.stdout + done.stderr


def test_an_agency_certificate_chains_to_the_anchor_and_names_its_agency(pki: Pki, tmp_path: Path) -> None:
    identity = pki.issue("H33.02", "Sở Nội vụ tỉnh Kiên Giang")
    assert openssl_verify(pki, identity, tmp_path) == (0, "leaf.pem: OK\n")
    assert openssl_verify(pki, identity, tmp_path, "-CRLfile", "crl.pem", "-crl_check_all")[0] == 0
    codes = identity.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)
    assert [attribute.value for attribute in codes] == ["H33.02"]
    usage = identity.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment


@pytest.mark.parametrize(
    ("flaw", "complaint"),
    [
        (Flaw.EXPIRED, "has expired"),
        (Flaw.NOT_YET_VALID, "not yet valid"),
        (Flaw.OTHER_CA, "signature failure"),
        (Flaw.SELF_SIGNED, "self-signed"),
        (Flaw.UNKNOWN_CRITICAL, "unhandled critical extension"),
    ],
)
def test_a_flaw_of_the_path_is_found_by_openssl(pki: Pki, tmp_path: Path, flaw: Flaw, complaint: str) -> None:
    code, output = openssl_verify(pki, pki.issue("H33.02", "Sở Nội vụ", flaw=flaw), tmp_path)
    assert code != 0
    assert complaint in output


def test_flaws_of_the_leaf_are_in_the_leaf(pki: Pki) -> None:
    def extension(flaw: Flaw, kind: type[x509.ExtensionType]) -> x509.ExtensionType:
        return pki.issue("H33.02", "Sở Nội vụ", flaw=flaw).certificate.extensions.get_extension_for_class(kind).value

    usage = extension(Flaw.WRONG_USAGE, x509.KeyUsage)
    assert isinstance(usage, x509.KeyUsage)
    assert not usage.digital_signature
    constraints = extension(Flaw.CA_LEAF, x509.BasicConstraints)
    assert isinstance(constraints, x509.BasicConstraints)
    assert constraints.ca
    extended = extension(Flaw.TLS_ONLY, x509.ExtendedKeyUsage)
    assert isinstance(extended, x509.ExtendedKeyUsage)
    assert list(extended) == [x509.ExtendedKeyUsageOID.SERVER_AUTH]
    weak = pki.issue("H33.02", "Sở Nội vụ", flaw=Flaw.WEAK_KEY).key
    assert isinstance(weak, rsa.RSAPrivateKey)
    assert weak.key_size == 1024
    odd = pki.issue("H33.02", "Sở Nội vụ", flaw=Flaw.ODD_CURVE).key
    assert isinstance(odd, ec.EllipticCurvePrivateKey)
    assert odd.curve.name == "secp256k1"


def test_a_revoked_certificate_is_refused_by_the_next_list(pki: Pki, tmp_path: Path) -> None:
    identity = pki.issue("H33.07", "Sở Tài chính")
    pki.issuing.revoke(identity.certificate, clock.now() - timedelta(days=1))
    code, output = openssl_verify(pki, identity, tmp_path, "-CRLfile", "crl.pem", "-crl_check_all")
    assert code != 0
    assert "revoked" in output


def test_lists_are_numbered_and_can_be_stale_or_premature(pki: Pki) -> None:
    first, second = pki.issuing.crl(), pki.issuing.crl(issued=clock.now() - timedelta(days=30))
    numbers = [crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for crl in (first, second)]
    assert numbers[1] == numbers[0] + 1
    assert second.next_update_utc is not None
    assert second.next_update_utc < clock.now()
    assert pki.issuing.crl(issued=clock.now() + timedelta(days=2)).last_update_utc > clock.now()


def test_a_pki_read_back_issues_under_the_same_anchor(pki: Pki, tmp_path: Path) -> None:
    again = Pki.from_pem(**pki.pem_files())
    assert again.anchor_pem == pki.anchor_pem
    assert openssl_verify(pki, again.issue("H33.12", "Sở Y tế"), tmp_path)[0] == 0
