"""From a case to a pack: which members it has, in which order, and the signature over all of them.

1. The document's octets, untouched, and those of every attachment beside it; each is held against its digest again.
2. The signer's path and what was known of revocation when the hub decided.
3. Receipts, leaves, proofs, checkpoints, time stamps, keys.
4. What people read: README.txt, summary.html; what programs read: decision.json.
5. Lists of all of it, and the seal over the list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.evidence import guide, listing, summary
from hub.evidence.container import MEDIA_TYPE, MIMETYPE, Draft, Member
from hub.evidence.names import (
    ASIC_MANIFEST,
    CHAIN,
    DECISION,
    DOCUMENT,
    GUIDE,
    MANIFEST,
    SIGNATURE,
    SUMMARY,
    SUMS,
)
from hub.evidence.proving import Published, add_keys, add_log, add_receipts, add_stamps
from hub.evidence.records import Named, decision
from hub.evidence.seal import Seal
from hub.language.folding import folded
from hub.ledger.case import Case
from hub.ledger.envelopes import PartRecord
from hub.ledger.evidence import Piece
from hub.problems import Deferred

# SHA-256 and length of what is stored → where it lies; OSError when it does not
Lies = Callable[[str, int], Path]
_LONGEST_NAME = 80


def pack(
    case: Case,
    published: Published,
    seal: Seal,
    lies: Lies,
    checks: Sequence[str],
    at: datetime,
    scratch: Path | None = None,
) -> list[Member]:
    """The members of the pack, in order. Raises ``Deferred('payload-unavailable')`` when octets are not there whole."""
    draft = Draft(scratch)
    draft.add(MIMETYPE, MEDIA_TYPE.encode())
    parts = [(part_name(number, one), one) for number, one in enumerate(case.parts, 1)]
    if case.purged is None:
        _add_stored(draft, DOCUMENT, lies, case.letter.sha256, case.letter.size)
        for name, part in parts:
            _add_stored(draft, name, lies, part.sha256, part.size)
    pieces = [_add_piece(draft, piece) for piece in case.pieces]
    _add_chain(draft, case.pieces)
    receipts = add_receipts(draft, case)
    leaves = add_log(draft, case)
    add_keys(draft, case, published, seal.certificate_pem)
    stamps = add_stamps(draft, case, published)
    named = Named(parts, pieces, leaves, receipts)
    draft.add(DECISION, decision(case, named, published.hub, published.origin, checks, at))
    draft.add(SUMMARY, summary.page(case, named, published, stamps, at).encode())
    draft.add(GUIDE, guide.text(case, named, published, stamps).encode())
    return sealed(draft, seal, at)


def sealed(draft: Draft, seal: Seal, at: datetime) -> list[Member]:
    """Add the lists of what there is, and the signature over them."""
    names = [one.name for one in draft.members if one.name != MIMETYPE]
    draft.add(MANIFEST, listing.manifest([*names, SUMS]))
    draft.add(SUMS, listing.sums(listing.digests(draft.members)))
    manifest = listing.asic_manifest(listing.digests(draft.members))
    draft.add(ASIC_MANIFEST, manifest)
    draft.add(SIGNATURE, seal.sign(manifest, at))
    return draft.members


def part_name(number: int, part: PartRecord) -> str:
    """``parts/NNN-name``: what the manifest calls it, in letters that every system can write."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "-" for one in folded(part.name))
    return f"parts/{number:03}-{kept[-_LONGEST_NAME:].lstrip('.') or 'part'}"


def _add_stored(draft: Draft, name: str, lies: Lies, sha256: str, size: int) -> None:
    try:
        draft.add_file(name, lies(sha256, size))
    except OSError as error:
        raise Deferred("payload-unavailable", "the document's file cannot be read") from error
    if draft.members[-1].sha256 != sha256:
        raise Deferred("payload-unavailable", "the document's file is damaged")


def _add_piece(draft: Draft, piece: Piece) -> tuple[str, Piece]:
    room = "signer" if piece.kind == "certificate" else "revocation"
    name = f"{room}/{piece.name}"
    draft.add(name, piece.der)
    if piece.kind == "certificate":
        draft.add(f"{name.removesuffix('.cer')}.pem", certificate_pem(piece))
    elif piece.kind == "crl":
        draft.add(f"{name}.pem", x509.load_der_x509_crl(piece.der).public_bytes(Encoding.PEM))
    return name, piece


def _add_chain(draft: Draft, pieces: Sequence[Piece]) -> None:
    certificates = [certificate_pem(one) for one in pieces if one.kind == "certificate" and one.role != "settlement"]
    if certificates:
        draft.add(CHAIN, b"".join(certificates))


def certificate_pem(piece: Piece) -> bytes:
    return x509.load_der_x509_certificate(piece.der).public_bytes(Encoding.PEM)
