"""Signature wrapping: XSW1–8 (Somorovsky et al., 2012) with the edXML envelope in the part of the SAML assertion.

Each in two flavours. In the first the victim's software signs the envelope by its ``Id``: value and digest stay right
after the signed envelope was moved aside, and a verifier that looks the reference up is taken in. In the second the
victim signed by the profile, over the whole document, and the attacker makes the same moves. Moves are made on octets:
a tree would change prefixes, and with them what was signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.forgery import HEADER_END, Attack, Form, Maker, Workshop, by_id, element, seal, within

EVIL = "Chuyển toàn bộ ngân sách"


def by_reference(bench: Workshop) -> bytes:
    """The victim's letter, signed by the envelope's Id alone."""
    message = within(bench.message(), "<edXML:edXMLEnvelope ", '<edXML:edXMLEnvelope Id="e1" ')
    return seal(message, bench.sender, Form(uri="#e1", covers=by_id("e1")))


@dataclass(frozen=True)
class Pieces:
    """A signed letter taken apart: its envelope with and without the signature, and a forged envelope without."""

    document: bytes
    signed: bytes
    bare: bytes
    signature: bytes
    forged: bytes

    @classmethod
    def of(cls, body: bytes) -> Pieces:
        signed = element(body, "edXMLEnvelope")
        found = re.search(rb"<ds:Signature .*</ds:Signature>", signed)
        assert found is not None
        bare = signed.replace(found[0], b"")
        forged = re.sub(b"<edXML:Subject>[^<]*<", f"<edXML:Subject>{EVIL}<".encode(), bare.replace(b' Id="e1"', b""))
        document = body[body.index(b"<edXML ") :].replace(found[0], b"")
        return cls(document, signed, bare, found[0], forged)

    def forged_with(self, content: bytes) -> bytes:
        """The forged envelope with this at the end of its header."""
        return self.forged.replace(HEADER_END, content + HEADER_END)

    def signature_with(self, content: bytes) -> bytes:
        """The signature, unchanged but for this at its end."""
        return self.signature.replace(b"</ds:Signature>", content + b"</ds:Signature>")


MOVES: tuple[tuple[str, Callable[[Pieces], bytes], str, str], ...] = (
    # what becomes of the envelope; the code when the reference names an Id, and when it covers the document
    (
        "XSW1: the original document in the forgery's signature",
        lambda it: it.forged_with(it.signature_with(it.document)),
        "signature-shape",
        "signature-shape",
    ),
    (
        "XSW2: the original beside the forgery's signature",
        lambda it: it.forged_with(it.bare + it.signature),
        "signature-reference",
        "signature-digest",
    ),
    (
        "XSW3: the forgery before the original",
        lambda it: it.forged + it.signed,
        "signature-reference",
        "signature-digest",
    ),
    (
        "XSW4: the forgery around the original",
        lambda it: it.forged.replace(b"</edXML:edXMLEnvelope>", it.signed + b"</edXML:edXMLEnvelope>"),
        "signature-place",
        "signature-place",
    ),
    (
        "XSW5: the forgery with the signature, the original after it",
        lambda it: it.forged_with(it.signature) + it.bare,
        "signature-reference",
        "signature-digest",
    ),
    (
        "XSW6: the original envelope in the forgery's signature",
        lambda it: it.forged_with(it.signature_with(it.bare)),
        "signature-shape",
        "signature-shape",
    ),
    (
        "XSW7: the forgery in an element nobody expects",
        lambda it: b"<Extensions>" + it.forged + b"</Extensions>" + it.signed,
        "signature-reference",
        "signature-digest",
    ),
    (
        "XSW8: the original in an Object of the forgery's signature",
        lambda it: it.forged_with(it.signature_with(b"<ds:Object>" + it.bare + b"</ds:Object>")),
        "signature-shape",
        "signature-shape",
    ),
)


def wrapped(make: Maker, move: Callable[[Pieces], bytes]) -> Maker:
    def forge(bench: Workshop) -> bytes:
        body = make(bench)
        pieces = Pieces.of(body)
        forgery = body.replace(pieces.signed, move(pieces))
        assert EVIL.encode() in forgery
        return forgery

    return forge


ATTACKS = [
    *(
        # XSW1 does not deceive signxml: it cuts the signature, and the document in it, out before it digests
        Attack(f"{name}, by Id", code, wrapped(by_reference, move), deceives=not name.startswith("XSW1"))
        for name, move, code, _ in MOVES
    ),
    *(Attack(f"{name}, of the whole", whole, wrapped(Workshop.honest, move)) for name, move, _, whole in MOVES),
]
