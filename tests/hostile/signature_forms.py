"""Signatures whose value is right and whose form is not: algorithms, references, transforms, keys, extra elements."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from hub.envelope.names import DSIG
from tests.hostile.forgery import (
    C14N,
    C14N11,
    ENVELOPED,
    EXC,
    EXC_COMMENTS,
    MORE,
    SHA1,
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

_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
_PREFIXES = f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="edXML"></ec:InclusiveNamespaces>'
_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_NOT_ATTACHMENTS = "<ds:XPath>not(ancestor-or-self::*[local-name()='AttachmentEncoded'])</ds:XPath>"
_FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"
_XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
_STYLESHEET = (
    '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"><xsl:template match="/">'
    '<xsl:copy-of select="."/></xsl:template></xsl:stylesheet>'
)
_TAIL = (EXC, "")


def sealed(form: Form, signer: str = "sender") -> Maker:
    """The ordinary letter with a signature of this form."""
    return lambda bench: seal(bench.message(), getattr(bench, signer), form)


def of_form(name: str, code: str, *, signer: str = "sender", deceives: bool = True, **form: Any) -> Attack:
    return Attack(name, code, sealed(Form(**form), signer), deceives=deceives)


def without_attachments(root: Any) -> Any:
    """What is left of a document when a transform takes the attachments away."""
    left = copy.deepcopy(root)
    for child in [child for child in left if child.tag.endswith("AttachmentEncoded")]:
        left[list(left).index(child) - 1].tail += child.tail
        left.remove(child)
    return left


_RSA_SHA256 = MORE + "rsa-sha256"

ALGORITHMS = [
    of_form("SHA-1 in the digest", "signature-algorithm", digest=SHA1),
    of_form("SHA-224 in the digest", "signature-algorithm", digest=MORE + "sha224"),
    of_form("MD5 in the digest", "signature-algorithm", digest=MORE + "md5", deceives=False),
    of_form("RSA-SHA1", "signature-algorithm", signer="rsa", method=DSIG + "rsa-sha1"),
    of_form("RSA-SHA224", "signature-algorithm", signer="rsa", method=MORE + "rsa-sha224"),
    of_form("ECDSA-SHA1", "signature-algorithm", method=MORE + "ecdsa-sha1"),
    of_form("ECDSA-SHA224", "signature-algorithm", method=MORE + "ecdsa-sha224"),
    of_form("HMAC with the public key as secret", "signature-algorithm", method=MORE + "hmac-sha256", deceives=False),
    of_form("HMAC-SHA1", "signature-algorithm", method=DSIG + "hmac-sha1", deceives=False),
    of_form("DSA", "signature-algorithm", method=DSIG + "dsa-sha1", deceives=False),
    of_form(
        "EdDSA", "signature-algorithm", method="http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519", deceives=False
    ),
    of_form("PSS with parameters in the document", "signature-algorithm", method=_2007 + "rsa-pss", deceives=False),
    of_form("an unknown method", "signature-algorithm", method="urn:example:none", deceives=False),
    of_form("no method", "signature-algorithm", method="", deceives=False),
    of_form("RSA named over an EC key", "signature-algorithm", method=_RSA_SHA256, deceives=False),
    of_form("ECDSA named over an RSA key", "signature-algorithm", signer="rsa", deceives=False),
    of_form("SHA-256 over a P-384 key", "signature-algorithm", signer="p384"),
    of_form("SHA-384 over a P-256 key", "signature-algorithm", method=MORE + "ecdsa-sha384"),
    of_form("inclusive C14N of SignedInfo", "signature-algorithm", c14n=C14N),
    of_form("C14N 1.1 of SignedInfo", "signature-algorithm", c14n=C14N11),
    of_form("C14N of SignedInfo with comments", "signature-algorithm", c14n=EXC_COMMENTS),
    of_form("C14N of SignedInfo with a PrefixList", "signature-shape", c14n_inside=_PREFIXES),
    of_form(
        "HMACOutputLength in the method",
        "signature-shape",
        deceives=False,
        method_inside=("<ds:HMACOutputLength>8</ds:HMACOutputLength>"),
    ),
]

TRANSFORMS = [
    of_form("no transform", "signature-transform", transforms=(), deceives=False),
    of_form("no canonicalisation", "signature-transform", transforms=((ENVELOPED, ""),)),
    of_form("no enveloped signature", "signature-transform", transforms=(_TAIL,), deceives=False),
    of_form("the other order", "signature-transform", transforms=(_TAIL, (ENVELOPED, "")), deceives=False),
    of_form("a transform repeated", "signature-transform", transforms=((ENVELOPED, ""), _TAIL, _TAIL), deceives=False),
    of_form("inclusive C14N", "signature-transform", transforms=((ENVELOPED, ""), (C14N, ""))),
    of_form("C14N 1.1", "signature-transform", transforms=((ENVELOPED, ""), (C14N11, ""))),
    of_form("exclusive C14N with comments", "signature-transform", transforms=((ENVELOPED, ""), (EXC_COMMENTS, ""))),
    of_form("a PrefixList", "signature-shape", transforms=((ENVELOPED, ""), (EXC, _PREFIXES))),
    of_form("an unknown transform", "signature-transform", transforms=((ENVELOPED, ""), ("urn:example:x", ""), _TAIL)),
    of_form(
        "base64", "signature-transform", transforms=((ENVELOPED, ""), (DSIG + "base64", ""), _TAIL), deceives=False
    ),
    of_form("XSLT", "signature-transform", transforms=((ENVELOPED, ""), (_XSLT, _STYLESHEET), _TAIL)),
    of_form(
        "XPath that leaves the attachments out",
        "signature-transform",
        covers=without_attachments,
        deceives=False,  # signxml passes unknown transforms over; xmlsec1 obeys this one
        transforms=((ENVELOPED, ""), (_XPATH, _NOT_ATTACHMENTS), _TAIL),
    ),
    of_form(
        "XPath Filter 2.0",
        "signature-transform",
        transforms=(
            (ENVELOPED, ""),
            (_FILTER2, f'<f:XPath xmlns:f="{_FILTER2}" Filter="intersect">/</f:XPath>'),
            _TAIL,
        ),
    ),
]

_HEADER_ID = "<edXML:MessageHeader>", '<edXML:MessageHeader Id="h">'
_BODY_ID = "<edXML:edXMLBody>", '<edXML:edXMLBody Id="b">'


def partial(identifier: str, change: tuple[str, str]) -> Maker:
    """A signature that covers one element only."""

    def forge(bench: Workshop) -> bytes:
        form = Form(uri=f"#{identifier}", covers=by_id(identifier), transforms=(_TAIL,))
        return seal(within(bench.message(), *change), bench.sender, form)

    return forge


REFERENCES = [
    Attack("a reference to the header only", "signature-reference", partial("h", _HEADER_ID), deceives=True),
    Attack("a reference to the body only", "signature-reference", partial("b", _BODY_ID), deceives=True),
    of_form("two references", "signature-reference", copies=2),
    of_form("no reference", "signature-reference", copies=0, deceives=False),
    of_form("no URI", "signature-reference", uri=None, deceives=False),
    of_form("the root by XPointer", "signature-reference", uri="#xpointer(/)", deceives=False),
    of_form("a file", "signature-reference", uri="file:///etc/hostname", deceives=False),
    of_form("another host", "signature-reference", uri="http://127.0.0.1:9/x", deceives=False),
    of_form("a Manifest by type", "signature-shape", reference_attributes=f' Type="{DSIG}Manifest"'),
    of_form("an Id on the reference", "signature-shape", reference_attributes=' Id="r"'),
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


KEYS = [
    of_form("a bare key", "signature-shape", key_info=key_value),
    of_form(
        "a bare key before the certificate", "signature-shape", key_info=lambda who: key_value(who) + x509_data(who)
    ),
    of_form(
        "a bare key after the certificate", "signature-shape", key_info=lambda who: x509_data(who) + key_value(who)
    ),
    of_form(
        "a key's name", "signature-shape", key_info=lambda who: f"<ds:KeyName>{who.code}</ds:KeyName>", deceives=False
    ),
    of_form(
        "a key to be fetched",
        "signature-shape",
        deceives=False,
        key_info=lambda who: '<ds:RetrievalMethod URI="http://127.0.0.1:9/key"></ds:RetrievalMethod>' + x509_data(who),
    ),
    of_form("two X509Data", "signature-shape", key_info=lambda who: x509_data(who) * 2),
    of_form("no certificate", "signature-shape", key_info=lambda _: "<ds:X509Data></ds:X509Data>", deceives=False),
    of_form("no X509Data", "signature-shape", key_info=lambda _: "", deceives=False),
    of_form(
        "a subject's name", "signature-shape", key_info=_in_x509_data("<ds:X509SubjectName>x</ds:X509SubjectName>")
    ),
    of_form(
        "six certificates",
        "signature-shape",
        key_info=lambda who: f"<ds:X509Data>{certificates(*who.chain, *who.chain, *who.chain)}</ds:X509Data>",
    ),
    of_form(
        "the authority first",
        "certificate-usage",
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
    Attack("a revocation list", "signature-shape", crl, deceives=True),
    Attack("another agency's certificate first", "signature-invalid", strangers_first, strangers_last),
    Attack("another agency's key and certificate", "certificate-other-agency", strangers_key),
]


def edited(old: str, new: str) -> Maker:
    """The honest letter's signature with one text in place of another; ``old`` is a pattern."""

    def forge(bench: Workshop) -> bytes:
        body = bench.honest()
        changed = re.sub(old.encode(), new.encode(), body, count=1, flags=re.DOTALL)
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


