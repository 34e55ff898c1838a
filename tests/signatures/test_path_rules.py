"""What RFC 5280 decides about a path is refused with the rule named; openssl agrees where it decides the same."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from adapters.sandbox.pki import KeyKind, new_key, private_pem
from hub import clock
from hub.problems import Refused
from hub.signatures.chain import Path as CertificatePath
from hub.signatures.chain import TrustStore, verify_path
from hub.signatures.sign import PrivateKey
from tests.signatures.revocations import DAY, der, epoch, openssl

REVISIONS = itertools.count(3 * 10**9)
Extension = tuple[x509.ExtensionType, bool]


def name(common: str, organisation: str = "", email: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common))
    if email:
        parts.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, email))
    return x509.Name(parts)


def usage(**bits: bool) -> Extension:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{bit: bits.get(bit, False) for bit in every}), True


def authority(length: int | None = None) -> Extension:
    return x509.BasicConstraints(True, length), True


CA_USAGE = usage(key_cert_sign=True, crl_sign=True)
SIGNING = usage(digital_signature=True)


@dataclass(frozen=True)
class Holder:
    """A key with a name, and the certificates it gets."""

    key: PrivateKey
    subject: x509.Name

    @classmethod
    def new(cls, common: str, kind: KeyKind = "p256", **more: str) -> Holder:
        return cls(new_key(kind), name(common, **more))

    def certify(
        self,
        holder: Holder,
        *extensions: Extension,
        begins: datetime | None = None,
        ends: datetime | None = None,
        algorithm: hashes.HashAlgorithm | None = None,
    ) -> x509.Certificate:
        """A certificate for ``holder`` with its key identifiers and exactly these extensions."""
        now = clock.now()
        identifier = x509.SubjectKeyIdentifier.from_public_key
        by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier(self.key.public_key()))
        builder = (
            x509.CertificateBuilder()
            .subject_name(holder.subject)
            .issuer_name(self.subject)
            .public_key(holder.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins or now - DAY)
            .not_valid_after(ends or now + DAY)
            .add_extension(identifier(holder.key.public_key()), critical=False)
            .add_extension(by, critical=False)
        )
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        return builder.sign(self.key, algorithm or hashes.SHA256())


ROOT, ISSUING, OTHER, LEAF = (Holder.new(one) for one in ("Gốc", "Cấp", "Gốc khác", "Văn thư"))
ROOT_CERTIFICATE = ROOT.certify(ROOT, authority(), CA_USAGE)
OTHER_CERTIFICATE = OTHER.certify(OTHER, authority(), CA_USAGE)
GOOD_ISSUING = ROOT.certify(ISSUING, authority(0), CA_USAGE)
GOOD_LEAF = ISSUING.certify(LEAF, SIGNING)


def judge(
    sent: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate] = (ROOT_CERTIFICATE,),
    at: datetime | None = None,
) -> CertificatePath:
    return verify_path(tuple(map(der, sent)), TrustStore(tuple(anchors), next(REVISIONS)), at or clock.now())


def refusal(
    sent: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate] = (ROOT_CERTIFICATE,)
) -> tuple[str, str]:
    with pytest.raises(Refused) as error:
        judge(sent, anchors)
    return error.value.code, error.value.detail


def openssl_accepts(
    directory: Path,
    sent: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate] = (ROOT_CERTIFICATE,),
    at: datetime | None = None,
) -> bool:
    """By ``openssl verify``, not ``-x509_strict``, which asks for more than RFC 5280."""
    for file, certificates in (("leaf", sent[:1]), ("sent", sent[1:]), ("anchors", anchors)):
        octets = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
        (directory / f"{file}.pem").write_bytes(octets)
    untrusted = ["-untrusted", "sent.pem"] if len(sent) > 1 else []
    moment = ["-attime", epoch(at)] if at else []
    return openssl(directory, "verify", "-CAfile", "anchors.pem", *untrusted, *moment, "leaf.pem")[0] == 0


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.9"), b"\x05\x00")
HTTP = x509.UniformResourceIdentifier("http://example.test/")
POLICY = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.3.6.1.4.1.55555.3"), None)])
DEEPER = Holder.new("Cấp dưới")
OVER = {"begins": clock.now() - 9 * DAY, "ends": clock.now() - DAY}
TO_COME = {"begins": clock.now() + DAY / 24, "ends": clock.now() + DAY}
GOV_ADDRESSES: Extension = (x509.NameConstraints([x509.RFC822Name("gov.vn")], None), True)
DIRECTORY_A = x509.NameConstraints([x509.DirectoryName(x509.Name(list(name("x", organisation="A"))[:2]))], None)

# sent, code, rule that the detail names
BROKEN: dict[str, tuple[Sequence[x509.Certificate], str, str]] = {
    "another key under the issuer's name": (
        [Holder(new_key(), ISSUING.subject).certify(LEAF, SIGNING), GOOD_ISSUING], "certificate-untrusted", "signature",
    ),
    "no issuer": ([GOOD_LEAF], "certificate-untrusted", "issuer"),
    "issuer without CA flag": (
        [GOOD_LEAF, ROOT.certify(ISSUING, (x509.BasicConstraints(False, None), True), CA_USAGE)],
        "certificate-untrusted", "CA flag",
    ),
    "issuer without basic constraints": (
        [GOOD_LEAF, ROOT.certify(ISSUING, CA_USAGE)], "certificate-untrusted", "CA flag",
    ),
    "issuer that may not sign certificates": (
        [GOOD_LEAF, ROOT.certify(ISSUING, authority(0), usage(crl_sign=True))], "certificate-untrusted", "key usage",
    ),
    "too long a path": (
        [DEEPER.certify(LEAF, SIGNING), ISSUING.certify(DEEPER, authority(), CA_USAGE), GOOD_ISSUING],
        "certificate-untrusted", "path length",
    ),
    "unknown critical extension of the leaf": (
        [ISSUING.certify(LEAF, SIGNING, (UNKNOWN, True)), GOOD_ISSUING], "certificate-untrusted", "critical extension",
    ),
    "unknown critical extension of the issuer": (
        [GOOD_LEAF, ROOT.certify(ISSUING, authority(0), CA_USAGE, (UNKNOWN, True))],
        "certificate-untrusted", "critical extension",
    ),
    "expired leaf": (
        [ISSUING.certify(LEAF, SIGNING, **OVER), GOOD_ISSUING],
        "certificate-expired", "dates",
    ),
    "expired issuer": (
        [GOOD_LEAF, ROOT.certify(ISSUING, authority(0), CA_USAGE, **OVER)],
        "certificate-expired", "dates",
    ),
    "issuer not valid yet": (
        [GOOD_LEAF, ROOT.certify(ISSUING, authority(0), CA_USAGE, **TO_COME)],
        "certificate-not-yet-valid", "dates",
    ),
    "address outside the permitted domain": (
        [
            ISSUING.certify(
                LEAF, SIGNING, (x509.SubjectAlternativeName([x509.RFC822Name("a@elsewhere.vn")]), False)
            ),
            ROOT.certify(ISSUING, authority(0), CA_USAGE, GOV_ADDRESSES),
        ],
        "certificate-untrusted", "name constraints",
    ),
    "address in the subject outside the permitted domain": (
        [
            ISSUING.certify(Holder(LEAF.key, name("Văn thư", email="a@elsewhere.vn")), SIGNING),
            ROOT.certify(ISSUING, authority(0), CA_USAGE, GOV_ADDRESSES),
        ],
        "certificate-untrusted", "name constraints",
    ),
    "address in the subject in an excluded domain": (
        [
            ISSUING.certify(Holder(LEAF.key, name("Văn thư", email="a@mail.elsewhere.vn")), SIGNING),
            ROOT.certify(
                ISSUING, authority(0), CA_USAGE,
                (x509.NameConstraints(None, [x509.RFC822Name(".elsewhere.vn")]), True),
            ),
        ],
        "certificate-untrusted", "name constraints",
    ),
    "name outside the permitted directory": (
        [
            ISSUING.certify(Holder(LEAF.key, name("Văn thư", organisation="B")), SIGNING),
            ROOT.certify(
                ISSUING, authority(0), CA_USAGE,
                (DIRECTORY_A, True),
            ),
        ],
        "certificate-untrusted", "name constraints",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_rfc_5280_decides_is_refused_by_its_rule_and_by_openssl(case: str, tmp_path: Path) -> None:
    sent, code, rule = BROKEN[case]
    found, detail = refusal(sent)
    assert found == code
    assert f": {rule}" in detail
    assert not openssl_accepts(tmp_path, sent)


@pytest.mark.parametrize("critical", [True, False])
def test_directory_names_that_cannot_be_compared_are_refused_not_ignored(critical: bool) -> None:
    """Stricter than RFC 5280: the constraint is not evaluated, so nobody below it is believed."""
    issuing = ROOT.certify(ISSUING, authority(0), CA_USAGE, (DIRECTORY_A, critical))
    leaf = ISSUING.certify(Holder(LEAF.key, name("Văn thư", organisation="A")), SIGNING)
    assert refusal([leaf, issuing])[0] == "certificate-untrusted"
    assert "name constraints" in refusal([leaf, issuing])[1]


@pytest.mark.parametrize(
    ("value", "oid"),
    [(POLICY, "2.5.29.32"), (x509.PolicyConstraints(0, None), "2.5.29.36"), (x509.InhibitAnyPolicy(0), "2.5.29.54")],
)
def test_certificate_policies_that_must_be_processed_are_refused_by_name(value: x509.ExtensionType, oid: str) -> None:
    """Stricter than RFC 5280: policies are not processed, so one marked critical is an unknown critical extension."""
    issuing = ROOT.certify(ISSUING, authority(0), CA_USAGE, (value, True))
    assert refusal([GOOD_LEAF, issuing]) == (
        "certificate-untrusted",
        f"Cấp: critical extension: {oid} is not processed",
    )
    assert judge([GOOD_LEAF, ROOT.certify(ISSUING, authority(0), CA_USAGE, (POLICY, False))]).leaf == GOOD_LEAF


# old-fashioned, and good by RFC 5280
ACCEPTED: dict[str, tuple[Sequence[x509.Certificate], set[str]]] = {
    "nothing but names": ([ISSUING.certify(LEAF), GOOD_ISSUING], {"certificate.usage-stated"}),
    "encipherment only": ([ISSUING.certify(LEAF, usage(key_encipherment=True)), GOOD_ISSUING], {"certificate.usage"}),
    "nonRepudiation only": ([ISSUING.certify(LEAF, usage(content_commitment=True)), GOOD_ISSUING], set()),
    "authority without key usage": (
        [GOOD_LEAF, ROOT.certify(ISSUING, authority(0))], {"certificate.authority-usage"},
    ),
    "authority whose constraints are not critical": (
        [GOOD_LEAF, ROOT.certify(ISSUING, (x509.BasicConstraints(True, 0), False), CA_USAGE)],
        {"certificate.authority-constraints"},
    ),
    "unknown extension that is not critical": (
        [ISSUING.certify(LEAF, SIGNING, (UNKNOWN, False)), GOOD_ISSUING], set(),
    ),
    "address within the permitted domain": (
        [
            ISSUING.certify(Holder(LEAF.key, name("Văn thư", email="a@gov.vn")), SIGNING),
            ROOT.certify(ISSUING, authority(0), CA_USAGE, GOV_ADDRESSES),
        ],
        set(),
    ),
}  # fmt: skip
ALWAYS = {"certificate.organisation", "certificate.alternative-name"}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_rfc_5280_leaves_open_passes_with_a_remark_and_openssl_takes_it(case: str, tmp_path: Path) -> None:
    sent, rules = ACCEPTED[case]
    assert {one.rule for one in judge(sent).remarks} - ALWAYS == rules
    assert openssl_accepts(tmp_path, sent)


def test_several_anchors_stand_side_by_side() -> None:
    """The government's authority and public ones: each certificate leads to its own."""
    public = OTHER.certify(DEEPER, authority(0), CA_USAGE)
    theirs = DEEPER.certify(LEAF, SIGNING)
    both = (ROOT_CERTIFICATE, OTHER_CERTIFICATE)
    assert judge([GOOD_LEAF, GOOD_ISSUING], both).certificates[-1] == ROOT_CERTIFICATE
    assert judge([theirs, public], both).certificates[-1] == OTHER_CERTIFICATE
    assert refusal([theirs, public], [ROOT_CERTIFICATE])[0] == "certificate-untrusted"


