"""A witness of other logs (C2SP tlog-witness): cosigns a checkpoint only if it continues what it cosigned before.

Pure but for the memory, which is a port: what was cosigned last is read, judged and replaced in one step, so that two
submissions at once can never take a log back. A checkpoint that its log signed and that does not continue the one
before is evidence: both notes are kept.
"""

from __future__ import annotations

import base64
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import structlog

from hub.audit import merkle
from hub.audit.encoding import decoded
from hub.audit.note import Checkpoint, Note, NoteSigner, VerifierKey
from hub.problems import Refused

log = structlog.get_logger()
LONGEST_BODY = 64 * 1024
MOST_PROOF_LINES = 63
LARGEST_TREE = 2**63 - 1
# of each log and each kind
MOST_EVIDENCE = 20
MOST_REMEMBERED = 1000
_OLD = re.compile("old (0|[1-9][0-9]{0,18})")

Kind = Literal["accepted", "conflict", "forked", "unproven"]


@dataclass(frozen=True, slots=True)
class Submission:
    """The body of ``add-checkpoint``: the size that the proof starts from, the proof, the signed checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> Submission:
        """Raises ``ValueError``; the note is not looked into."""
        if len(body) > LONGEST_BODY:
            raise ValueError(f"more than {LONGEST_BODY} octets")
        # UnicodeDecodeError is a ValueError
        head, gap, note = body.decode().partition("\n\n")
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        if not gap or old is None:
            raise ValueError("the body is an old size line, proof lines, an empty line and a checkpoint")
        if len(lines) > MOST_PROOF_LINES:
            raise ValueError(f"more than {MOST_PROOF_LINES} proof lines")
        return cls(int(old[1]), tuple(map(_hash, lines)), note)

    @property
    def body(self) -> bytes:
        lines = [f"old {self.old}", *(base64.b64encode(one).decode() for one in self.proof)]
        return ("\n".join(lines) + "\n\n" + self.note).encode()


def _hash(line: str) -> bytes:
    try:
        found = decoded(line)
    except ValueError as error:
        raise ValueError("a proof line is not base64") from error
    if len(found) != merkle.HASH_BYTES:
        raise ValueError("a proof line is one hash in base64")
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """The checkpoint of a log that was cosigned last; ``note`` as its log signed it."""

    size: int
    root: bytes
    note: str


NOTHING = Seen(0, merkle.EMPTY, "")


@dataclass(frozen=True, slots=True)
class Offer:
    """A checkpoint that its log signed, offered for a cosignature.

    ``text`` is what is cosigned, extension lines included; ``note`` has it with the signatures of known keys only.
    """

    checkpoint: Checkpoint
    text: str
    note: str
    old: int = 0
    proof: tuple[bytes, ...] = ()

    @property
    def seen(self) -> Seen:
        return Seen(self.checkpoint.size, self.checkpoint.root, self.note)


@dataclass(frozen=True, slots=True)
class Judged:
    """``last``: what had been cosigned before; ``at``: when it was judged."""

    kind: Kind
    last: Seen
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two checkpoints that one log signed. ``forked``: same size, other root, which proves a rewriting by itself.

    ``unproven``: what was sent with the later one does not prove that it continues the earlier one. Anybody may have
    sent it; a log that is whole can answer it by proving any checkpoint of at least that size.
    """

    kind: Literal["forked", "unproven"]
    origin: str
    size: int
    root: bytes
    earlier: str
    later: str
    proof: tuple[bytes, ...]
    at: datetime


def judge(last: Seen, offer: Offer) -> Kind:
    """Whether the offered checkpoint continues the last one."""
    new = offer.checkpoint
    if new.size == last.size and new.root != last.root:
        return "forked"
    if offer.old != last.size:
        return "conflict"
    if not merkle.verify_consistency(last.size, last.root, new.size, new.root, offer.proof):
        return "unproven"
    return "accepted"


