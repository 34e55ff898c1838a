"""xmlsec1 and openssl verify what we sign, and we verify what xmlsec1 signs: two implementations, one meaning."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from adapters.sandbox.pki import Identity, KeyKind
from hub import clock
from hub.envelope.hardening import parse
from hub.envelope.names import DSIG, ROOT
from hub.envelope.writing import document_message
from hub.problems import Refused
from hub.signatures.sign import DigestName, sign
from hub.signatures.verify import SignedContent, verify
from tests.hostile.algorithms import TRANSFORMS
from tests.hostile.forgery import HEADER_END, MORE, Bench, Form, seal, within
from tests.intake.register import Register, letter

SHA = {
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha384": MORE + "sha384",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
}
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.agency("H33.90")
    return register


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    for tool in ("xmlsec1", "openssl"):
        assert shutil.which(tool), f"the Debian package {tool} is needed"


def message() -> bytes:
    return document_message(letter("H33.02", "H33.90"))


def judged(body: bytes, register: Register) -> SignedContent:
    assert register.store is not None
    return verify(parse(body), register.store, clock.now())


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=60)


def xmlsec1_verifies(body: bytes, register: Register, directory: Path) -> bool:
    files = {"signed.xml": body, "root.pem": register.pki.anchor_pem, "ca.pem": register.pki.issuing.certificate_pem}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    trust = ("--trusted-pem", "root.pem", "--untrusted-pem", "ca.pem")
    return run(directory, "xmlsec1", "--verify", "--enabled-key-data", "x509", *trust, "signed.xml").returncode == 0


def template(method: str, digest: str) -> bytes:
    """The letter with an empty signature for xmlsec1 to fill; laid out on lines, as people write templates."""
    return message().replace(
        HEADER_END,
        f"""<ds:Signature xmlns:ds="{DSIG}">
  <ds:SignedInfo>
    <ds:CanonicalizationMethod Algorithm="{EXC}"/>
    <ds:SignatureMethod Algorithm="{method}"/>
    <ds:Reference URI="">
      <ds:Transforms>
        <ds:Transform Algorithm="{DSIG}enveloped-signature"/>
        <ds:Transform Algorithm="{EXC}"/>
      </ds:Transforms>
      <ds:DigestMethod Algorithm="{digest}"/>
      <ds:DigestValue/>
    </ds:Reference>
  </ds:SignedInfo>
  <ds:SignatureValue/>
  <ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo>