def put(place: Callable[[bytes, bytes], bytes], name: str, code: str = "signature-place") -> Attack:
    return Attack(name, code, sealed(Form(place=place)), deceives=True)


def _before(marker: str) -> Callable[[bytes, bytes], bytes]:
    return lambda message, signature: message.replace(marker.encode(), signature + marker.encode(), 1)


EXCLUSION = [
    Attack("no signature", "signature-absent", edited("<ds:Signature .*</ds:Signature>", "")),
    Attack("an empty signature", "signature-shape", edited("<ds:SignedInfo>.*</ds:KeyInfo>", "")),
    Attack("no SignedInfo", "signature-shape", edited("<ds:SignedInfo>.*</ds:SignedInfo>", "")),
    Attack("no SignatureValue", "signature-shape", edited("<ds:SignatureValue>.*</ds:SignatureValue>", "")),
    Attack("an empty SignatureValue", "signature-shape", edited("(<ds:SignatureValue>)[^<]*", r"\1")),
    Attack("no KeyInfo", "signature-shape", edited("<ds:KeyInfo>.*</ds:KeyInfo>", "")),
    Attack("another namespace", "signature-absent", edited(re.escape(DSIG) + '">', 'urn:example:dsig">')),
    Attack(
        "the dummy of the field",
        "signature-absent",
        edited("<ds:Signature .*</ds:Signature>", "<Signature></Signature>"),
    ),
    Attack("an octet too many in the value", "signature-invalid", value_of(lambda value: value + b"\0")),
    Attack("an octet too few in the value", "signature-invalid", value_of(lambda value: value[:-1])),
    Attack("r and s of zero", "signature-invalid", value_of(lambda value: bytes(len(value)))),
    Attack("base64 with junk", "signature-shape", edited("(<ds:SignatureValue>)", r"\1*"), deceives=True),
    Attack("base64 with spare bits", "signature-shape", spare_bits, deceives=True),
]

