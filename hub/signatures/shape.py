"""The shape of the one permitted signature, checked before any cryptography.

Half of all hostile envelopes carry a signature that is mathematically right; it is its place, reach or form that is
wrong. Child lists are exact: no second ``SignedInfo``, no ``Object``, no ``Id``, no stray text, no foreign node.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Any

from hub.envelope.names import DSIG, ENVELOPE, HEADER, ROOT, SIGNATURE, ds
from hub.envelope.reading import path_of
from hub.problems import Refused
from hub.signatures.algorithms import DIGESTS, ENVELOPED, EXCLUSIVE_C14N, METHODS, Method

Element = Any
MAX_CHAIN = 5
_WHITE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class SignatureShape:
    """What the signature claims; nothing is verified yet. ``chain`` holds DER certificates, leaf first."""

    method: Method
    digest: str
    value: bytes
    chain: tuple[bytes, ...]


def signature_of(root: Element) -> Element:
    """The one ``ds:Signature``, in its place. Raises ``signature-absent``, ``-multiple``, ``-place``, ``-shape``."""
    found = list(root.iter(SIGNATURE))
    if not found:
        raise _absent(root)
    if len(found) > 1:
        raise Refused("signature-multiple", f"{len(found)} signatures", path_of(found[1]))
    signature = found[0]
    header = signature.getparent()
    grand = None if header is None else header.getparent()
    if (
        header is None
        or header.tag != HEADER
        or grand is None
        or grand.tag != ENVELOPE
        or grand.getparent() is None
        or grand.getparent().tag != ROOT
        or grand.getparent() is not root
        or header[-1] is not signature
    ):
        raise Refused("signature-place", _wrong_place(signature), path_of(signature))
    own = set(signature.iter())
    for node in root.iter(f"{{{DSIG}}}*"):
        if node not in own:
            raise Refused("signature-shape", f"{_name(node)} outside the signature", path_of(node))
    return signature


def _wrong_place(signature: Element) -> str:
    header = signature.getparent()
    if header is None or header.tag != HEADER:
        return "not in edXMLHeader"
    return (
        "not the last of edXMLHeader" if header[-1] is not signature else "in an edXMLHeader that is not the document's"
    )


def _absent(root: Element) -> Refused:
    """Field software writes a signature in edXML's own namespace, which no verifier finds."""
    other = next(root.iter("{*}Signature"), None)
    if other is None:
        return Refused("signature-absent", "", path_of(root))
    namespace = str(other.tag).rpartition("}")[0].lstrip("{") or "none"
    return Refused("signature-absent", f"a Signature of namespace {namespace} is not one of XML-DSig", path_of(other))


def shape_of(signature: Element) -> SignatureShape:
    """The signature's claims. Raises ``Refused`` with the code of the first thing that is not permitted."""
    signed_info, value, key_info = _children(signature, "SignedInfo", "SignatureValue", "KeyInfo")
    c14n, method_node, reference = _signed_info(signed_info)
    if c14n.get("Algorithm") != EXCLUSIVE_C14N:
        raise Refused("signature-algorithm", f"canonicalisation {c14n.get('Algorithm')}", path_of(c14n))
    _leaf(c14n, {"Algorithm"})
    _leaf(method_node, {"Algorithm"})
    method = METHODS.get(method_node.get("Algorithm", ""))
    if method is None:
        raise Refused("signature-algorithm", f"signature {method_node.get('Algorithm')}", path_of(method_node))
    digest = _reference(reference)
    _leaf(value, set(), text=True)
    return SignatureShape(method, digest, _base64(value, "signature-shape"), _chain(key_info))


def _signed_info(signed_info: Element) -> tuple[Element, Element, Element]:
    references = signed_info.findall(ds("Reference"))
    if len(references) != 1:
        raise Refused("signature-reference", f"{len(references)} references", path_of(signed_info))
    c14n, method, reference = _children(signed_info, "CanonicalizationMethod", "SignatureMethod", "Reference")
    return c14n, method, reference


