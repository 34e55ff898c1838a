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
_SPACE = " \t\r\n"  # XML 1.0 §2.3; Python's own idea of white space is wider
_SPACE_OCTETS = _SPACE.encode()
_ANY = f"{{{DSIG}}}*"
_SIGNATURE = [ds(name) for name in ("SignedInfo", "SignatureValue", "KeyInfo")]
_SIGNED_INFO = [ds(name) for name in ("CanonicalizationMethod", "SignatureMethod", "Reference")]
_REFERENCE = [ds(name) for name in ("Transforms", "DigestMethod", "DigestValue")]
_TRANSFORMS = [ds("Transform")] * 2
_X509_DATA = [ds("X509Data")]
_X509_CERTIFICATE = ds("X509Certificate")


@dataclass(frozen=True, slots=True)
class SignatureShape:
    """What the signature claims; nothing is verified yet. ``chain`` holds DER certificates, leaf first."""

    method: Method
    digest: str
    digest_value: bytes
    value: bytes
    chain: tuple[bytes, ...]


def signature_of(root: Element) -> Element:
    """The one ``ds:Signature``, in its place. Raises ``signature-absent``, ``-multiple``, ``-place``, ``-shape``."""
    nodes = list(root.iter(_ANY))
    found = [node for node in nodes if node.tag == SIGNATURE]
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
    own = set(signature.iter(_ANY))
    if len(own) != len(nodes):
        stray = next(node for node in nodes if node not in own)
        raise Refused("signature-shape", f"{_name(stray)} outside the signature", path_of(stray))
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
    signed_info, value, key_info = _children(signature, _SIGNATURE)
    references = len(list(signed_info.iterchildren(_SIGNED_INFO[-1])))
    if references != 1:
        raise Refused("signature-reference", f"{references} references", path_of(signed_info))
    c14n, method_node, reference = _children(signed_info, _SIGNED_INFO)
    if (algorithm := _algorithm(c14n)) != EXCLUSIVE_C14N:
        raise Refused("signature-algorithm", f"canonicalisation {algorithm}", path_of(c14n))
    named = _algorithm(method_node)
    method = METHODS.get(named or "")
    if method is None:
        raise Refused("signature-algorithm", f"signature {named}", path_of(method_node))
    _check_reference(reference)
    digest, digest_value = reference_digest(reference)
    _leaf(value)
    return SignatureShape(method, digest, digest_value, _base64(value, "signature-shape"), _chain(key_info))


def _check_reference(reference: Element) -> None:
    """The whole document, through the two transforms, nothing else."""
    if reference.get("URI") != "":
        shown = "no URI" if reference.get("URI") is None else f'URI="{reference.get("URI")}"'
        raise Refused("signature-reference", shown, path_of(reference))
    transforms, _, _ = _children(reference, _REFERENCE, attributes=("URI",))
    names = [node.get("Algorithm") for node in transforms]
    if names != [ENVELOPED, EXCLUSIVE_C14N]:
        raise Refused("signature-transform", _wrong_transforms(names), path_of(transforms))
    for node in _children(transforms, _TRANSFORMS):
        _algorithm(node)


def reference_digest(reference: Element) -> tuple[str, bytes]:
    """The digest's identifier and value in a ``ds:Reference`` of the permitted form. Raises ``Refused``."""
    _, method, value = reference
    algorithm = str(_algorithm(method))
    _leaf(value)
    if algorithm not in DIGESTS:
        raise Refused("signature-algorithm", f"digest {algorithm}", path_of(method))
    return algorithm, _base64(value, "signature-shape")


def _wrong_transforms(names: list[str | None]) -> str:
    """The transforms that are not permitted, by name; or what is wrong with those that are."""
    others = [str(name) for name in names if name not in (ENVELOPED, EXCLUSIVE_C14N)]
    if others:
        return f"not permitted: {', '.join(others)}"
    short = [str(name).rpartition("#")[2] or "xml-exc-c14n" for name in names]
    return f"enveloped-signature and xml-exc-c14n, once each in this order, not: {', '.join(short) or 'none'}"


def _chain(key_info: Element) -> tuple[bytes, ...]:
    (data,) = _children(key_info, _X509_DATA)
    if not 1 <= len(data) <= MAX_CHAIN:
        raise Refused("signature-shape", f"{len(data)} nodes in X509Data, 1 to {MAX_CHAIN}", path_of(data))
    certificates = _children(data, [_X509_CERTIFICATE] * len(data))
    for node in certificates:
        _leaf(node)
    return tuple(_base64(node, "certificate-malformed") for node in certificates)


def _children(parent: Element, tags: list[str], attributes: tuple[str, ...] = ()) -> list[Element]:
    """Exactly these children in this order, no text between them, no attributes but the named ones."""
    children = list(parent)
    if [child.tag for child in children] != tags:
        found = ", ".join(_name(child) for child in children) or "nothing"
        expected = ", ".join(tag.rpartition("}")[2] for tag in tags)
        raise Refused("signature-shape", f"expected {expected}; found {found}", path_of(parent))
    _only_attributes(parent, attributes)
    for text in (parent.text, *[child.tail for child in children]):
        _no_text(text, parent)
    return children


def _algorithm(node: Element) -> str | None:
    """The only attribute of an element that holds nothing; None where it is absent."""
    _leaf(node, ("Algorithm",))
    _no_text(node.text, node)
    algorithm: str | None = node.get("Algorithm")
    return algorithm


def _leaf(node: Element, attributes: tuple[str, ...] = ()) -> None:
    """No element inside, no attributes but the named ones."""
    if len(node):
        raise Refused("signature-shape", f"{_name(node[0])} in {_name(node)}", path_of(node))
    _only_attributes(node, attributes)


def _only_attributes(node: Element, attributes: tuple[str, ...]) -> None:
    if others := set(node.keys()).difference(attributes):
        raise Refused("signature-shape", f"attribute {min(others)}", path_of(node))


def _no_text(text: str | None, node: Element) -> None:
    if text and text.strip(_SPACE):
        raise Refused("signature-shape", "stray text", path_of(node))


def _name(node: Element) -> str:
    """The local name for people; with its namespace where it is not XML-DSig's."""
    tag = str(node.tag)
    return tag.removeprefix(f"{{{DSIG}}}")


def _base64(node: Element, code: str) -> bytes:
    """Canonical base64 with the white space that Java writes (``&#13;`` included). RFC 4648 §3.5."""
    try:
        compact = (node.text or "").encode("ascii").translate(None, _SPACE_OCTETS)
        decoded = binascii.a2b_base64(compact, strict_mode=True)
    except ValueError as error:
        raise Refused(code, "not base64", path_of(node)) from error
    if not decoded or binascii.b2a_base64(decoded, newline=False) != compact:
        raise Refused(code, "base64 is not canonical", path_of(node))
    return decoded
