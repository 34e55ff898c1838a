"""Two other implementations, asked whether a signature holds, and ours: parse, shape and arithmetic, without trust."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier
from signxml.exceptions import SignXMLException

from hub import clock
from hub.envelope.hardening import parse
from hub.problems import Refused
from hub.signatures.mathematics import canonical, check_mathematics
from hub.signatures.shape import shape_of, signature_of
from hub.signatures.verify import verify
from tests.intake.register import Register

# every other refusal is a rule of the profile, which other implementations do not have
ARITHMETIC = ("signature-invalid", "signature-digest")


@dataclass(frozen=True)
class Answer:
    """``code`` of the refusal, empty where the signature holds for the ``octets``; ``first`` certificate as sent."""

    code: str = ""
    octets: bytes = b""
    first: x509.Certificate | None = None


def ours(body: bytes) -> Answer:
    """Whether the value was made with the first certificate's key over this document."""
    first = None
    try:
        signature = signature_of(parse(body))
        shape = shape_of(signature)
        try:
            first = x509.load_der_x509_certificate(shape.chain[0])
            _ = (first.public_key(), first.subject, first.not_valid_before_utc, first.not_valid_after_utc)
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
            return Answer("certificate-malformed")
        content, octets = check_mathematics(signature, shape, first)
    except Refused as refusal:
        return Answer(refusal.code, first=first)
    signed = canonical(content)
    assert len(signed) == octets
    return Answer(octets=signed, first=first)


def trusted(body: bytes, register: Register) -> bool:
    """Whether the letter is verified as it is in acceptance, its certificates too."""
    assert register.store is not None
    try:
        verify(parse(body), register.store, clock.now())
    except Refused:
        return False
    return True


def signxml_holds(body: bytes, certificate: x509.Certificate) -> bytes | None:
    """What signxml says was signed with this certificate's key; None where it refuses."""
    configuration = SignatureConfiguration(
        location=".//",
        signature_methods=frozenset(SignatureMethod),
        digest_algorithms=frozenset(DigestAlgorithm),
        verification_time=certificate.not_valid_before_utc,
    )
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        result = XMLVerifier().verify(body, x509_cert=certificate, expect_config=configuration, parser=parser)
    except (SignXMLException, etree.LxmlError, ValueError):
        return None
    assert not isinstance(result, list), "one reference was asked for"
    return result.signed_data


class Xmlsec1:
    """xmlsec1 with the anchor of a register; it needs the chain in the document."""

    def __init__(self, directory: Path, register: Register) -> None:
        self._directory = directory
        (directory / "root.pem").write_bytes(register.pki.anchor_pem)
        (directory / "ca.pem").write_bytes(register.pki.issuing.certificate_pem)

    def holds(self, body: bytes) -> bool:
        (self._directory / "signed.xml").write_bytes(body)
        trust = ("--trusted-pem", "root.pem", "--untrusted-pem", "ca.pem")
        command = ("xmlsec1", "--verify", "--enabled-key-data", "x509", *trust, "signed.xml")
        done = subprocess.run(command, cwd=self._directory, capture_output=True, check=False, timeout=60)
        return done.returncode == 0