def _reference(reference: Element) -> str:
    if reference.get("URI") != "":
        shown = "no URI" if reference.get("URI") is None else f'URI="{reference.get("URI")}"'
        raise Refused("signature-reference", shown, path_of(reference))
    transforms, digest_method, digest_value = _children(
        reference, "Transforms", "DigestMethod", "DigestValue", attributes={"URI"}
    )
    names = [node.get("Algorithm") for node in transforms]
    if names != [ENVELOPED, EXCLUSIVE_C14N]:
        raise Refused("signature-transform", _wrong_transforms(names), path_of(transforms))
    _children(transforms, "Transform", "Transform")
    for node in transforms:
        _leaf(node, {"Algorithm"})
    _leaf(digest_method, {"Algorithm"})
    _leaf(digest_value, set(), text=True)
    algorithm = str(digest_method.get("Algorithm"))
    if algorithm not in DIGESTS:
        raise Refused("signature-algorithm", f"digest {algorithm}", path_of(digest_method))
    _base64(digest_value, "signature-shape")
    return algorithm


def _wrong_transforms(names: list[str | None]) -> str:
    """The transforms that are not permitted, by name; or what is wrong with those that are."""
    others = [str(name) for name in names if name not in (ENVELOPED, EXCLUSIVE_C14N)]
    if others:
        return f"not permitted: {', '.join(others)}"
    short = [str(name).rpartition("#")[2] or "xml-exc-c14n" for name in names]
    return f"enveloped-signature and xml-exc-c14n, once each in this order, not: {', '.join(short) or 'none'}"


def _chain(key_info: Element) -> tuple[bytes, ...]:
    (data,) = _children(key_info, "X509Data")
    certificates = list(data)
    if not 1 <= len(certificates) <= MAX_CHAIN:
        raise Refused("signature-shape", f"{len(certificates)} nodes in X509Data, 1 to {MAX_CHAIN}", path_of(data))
    _children(data, *["X509Certificate"] * len(certificates))
    for node in certificates:
        _leaf(node, set(), text=True)
    return tuple(_base64(node, "certificate-malformed") for node in certificates)


def _children(parent: Element, *names: str, attributes: frozenset[str] | set[str] = frozenset()) -> list[Element]:
    """Exactly these children in this order, no text between them, no attributes but the named ones."""
    children = list(parent)
    if [child.tag for child in children] != [ds(name) for name in names]:
        found = ", ".join(_name(child) for child in children) or "nothing"
        raise Refused("signature-shape", f"expected {', '.join(names)}; found {found}", path_of(parent))
    if others := set(parent.attrib) - attributes:
        raise Refused("signature-shape", f"attribute {min(others)}", path_of(parent))
    if any((text or "").strip() for text in (parent.text, *(child.tail for child in children))):
        raise Refused("signature-shape", "stray text", path_of(parent))
    return children


def _leaf(node: Element, attributes: set[str], *, text: bool = False) -> None:
    if len(node):
        raise Refused("signature-shape", f"{_name(node[0])} in {_name(node)}", path_of(node))
    if others := set(node.attrib) - attributes:
        raise Refused("signature-shape", f"attribute {min(others)}", path_of(node))
    if not text and (node.text or "").strip():
        raise Refused("signature-shape", "stray text", path_of(node))


def _name(node: Element) -> str:
    """The local name for people; with its namespace where it is not XML-DSig's."""
    tag = str(node.tag)
    return tag.removeprefix(f"{{{DSIG}}}")


def _base64(node: Element, code: str) -> bytes:
    """Canonical base64 with the white space that Java writes (``&#13;`` included). RFC 4648 §3.5."""
    try:
        compact = (node.text or "").encode("ascii").translate(None, _WHITE)
        decoded = binascii.a2b_base64(compact, strict_mode=True)
    except ValueError as error:
        raise Refused(code, "not base64", path_of(node)) from error
    if not decoded or binascii.b2a_base64(decoded, newline=False) != compact:
        raise Refused(code, "base64 is not canonical", path_of(node))
    return decoded
