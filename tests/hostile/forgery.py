"""Making signed documents of any form: what an attacker with a key, or with somebody's signed letter, can make.

``seal`` signs mathematically right over whatever ``Form`` says, so that a refusal is owed to the rule under test and to
nothing else; ``naive`` is a verifier without those rules, which is taken in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier

from adapters.sandbox.pki import Flaw, Identity, Pki
from hub.envelope.names import DSIG, EDXML
from hub.envelope.writing import document_message
from hub.problems import Finding
from tests.intake.register import Register, letter

EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
EXC_COMMENTS = EXC + "WithComments"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N11 = "http://www.w3.org/2006/12/xml-c14n11"
ENVELOPED = DSIG + "enveloped-signature"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA1, SHA256 = DSIG + "sha1", "http://www.w3.org/2001/04/xmlenc#sha256"
HEADER_END = b"</edXML:edXMLHeader>"
SENDER, RECIPIENT, STRANGER = "H33.02", "H33.90", "H33.66"

_DIGESTS = {
    SHA1: "sha1",
    SHA256: "sha256",
    MORE + "sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    MORE + "sha224": "sha224",
    MORE + "md5": "md5",
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}

Element = Any


def x509_data(identity: Identity) -> str:
    """``KeyInfo``'s content by the profile: one ``X509Data``, leaf first."""
    return f"<ds:X509Data>{certificates(*identity.chain)}</ds:X509Data>"


def certificates(*chain: Any) -> str:
    encoded = (base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain)
    return "".join(f"<ds:X509Certificate>{text}</ds:X509Certificate>" for text in encoded)


def whole(root: Element) -> Element:
    """What the reference covers: the document."""
    return root


def by_id(name: str) -> Callable[[Element], Element]:
    return lambda root: root.xpath(f'//*[@Id="{name}"]')[0]


def at_the_end_of_the_header(message: bytes, signature: bytes) -> bytes:
    assert message.count(HEADER_END) == 1
    return message.replace(HEADER_END, signature + HEADER_END)


@dataclass(frozen=True)
class Form:
    """How a signature is written; as it stands, by profile ``strict`` with a P-256 key."""

    c14n: str = EXC
    c14n_inside: str = ""
    method: str = MORE + "ecdsa-sha256"
    method_inside: str = ""
    uri: str | None = ""
    reference_attributes: str = ""
    transforms: tuple[tuple[str, str], ...] = ((ENVELOPED, ""), (EXC, ""))
    digest: str = SHA256
    copies: int = 1
    covers: Callable[[Element], Element] = whole
    key_info: Callable[[Identity], str] = x509_data
    extra: str = ""  # inside Signature, at its end
    attributes: str = ""  # on Signature
    place: Callable[[bytes, bytes], bytes] = at_the_end_of_the_header


@dataclass
class Workshop:
    """What an attack is made with: an agency with keys of three kinds, a stranger, an authority.

    ``flawed`` are certificates registered for the sender in spite of their flaw; one, ``unregistered``, is not.
    """

    pki: Pki
    sender: Identity
    rsa: Identity
    p384: Identity
    stranger: Identity
    flawed: dict[str, Identity]

    def message(self, **changes: Any) -> bytes:
        """An unsigned letter."""
        return document_message(letter(SENDER, RECIPIENT, **changes))

    def honest(self) -> bytes:
        return seal(self.message(), self.sender)


@dataclass
class Bench(Workshop):
    """A workshop whose agencies are registered, so that a verdict can be asked for."""

    register: Register

    @classmethod
    def create(cls) -> Bench:
        pki = Pki.create()
        flawed = flawed_certificates(pki)
        register = Register(pki)
        register.agency(RECIPIENT)
        keys = [register.identity(SENDER, kind) for kind in ("p256", "rsa2048", "p384")]
        for name, identity in flawed.items():
            if name != UNREGISTERED:
                register.certify(SENDER, identity)
        return cls(pki, *keys, register.identity(STRANGER), flawed, register)

    async def finding(self, body: bytes) -> Finding | None:
        """The first finding; None when the envelope is accepted."""
        return next(iter(await self.register.findings(body, SENDER)), None)

    async def code(self, body: bytes) -> str:
        """The code of the first finding; empty when the envelope is accepted."""
        found = await self.finding(body)
        return "" if found is None else found.code


UNREGISTERED, REVOKED = "unregistered", "revoked"


def flawed_certificates(pki: Pki) -> dict[str, Identity]:
    """One certificate of the sender for each flaw; the revoked one is on the lists made from now on."""
    flawed = {flaw.value: pki.issue(SENDER, f"Chứng thư {flaw}", flaw=flaw) for flaw in Flaw}
    for name in (REVOKED, UNREGISTERED):
        flawed[name] = pki.issue(SENDER, f"Chứng thư {name}")
    pki.issuing.revoke(flawed[REVOKED].certificate)
    return flawed


Maker = Callable[[Workshop], bytes]


