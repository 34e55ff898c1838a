"""The main job with nothing of ours on the agencies' side: openssl, xmlsec1 and curl, as a stranger would try the hub.

The certificates are of the old-fashioned kind that real chains have: RSA, no alternative names, no extended key usage.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.entry import run
from tests.world import World, eventually

SENDER, RECIPIENT = "G09.10", "H33.44"
EDXML = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
OURS = "urn:lienthong:edxml:1"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
# an Ed25519 public key as SubjectPublicKeyInfo is this and 32 octets (RFC 8410)
ED25519 = bytes.fromhex("302a300506032b6570032100")

AUTHORITY = """
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
default_md = sha256
default_days = 365
default_crl_days = 7
policy = any
unique_subject = no
[any]
commonName = supplied
organizationName = optional
countryName = optional
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
authorityKeyIdentifier = keyid
"""

# as .NET senders write it: default namespace only, QCVN's order of elements, no cid:, xlink attributes, empty elements
LETTER = """<?xml version="1.0" encoding="utf-8"?>
<edXML xmlns="{edxml}"><edXMLEnvelope><edXMLHeader><MessageHeader>
<From><OrganId>{sender}</OrganId><OrganName>Bộ Giáo dục và Đào tạo</OrganName><Email></Email></From>
<To><OrganId>{recipient}</OrganId><OrganName>Sở Giáo dục</OrganName></To>
<Code><CodeNumber>{number}</CodeNumber><CodeNotation>BGDĐT-VP</CodeNotation></Code>
<PromulgationInfo><Place>Hà Nội</Place><PromulgationDate>2026/11/20</PromulgationDate></PromulgationInfo>
<DocumentType><Type>18</Type><TypeName>Công văn</TypeName></DocumentType>
<Subject>Về việc tổ chức kỳ thi</Subject><Content /><SignerInfo><FullName /></SignerInfo><DueDate></DueDate>
<OtherInfo><Priority>0</Priority></OtherInfo><ResponseFor /><SteeringType>0</SteeringType>
<DocumentId>{sender},2026/11/20,{number}/BGDĐT-VP</DocumentId>
</MessageHeader><TraceHeaderList><Bussiness><BussinessDocType>0</BussinessDocType></Bussiness></TraceHeaderList>
<ds:Signature xmlns:ds="{dsig}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{exc}"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="{dsig}enveloped-signature"/>
<ds:Transform Algorithm="{exc}"/></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>
<ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo></ds:Signature>
</edXMLHeader><edXMLBody><edXMLManifest version="1.0">
<Reference xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="cid:tep-1" xlink:type="simple">
<ContentId>tep-1</ContentId>
<AttachmentName>công văn.txt</AttachmentName><ContentType>text/plain</ContentType></Reference>
</edXMLManifest></edXMLBody></edXMLEnvelope>
<AttachmentEncoded><Attachment><ContentId>tep-1</ContentId><AttachmentName>công văn.txt</AttachmentName>
<ContentType>text/plain</ContentType><ContentTransferEncoded>{content}</ContentTransferEncoded></Attachment>
</AttachmentEncoded></edXML>
"""


@dataclass
class Bench:
    """A directory of files and the tools that work in it; ``url`` is the hub's."""

    directory: Path
    url: str

    def tool(self, *command: str) -> bytes:
        done = subprocess.run(command, cwd=self.directory, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        return done.stdout

    def curl(self, path: str, *options: str, token: str = "") -> Any:
        authorised = ("-H", f"Authorization: Bearer {token}") if token else ()
        answer = self.tool("curl", "-sS", *authorised, *options, self.url + path)
        return json.loads(answer)

    def token(self, system: dict[str, str]) -> str:
        credentials = f"{system['client_id']}:{system['client_secret']}"
        answer = self.curl("/oauth2/token", "-u", credentials, "-d", "grant_type=client_credentials")
        return str(answer["access_token"])

    def authority(self) -> None:
        (self.directory / "ca.cnf").write_text(AUTHORITY)
        (self.directory / "index.txt").write_text("")
        (self.directory / "serial").write_text("1000")
        (self.directory / "crlnumber").write_text("01")
        self.tool("openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                  "-days", "3650", "-subj", "/C=VN/O=Co quan chung thuc/CN=CA goc", "-config", "ca.cnf",
                  "-extensions", "root")  # fmt: skip
        self.revocation_list()

    def revocation_list(self) -> None:
        self.tool(
            "openssl", "ca", "-config", "ca.cnf", "-gencrl", "-cert", "ca.pem", "-keyfile", "ca.key", "-out", "crl.pem"
        )

    def certificate(self, name: str) -> None:
        self.tool("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                  "-subj", f"/C=VN/O=Co quan/CN={name}", "-config", "ca.cnf")  # fmt: skip
        self.tool("openssl", "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
                  "-in", f"{name}.csr", "-out", f"{name}.pem", "-extensions", "leaf")  # fmt: skip

    def letter(self, number: int, key: str) -> bytes:
        content = base64.b64encode("Kính gửi quý cơ quan.\n".encode() * 9).decode()
        text = LETTER.format(
            edxml=EDXML, dsig=DSIG, exc=EXC, sender=SENDER, recipient=RECIPIENT, number=number, content=content
        )
        (self.directory / "unsigned.xml").write_text(text, encoding="utf-8")
        self.tool(
            "xmlsec1", "--sign", "--output", "letter.edxml", "--privkey-pem", f"{key}.key,{key}.pem", "unsigned.xml"
        )
        return (self.directory / "letter.edxml").read_bytes()

    def letter_beside(self, number: int, key: str, content: bytes) -> bytes:
        """A letter whose attachment is not inside: digest and size of it stand in the manifest, under the signature."""
        self.letter(number, key)
        unsigned = (self.directory / "unsigned.xml").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        bound = f'<l:Digest xmlns:l="{OURS}">{digest}</l:Digest><l:Size xmlns:l="{OURS}">{len(content)}</l:Size>'
        beside = re.sub(r"<AttachmentEncoded>.*</AttachmentEncoded>", "", unsigned, flags=re.DOTALL)
        (self.directory / "unsigned.xml").write_text(
            beside.replace("</Reference>\n</edXML", f"{bound}</Reference>\n</edXML")
        )
        self.tool(
            "xmlsec1", "--sign", "--output", "letter.edxml", "--privkey-pem", f"{key}.key,{key}.pem", "unsigned.xml"
        )
        return (self.directory / "letter.edxml").read_bytes()

    def get(self, path: str, accept: str, token: str) -> bytes:
        """The octets, empty when there is nothing (yet)."""
        headers = ("-H", f"Authorization: Bearer {token}", "-H", f"Accept: {accept}")
        done = subprocess.run(("curl", "-sSf", *headers, self.url + path), capture_output=True, check=False, timeout=60)
        return done.stdout

    def post(self, token: str) -> Any:
        body = ("-H", "Content-Type: application/xml", "--data-binary", "@letter.edxml")
        return self.curl("/v1/envelopes", *body, token=token)

    def openssl_verifies(self, jws: str) -> dict[str, Any]:
        """The payload of a receipt whose Ed25519 signature openssl alone has checked with the published key."""
        header, payload, signature = jws.split(".")
        key_id = json.loads(decoded(header))["kid"]
        (key,) = [one for one in self.curl("/.well-known/jwks.json")["keys"] if one["kid"] == key_id]
        for name, octets in (
            ("hub.der", ED25519 + decoded(key["x"])),
            ("signed", f"{header}.{payload}".encode()),
            ("signature", decoded(signature)),
        ):
            (self.directory / name).write_bytes(octets)
        self.tool("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "hub.der", "-rawin",
                  "-in", "signed", "-sigfile", "signature")  # fmt: skip
        said: dict[str, Any] = json.loads(decoded(payload))
        return said


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("foreign")
    with World(directory / "world") as world:
        world.start()
        bench = Bench(directory, world.url)
        bench.authority()
        yield bench


@pytest.fixture(scope="module")
def systems(bench: Bench) -> dict[str, dict[str, str]]:
    """Everybody registered by the administrator's commands; client id and secret by agency."""

    def administer(*arguments: str) -> Any:
        outcome = run(*arguments, "--json", "--data", bench.directory / "world" / "data")
        assert outcome.code == 0, outcome.err
        return outcome.json

    for name in ("old", "new"):
        bench.certificate(name)
    bench.revocation_list()
    place = bench.directory
    administer("trust", "add", f"{place}/ca.pem", "--crl", f"{place}/crl.pem")
    made = {code: administer("system", "add", f"hệ thống {code}") for code in (SENDER, RECIPIENT)}
    system = ("--system", f"hệ thống {SENDER}")
    administer("agency", "add", SENDER, "Bộ Giáo dục", *system, "--certificate", f"{place}/old.pem")
    administer("agency", "certify", SENDER, f"{place}/new.pem")
    administer("agency", "add", RECIPIENT, "Sở Giáo dục", "--system", f"hệ thống {RECIPIENT}")
    eventually(lambda: bench.curl("/v1/capabilities")["signature"]["anchors"].count("CA goc"))
    return made


def test_a_letter_goes_from_xmlsec1_to_curl_and_openssl_verifies_every_receipt(
    bench: Bench, systems: dict[str, dict[str, str]]
) -> None:
    sender, recipient = (bench.token(systems[code]) for code in (SENDER, RECIPIENT))
    letter = bench.letter(1, "old")
    accepted = bench.post(sender)
    acknowledgement = bench.openssl_verifies(accepted["acknowledgement"])
    assert acknowledgement["sha256"] == hashlib.sha256(letter).hexdigest()
    assert acknowledgement["document_id"] == f"{SENDER},2026/11/20,1/BGDĐT-VP"
    (taken,) = eventually(lambda: bench.curl("/v1/inbox?wait=5", token=recipient)["deliveries"])
    content = bench.tool(
        "curl", "-sS", "-H", f"Authorization: Bearer {recipient}", bench.url + taken["links"]["content"]
    )
    assert content == letter
    json_type = ("-H", "Content-Type: application/json", "-d", json.dumps({"lease": taken["lease"]["id"]}))
    settled = bench.curl(taken["links"]["settle"], *json_type, token=recipient)
    receipt = bench.openssl_verifies(settled["receipt"])
    assert (receipt["event"], receipt["recipient"]) == ("delivery.settled", RECIPIENT)
    assert receipt["sha256"] == hashlib.sha256(letter).hexdigest()


def test_an_attachment_beside_the_document_is_put_together_by_hand_and_comes_back_by_curl(
    bench: Bench, systems: dict[str, dict[str, str]]
) -> None:
    """multipart/related as other libraries write it: angle brackets, start, a transfer encoding, CRLF before all."""
    sender, recipient = (bench.token(systems[code]) for code in (SENDER, RECIPIENT))
    content = "Phụ lục kèm theo công văn.\n".encode() * 2000
    root = bench.letter_beside(7, "new", content)
    head = ("--ranh-gioi", "Content-Type: application/xml; charset=UTF-8", "Content-ID: <goc@bo.example>",
            "Content-Transfer-Encoding: binary", "", "")  # fmt: skip
    between = ("", "--ranh-gioi", "Content-Type: text/plain", "Content-ID: <tep-1>", "", "")
    pieces = ("\r\n".join(("", *head)), root, "\r\n".join(between), content, "\r\n--ranh-gioi--\r\n")
    body = b"".join(piece if isinstance(piece, bytes) else piece.encode() for piece in pieces)
    (bench.directory / "body").write_bytes(body)
    kind = 'multipart/related; type="application/xml"; start="<goc@bo.example>"; boundary="ranh-gioi"'
    accepted = bench.curl("/v1/envelopes", "-H", f"Content-Type: {kind}", "--data-binary", "@body", token=sender)
    assert bench.openssl_verifies(accepted["acknowledgement"])["sha256"] == hashlib.sha256(root).hexdigest()
    letter = f"/v1/envelopes/{accepted['id']}"
    for path, accept, wanted in (
        (f"{letter}/content", "application/xml", root),
        (f"{letter}/attachments/tep-1", "*/*", content),
    ):
        found = eventually(lambda path=path, accept=accept: bench.get(path, accept, recipient))
        assert found == wanted
    whole = bench.get(f"{letter}/content", "multipart/related", recipient)
    assert root in whole
    assert content in whole
    changed = body.replace(b"\r\nPh", b"\r\nph", 1)
    (bench.directory / "body").write_bytes(changed)
    refused = bench.curl("/v1/envelopes", "-H", f"Content-Type: {kind}", "--data-binary", "@body", token=sender)
    assert refused["code"] == "attachment-digest"


def test_both_certificates_sign_while_one_replaces_the_other(bench: Bench, systems: dict[str, dict[str, str]]) -> None:
    sender = bench.token(systems[SENDER])
    for number, key in ((2, "old"), (3, "new")):
        bench.letter(number, key)
        assert "acknowledgement" in bench.post(sender)


def test_a_certificate_that_openssl_revoked_signs_no_more(bench: Bench, systems: dict[str, dict[str, str]]) -> None:
    bench.tool("openssl", "ca", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-revoke", "old.pem")
    bench.revocation_list()
    added = run("trust", "add", bench.directory / "ca.pem", "--crl", bench.directory / "crl.pem",
                "--data", bench.directory / "world" / "data")  # fmt: skip
    assert added.code == 0, added.err
    sender = bench.token(systems[SENDER])

    def refused() -> Any:
        bench.letter(4, "old")
        body = ("-H", "Content-Type: application/xml", "--data-binary", "@letter.edxml")
        report = bench.curl("/v1/envelopes:check", *body, token=sender)
        return report if report["verdict"] == "refused" else None

    report = eventually(refused)
    assert [one["code"] for one in report["findings"]] == ["certificate-revoked"]
    assert bench.post(sender)["code"] == "certificate-revoked"
    bench.letter(5, "new")
    assert "acknowledgement" in bench.post(sender)


def test_what_was_changed_after_xmlsec1_signed_is_refused_with_a_signed_proof(
    bench: Bench, systems: dict[str, dict[str, str]]
) -> None:
    letter = bench.letter(6, "new")
    (bench.directory / "letter.edxml").write_bytes(letter.replace(b">6</CodeNumber>", b">7</CodeNumber>"))
    answer = bench.post(bench.token(systems[SENDER]))
    assert answer["code"] == "signature-digest"
    refusal = bench.openssl_verifies(answer["refusal"])
    assert refusal["sha256"] == hashlib.sha256((bench.directory / "letter.edxml").read_bytes()).hexdigest()
