"""Signing an edXML message by profile ``strict``; the rest of the message stays byte for byte as it was.

Implements: XML Signature 1.1 with exclusive C14N (RFC 3741) and the algorithm identifiers of RFC 9231, as narrowed by
the profile (DESIGN, "Signature profile strict"). The Signature element is inserted into the text of the message:
re-serialising would lose the literal prefixes that receivers depend on.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from xml.parsers import expat

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree

from hub.problems import Misconfigured, Refused

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DigestName = Literal["sha256", "sha384", "sha512"]

_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = _DSIG + "enveloped-signature"
_QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
_HEADER_END = re.compile(rb"</(?:[^:<>\s]+:)?edXMLHeader\s*>")
_HEADER_PATH = [f"{_QCVN} edXML", f"{_QCVN} edXMLEnvelope", f"{_QCVN} edXMLHeader"]

_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_DIGEST_METHODS = {
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha384": "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
}
_CURVE_DIGESTS: dict[str, DigestName] = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its certificate chain, leaf first, without the trust anchor."""

    key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.chain) <= 5:
            raise Misconfigured("settings-invalid", "a signer needs one to five certificates, leaf first")
        if self.chain[0].public_key() != self.key.public_key():
            raise Misconfigured("settings-invalid", "the first certificate does not belong to the private key")

    @classmethod
    def from_pem(cls, key: bytes, chain: bytes, password: bytes | None = None) -> Signer:
        """Read PEM files; raises ``Misconfigured`` for anything but RSA and EC keys, or a chain that does not fit."""
        try:
            private = load_pem_private_key(key, password)
            certificates = tuple(x509.load_pem_x509_certificates(chain))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Misconfigured("settings-invalid", f"the key or certificate file cannot be read: {error}") from error
        if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise Misconfigured("settings-invalid", "only RSA and EC keys sign envelopes")
        return cls(private, certificates)


@dataclass(frozen=True, slots=True)
class _Places:
    """Byte offsets in a message: where the header's end tag starts, and each Signature found in the header."""

    insertion: int
    signatures: tuple[tuple[int, int], ...]


def sign(message: bytes, signer: Signer, *, digest: DigestName | None = None, pss: bool = False) -> bytes:
    """Return ``message`` with one ``ds:Signature`` as the last child of ``edXMLHeader``.

    ``digest`` defaults to the one tied to the key's curve, SHA-256 for RSA. ``pss`` takes RSASSA-PSS with MGF1 instead
    of PKCS#1 v1.5. Raises ``Refused`` when the message is not well-formed UTF-8 edXML, holds what the profile allows
    nowhere, has a signature already, or when key and digest do not go together.
    """
    places = _locate(message)
    if places.signatures:
        raise Refused("signature-multiple", "the message carries a signature already")
    name, method = _algorithm(signer.key, digest, pss)
    referenced = base64.b64encode(hashlib.new(name, _canonical(message)).digest()).decode()
    signed_info = _signed_info(method, _DIGEST_METHODS[name], referenced)
    canonical = signed_info.replace("<ds:SignedInfo>", f'<ds:SignedInfo xmlns:ds="{_DSIG}">', 1).encode()
    value = base64.b64encode(_signature(signer.key, canonical, name, pss)).decode()
    certificates = "".join(
        f"<ds:X509Certificate>{base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()}</ds:X509Certificate>"
        for certificate in signer.chain
    )
    element = (
        f'<ds:Signature xmlns:ds="{_DSIG}">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>'
        f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>"
    ).encode()
    return b"".join((memoryview(message)[: places.insertion], element, memoryview(message)[places.insertion :]))


def is_signed(message: bytes) -> bool:
    """Whether the header holds a ``Signature``, of whichever namespace. Raises ``Refused`` as ``sign`` does."""
    return bool(_locate(message).signatures)


def without_signatures(message: bytes) -> bytes:
    """Cut every ``Signature`` child out of ``edXMLHeader``, in whichever namespace the sender wrote it.

    Field software writes dummies in the QCVN namespace. Raises ``Refused`` as ``sign`` does.
    """
    pieces, start = [], 0
    for begin, end in _locate(message).signatures:
        pieces.append(message[start:begin])
        start = end
    return b"".join((*pieces, message[start:]))