@dataclass(frozen=True)
class Attack:
    """One way to deceive, the code that it must be refused with, and the nearest honest document.

    ``names`` must stand in the refusal's detail: what exactly is refused.
    """

    name: str
    code: str
    forge: Maker
    twin: Maker = Workshop.honest
    names: str = ""
    deceives: bool = False  # a verifier without the profile's rules says that the signature holds


def seal(message: bytes, identity: Identity, form: Form = Form()) -> bytes:
    """``message`` with a signature of this form, whose value and digest are right."""
    covered = form.covers(etree.fromstring(message))
    last = form.transforms[-1] if form.transforms else (C14N, "")
    name = _DIGESTS.get(form.digest, "sha256")
    digest = base64.b64encode(hashlib.new(name, _canonical(covered, *last)).digest()).decode()
    signed_info = _signed_info(form, digest)
    frame = (
        f'<ds:Signature xmlns:ds="{DSIG}"{form.attributes}>{signed_info}<ds:SignatureValue>@@</ds:SignatureValue>'
        f"<ds:KeyInfo>{form.key_info(identity)}</ds:KeyInfo>{form.extra}</ds:Signature>"
    )
    placed = etree.fromstring(form.place(message, frame.encode()))
    info = next(placed.iter(f"{{{DSIG}}}Signature")).find(f"{{{DSIG}}}SignedInfo")
    octets = _canonical(info, form.c14n, form.c14n_inside)
    value = base64.b64encode(_value(identity, octets, form.method)).decode()
    return form.place(message, frame.replace("@@", value).encode())


def _signed_info(form: Form, digest: str) -> str:
    uri = "" if form.uri is None else f' URI="{form.uri}"'
    transforms = "".join(
        f'<ds:Transform Algorithm="{name}">{inside}</ds:Transform>' for name, inside in form.transforms
    )
    reference = (
        f"<ds:Reference{uri}{form.reference_attributes}><ds:Transforms>{transforms}</ds:Transforms>"
        f'<ds:DigestMethod Algorithm="{form.digest}"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )
    return (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{form.c14n}">{form.c14n_inside}'
        f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{form.method}">{form.method_inside}'
        f"</ds:SignatureMethod>{reference * form.copies}</ds:SignedInfo>"
    )


def _canonical(element: Element, algorithm: str, inside: str) -> bytes:
    prefixes = re.findall(r'PrefixList="([^"]*)"', inside)
    octets: bytes = etree.tostring(
        element,
        method="c14n",
        exclusive=algorithm.startswith(EXC),
        with_comments=algorithm.endswith("WithComments"),
        inclusive_ns_prefixes=prefixes[0].split() if prefixes else None,
        with_tail=False,
    )
    return octets


def _value(identity: Identity, octets: bytes, method: str) -> bytes:
    if "hmac" in method:  # the public key as shared secret: everybody has it
        secret = identity.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hmac.digest(secret, octets, "sha256")
    name = method.rpartition("-")[2] if "MGF1" not in method else "sha256"
    algorithm = _HASHES.get(name, hashes.SHA256())
    if isinstance(identity.key, rsa.RSAPrivateKey):
        if "MGF1" in method:
            return identity.key.sign(octets, padding.PSS(padding.MGF1(algorithm), 32), algorithm)
        return identity.key.sign(octets, padding.PKCS1v15(), algorithm)
    r, s = decode_dss_signature(identity.key.sign(octets, ec.ECDSA(algorithm)))
    size = (identity.key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def naive(body: bytes, identity: Identity) -> Any:
    """What a verifier without the profile's rules takes for signed; raises when even it is not taken in."""
    configuration = SignatureConfiguration(
        location=".//",
        expect_references=True,
        signature_methods=frozenset(SignatureMethod),
        digest_algorithms=frozenset(DigestAlgorithm),
    )
    result = XMLVerifier().verify(
        etree.fromstring(body), x509_cert=identity.certificate, expect_config=configuration, validate_schema=False
    )
    return result[0] if isinstance(result, list) else result


def within(message: bytes, old: str, new: str, count: int = 1) -> bytes:
    """``message`` with one text in place of another, which must be there."""
    assert old.encode() in message, old
    return message.replace(old.encode(), new.encode(), count)


def element(message: bytes, name: str, occurrence: int = 1) -> bytes:
    """The text of the ``occurrence``-th ``edXML:name`` element, or of an unprefixed one, children and all."""
    found = re.findall(rf"<(?:edXML:)?{name}\b[^>]*>.*?</(?:edXML:)?{name}>".encode(), message, re.DOTALL)
    return bytes(found[occurrence - 1])


def doubled(message: bytes, name: str) -> bytes:
    """``message`` in which one element stands twice."""
    one = element(message, name)
    return message.replace(one, one + one, 1)


def q(path: str) -> str:
    """``a/b`` in the edXML namespace."""
    return "/".join(f"{{{EDXML}}}{step}" for step in path.split("/"))
