"""Signatures whose value is right and whose form is not: references, keys, places, extra or missing elements."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from hub.envelope.names import DSIG
from tests.hostile.algorithms import TAIL, of_form, sealed
from tests.hostile.forgery import (
    ENVELOPED,
    STRANGER,
    Attack,
    Form,
    Maker,
    Workshop,
    by_id,
    certificates,
    seal,
    within,
    x509_data,
)

_HEADER_ID = "<edXML:MessageHeader>", '<edXML:MessageHeader Id="h">'
_BODY_ID = "<edXML:edXMLBody>", '<edXML:edXMLBody Id="b">'
_ENVELOPED = (ENVELOPED, "")
_ROOT_ID = "<edXML ", '<edXML Id="r" '


def partial(identifier: str, change: tuple[str, str], *steps: tuple[str, str]) -> Maker:
    """A signature that covers one element only."""

    def forge(bench: Workshop) -> bytes:
        form = Form(uri=f"#{identifier}", covers=by_id(identifier), transforms=(*steps, TAIL))
        return seal(within(bench.message(), *change), bench.sender, form)

    return forge


def two_with_one_id(bench: Workshop) -> bytes:
    """The reference finds the first; a reader that looks for the header finds the second."""
    message = within(bench.message(), *_HEADER_ID)
    decoy = '<edXML:x Id="h">decoy</edXML:x>'
    message = within(message, "<edXML:edXMLHeader>", f"<edXML:edXMLHeader>{decoy}")
    return seal(message, bench.sender, Form(uri="#h", covers=by_id("h"), transforms=(TAIL,)))


def spelt_otherwise(bench: Workshop) -> bytes:
    """``Id``, ``ID`` and ``id``: verifiers look for one after the other."""
    message = within(bench.message(), "<edXML:edXMLBody>", '<edXML:edXMLBody ID="b" id="b">')
    return seal(within(message, "<edXML:MessageHeader>", '<edXML:MessageHeader Id="b">'), bench.sender, _BY_B)


def ids_that_nobody_uses(bench: Workshop) -> bytes:
    """Honest: what is signed is the document, whatever its elements are called."""
    message = within(within(bench.message(), *_HEADER_ID), "<edXML:edXMLBody>", '<edXML:edXMLBody Id="h">')
    return seal(message, bench.sender)


_BY_B = Form(uri="#b", covers=by_id("b"), transforms=(TAIL,))
_URI = "signature-reference"

REFERENCES = [
    Attack("a reference to the header only", _URI, partial("h", _HEADER_ID), names='URI="#h"', deceives=True),
    Attack("a reference to the body only", _URI, partial("b", _BODY_ID), names='URI="#b"', deceives=True),
    Attack(
        "a reference to the root by Id", _URI, partial("r", _ROOT_ID, (ENVELOPED, "")), names='URI="#r"', deceives=True
    ),
    Attack("two elements with the Id", _URI, two_with_one_id, ids_that_nobody_uses, names='URI="#h"'),
    Attack("an Id in three spellings", _URI, spelt_otherwise, ids_that_nobody_uses, names='URI="#b"', deceives=True),
    of_form("two references", _URI, "2 references", copies=2),
    of_form("a hundred references", _URI, "100 references", copies=100),
    of_form("no reference", _URI, "0 references", copies=0, deceives=False),
    of_form("no URI", _URI, "no URI", uri=None, deceives=False),
    of_form("white space for a URI", _URI, 'URI=" "', uri=" ", deceives=False),
    of_form("the fragment of nothing", _URI, 'URI="#"', uri="#", deceives=False),
    of_form("the root by XPointer", _URI, 'URI="#xpointer(/)"', uri="#xpointer(/)", deceives=False),
    of_form("an Id by XPointer", _URI, "xpointer", uri="#xpointer(id('h'))", deceives=False),
    of_form("a file", _URI, "file:///etc/hostname", uri="file:///etc/hostname", deceives=False),
    of_form("another host", _URI, "http://127.0.0.1:9/x", uri="http://127.0.0.1:9/x", deceives=False),
    of_form("a Manifest by type", "signature-shape", "Type", reference_attributes=f' Type="{DSIG}Manifest"'),
    of_form("an Id on the reference", "signature-shape", "Id", reference_attributes=' Id="r"'),
]


def key_value(bench_identity: Any) -> str:
    numbers = bench_identity.certificate.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return (
        '<ds:KeyValue><e:ECKeyValue xmlns:e="http://www.w3.org/2009/xmldsig11#"><e:NamedCurve '
        f'URI="urn:oid:1.2.840.10045.3.1.7"></e:NamedCurve><e:PublicKey>{base64.b64encode(point).decode()}'
        "</e:PublicKey></e:ECKeyValue></ds:KeyValue>"
    )


def _in_x509_data(text: str) -> Callable[[Any], str]:
    return lambda who: x509_data(who).replace("<ds:X509Data>", f"<ds:X509Data>{text}", 1)


def strangers_first(bench: Workshop) -> bytes:
    form = Form(key_info=lambda who: f"<ds:X509Data>{certificates(*bench.stranger.chain, *who.chain)}</ds:X509Data>")
    return seal(bench.message(), bench.sender, form)


def strangers_key(bench: Workshop) -> bytes:
    return seal(bench.message(), bench.stranger)


def strangers_last(bench: Workshop) -> bytes:
    """Honest: what follows the leaf is only offered for building the path."""
    form = Form(key_info=lambda who: f"<ds:X509Data>{certificates(*who.chain, *bench.stranger.chain)}</ds:X509Data>")
    return seal(bench.message(), bench.sender, form)


def crl(bench: Workshop) -> bytes:
    encoded = base64.b64encode(bench.pki.issuing.crl().public_bytes(Encoding.DER)).decode()
    return sealed(Form(key_info=_in_x509_data(f"<ds:X509CRL>{encoded}</ds:X509CRL>")))(bench)


def _pem(who: Any) -> str:
    return f"<ds:X509Data><ds:X509Certificate>{who.certificate_pem.decode()}</ds:X509Certificate></ds:X509Data>"


def _with_more(who: Any) -> str:
    encoded = base64.b64encode(who.certificate.public_bytes(Encoding.DER) + b"more").decode()
    return f"<ds:X509Data><ds:X509Certificate>{encoded}</ds:X509Certificate></ds:X509Data>"


def without_issuer(bench: Workshop) -> bytes:
    form = Form(key_info=lambda who: f"<ds:X509Data>{certificates(who.certificate)}</ds:X509Data>")
    return seal(bench.message(), bench.sender, form)


def anchor_too(bench: Workshop) -> bytes:
    """Honest: the anchor is trusted because it is configured, not because it came."""
    chain = lambda who: certificates(*who.chain, bench.pki.root.certificate)  # noqa: E731 - a form of one line
    return seal(bench.message(), bench.sender, Form(key_info=lambda who: f"<ds:X509Data>{chain(who)}</ds:X509Data>"))


KEYS = [
    of_form("a bare key", "signature-shape", "KeyValue", key_info=key_value),
    of_form(
        "a bare key before the certificate",
        "signature-shape",
        "KeyValue",
        key_info=lambda who: key_value(who) + x509_data(who),
    ),
    of_form(
        "a bare key after the certificate",
        "signature-shape",
        "KeyValue",
        key_info=lambda who: x509_data(who) + key_value(who),
    ),
    *(
        of_form(
            f"{name} beside the certificate",
            "signature-shape",
            name,
            deceives=False,
            key_info=lambda who, name=name: f"<ds:{name}>{who.code}</ds:{name}>{x509_data(who)}",
        )
        for name in ("KeyName", "MgmtData", "PGPData", "SPKIData", "DEREncodedKeyValue", "KeyInfoReference")
    ),
    *(
        of_form(f"{name} in X509Data", "signature-shape", name, key_info=_in_x509_data(f"<ds:{name}>x</ds:{name}>"))
        for name in ("X509SubjectName", "X509IssuerSerial", "X509SKI")
    ),
    of_form(
        "a key to be fetched",
        "signature-shape",
        "RetrievalMethod",
        deceives=False,
        key_info=lambda who: '<ds:RetrievalMethod URI="http://127.0.0.1:9/key"></ds:RetrievalMethod>' + x509_data(who),
    ),
    of_form("two X509Data", "signature-shape", "found X509Data, X509Data", key_info=lambda who: x509_data(who) * 2),
    of_form(
        "no certificate",
        "signature-shape",
        "0 nodes in X509Data",
        key_info=lambda _: "<ds:X509Data></ds:X509Data>",
        deceives=False,
    ),
    of_form("no X509Data", "signature-shape", "found nothing", key_info=lambda _: "", deceives=False),
    of_form(
        "six certificates",
        "signature-shape",
        "6 nodes in X509Data",
        key_info=lambda who: f"<ds:X509Data>{certificates(*who.chain, *who.chain, *who.chain)}</ds:X509Data>",
    ),
    of_form(
        "the authority first",
        "certificate-usage",
        "authority",
        key_info=lambda who: f"<ds:X509Data>{certificates(*reversed(who.chain))}</ds:X509Data>",
    ),
    of_form(
        "a certificate that is none",
        "certificate-malformed",
        deceives=False,
        key_info=lambda _: "<ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data>",
    ),
    of_form(
        "an empty certificate",
        "certificate-malformed",
        deceives=False,
        key_info=lambda _: "<ds:X509Data><ds:X509Certificate></ds:X509Certificate></ds:X509Data>",
    ),
    of_form("a certificate with its PEM frame", "certificate-malformed", "base64", key_info=_pem, deceives=False),
    of_form("octets after the certificate", "certificate-malformed", key_info=_with_more, deceives=False),
    Attack("a revocation list", "signature-shape", crl, names="X509CRL", deceives=True),
    Attack("another agency's certificate first", "signature-invalid", strangers_first, strangers_last, names=STRANGER),
    Attack(
        "another agency's key and certificate",
        "certificate-other-agency",
        strangers_key,
        names=f"registered for {STRANGER}",
    ),
    Attack("the issuer left out", "certificate-untrusted", without_issuer, anchor_too),
]


def edited(old: str, new: str, count: int = 1) -> Maker:
    """The honest letter's signature with one text in place of another; ``old`` is a pattern."""

    def forge(bench: Workshop) -> bytes:
        body = bench.honest()
        changed = re.sub(old.encode(), new.encode(), body, count=count, flags=re.DOTALL)
        assert changed != body
        return changed

    return forge