def _signed_info(method: str, digest_method: str, digest: str) -> str:
    """SignedInfo in the very form that exclusive C14N gives it, but for the namespace that Signature declares."""
    return (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{_EXC_C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod><ds:Reference URI=""><ds:Transforms>'
        f'<ds:Transform Algorithm="{_ENVELOPED}"></ds:Transform>'
        f'<ds:Transform Algorithm="{_EXC_C14N}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{digest_method}"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )


def _algorithm(key: PrivateKey, digest: DigestName | None, pss: bool) -> tuple[DigestName, str]:
    """Digest name and SignatureMethod (RFC 9231 §2.3); ECDSA is tied to its curve's digest."""
    if isinstance(key, rsa.RSAPrivateKey):
        name = digest or "sha256"
        if pss:
            return name, f"http://www.w3.org/2007/05/xmldsig-more#{name}-rsa-MGF1"
        return name, f"http://www.w3.org/2001/04/xmldsig-more#rsa-{name}"
    tied = _CURVE_DIGESTS.get(key.curve.name)
    if tied is None:
        raise Refused("signature-algorithm", f"curve {key.curve.name} is not permitted: P-256, P-384 or P-521")
    if pss or digest not in (None, tied):
        raise Refused("signature-algorithm", f"a key on {key.curve.name} signs with ECDSA and {tied} only")
    return tied, f"http://www.w3.org/2001/04/xmldsig-more#ecdsa-{tied}"


def _signature(key: PrivateKey, data: bytes, name: DigestName, pss: bool) -> bytes:
    algorithm = _HASHES[name]
    if isinstance(key, rsa.RSAPrivateKey):
        if pss:
            return key.sign(data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        return key.sign(data, padding.PKCS1v15(), algorithm)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")  # XML Signature 1.1 §6.4.3: r and s, fixed width


def _canonical(message: bytes) -> bytes:
    """Exclusive C14N without comments. The signature is not there yet, so the enveloped transform has nothing to do."""
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(message, parser).getroottree()
    except etree.XMLSyntaxError as error:
        raise Refused("xml-malformed", str(error)) from error
    try:
        canonical: bytes = etree.tostring(tree, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError as error:
        # relative namespace URIs have no canonical form (XML-C14N §1.3)
        raise Refused("xml-limit", "the message has no canonical form: a relative namespace URI") from error
    return canonical


class _Finder:
    """Expat handlers that note byte offsets; expat reports them for the octets that were fed (UTF-8 only)."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = _forbidden("xml-dtd")
        self.parser.StartCdataSectionHandler = _forbidden("xml-cdata")
        self.parser.CommentHandler = _forbidden("xml-comment")
        self.parser.ProcessingInstructionHandler = _forbidden("xml-processing-instruction")
        self.parser.XmlDeclHandler = self._declaration
        self.path: list[str] = []
        self.insertion = -1
        self.opened = -1
        self.ended = False
        self.signatures: list[tuple[int, int]] = []

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._close()
        if self.path == _HEADER_PATH and name.rpartition(" ")[2] == "Signature":
            self.opened = self.parser.CurrentByteIndex
        self.path.append(name)

    def _end(self, _name: str) -> None:
        self._close()
        if self.path == _HEADER_PATH:
            self.insertion = self.parser.CurrentByteIndex
        self.path.pop()
        if self.opened >= 0 and self.path == _HEADER_PATH:
            # The end tag's own end is where the next token starts, which only the next event tells.
            self.ended = True
            self.parser.CharacterDataHandler = self._text

    def _text(self, _data: str) -> None:
        self._close()

    def _close(self) -> None:
        if self.ended:
            self.signatures.append((self.opened, self.parser.CurrentByteIndex))
            self.opened, self.ended = -1, False
            self.parser.CharacterDataHandler = None

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise Refused("xml-encoding", f"a message is UTF-8, not {encoding}")


def _forbidden(code: str) -> Callable[..., None]:
    """A handler that refuses what profile ``strict`` allows nowhere."""

    def refuse(*_: object) -> None:
        raise Refused(code)

    return refuse


def _locate(message: bytes) -> _Places:
    if b"\0" in message[:4] or message[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused("xml-encoding", "a message is UTF-8, not UTF-16")
    finder = _Finder()
    try:
        finder.parser.Parse(message, True)
    except expat.ExpatError as error:
        raise Refused("xml-malformed", str(error)) from error
    if finder.insertion < 0 or not _HEADER_END.match(message, finder.insertion):
        raise Refused("edxml-structure", "no edXMLHeader to hold the signature", "/edXML/edXMLEnvelope/edXMLHeader")
    return _Places(finder.insertion, tuple(finder.signatures))
