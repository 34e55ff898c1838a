"""The arithmetic of one signature whose shape is known: was this document signed with this key?

Written out here and not left to a library, because of what the profile's shape leaves to do: two canonical forms, one
public key operation, one digest. What general verifiers bring beside that (other transforms, references, key look-ups)
is what the profile forbids, and three quarters of the time. The tests hold it against two of them, signxml and xmlsec1.

Canonical forms are libxml2's. Whatever is used afterwards is read again from the canonical octets that were verified,
the digest as well as the document: nothing that was verified by one look is consumed by another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cryptography import x509
from lxml import etree

from hub.envelope.long_texts import LongText
from hub.envelope.names import ROOT
from hub.problems import Refused
from hub.signatures.algorithms import DIGESTS, check_key, holds
from hub.signatures.path_rules import common_name
from hub.signatures.shape import SignatureShape, reference_digest
from hub.signatures.streaming import Taker, in_full, untaken

Element = Any
PLACE = "/edXML/edXMLEnvelope/edXMLHeader/Signature"


def check_mathematics(
    signature: Element,
    shape: SignatureShape,
    leaf: x509.Certificate,
    texts: Sequence[LongText] = (),
    taken: Taker = untaken,
) -> tuple[Element, int]:
    """The signed tree, without the signature, and the number of its canonical octets.

    Says nothing about whose certificate ``leaf`` is. The value is checked before the digest: ``signature-digest`` says
    that the signature itself held. Raises ``Refused`` (``signature-*``).

    ``texts`` are those for which the tree has tokens, the signed one too; ``taken`` is told token and characters of
    each as they are digested, before it is known that the digest is right.
    """
    digest = check_value(signature, shape, leaf)
    root = signature.getroottree().getroot()
    with _without(signature):
        octets = canonical(root)
    digester, length = hashlib.new(DIGESTS[shape.digest]), 0
    for piece in in_full(octets, texts, taken):
        digester.update(piece)
        length += len(piece)
    if digester.digest() != digest:
        place = f"{PLACE}/SignedInfo/Reference/DigestValue"
        raise Refused("signature-digest", "the digest does not match the document", place)
    content = _read(octets)
    if content.tag != ROOT:
        raise Refused("signature-reference", "what is signed is not the document", f"{PLACE}/SignedInfo/Reference")
    return content, length


def check_value(signature: Element, shape: SignatureShape, leaf: x509.Certificate) -> bytes:
    """The digest of the document that ``leaf``'s key has signed.

    Key type, curve and hash are tied together, the value has the key's exact length (RFC 9231, XML Signature 1.1 §6.4).
    """
    key = leaf.public_key()
    expected = check_key(key, shape.method)
    if len(shape.value) != expected:
        raise _invalid(f"SignatureValue has {len(shape.value)} octets, the key makes {expected}")
    octets = canonical(signature[0])
    if not holds(key, shape.method, shape.value, octets):
        raise _invalid(f"not made with the key of {common_name(leaf)}")
    signed = reference_digest(_read(octets)[-1])
    if signed != (shape.digest, shape.digest_value):
        raise _invalid("what was signed is not what SignedInfo says")
    return signed[1]


def canonical(element: Element) -> bytes:
    """The exclusive canonical form, without comments, of an element and all in it (XML-EXC-C14N 1.0)."""
    try:
        octets: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError as error:
        raise _invalid("no canonical form") from error
    return octets


def _read(octets: bytes) -> Element:
    """The tree of canonical octets, which the hardened parser's limits bound."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        raise _invalid("what was signed cannot be read") from error


def _invalid(detail: str) -> Refused:
    return Refused("signature-invalid", detail, f"{PLACE}/SignatureValue")


@contextmanager
def _without(signature: Element) -> Iterator[None]:
    """The tree while the signature, the last child of its parent, is taken out; the text after it stays."""
    parent, tail = signature.getparent(), signature.tail
    before = signature.getprevious()
    kept = parent.text if before is None else before.tail
    signature.tail = None
    parent.remove(signature)
    _set_text_after(parent, before, (kept or "") + (tail or "") or None)
    try:
        yield
    finally:
        _set_text_after(parent, before, kept)
        parent.append(signature)
        signature.tail = tail


def _set_text_after(parent: Element, before: Element, text: str | None) -> None:
    if before is None:
        parent.text = text
    else:
        before.tail = text
