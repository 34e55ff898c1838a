"""A log of leaves in memory, and what it sends to witnesses."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.audit import merkle
from hub.audit.note import Checkpoint, NoteSigner, VerifierKey, signed
from hub.audit.witness import Submission


@dataclass
class Log:
    """Its leaves are texts; ``fork`` is the same log with another past."""

    name: str = "hub.test/log"
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    leaves: list[bytes] = field(default_factory=list)

    @property
    def signer(self) -> NoteSigner:
        return NoteSigner(self.name, self.private)

    @property
    def key(self) -> VerifierKey:
        return self.signer.log_key

    def grown(self, count: int) -> Log:
        """Itself, with so many more leaves."""
        self.leaves += [merkle.leaf_hash(b"leaf %d" % (len(self.leaves) + one)) for one in range(count)]
        return self

    def fork(self, size: int) -> Log:
        """The same name and key; all leaves from half of ``size`` on are others."""
        leaves = [*self.leaves[: size // 2], *(merkle.leaf_hash(b"other %d" % one) for one in range(size - size // 2))]
        return Log(self.name, self.private, leaves)

    def nodes(self, level: int, first: int, count: int) -> list[bytes]:
        width = 256**level
        return [merkle.fold(self.leaves[at * width : (at + 1) * width]) for at in range(first, first + count)]

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.leaves) if size is None else size
        return Checkpoint(self.name, size, merkle.fold(self.leaves[:size]))

    def note(self, size: int | None = None) -> str:
        return signed(self.checkpoint(size), [self.signer])

    def submission(self, old: int, size: int | None = None) -> Submission:
        size = len(self.leaves) if size is None else size
        return Submission(old, tuple(merkle.consistency_proof(old, size, self.nodes)), self.note(size))

    def body(self, old: int, size: int | None = None) -> bytes:
        return self.submission(old, size).body