PLACES = [
    Attack("two signatures", "signature-multiple", second_signature),
    put(_before("</edXML:edXMLEnvelope>"), "in the envelope"),
    put(_before("</edXML:edXMLBody>"), "in the body"),
    put(_before("</edXML>"), "in the root"),
    put(_before("<edXML:TraceHeaderList>"), "not the last of the header"),
    put(_before("</edXML:MessageHeader>"), "in the message header"),
    put(_before("</Attachment>"), "in an attachment"),
]


def with_extra(text: str, before: str) -> Maker:
    """The letter with one more element, all of it under the signature."""
    return lambda bench: seal(within(bench.message(), before, text + before), bench.sender)


_ODD = f'<ds:{{0}} xmlns:ds="{DSIG}"></ds:{{0}}>'

EXTRA = [
    of_form("an Object", "signature-shape", extra="<ds:Object></ds:Object>"),
    of_form("a second KeyInfo", "signature-shape", extra="<ds:KeyInfo></ds:KeyInfo>"),
    of_form("an Id on the signature", "signature-shape", attributes=' Id="s"'),
    of_form("a foreign element", "signature-shape", extra='<x xmlns="urn:example:x"></x>'),
    of_form("stray text", "signature-shape", extra="x"),
    *(
        Attack(
            f"{name} elsewhere", "signature-shape", with_extra(_ODD.format(name), "</edXML:edXMLBody>"), deceives=True
        )
        for name in ("Object", "SignedInfo", "KeyInfo", "X509Certificate", "Manifest")
    ),
    Attack("a second SignedInfo", "signature-shape", edited("(<ds:SignedInfo>.*</ds:SignedInfo>)", r"\1\1")),
    Attack("a second digest value", "signature-shape", edited("(<ds:DigestValue>.*</ds:DigestValue>)", r"\1\1")),
    Attack(
        "a second signature value", "signature-shape", edited("(<ds:SignatureValue>.*</ds:SignatureValue>)", r"\1\1")
    ),
    Attack("an element in the digest value", "signature-shape", edited("(<ds:DigestValue>)", r"\1<x></x>")),
]

ATTACKS = [*ALGORITHMS, *TRANSFORMS, *REFERENCES, *KEYS, *EXCLUSION, *PLACES, *EXTRA]
