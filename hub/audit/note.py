"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), and what witnesses add (C2SP tlog-cosignature v1).

A note is text, an empty line, and signature lines ``— <name> base64(key ID || signature)``. Ed25519 only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.audit.encoding import decoded
from hub.audit.merkle import HASH_BYTES
from hub.signatures.keys.port import PrivateKey

ED25519, COSIGNATURE = 0x01, 0x04
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile("0|[1-9][0-9]{0,18}")
MOST_SIGNATURES = 100
_DASH = "— "


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key by which notes are checked. ``kind`` is ``ED25519`` (a log's) or ``COSIGNATURE`` (a witness's)."""

    name: str
    kind: int
    public: Ed25519PublicKey

    @property
    def id(self) -> bytes:
        """The key ID: four octets, not a strong hash."""
        raw = self.public.public_bytes_raw()
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + raw).digest()[:4]

    @property
    def text(self) -> str:
        """The key as it is given to others: ``<name>+<key ID>+<base64 of kind and key>``."""
        raw = bytes([self.kind]) + self.public.public_bytes_raw()
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Raises ``ValueError`` for text that is no such key."""
        name, _, rest = text.strip().partition("+")
        identifier, _, encoded = rest.partition("+")
        try:
            raw = decoded(encoded)
            key = cls(name, raw[0], Ed25519PublicKey.from_public_bytes(raw[1:]))
        except (IndexError, ValueError) as error:
            raise ValueError("not a verifier key: NAME+ID+KEY") from error
        if not _NAME.fullmatch(name) or key.kind not in (ED25519, COSIGNATURE) or key.id.hex() != identifier:
            raise ValueError("not a verifier key: name, kind or key ID is wrong")
        return key


class NoteSigner:
    """Signs under a name: as a log (``sign``) or as a witness (``cosign``)."""

    def __init__(self, name: str, private: PrivateKey) -> None:
        """Raises ``ValueError`` for a name that is none, and for a key that is not Ed25519."""
        if not _NAME.fullmatch(name):
            raise ValueError("a key's name has neither spaces nor '+'")
        public = private.public_key()
        if not isinstance(public, Ed25519PublicKey):
            raise ValueError("notes and checkpoints are signed with Ed25519 (C2SP signed-note), which this key is not")
        self.private = private
        self.log_key = VerifierKey(name, ED25519, public)
        self.witness_key = VerifierKey(name, COSIGNATURE, public)

    def called(self, name: str) -> NoteSigner:
        """The same key under another name. Raises ``ValueError`` for a name that is none."""
        return NoteSigner(name, self.private)

    def sign(self, text: str) -> str:
        """The signature line of a log on a note's text, newline included."""
        return line(self.log_key, self.private.sign(text.encode()))

    def cosign(self, text: str, seconds: int) -> str:
        """The line of a witness that saw a consistent checkpoint at ``seconds`` since 1970."""
        signature = self.private.sign(_seen(text, seconds))
        return line(self.witness_key, seconds.to_bytes(8, "big") + signature)


def _seen(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def line(key: VerifierKey, signature: bytes) -> str:
    """A signature line."""
    return f"{_DASH}{key.name} {base64.b64encode(key.id + signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """Text that ends with a newline, and its signatures as (name, key ID, signature)."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> Note:
        """Raises ``ValueError``; nothing is verified here."""
        if any(ord(one) < 0x20 and one != "\n" for one in note):
            raise ValueError("a note has no control characters")
        text, gap, lines = note.rpartition("\n\n")
        if not gap or not lines.endswith("\n"):
            raise ValueError("a note is text, an empty line and signature lines")
        return cls(text + "\n", signature_lines(lines))

    def seconds_of(self, key: VerifierKey) -> int | None:
        """Of a witness's key: when it says it saw the note. None when it did not sign, or its signature is wrong."""
        found = [one for name, identifier, one in self.signatures if (name, identifier) == (key.name, key.id)]
        if len(found) != 1 or len(found[0]) != 8 + 64:
            return None
        seconds = int.from_bytes(found[0][:8], "big", signed=True)
        return seconds if seconds > 0 and _verifies(key, found[0][8:], _seen(self.text, seconds)) else None

    def signed_by(self, key: VerifierKey) -> bool:
        """Whether this key signed the text. A second, wrong signature of the same key makes it False."""
        if key.kind == COSIGNATURE:
            return self.seconds_of(key) is not None
        found = [one for name, identifier, one in self.signatures if (name, identifier) == (key.name, key.id)]
        return bool(found) and all(_verifies(key, one, self.text.encode()) for one in found)

    def only(self, keys: Sequence[VerifierKey]) -> str:
        """The note as text, with the signatures of these keys alone."""
        wanted = {(key.name, key.id): key for key in keys}
        lines = [line(wanted[one[:2]], one[2]) for one in self.signatures if one[:2] in wanted]
        return self.text + "\n" + "".join(lines)


def signature_lines(lines: str) -> tuple[tuple[str, bytes, bytes], ...]:
    """Parsed signature lines. Raises ``ValueError``."""
    found = []
    for one in lines.splitlines():
        name, _, encoded = one.removeprefix(_DASH).partition(" ")
        try:
            raw = decoded(encoded)
        except ValueError as error:
            raise ValueError("not a signature line") from error
        if not one.startswith(_DASH) or not _NAME.fullmatch(name) or len(raw) <= 4:
            raise ValueError("not a signature line")
        found.append((name, raw[:4], raw[4:]))
    if not 0 < len(found) <= MOST_SIGNATURES:
        raise ValueError("a note has between one and a hundred signatures")
    return tuple(found)


def _verifies(key: VerifierKey, signature: bytes, message: bytes) -> bool:
    try:
        key.public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: the log's name, the number of its leaves, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """From a note's text; extension lines are allowed and not kept. Raises ``ValueError``."""
        origin, size, encoded, *_ = [*text.split("\n"), "", ""]
        try:
            root = decoded(encoded)
        except ValueError as error:
            raise ValueError("the root is not base64") from error
        if not origin or not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
            raise ValueError("a checkpoint is an origin, a size and a root")
        return cls(origin, int(size), root)


def signed(checkpoint: Checkpoint, signers: Sequence[NoteSigner]) -> str:
    """The checkpoint as a note, signed by each."""
    return checkpoint.text + "\n" + "".join(one.sign(checkpoint.text) for one in signers)


def opened(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint in a note that one of these keys signed for its own origin. Raises ``ValueError``."""
    parsed = Note.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    if not any(key.name == checkpoint.origin and parsed.signed_by(key) for key in keys):
        raise ValueError("no trusted key signed this checkpoint")
    return checkpoint