def test_anchors_of_one_name_and_several_keys_stand_side_by_side() -> None:
    """A root that was renewed with a new key keeps its name."""
    renewed = Holder(new_key(), ROOT.subject)
    anchors = (renewed.certify(renewed, authority(), CA_USAGE), ROOT_CERTIFICATE)
    young = renewed.certify(ISSUING, authority(0), CA_USAGE)
    assert judge([GOOD_LEAF, GOOD_ISSUING], anchors).certificates[-1] == ROOT_CERTIFICATE
    assert judge([GOOD_LEAF, young], anchors).certificates[-1] == anchors[0]


def test_a_cross_signed_authority_leads_to_whichever_anchor_there_is(tmp_path: Path) -> None:
    crossed = OTHER.certify(ISSUING, authority(0), CA_USAGE)
    for fitting, other, anchor in (
        (GOOD_ISSUING, crossed, ROOT_CERTIFICATE),
        (crossed, GOOD_ISSUING, OTHER_CERTIFICATE),
    ):
        for sent in ([GOOD_LEAF, fitting, other], [GOOD_LEAF, other, fitting]):
            assert judge(sent, [anchor]).certificates == (GOOD_LEAF, fitting, anchor)
        # openssl takes the first issuer of the name and does not turn back
        assert openssl_accepts(tmp_path, [GOOD_LEAF, fitting, other], [anchor])


