"""edXML writing and signing against two other implementations: xmlsec1 and signxml."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier

from adapters.sandbox.pki import Flaw, KeyKind, Pki
from hub.envelope.writing import (
    NAMESPACE,
    Business,
    Letter,
    OutgoingAttachment,
    Party,
    Reference,
    Signatory,
    Staff,
    StatusReport,
    document_message,
    status_message,
)
from hub.problems import Misconfigured, Refused
from hub.signatures.sign import DigestName, sign, without_signatures

Q = f"{{{NAMESPACE}}}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
SIGNED_AT = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


def letter(**changes: object) -> Letter:
    given_: dict[str, object] = {
        "sender": Party("H33.02", "Sở Nội vụ", address="Số 1 <Trần Phú> & Lê Lợi"),
        "recipients": (Party("H33.90", "Đơn vị A"), Party("H33.91", "Đơn vị B")),
        "number": "128",
        "notation": "SNV-VP",
        "promulgated": date(2026, 3, 2),
        "subject": 'V/v báo cáo "quý I" & kế hoạch <2026>',
        "attachments": (OutgoingAttachment("Công văn.pdf", PDF, "application/pdf", content_id="a1"),),
        "signatory": Signatory("Người ký", "Giám đốc", "TM."),
        "due": date(2026, 3, 20),
        "priority": 2,
        "answers": (Reference("G09", "G09,2026/01/05,7/BNV-VP", "7/BNV-VP", date(2026, 1, 5)),),
        "to_places": ("Như trên", "Lưu: VT"),
        "written_at": SIGNED_AT,
    }
    return Letter(**{**given_, **changes})  # type: ignore[arg-type] # a test's table of fields


def texts(root: etree._Element, path: str) -> list[str | None]:
    return [element.text for element in root.findall(path.replace("q:", Q))]


def test_a_letter_says_what_it_was_given_under_the_prefixes_of_the_field() -> None:
    message = document_message(letter())
    root = etree.fromstring(message)
    header = "q:edXMLEnvelope/q:edXMLHeader/q:MessageHeader/"
    assert texts(root, header + "q:To/q:OrganId") == ["H33.90", "H33.91"]
    assert texts(root, header + "q:DocumentId") == ["H33.02,2026/03/02,128/SNV-VP"]
    assert texts(root, header + "q:Subject") == ['V/v báo cáo "quý I" & kế hoạch <2026>']
    assert texts(root, header + "q:From/q:OrganAdd") == ["Số 1 <Trần Phú> & Lê Lợi"]
    assert texts(root, header + "q:ResponseFor/q:Code") == ["7/BNV-VP"]
    assert texts(root, header + "q:OtherInfo/q:Priority") == ["2"]
    assert texts(root, header + "q:DueDate") == ["2026/03/20"]
    trace = "q:edXMLEnvelope/q:edXMLHeader/q:TraceHeaderList/"
    assert texts(root, trace + "q:TraceHeader/q:Timestamp") == ["2026/03/02 08:02:03"]  # UTC+7
    assert texts(root, trace + "q:Bussiness/q:BussinessDocType") == ["0"]
    assert texts(root, "q:edXMLEnvelope/q:edXMLBody/q:edXMLManifest/q:Reference/q:ContentId") == ["cid:a1"]
    assert texts(root, "q:AttachmentEncoded/q:Attachment/q:AttachmentName") == ["Công văn.pdf"]
    encoded = texts(root, "q:AttachmentEncoded/q:Attachment/q:ContentTransferEncoded")
    assert base64.b64decode(encoded[0] or "", validate=True) == PDF
    for literal in (
        b'<edXML xmlns="' + NAMESPACE.encode(),
        b"<edXML:OrganId>",
        b"<AttachmentEncoded>",
        b"<Attachment>",
    ):
        assert literal in message


def test_update_and_replacement_name_their_receivers_and_predecessors() -> None:
    business = Business(
        type=3,
        reason="Thay thế",
        document_id="H33.02,2026/01/01,1/SNV",
        staff=Staff("Văn thư", "Văn phòng"),
        document_changed=True,
        receivers={"H33.90": 0, "H33.07": 1},
        replaces={"H33.02,2026/01/01,1/SNV": ("H33.90", "H33.91")},
    )
    root = etree.fromstring(document_message(letter(business=business)))
    found = root.find(f"{Q}edXMLEnvelope/{Q}edXMLHeader/{Q}TraceHeaderList/{Q}Bussiness")
    assert found is not None
    info = "q:BussinessDocumentInfo/"
    assert texts(found, info + "q:ReceiverList/q:Receiver/q:ReceiverType") == ["0", "1"]
    assert texts(found, info + "q:DocumentInfo") == ["1"]
    assert texts(found, "q:ReplacementInfoList/q:ReplacementInfo/q:OrganIdList/q:OrganId") == ["H33.90", "H33.91"]
    assert texts(found, "q:StaffInfo/q:Department") == ["Văn phòng"]


def test_a_status_message_has_no_body_and_names_what_it_answers() -> None:
    about = Reference("G09", "G09,2026/01/05,7/BNV-VP", "7/BNV-VP", date(2026, 1, 5))
    report = StatusReport(Party("H33.90", "Đơn vị A"), about, "03", "Đã vào sổ", SIGNED_AT)
    root = etree.fromstring(status_message(report))
    header = "q:edXMLEnvelope/q:edXMLHeader/q:MessageHeader/"
    assert texts(root, header + "q:StatusCode") == ["03"]
    assert texts(root, header + "q:ResponseFor/q:DocumentId") == ["G09,2026/01/05,7/BNV-VP"]
    assert texts(root, header + "q:Timestamp") == ["2026/03/02 08:02:03"]
    assert root.find(f".//{Q}edXMLBody") is None


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_text_comes_back_from_a_parser_or_is_refused_by_name(text: str) -> None:
    carried = all(c in "\t\n\r" or ("\x20" <= c <= "\ufffd") or c >= "\U00010000" for c in text)
    if not carried:
        with pytest.raises(Refused, match="cannot carry"):
            document_message(letter(subject=text))
        return
    root = etree.fromstring(document_message(letter(subject=text)))
    assert texts(root, "q:edXMLEnvelope/q:edXMLHeader/q:MessageHeader/q:Subject") == [text]


ALGORITHMS: list[tuple[KeyKind, DigestName | None, bool, SignatureMethod]] = [
    ("rsa2048", None, False, SignatureMethod.RSA_SHA256),
    ("rsa2048", "sha384", False, SignatureMethod.RSA_SHA384),
    ("rsa3072", "sha512", False, SignatureMethod.RSA_SHA512),
    ("rsa2048", "sha256", True, SignatureMethod.SHA256_RSA_MGF1),
    ("rsa2048", "sha384", True, SignatureMethod.SHA384_RSA_MGF1),
    ("rsa2048", "sha512", True, SignatureMethod.SHA512_RSA_MGF1),
    ("p256", None, False, SignatureMethod.ECDSA_SHA256),
    ("p384", None, False, SignatureMethod.ECDSA_SHA384),
    ("p521", None, False, SignatureMethod.ECDSA_SHA512),
]


def verify_with_signxml(signed: bytes, pki: Pki, method: SignatureMethod, tmp_path: Path) -> etree._Element:
    anchor = tmp_path / "root.pem"
    anchor.write_bytes(pki.anchor_pem)
    configuration = SignatureConfiguration(
        location=f"./{Q}edXMLEnvelope/{Q}edXMLHeader/",
        expect_references=1,
        signature_methods=frozenset({method}),
        digest_algorithms=frozenset(DigestAlgorithm),
    )
    result = XMLVerifier().verify(signed, ca_pem_file=str(anchor), expect_config=configuration)
    assert not isinstance(result, list)
    assert result.signed_xml is not None
    return result.signed_xml


def verify_with_xmlsec1(signed: bytes, pki: Pki, tmp_path: Path) -> int:
    files = {"signed.xml": signed, "root.pem": pki.anchor_pem, "issuing.pem": pki.issuing.certificate_pem}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = ["xmlsec1", "--verify", "--enabled-key-data", "x509", "--enabled-reference-uris", "empty"]
    command += ["--trusted-pem", "root.pem", "--untrusted-pem", "issuing.pem", "signed.xml"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60).returncode


@pytest.mark.parametrize(("key", "digest", "pss", "method"), ALGORITHMS, ids=str)
def test_every_permitted_algorithm_verifies_elsewhere(
    pki: Pki, tmp_path: Path, key: KeyKind, digest: DigestName | None, pss: bool, method: SignatureMethod
) -> None:
    identity = pki.issue("H33.02", "Sở Nội vụ", key=key)
    message = document_message(letter())
    signed = sign(message, identity.signer, digest=digest, pss=pss)
    root = verify_with_signxml(signed, pki, method, tmp_path)
    assert root.tag == f"{Q}edXML"
    tampered = signed.replace(b"<edXML:Priority>2<", b"<edXML:Priority>3<")
    assert tampered != signed
    if not pss:  # xmlsec1 1.2 has no PSS
        assert shutil.which("xmlsec1"), "the Debian package xmlsec1 is needed"
        assert verify_with_xmlsec1(signed, pki, tmp_path) == 0
        assert verify_with_xmlsec1(tampered, pki, tmp_path) != 0


def test_signing_leaves_every_other_byte_alone_and_keeps_to_the_profile(pki: Pki) -> None:
    message = document_message(letter())
    signed = sign(message, pki.issue("H33.02", "Sở Nội vụ").signer)
    found = re.search(rb"<ds:Signature .*?</ds:Signature>(?=</edXML:edXMLHeader>)", signed, re.S)
    assert found is not None
    assert signed[: found.start()] + signed[found.end() :] == message
    assert without_signatures(signed) == message
    header = etree.fromstring(signed).find(f"{Q}edXMLEnvelope/{Q}edXMLHeader")
    assert header is not None
    signature = header[-1]
    assert [child.tag for child in signature] == [f"{DS}SignedInfo", f"{DS}SignatureValue", f"{DS}KeyInfo"]
    assert [child.tag for child in signature[0]] == [
        f"{DS}CanonicalizationMethod",
        f"{DS}SignatureMethod",
        f"{DS}Reference",
    ]
    assert signature[0][2].get("URI") == ""
    assert [child.tag for child in signature[2]] == [f"{DS}X509Data"]
    assert [child.tag for child in signature[2][0]] == [f"{DS}X509Certificate"] * 2
    transforms = [transform.get("Algorithm") for transform in signature[0][2][0]]
    assert transforms == [
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    ]


def test_a_message_with_a_byte_order_mark_and_a_dummy_signature_can_be_signed(pki: Pki, tmp_path: Path) -> None:
    dummy = b"<Signature><SignedInfo/><KeyInfo>x</KeyInfo></Signature> <Signature/>"
    message = document_message(letter())
    with_dummy = b"\xef\xbb\xbf" + message.replace(b"</edXML:edXMLHeader>", dummy + b"</edXML:edXMLHeader>")
    identity = pki.issue("H33.02", "Sở Nội vụ")
    with pytest.raises(Refused, match="already"):
        sign(with_dummy, identity.signer)
    stripped = without_signatures(with_dummy)
    assert stripped == b"\xef\xbb\xbf" + message.replace(b"</edXML:edXMLHeader>", b" </edXML:edXMLHeader>")
    assert verify_with_xmlsec1(sign(stripped, identity.signer), pki, tmp_path) == 0


def test_an_attachment_beyond_ten_million_characters_can_be_signed(pki: Pki) -> None:
    big = OutgoingAttachment("lớn.bin", bytes(9_000_000))
    signed = sign(document_message(letter(attachments=(big,))), pki.issue("H33.02", "Sở Nội vụ").signer)
    assert signed.count(b"<ds:Signature ") == 1
    assert len(signed) > 12_000_000


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"<!DOCTYPE edXML><edXML/>", "xml-dtd"),
        (b"<edXML><!-- x --></edXML>", "xml-comment"),
        (b"<edXML><?x y?></edXML>", "xml-processing"),
        (b"<edXML><![CDATA[x]]></edXML>", "xml-cdata"),
        (b"<edXML>", "xml-malformed"),
        (b"<edXML/>", "no edXMLHeader"),
        ('<?xml version="1.0" encoding="UTF-16"?><edXML/>'.encode("utf-16"), "UTF-16"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><edXML/>', "ISO-8859-1"),
        (
            f'<edXML xmlns="{NAMESPACE}"><edXMLEnvelope><edXMLHeader/></edXMLEnvelope></edXML>'.encode(),
            "no edXMLHeader",
        ),
    ],
)
def test_what_profile_strict_cannot_carry_is_not_signed(pki: Pki, message: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        sign(message, pki.issue("H33.02", "Sở Nội vụ").signer)


def test_a_key_signs_only_with_what_belongs_to_it(pki: Pki) -> None:
    message = document_message(letter())
    identity = pki.issue("H33.02", "Sở Nội vụ", key="p384")
    with pytest.raises(Refused, match="sha384"):
        sign(message, identity.signer, digest="sha256")
    with pytest.raises(Refused, match="ECDSA"):
        sign(message, identity.signer, pss=True)
    with pytest.raises(Refused, match="not permitted"):
        sign(message, pki.issue("H33.02", "Sở Nội vụ", flaw=Flaw.ODD_CURVE).signer)
    other = pki.issue("H33.07", "Sở Tài chính")
    with pytest.raises(Misconfigured, match="does not belong"):
        type(identity.signer)(identity.key, other.chain)
