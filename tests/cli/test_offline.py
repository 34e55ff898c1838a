"""What the command line does without a hub: help, signing, verifying, exit codes."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.client import ContentFiles
from adapters.client.profile import Profile, write_private
from adapters.sandbox.documents import simple_pdf
from adapters.sandbox.pki import Flaw, Pki
from hub.cli.taking import safe_name, save
from hub.envelope.hardening import parse
from hub.envelope.reading import read_document
from hub.problems import Refused
from hub.signatures.jws import HubKey
from tests.cli.command import lienthong


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


@pytest.fixture
def profile(pki: Pki, tmp_path: Path) -> Path:
    identity = pki.issue("H33.90", "Đơn vị thử nghiệm A")
    write_private(tmp_path / "key.pem", identity.key_pem)
    write_private(tmp_path / "chain.pem", identity.chain_pem)
    (tmp_path / "anchor.pem").write_bytes(pki.anchor_pem)
    (tmp_path / "lists.pem").write_bytes(pki.crls_pem)
    file = tmp_path / "profile.toml"
    Profile(
        hub="http://127.0.0.1:9",
        client_id="a",
        client_secret="b",
        agency="H33.90",
        name="Đơn vị thử nghiệm A",
        key=tmp_path / "key.pem",
        certificates=tmp_path / "chain.pem",
    ).save(file)
    return file


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    file = tmp_path / "Công văn số 5.pdf"
    file.write_bytes(simple_pdf("Công văn", [["xin chao"]]))
    return file


def test_help_names_the_commands_and_comes_at_once() -> None:
    started = time.monotonic()
    outcome = lienthong("--help")
    assert time.monotonic() - started < 2.0  # 0.2 s on an idle machine
    assert outcome.code == 0
    for command in ("sign", "send", "inbox", "status", "receipts", "verify"):
        assert command in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["send"],
        ["status", "d1"],
        ["inbox"],
        ["sign", "/no/such/file", "-o", "x"],
    ],
)
def test_misuse_leaves_with_2(arguments: list[str]) -> None:
    assert lienthong(*arguments).code == 2


def test_a_profile_that_others_can_read_is_misuse(profile: Path) -> None:
    profile.chmod(0o644)
    outcome = lienthong("inbox", "--as", profile)
    assert outcome.code == 2
    assert "chmod 600" in outcome.err


def test_an_unreachable_hub_leaves_with_1_and_says_so(profile: Path) -> None:
    outcome = lienthong("status", "d1", "03", LIENTHONG_PROFILE=str(profile))
    assert outcome.code == 1
    assert "cannot be reached" in outcome.err
    told = lienthong("status", "d1", "03", "--json", LIENTHONG_PROFILE=str(profile))
    assert told.code == 1
    assert told.json["code"] == "hub-unreachable"


def test_documents_become_a_signed_envelope_that_verifies(profile: Path, pdf: Path, tmp_path: Path) -> None:
    target = tmp_path / "letter.edxml"
    outcome = lienthong(
        *("sign", pdf, "--to", "H33.02", "--to", "H33.91", "--subject", "V/v thử nghiệm", "--type", "báo cáo"),
        *("--number", "12", "--notation", "BC-ĐVA", "--date", "02/03/2026", "--due", "2026-03-09", "--priority", "2"),
        *("--as", profile, "-o", target, "--json"),
    )
    assert (outcome.code, outcome.err) == (0, "")
    content = target.read_bytes()
    assert outcome.json["sha256"] == hashlib.sha256(content).hexdigest()
    letter = read_document(parse(content))
    assert [party.code for party in letter.recipients] == ["H33.02", "H33.91"]
    assert (letter.document_id, letter.document_type) == ("H33.90,2026/03/02,12/BC-ĐVA", "Báo cáo")
    assert (letter.priority, letter.due_date, letter.subject) == ("2", "2026/03/09", "V/v thử nghiệm")
    assert base64.b64decode(letter.attachments[0].encoded) == pdf.read_bytes()
    anchors = ("--anchor", tmp_path / "anchor.pem", "--crl", tmp_path / "lists.pem")
    verified = lienthong("verify", target, *anchors, "--json")
    assert verified.code == 0
    assert verified.json["revocation"] == "good"
    target.write_bytes(content.replace(b"<edXML:Priority>2<", b"<edXML:Priority>3<"))
    refused = lienthong("verify", target, *anchors)
    assert refused.code == 1
    assert "[signature-digest]" in refused.err


def test_an_envelope_is_signed_once_and_again_only_when_asked(profile: Path, pdf: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.edxml", tmp_path / "2.edxml"
    assert lienthong("sign", pdf, "--to", "H33", "--as", profile, "-o", first).code == 0
    again = lienthong("sign", first, "--as", profile, "-o", second)
    assert again.code == 1
    assert "[signature-multiple]" in again.err
    assert lienthong("sign", first, "--as", profile, "-o", second, "--replace-signature").code == 0
    assert second.read_bytes().count(b"<ds:Signature ") == 1


def test_a_letter_to_nobody_and_an_unknown_type_are_misuse(profile: Path, pdf: Path, tmp_path: Path) -> None:
    arguments = ("sign", pdf, "--as", profile, "-o", tmp_path / "x.edxml")
    assert lienthong(*arguments).code == 2
    assert lienthong(*arguments, "--to", "H33", "--type", "Thư tình").code == 2
    assert not (tmp_path / "x.edxml").exists()


def test_a_wrong_certificate_is_named(pki: Pki, profile: Path, pdf: Path, tmp_path: Path) -> None:
    identity = pki.issue("H33.90", "Đơn vị thử nghiệm A", flaw=Flaw.EXPIRED)
    write_private(tmp_path / "key.pem", identity.key_pem)
    write_private(tmp_path / "chain.pem", identity.chain_pem)
    target = tmp_path / "x.edxml"
    assert lienthong("sign", pdf, "--to", "H33", "--as", profile, "-o", target).code == 0
    outcome = lienthong("verify", target, "--anchor", tmp_path / "anchor.pem")
    assert outcome.code == 1
    assert "[certificate-expired]" in outcome.err


def test_a_receipt_verifies_on_paper_and_against_its_envelope(tmp_path: Path) -> None:
    key = HubKey(Ed25519PrivateKey.generate())
    (tmp_path / "letter.edxml").write_bytes(b"<edXML/>")
    jws = key.sign({"event": "envelope.accepted", "sha256": hashlib.sha256(b"<edXML/>").hexdigest()})
    (tmp_path / "answer.json").write_text(json.dumps({"id": "1", "acknowledgement": jws}), encoding="utf-8")
    (tmp_path / "bare.jws").write_text(jws + "\n", encoding="utf-8")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk]}), encoding="utf-8")
    (tmp_path / "other.json").write_text(
        json.dumps({"keys": [HubKey(Ed25519PrivateKey.generate()).jwk]}), encoding="utf-8"
    )
    good = ("--jwks", tmp_path / "jwks.json")
    assert lienthong("verify", tmp_path / "answer.json", *good, "--of", tmp_path / "letter.edxml").code == 0
    assert lienthong("verify", tmp_path / "bare.jws", *good, "--json").json["event"] == "envelope.accepted"
    assert lienthong("verify", tmp_path / "bare.jws", *good, "--of", tmp_path / "jwks.json").code == 1
    assert lienthong("verify", tmp_path / "bare.jws", "--jwks", tmp_path / "other.json").code == 1


def test_proofs_without_the_log_s_key_are_misuse(profile: Path) -> None:
    """A key that comes from the hub itself would prove nothing: nobody is asked for it."""
    outcome = lienthong("receipts", "--as", profile, "--proofs")
    assert (outcome.code, "--log-key" in outcome.err) == (2, True)
    wrong = lienthong("receipts", "--as", profile, "--proofs", "--log-key", "not a key")
    assert (wrong.code, "[log-proof-invalid]" in wrong.err) == (1, True)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Công văn (1).pdf", "Công văn (1).pdf"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("..", "attachment"),
        ("a\x00b\\c:d.pdf", "a-b-c-d.pdf"),
        ("", "attachment"),
    ],
)
def test_a_strangers_file_name_cannot_leave_its_folder(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert "/" not in safe_name(name)


def test_a_long_file_name_keeps_its_ending() -> None:
    short = safe_name("ă" * 300 + ".pdf")
    assert short.endswith("ă.pdf")
    assert len(short.encode()) <= 200


def test_damaged_octets_are_not_saved(tmp_path: Path) -> None:
    delivery = {"sha256": "00", "document_id": "x", "number": "1", "notation": "A", "delivery": "d"}
    received = ContentFiles(tmp_path)
    received.begin({})
    received.write(b"<edXML/>")
    received.end()
    with pytest.raises(Refused, match="damaged"):
        save(delivery, received, tmp_path)  # type: ignore[arg-type]  # only what save reads
    assert list(tmp_path.iterdir()) == []