def test_an_expired_certificate_of_a_cross_signed_authority_does_not_stand_in_the_way() -> None:
    old = OTHER.certify(ISSUING, authority(0), CA_USAGE, **OVER)
    for sent in ([GOOD_LEAF, old, GOOD_ISSUING], [GOOD_LEAF, GOOD_ISSUING, old]):
        assert judge(sent, [ROOT_CERTIFICATE, OTHER_CERTIFICATE]).certificates[-1] == ROOT_CERTIFICATE


def test_a_remembered_path_gives_way_to_another_once_a_date_in_it_has_passed() -> None:
    now = clock.now()
    brief = OTHER.certify(ISSUING, authority(0), CA_USAGE, ends=now + timedelta(hours=1))
    store = TrustStore((OTHER_CERTIFICATE, ROOT_CERTIFICATE), next(REVISIONS))
    sent = tuple(map(der, (GOOD_LEAF, brief, GOOD_ISSUING)))
    assert verify_path(sent, store, now).leaf == GOOD_LEAF
    later = verify_path(sent, store, now + timedelta(hours=2))
    assert later.certificates == (GOOD_LEAF, GOOD_ISSUING, ROOT_CERTIFICATE)


def test_the_moment_decides_and_openssl_agrees(tmp_path: Path) -> None:
    now = clock.now()
    leaf = ISSUING.certify(LEAF, SIGNING, begins=now - timedelta(hours=3), ends=now - timedelta(hours=1))
    issuing = ROOT.certify(ISSUING, authority(0), CA_USAGE)
    for hours in (-4, -2, 0):
        moment = now + timedelta(hours=hours)
        agreed = openssl_accepts(tmp_path, [leaf, issuing], at=moment)
        if agreed:
            assert judge([leaf, issuing], at=moment).leaf == leaf
        else:
            with pytest.raises(Refused):
                judge([leaf, issuing], at=moment)
        assert agreed == (hours == -2)


