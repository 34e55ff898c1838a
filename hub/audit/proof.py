"""A proof that can be checked offline (C2SP tlog-proof): a leaf's number, its path, and the signed checkpoint. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hub.audit.encoding import decoded
from hub.audit.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from hub.audit.note import Checkpoint, Note, VerifierKey, opened

FIRST_LINE = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile("index (0|[1-9][0-9]{0,18})")
_MOST_HASHES = 64


@dataclass(frozen=True, slots=True)
class Proof:
    """``path``: from the leaf's sibling up; ``checkpoint``: the note, signatures included; ``extra`` proves nothing."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @property
    def text(self) -> str:
        extra = [] if self.extra is None else [f"extra {base64.b64encode(self.extra).decode()}"]
        path = [base64.b64encode(one).decode() for one in self.path]
        return "\n".join([FIRST_LINE, *extra, f"index {self.index}", *path, "", self.checkpoint])

    @classmethod
    def parse(cls, text: str) -> Proof:
        """Raises ``ValueError``; nothing is verified here."""
        head, gap, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != FIRST_LINE or not gap:
            raise ValueError(f"not a proof: the first line is {FIRST_LINE}, a checkpoint follows an empty line")
        extra = decoded(lines.pop(0)[len("extra ") :]) if lines and lines[0].startswith("extra ") else None
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        path = tuple(map(decoded, lines))
        if index is None or len(path) > _MOST_HASHES or any(len(one) != HASH_BYTES for one in path):
            raise ValueError("not a proof: an index, and hashes of 32 octets in base64")
        return cls(int(index[1]), path, checkpoint, extra)


@dataclass(frozen=True, slots=True)
class Included:
    """What a proof proves. ``witnesses``: names of those trusted who cosigned, and when (seconds since 1970)."""

    index: int
    checkpoint: Checkpoint
    witnesses: dict[str, int]


def verify(
    text: str, leaf: bytes, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = (), quorum: int = 0
) -> Included:
    """Check that ``leaf`` is in the tree of the checkpoint, and that one of ``keys``, the log's own, signed it.

    ``quorum``: how many of ``witnesses`` must have cosigned. Raises ``ValueError``, which says what does not hold.
    """
    proof = Proof.parse(text)
    checkpoint = opened(proof.checkpoint, keys)
    if not verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.path, checkpoint.root):
        raise ValueError(f"this is not leaf {proof.index} of the tree of {checkpoint.size}")
    note = Note.parse(proof.checkpoint)
    times = {one.name: note.seconds_of(one) for one in witnesses}
    seen = {name: seconds for name, seconds in times.items() if seconds is not None}
    if len(seen) < quorum:
        raise ValueError(f"{len(seen)} of the trusted witnesses cosigned; {quorum} are wanted")
    return Included(proof.index, checkpoint, seen)