def answered(one: Evidence, accepted: Checkpoint) -> bool:
    """Whether an accepted checkpoint, which its log proved, takes the weight from a piece of evidence."""
    if one.kind == "forked" or one.size > accepted.size:
        return False
    return one.size < accepted.size or one.root == accepted.root


class Memory(Protocol):
    """What was cosigned last, and what speaks against a log. Raises ``Deferred`` when it is away."""

    async def advance(self, offer: Offer) -> Judged:
        """``judge`` by what was cosigned last; what is accepted replaces it, in one step, durable before this returns.

        An accepted checkpoint also ends the trouble about a log when all evidence against it is ``answered``.
        """
        ...

    async def accuse(self, evidence: Evidence) -> None:
        """Keep a piece of evidence, ``MOST_EVIDENCE`` of each kind and log: the first ``forked``, the last others."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no refusal. ``conflict``: 409, ``text`` is the size of the last cosigned checkpoint."""

    text: str
    conflict: bool = False


class Witness:
    """Cosigns for ``logs`` with ``signers`` (several while one key takes over from another)."""

    def __init__(self, signers: Sequence[NoteSigner], logs: Sequence[VerifierKey], memory: Memory) -> None:
        self._signers = tuple(signers)
        self.keys = tuple(one.witness_key for one in signers)
        self.logs = tuple(logs)
        self._memory = memory
        self._accused: OrderedDict[tuple[str, int, bytes], None] = OrderedDict()

    async def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request. Raises ``Refused`` (the ``checkpoint-…`` codes), ``Deferred`` when the memory is away."""
        offer = self._offered(body)
        judged = await self._memory.advance(offer)
        if judged.kind in ("forked", "unproven") and judged.last.note:
            await self._accuse(judged, offer)
        if judged.kind == "unproven":
            detail = f"no proof that {offer.checkpoint.size} leaves continue {judged.last.size}"
            raise Refused("checkpoint-inconsistent", detail, "proof")
        if judged.kind != "accepted":
            return Answer(f"{judged.last.size}\n", conflict=True)
        seconds = int(judged.at.timestamp())
        return Answer("".join(one.cosign(offer.text, seconds) for one in self._signers))

    def _offered(self, body: bytes) -> Offer:
        try:
            submission = Submission.parse(body)
            note = Note.parse(submission.note)
            checkpoint = Checkpoint.parse(note.text)
        except ValueError as error:
            raise Refused("checkpoint-malformed", str(error), "body") from error
        keys = [key for key in self.logs if key.name == checkpoint.origin]
        if not keys:
            raise Refused("checkpoint-log-unknown", checkpoint.origin, "origin")
        signed = [key for key in keys if note.signed_by(key)]
        if not signed:
            raise Refused("checkpoint-unsigned", checkpoint.origin, "signature")
        if submission.old > checkpoint.size or checkpoint.size > LARGEST_TREE:
            raise Refused("checkpoint-malformed", f"old {submission.old}, size {checkpoint.size}", "old")
        if not checkpoint.size and checkpoint.root != merkle.EMPTY:
            raise Refused("checkpoint-malformed", "the root of no leaves is another", "root")
        return Offer(checkpoint, note.text, note.only(signed), submission.old, submission.proof)

    async def _accuse(self, judged: Judged, offer: Offer) -> None:
        checkpoint, last = offer.checkpoint, judged.last
        known = (checkpoint.origin, checkpoint.size, checkpoint.root)
        if known in self._accused:
            return  # strangers may repeat it as often as they like
        log.critical(
            "witness.log_rewritten", origin=checkpoint.origin, kind=judged.kind, cosigned=last.size, now=checkpoint.size
        )
        kind: Literal["forked", "unproven"] = "forked" if judged.kind == "forked" else "unproven"
        await self._memory.accuse(
            Evidence(
                kind, checkpoint.origin, checkpoint.size, checkpoint.root, last.note, offer.note, offer.proof, judged.at
            )
        )
        self._accused[known] = None
        if len(self._accused) > MOST_REMEMBERED:
            self._accused.popitem(last=False)