CONFIGURATION = """[req]
distinguished_name = name
prompt = no
[name]
CN = x
[leaf]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
"""


@pytest.mark.parametrize("digest", ["md5", "sha1"])
def test_a_certificate_signed_with_a_broken_hash_is_refused_by_name_but_an_anchor_may_be_old(
    tmp_path: Path, digest: str
) -> None:
    """An anchor is trusted by configuration: the signature on it proves nothing and is not looked at."""
    root = Holder.new("Gốc cũ", "rsa2048")
    (tmp_path / "root.key").write_bytes(private_pem(root.key))
    (tmp_path / "leaf.key").write_bytes(private_pem(LEAF.key))
    (tmp_path / "configuration").write_text(CONFIGURATION)

    def make(*command: str) -> x509.Certificate:
        done = subprocess.run(["openssl", *command], cwd=tmp_path, capture_output=True, check=True, timeout=30)
        return x509.load_pem_x509_certificate(done.stdout)

    anchor = make(
        "req", "-x509", "-key", "root.key", f"-{digest}", "-subj", "/CN=Goc cu", "-days", "30",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    (tmp_path / "root.pem").write_bytes(anchor.public_bytes(Encoding.PEM))
    subprocess.run(
        ["openssl", "req", "-new", "-key", "leaf.key", "-subj", "/CN=Van thu", "-out", "leaf.csr"],
        cwd=tmp_path, capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    signing = (
        "x509", "-req", "-in", "leaf.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "10",
        "-extfile", "configuration", "-extensions", "leaf",
    )  # fmt: skip
    assert judge([make(*signing, "-sha256")], [anchor]).certificates[-1] == anchor
    code, detail = refusal([make(*signing, f"-{digest}")], [anchor])
    assert code == "certificate-untrusted"
    assert f"strength: signed with {digest}" in detail
