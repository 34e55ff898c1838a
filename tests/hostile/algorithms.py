"""Algorithms and transforms that are not permitted, each by its name (RFC 9231), and keys used for what they are not.

Where the arithmetic of an algorithm is out of reach here the value is another's: the refusal must come before any.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hub.envelope.names import DSIG
from tests.hostile.forgery import C14N, C14N11, ENVELOPED, EXC, EXC_COMMENTS, MORE, SHA1, Attack, Form, Maker, seal

CODE = "signature-algorithm"
_XMLENC = "http://www.w3.org/2001/04/xmlenc#"
_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
_2021 = "http://www.w3.org/2021/04/xmldsig-more#"
PREFIXES = f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="edXML"></ec:InclusiveNamespaces>'
RSA_SHA256 = MORE + "rsa-sha256"
TAIL = (EXC, "")


def sealed(form: Form, signer: str = "sender") -> Maker:
    """The ordinary letter with a signature of this form."""
    return lambda bench: seal(bench.message(), getattr(bench, signer), form)


def of_form(
    name: str, code: str, names: str = "", *, signer: str = "sender", deceives: bool = True, **form: Any
) -> Attack:
    return Attack(name, code, sealed(Form(**form), signer), names=names, deceives=deceives)


# identifier: whether signxml alone is taken in
DIGESTS = {
    SHA1: True,
    MORE + "sha224": True,
    MORE + "md5": False,
    _XMLENC + "ripemd160": False,
    _2007 + "whirlpool": False,
    _2007 + "sha3-256": False,
    DSIG + "sha256": False,  # right algorithm, namespace of another
    _XMLENC + "SHA256": False,
    _XMLENC + "sha256 ": False,
    "": False,
}
RSA_METHODS = {
    DSIG + "rsa-sha1": True,
    MORE + "rsa-sha224": True,
    MORE + "rsa-md5": False,
    MORE + "rsa-ripemd160": False,
    DSIG + "rsa-sha256": False,
    _2007 + "sha1-rsa-MGF1": False,
    _2007 + "md5-rsa-MGF1": False,
    _2007 + "rsa-pss": False,  # its parameters stand in the document
    MORE + "rsa-sha256?": False,
}
METHODS = {
    MORE + "ecdsa-sha1": True,
    MORE + "ecdsa-sha224": True,
    _2007 + "ecdsa-ripemd160": False,
    _2021 + "ecdsa-sha3-256": False,
    DSIG + "dsa-sha1": False,
    "http://www.w3.org/2009/xmldsig11#dsa-sha256": False,
    _2021 + "eddsa-ed25519": False,
    _2021 + "eddsa-ed448": False,
    MORE + "esign-sha256": False,
    "urn:oid:2.16.840.1.101.3.4.3.18": False,  # ML-DSA-65, which has no registered identifier
    "urn:example:none": False,
    "none": False,
    "": False,
}
# everybody has the public key, with which such a value was made
HMACS = (
    DSIG + "hmac-sha1",
    *(f"{MORE}hmac-{name}" for name in ("md5", "sha224", "sha256", "sha384", "sha512", "ripemd160")),
)


def _short(identifier: str) -> str:
    return identifier.rpartition("/")[2] or "no identifier"


ALGORITHMS = [
    *(
        of_form(f"digest {_short(name)!r}", CODE, f"digest {name}", digest=name, deceives=fools)
        for name, fools in DIGESTS.items()
    ),
    *(
        of_form(f"RSA by {_short(name)!r}", CODE, f"signature {name}", signer="rsa", method=name, deceives=fools)
        for name, fools in RSA_METHODS.items()
    ),
    *(
        of_form(f"EC by {_short(name)!r}", CODE, f"signature {name}", method=name, deceives=fools)
        for name, fools in METHODS.items()
    ),
    *(
        of_form(f"the public key as secret of {_short(name)!r}", CODE, f"signature {name}", method=name, deceives=False)
        for name in HMACS
    ),
    of_form("RSA named over an EC key", CODE, "RSA-SHA256 with a key on secp256r1", method=RSA_SHA256, deceives=False),
    of_form("ECDSA named over an RSA key", CODE, "ECDSA-P256-SHA256 with an RSA key", signer="rsa", deceives=False),
    of_form("SHA-256 over a P-384 key", CODE, "ECDSA-P256-SHA256 with a key on secp384r1", signer="p384"),
    of_form("SHA-384 over a P-256 key", CODE, "ECDSA-P384-SHA384", method=MORE + "ecdsa-sha384"),
    *(
        of_form(f"{_short(name)!r} of SignedInfo", CODE, f"canonicalisation {name}", c14n=name)
        for name in (C14N, C14N11, EXC_COMMENTS)
    ),
    *(
        of_form(f"{_short(name)!r} of SignedInfo", CODE, f"canonicalisation {name}", c14n=name, deceives=False)
        for name in ("http://www.w3.org/TR/xml-exc-c14n#", "http://www.w3.org/2010/xml-c14n2", "")
    ),
    of_form("C14N of SignedInfo with a PrefixList", "signature-shape", "InclusiveNamespaces", c14n_inside=PREFIXES),
    of_form(
        "HMACOutputLength in the method",
        "signature-shape",
        "HMACOutputLength",
        deceives=False,
        method_inside="<ds:HMACOutputLength>8</ds:HMACOutputLength>",
    ),
]

_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_NOT_ATTACHMENTS = "<ds:XPath>not(ancestor-or-self::*[local-name()='AttachmentEncoded'])</ds:XPath>"
_FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"
_XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
_STYLESHEET = (
    '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"><xsl:template match="/">'
    '<xsl:copy-of select="."/></xsl:template></xsl:stylesheet>'
)
_ENVELOPED = (ENVELOPED, "")
_ORDER = "once each in this order"


def without_attachments(root: Any) -> Any:
    """What is left of a document when a transform takes the attachments away."""
    left = copy.deepcopy(root)
    for child in [child for child in left if child.tag.endswith("AttachmentEncoded")]:
        left[list(left).index(child) - 1].tail += child.tail
        left.remove(child)
    return left


def transformed(
    name: str,
    refused: str,
    *transforms: tuple[str, str],
    deceives: bool = True,
    covers: Callable[[Any], Any] | None = None,
) -> Attack:
    """The transforms are written as given; ``refused`` is what the refusal must name."""
    form: dict[str, Any] = {"transforms": transforms} | ({} if covers is None else {"covers": covers})
    return of_form(name, "signature-transform", refused, deceives=deceives, **form)


def between(name: str, algorithm: str, inside: str = "", *, deceives: bool = True, covers: Any = None) -> Attack:
    """One more transform between the two permitted ones."""
    steps = (_ENVELOPED, (algorithm, inside), TAIL)
    return transformed(name, f"not permitted: {algorithm}", *steps, deceives=deceives, covers=covers)


TRANSFORMS = [
    transformed("no transform", "none", deceives=False),
    transformed("no canonicalisation", _ORDER, _ENVELOPED),
    transformed("no enveloped signature", _ORDER, TAIL, deceives=False),
    transformed("the other order", _ORDER, TAIL, _ENVELOPED, deceives=False),
    transformed("canonicalisation repeated", _ORDER, _ENVELOPED, TAIL, TAIL, deceives=False),
    transformed("enveloped signature repeated", _ORDER, _ENVELOPED, _ENVELOPED, TAIL, deceives=False),
    transformed("a thousand transforms", _ORDER, _ENVELOPED, *[TAIL] * 1000, deceives=False),
    transformed("inclusive C14N", C14N, _ENVELOPED, (C14N, "")),
    transformed("C14N 1.1", C14N11, _ENVELOPED, (C14N11, "")),
    transformed("exclusive C14N with comments", EXC_COMMENTS, _ENVELOPED, (EXC_COMMENTS, "")),
    transformed(
        "the misspelt C14N of the field",
        "not permitted: http://www.w3.org/TR/xml-exc-c14n#",
        _ENVELOPED,
        ("http://www.w3.org/TR/xml-exc-c14n#", ""),
    ),
    of_form("a PrefixList", "signature-shape", "InclusiveNamespaces", transforms=(_ENVELOPED, (EXC, PREFIXES))),
    between("an unknown transform", "urn:example:x"),
    between("base64", DSIG + "base64", deceives=False),
    between("XSLT", _XSLT, _STYLESHEET),
    # signxml passes unknown transforms over; xmlsec1 obeys this one
    between(
        "XPath that leaves the attachments out", _XPATH, _NOT_ATTACHMENTS, deceives=False, covers=without_attachments
    ),
    between("XPath Filter 2.0", _FILTER2, f'<f:XPath xmlns:f="{_FILTER2}" Filter="intersect">/</f:XPath>'),
    between("decryption of XML", "http://www.w3.org/2002/07/decrypt#XML"),
    between("decryption of octets", "http://www.w3.org/2002/07/decrypt#Binary"),
    between(
        "the relationships of an Office file",
        "http://schemas.openxmlformats.org/package/2006/RelationshipTransform",
        "<r:x xmlns:r='urn:example:r'></r:x>",
    ),
]

ATTACKS = [*ALGORITHMS, *TRANSFORMS]