def second_signature(bench: Workshop) -> bytes:
    body = bench.honest()
    found = re.search(rb"<ds:Signature .*</ds:Signature>", body)
    assert found is not None
    return body.replace(found[0], found[0] * 2)


def value_of(change: Callable[[bytes], bytes]) -> Maker:
    def forge(bench: Workshop) -> bytes:
        body = bench.honest()
        found = re.search(rb"<ds:SignatureValue>(.*?)<", body)
        assert found is not None
        return body.replace(found[1], base64.b64encode(change(base64.b64decode(found[1]))))

    return forge


def spare_bits(bench: Workshop) -> bytes:
    """64 octets end in ``==``: the digit before has four bits to spare, which a lenient decoder drops."""
    body = bench.honest()
    at = body.index(b"==</ds:SignatureValue>") - 1
    return body[:at] + bytes([body[at] + 1]) + body[at + 1 :]


def put(place: Callable[[bytes, bytes], bytes], name: str, names: str = "not in edXMLHeader") -> Attack:
    return Attack(name, "signature-place", sealed(Form(place=place)), names=names, deceives=True)


def _before(marker: str) -> Callable[[bytes, bytes], bytes]:
    return lambda message, signature: message.replace(marker.encode(), signature + marker.encode(), 1)


def asn1(value: bytes) -> bytes:
    half = len(value) // 2
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def beyond_the_order(value: bytes) -> bytes:
    """The same modulo the order of P-256, as far as 32 octets can hold it."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    half = len(value) // 2
    return value[:half] + ((int.from_bytes(value[half:], "big") + order) % 2**256).to_bytes(half, "big")


def in_lines(bench: Workshop) -> bytes:
    """Honest: as Java writes base64, in lines that end in a reference to CR."""
    body = bench.honest()
    for name in (b"SignatureValue", b"X509Certificate"):
        found = re.search(rb"<ds:%s>(.*?)</" % name, body)
        assert found is not None
        lines = b"&#13;\n".join(found[1][at : at + 76] for at in range(0, len(found[1]), 76))
        body = body.replace(found[1], b"&#13;\n\t " + lines + b"\n")
    return body


def other_alphabet(bench: Workshop) -> bytes:
    """``-_`` for ``+/``; where neither is in the value, in the certificate."""
    body = bench.honest()
    at = body.index(b"<ds:SignatureValue>")
    return body[:at] + body[at:].replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>-_", 1)


_SHAPE = "signature-shape"

EXCLUSION = [
    Attack("no signature", "signature-absent", edited("<ds:Signature .*</ds:Signature>", "")),
    Attack("an empty signature", "signature-shape", edited("<ds:SignedInfo>.*</ds:KeyInfo>", "")),
    Attack("no SignedInfo", "signature-shape", edited("<ds:SignedInfo>.*</ds:SignedInfo>", "")),
    Attack("no SignatureValue", "signature-shape", edited("<ds:SignatureValue>.*</ds:SignatureValue>", "")),
    Attack("an empty SignatureValue", "signature-shape", edited("(<ds:SignatureValue>)[^<]*", r"\1")),
    Attack("no KeyInfo", "signature-shape", edited("<ds:KeyInfo>.*</ds:KeyInfo>", "")),
    Attack(
        "another namespace",
        "signature-absent",
        edited(re.escape(DSIG) + '">', 'urn:example:dsig">'),
        names="urn:example:dsig",
    ),
    Attack(
        "the dummy of the field",
        "signature-absent",
        edited("<ds:Signature .*</ds:Signature>", "<Signature></Signature>"),
        names="QCVN_102_2016",
    ),
    Attack("a signature in capitals", "signature-shape", edited("ds:SignedInfo>", "ds:SIGNEDINFO>", 2)),
    Attack("an octet too many in the value", "signature-invalid", value_of(lambda value: value + b"\0"), names="65"),
    Attack("an octet too few in the value", "signature-invalid", value_of(lambda value: value[:-1]), names="63"),
    Attack("a value of another curve's length", "signature-invalid", value_of(lambda value: value * 2), names="128"),
    Attack("r and s of ASN.1", "signature-invalid", value_of(asn1), names="64"),
    Attack("s of the group's order more", "signature-invalid", value_of(beyond_the_order)),
    Attack("r and s of zero", "signature-invalid", value_of(lambda value: bytes(len(value)))),
    Attack(
        "base64 with junk", _SHAPE, edited("(<ds:SignatureValue>)", r"\1*"), in_lines, names="base64", deceives=True
    ),
    Attack(
        "base64 with white space of Unicode",
        _SHAPE,
        edited("(<ds:SignatureValue>.)", "\\1\u00a0\u2003"),
        in_lines,
        names="base64",
    ),
    Attack("base64 of the other alphabet", _SHAPE, other_alphabet, names="base64"),
    Attack("base64 with padding inside", _SHAPE, edited("(<ds:SignatureValue>....)", r"\1===="), names="base64"),
    Attack("base64 without padding", _SHAPE, edited("==(</ds:SignatureValue>)", r"\1"), names="base64"),
    Attack("base64 with spare bits", _SHAPE, spare_bits, names="canonical", deceives=True),
    Attack("a digest with junk", _SHAPE, edited("(<ds:DigestValue>)", r"\1*"), names="base64"),
    Attack("an empty digest", _SHAPE, edited("(<ds:DigestValue>)[^<]*", r"\1")),
]

PLACES = [
    Attack("two signatures", "signature-multiple", second_signature, names="2 signatures"),
    put(_before("</edXML:edXMLEnvelope>"), "in the envelope"),
    put(_before("</edXML:edXMLBody>"), "in the body"),
    put(_before("</edXML>"), "in the root"),
    put(_before("<edXML:TraceHeaderList>"), "not the last of the header", "not the last of edXMLHeader"),
    put(_before("</edXML:MessageHeader>"), "in the message header"),
    put(_before("</Attachment>"), "in an attachment"),
]


def with_extra(text: str, before: str) -> Maker:
    """The letter with one more element, all of it under the signature."""
    return lambda bench: seal(within(bench.message(), before, text + before), bench.sender)


_ODD = f'<ds:{{0}} xmlns:ds="{DSIG}"></ds:{{0}}>'

EXTRA = [
    of_form("an Object", "signature-shape", "Object", extra="<ds:Object></ds:Object>"),
    of_form("a second KeyInfo", "signature-shape", "KeyInfo, KeyInfo", extra="<ds:KeyInfo></ds:KeyInfo>"),
    of_form("an Id on the signature", "signature-shape", "attribute Id", attributes=' Id="s"'),
    of_form("a foreign element", "signature-shape", "{urn:example:x}x", extra='<x xmlns="urn:example:x"></x>'),
    of_form("stray text", "signature-shape", "stray text", extra="x"),
    of_form("a space that is not XML's", "signature-shape", "stray text", extra="\u00a0"),
    of_form(
        "a space that is not XML's among the keys",
        "signature-shape",
        "stray text",
        key_info=lambda who: f"\u2003{x509_data(who)}",
    ),
    *(
        Attack(
            f"{name} in {place}",
            "signature-shape",
            with_extra(_ODD.format(name), f"</edXML:{place}>"),
            names=f"{name} outside the signature",
            deceives=True,
        )
        for place in ("edXMLBody", "MessageHeader")
        for name in ("Object", "SignedInfo", "KeyInfo", "X509Certificate", "Manifest")
    ),
    Attack("a second SignedInfo", "signature-shape", edited("(<ds:SignedInfo>.*</ds:SignedInfo>)", r"\1\1")),
    Attack("a second digest value", "signature-shape", edited("(<ds:DigestValue>.*</ds:DigestValue>)", r"\1\1")),
    Attack(
        "a second signature value", "signature-shape", edited("(<ds:SignatureValue>.*</ds:SignatureValue>)", r"\1\1")
    ),
    Attack("an element in the digest value", "signature-shape", edited("(<ds:DigestValue>)", r"\1<x></x>")),
]

ATTACKS = [*REFERENCES, *KEYS, *EXCLUSION, *PLACES, *EXTRA]