</ds:Signature>""".encode()
        + HEADER_END,
    )


def xmlsec1_signs(identity: Identity, method: str, digest: str, directory: Path) -> bytes:
    (directory / "template.xml").write_bytes(template(method, digest))
    (directory / "key.pem").write_bytes(identity.key_pem)
    for number, certificate in enumerate(identity.chain):
        (directory / f"{number}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    files = ",".join(["key.pem", *(f"{number}.pem" for number in range(len(identity.chain)))])
    done = run(directory, "xmlsec1", "--sign", "--output", "out.xml", "--privkey-pem", files, "template.xml")
    assert done.returncode == 0, done.stderr
    return (directory / "out.xml").read_bytes()


METHODS: list[tuple[KeyKind, str, DigestName]] = [
    ("rsa2048", "rsa-sha256", "sha256"),
    ("rsa2048", "rsa-sha384", "sha384"),
    ("rsa2048", "rsa-sha512", "sha512"),
    ("rsa3072", "rsa-sha256", "sha512"),
    ("p256", "ecdsa-sha256", "sha256"),
    ("p256", "ecdsa-sha256", "sha512"),
    ("p384", "ecdsa-sha384", "sha384"),
    ("p521", "ecdsa-sha512", "sha512"),
    ("p521", "ecdsa-sha512", "sha256"),
]


@pytest.mark.parametrize(("key", "method", "digest"), METHODS)
def test_we_verify_what_xmlsec1_signs(
    register: Register, tmp_path: Path, key: KeyKind, method: str, digest: DigestName
) -> None:
    identity = register.identity("H33.02", key)
    body = xmlsec1_signs(identity, MORE + method, SHA[digest], tmp_path)
    signed = judged(body, register)
    assert signed.root.tag == ROOT
    assert (signed.path.leaf, signed.digest) == (identity.certificate, digest)
    with pytest.raises(Refused) as refusal:
        judged(body.replace(b"<edXML:Priority>1<", b"<edXML:Priority>2<"), register)
    assert refusal.value.code == "signature-digest"


@pytest.mark.parametrize(("key", "method", "digest"), METHODS)
def test_xmlsec1_verifies_what_we_sign_and_verify(
    register: Register, tmp_path: Path, key: KeyKind, method: str, digest: DigestName
) -> None:
    identity = register.identity("H33.02", key)
    body = seal(message(), identity, Form(method=MORE + method, digest=SHA[digest]))
    assert judged(body, register).digest == digest
    assert xmlsec1_verifies(body, register, tmp_path)
    assert not xmlsec1_verifies(body.replace(b"H33.90", b"H33.91"), register, tmp_path)


@pytest.mark.parametrize(
    ("key", "method"),
    [("p256", "ecdsa-sha384"), ("p256", "ecdsa-sha512"), ("p384", "ecdsa-sha256"), ("p521", "ecdsa-sha384")],
)
def test_a_right_signature_with_a_digest_foreign_to_its_curve_is_refused(
    register: Register, tmp_path: Path, key: KeyKind, method: str
) -> None:
    body = xmlsec1_signs(register.identity("H33.02", key), MORE + method, SHA["sha256"], tmp_path)
    assert xmlsec1_verifies(body, register, tmp_path)
    with pytest.raises(Refused) as refusal:
        judged(body, register)
    assert refusal.value.code == "signature-algorithm"


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_openssl_verifies_our_pss_value_over_the_canonical_signed_info(
    register: Register, tmp_path: Path, digest: DigestName
) -> None:
    """xmlsec1 1.2 has no PSS."""
    identity = register.identity("H33.02", "rsa2048")
    body = sign(message(), identity.signer, digest=digest, pss=True)
    assert judged(body, register).algorithm == f"RSASSA-PSS-{digest.upper()}"
    signed_info = next(etree.fromstring(body).iter(f"{{{DSIG}}}SignedInfo"))
    value = re.search(rb"<ds:SignatureValue>(.*?)<", body)
    assert value is not None
    public = identity.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    octets = etree.tostring(signed_info, method="c14n", exclusive=True, with_tail=False)
    for name, content in (("key.pem", public), ("info", octets), ("value", base64.b64decode(value[1]))):
        (tmp_path / name).write_bytes(content)
    options = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
    command = ("openssl", "dgst", f"-{digest}", *options, "-verify", "key.pem", "-signature", "value", "info")
    assert run(tmp_path, *command).stdout == "Verified OK\n"
    (tmp_path / "info").write_bytes(octets.replace(b'URI=""', b'URI="#"'))
    assert run(tmp_path, *command).returncode != 0


@pytest.mark.parametrize(
    ("key", "digest", "pss"),
    [("rsa2048", name, pss) for name in ("sha256", "sha384", "sha512") for pss in (False, True)]
    + [("p256", None, False), ("p384", None, False), ("p521", None, False), ("rsa3072", "sha256", True)],
)
def test_we_verify_all_that_we_sign_and_nothing_that_was_changed(
    register: Register, key: KeyKind, digest: DigestName | None, pss: bool
) -> None:
    identity = register.identity("H33.02", key)
    body = sign(message(), identity.signer, digest=digest, pss=pss)
    signed = judged(body, register)
    assert signed.path.certificates == (*identity.chain, register.pki.root.certificate)
    assert list(signed.root.iter(f"{{{DSIG}}}*")) == []  # only what was signed may be read
    with pytest.raises(Refused) as refusal:
        judged(body.replace(b"H33.90", b"H33.91"), register)
    assert refusal.value.code == "signature-digest"


def test_what_xmlsec1_takes_for_signed_though_attachments_are_not_covered_is_refused(tmp_path: Path) -> None:
    """The attack is real: a full implementation obeys the transform, and a changed attachment passes it."""
    bench = Bench.create()
    attack = next(one for one in TRANSFORMS if one.name == "XPath that leaves the attachments out")
    body = attack.forge(bench)
    exchanged = within(body, "JVBER", "AAAAA")
    for one in (body, exchanged):
        assert xmlsec1_verifies(one, bench.register, tmp_path)
        with pytest.raises(Refused) as refusal:
            judged(one, bench.register)
        assert refusal.value.code == "signature-transform"
