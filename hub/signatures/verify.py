"""Verification by profile ``strict``.

0. (before) The octets passed ``hub.envelope.hardening``: one tree, no DTD, comment, processing instruction or CDATA.
1. Exactly one ``ds:Signature``, in its place; exact child lists; permitted algorithms, by name.   [shape]
2. The certificate path to a configured anchor at the moment of receipt.                            [chain]
3. Key type, curve and hash tied together; the value has the key's exact length.                    [algorithms]
4. Signature and digest, with the leaf that step 2 verified.                                        [mathematics]
5. What was signed is the whole document: its root is the document's root. Only that tree may be read afterwards;
   a wrapped forgery beside the signed part would otherwise travel on with the original octets.
The caller binds the leaf to an agency of the authenticated system (registry): a valid signature is not yet a right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.envelope.long_texts import LongText
from hub.problems import Refused
from hub.signatures.chain import Path, TrustStore, verify_path
from hub.signatures.mathematics import PLACE, check_mathematics
from hub.signatures.shape import shape_of, signature_of
from hub.signatures.streaming import Taker, untaken


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What a valid signature covers. ``root`` is read from the ``octets`` canonical octets, without the signature.

    Tokens of long texts stand in ``root`` as they stood in the tree that was verified.
    """

    root: Any
    path: Path
    algorithm: str
    digest: str
    octets: int


def verify(
    root: Any, store: TrustStore, at: datetime, texts: Sequence[LongText] = (), taken: Taker = untaken
) -> SignedContent:
    """Verify the tree of a hardened parse by profile ``strict`` as of ``at``.

    ``texts`` are those that a long document's tree has tokens for; ``taken`` is told token and characters of each as
    they are digested, and may believe them when this returns.

    Raises ``Refused`` (``signature-*``, ``certificate-*``) or ``Deferred('trust-unavailable')``.
    """
    signature = signature_of(root)
    shape = shape_of(signature)
    try:
        path = verify_path(shape.chain, store, at)
    except Refused as refusal:
        located = tuple(replace(one, location=one.location or f"{PLACE}/KeyInfo/X509Data") for one in refusal.findings)
        raise Refused(refusal.code, findings=located) from refusal
    content, octets = check_mathematics(signature, shape, path.leaf, texts, taken)
    return SignedContent(content, path, shape.method.name, shape.digest.rpartition("#")[2], octets)
