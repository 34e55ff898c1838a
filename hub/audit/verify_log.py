"""Check an export of the log (``lienthong-log/1``) offline: everything in it is computed again, nothing is believed.

Shares with the hub nothing but the Merkle tree (``merkle``, ``ranges``): notes, keys and JSON are read here by code of
its own, so that a mistake there is no mistake here (tests/architecture/test_verify_log.py).

One file proves that its lines are the leaves ``from`` to ``to`` of the tree whose checkpoint it carries. Files in a row
moreover prove that the trees of all of them are one, grown. What no file can prove: who holds the log's key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.audit.merkle import leaf_hash
from hub.audit.ranges import Range

FORMAT = "lienthong-log/1"
MARK_BYTES = 4
_MEMBERS = {"format", "origin", "from", "to", "size", "keys", "checkpoint", "left", "right"}
_OPTIONAL = {"question", "marks"}
_LONGEST_HEADER, _LONGEST_LEAF = 256 * 1024 * 1024, 1024 * 1024
_LOG, _WITNESS = 1, 4
# an entry is written when something happens: one that names another time than those around it was written by hand
FAR = timedelta(hours=1)
_SHOWN = 100


class Wrong(Exception):
    """Something in a file is not as it must be. ``line`` counts from 1; 0: the file as a whole."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}: line {line}: {reason}" if line else f"{file}: {reason}")
        self.file, self.line, self.reason = file, line, reason


@dataclass(frozen=True, slots=True)
class Key:
    """A verifier key (C2SP signed-note): ``<name>+<key ID>+<base64 of kind and key>``."""

    name: str
    id: bytes
    kind: int
    public: Ed25519PublicKey

    @classmethod
    def parse(cls, text: str) -> Key:
        """Raises ``ValueError``."""
        name, _, rest = text.strip().partition("+")
        identifier, _, encoded = rest.partition("+")
        raw = _unbase64(encoded)
        if not name or raw[:1] not in (bytes([_LOG]), bytes([_WITNESS])) or len(raw) != 33:
            raise ValueError(f"not a verifier key: {text}")
        computed = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        if computed.hex() != identifier:
            raise ValueError(f"the key's own ID says that it was changed: {text}")
        return cls(name, computed, raw[0], Ed25519PublicKey.from_public_bytes(raw[1:]))

    def signed(self, text: str, signature: bytes) -> int | None:
        """0 for a log's signature, the time for a witness's (tlog-cosignature v1); None when it is wrong."""
        message, seconds = text.encode(), 0
        if self.kind == _WITNESS:
            seconds, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            return None
        return seconds


@dataclass(slots=True)
class Verified:
    """A file that is right. ``keys``: those that signed its checkpoint; ``witnesses``: name and time since 1970.

    ``trusted``: the log's key was given, not taken from the file. ``unchecked``: names on signatures without a key.
    ``far``: line, time and id of leaves whose times lie far from their neighbours', or long before earlier ones;
    ``far_count`` counts them all. The first and the last leaf have too few neighbours to tell.
    """

    file: str
    origin: str
    start: int
    end: int
    size: int
    root: bytes
    keys: list[str]
    trusted: bool
    witnesses: list[tuple[str, int]]
    unchecked: list[str]
    question: Any
    entries: int = 0
    receipts: int = 0
    first: str = ""
    last: str = ""
    far: list[tuple[int, str, str]] = field(default_factory=list)
    far_count: int = 0


Watch = Callable[[Mapping[str, Any], int, Mapping[str, Any]], None]
"""Is shown every leaf: the header, the leaf's number, the leaf. It may raise ``Wrong``."""


def check(
    files: Sequence[Path], keys: Sequence[str] = (), witnesses: Sequence[str] = (), watch: Watch | None = None
) -> list[Verified]:
    """Check every file, and that in the order of their ranges they join. Memory: about 150 octets a leaf, for the ids.

    ``keys``: verifier keys of the log that the caller trusts; without any those in the file are used.
    ``witnesses``: verifier keys that must have cosigned. Raises ``Wrong``; ``ValueError`` for a key that is none.
    """
    given = [Key.parse(one) for one in keys]
    wanted = [Key.parse(one) for one in witnesses]
    if any(one.kind != _LOG for one in given) or any(one.kind != _WITNESS for one in wanted):
        raise ValueError("a log's key and a witness's key are of different kinds")
    headers = [(path, _header(path)) for path in files]
    headers.sort(key=lambda one: (one[1]["from"], one[1]["to"]))
    ids: set[str] = set()
    found: list[Verified] = []
    before: Range | None = None
    latest: datetime | None = None
    for path, header in headers:
        verified = _opened(path.name, header, given, wanted)
        if found and before is not None:
            _joins(found[-1], before, verified, header)
        times = _Times(verified, latest)
        before = _leaves(path, header, times, ids, watch)
        latest = times.latest
        found.append(verified)
    return found


def _joins(last: Verified, before: Range, verified: Verified, header: Mapping[str, Any]) -> None:
    if verified.origin != last.origin:
        raise Wrong(verified.file, 1, f"of another log than {last.file}")
    if verified.start != last.end:
        raise Wrong(verified.file, 1, f"begins at leaf {verified.start}, but {last.file} ends before leaf {last.end}")
    if before.whole != [_unbase64(one) for one in header["left"]]:
        raise Wrong(verified.file, 1, f"its tree does not continue the one of {last.file}")
    if verified.size == last.size and verified.root != last.root:
        raise Wrong(verified.file, 1, f"another tree of the same size than that of {last.file}")


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        header = _object(path.name, 1, _line(path.name, 1, file, _LONGEST_HEADER))
    members = set(header)
    if header.get("format") != FORMAT or not _MEMBERS <= members <= _MEMBERS | _OPTIONAL:
        raise Wrong(path.name, 1, f"not the first line of an export ({FORMAT})")
    numbers = [header[name] for name in ("from", "to", "size")]
    if any(type(one) is not int for one in numbers) or not 0 <= numbers[0] < numbers[1] <= numbers[2]:
        raise Wrong(path.name, 1, "from, to and size are no range of a tree")
    texts = [header["origin"], header["checkpoint"], header.get("marks", "")]
    lists = [header["keys"], header["left"], header["right"]]
    if not all(isinstance(one, str) for one in texts) or not all(_texts(one) for one in lists):
        raise Wrong(path.name, 1, "a member is not of its kind")
    return header


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _opened(file: str, header: Mapping[str, Any], given: Sequence[Key], wanted: Sequence[Key]) -> Verified:
    """The checkpoint, by signature and against the header."""
    try:
        own = [Key.parse(one) for one in header["keys"]]
        text, signatures = _note(header["checkpoint"])
        origin, size, root = _checkpoint(text)
    except ValueError as error:
        raise Wrong(file, 1, str(error)) from error
    if (origin, size) != (header["origin"], header["size"]):
        raise Wrong(file, 1, "the checkpoint is of another log or another size than the first line says")
    known = {(one.name, one.id): one for one in (*own, *given, *wanted)}
    told: dict[tuple[str, bytes], int] = {}
    unchecked = []
    for name, identifier, signature in signatures:
        key = known.get((name, identifier))
        if key is None:
            unchecked.append(name)
            continue
        seconds = key.signed(text, signature)
        if seconds is None:
            raise Wrong(file, 1, f"the signature of {name} on the checkpoint is wrong")
        told[name, identifier] = seconds
    trusted = [one for one in given or own if one.kind == _LOG and one.name == origin and (one.name, one.id) in told]
    if not trusted:
        raise Wrong(file, 1, f"the checkpoint is not signed by the {'given key' if given else 'keys of the file'}")
    for one in wanted:
        if (one.name, one.id) not in told:
            raise Wrong(file, 1, f"the witness {one.name} did not sign the checkpoint")
    seen = [(one.name, told[one.name, one.id]) for one in wanted]
    names = [f"{one.name}+{one.id.hex()}" for one in trusted]
    place = header["from"], header["to"]
    return Verified(file, origin, *place, size, root, names, bool(given), seen, unchecked, header.get("question"))


def _leaves(path: Path, header: Mapping[str, Any], times: _Times, ids: set[str], watch: Watch | None) -> Range:
    """Every leaf, and the root that they give."""
    verified = times.verified
    file = verified.file
    try:
        left, right = ([_unbase64(one) for one in header[name]] for name in ("left", "right"))
        marks = _unbase64(header["marks"]) if "marks" in header else None
        tree = Range(verified.start, left)
    except ValueError as error:
        raise Wrong(file, 1, str(error)) from error
    if marks is not None and len(marks) != MARK_BYTES * (verified.end - verified.start):
        raise Wrong(file, 1, "not a mark for each leaf")
    unlike = 0
    with path.open("rb") as lines:
        _line(file, 1, lines, _LONGEST_HEADER)
        for number in range(verified.start, verified.end):
            line = number - verified.start + 2
            octets = _line(file, line, lines, _LONGEST_LEAF)
            hashed = leaf_hash(octets)
            at = (line - 2) * MARK_BYTES
            if marks is not None and not unlike and hashed[:MARK_BYTES] != marks[at : at + MARK_BYTES]:
                unlike = line
            tree.add(hashed)
            leaf = _leaf(file, line, octets, ids, unlike)
            times.add(line, leaf)
            if watch is not None:
                watch(header, number, leaf)
        if lines.read(1):
            raise Wrong(file, verified.end - verified.start + 2, "more lines than the first one says")
    times.end()
    _compare(file, tree, verified, right, unlike)
    return tree


def _compare(file: str, tree: Range, verified: Verified, right: Sequence[bytes], unlike: int) -> None:
    try:
        root = tree.root(verified.size, right)
    except ValueError as error:
        raise Wrong(file, 1, str(error)) from error
    if root != verified.root and unlike:
        raise Wrong(file, unlike, "this is not the leaf that was sealed: the lines do not give the checkpoint's root")
    if root != verified.root:
        last = verified.end - verified.start + 1
        raise Wrong(file, 0, f"lines 2 to {last} with the hashes of line 1 do not give the checkpoint's root")
    if unlike:
        raise Wrong(file, 1, f"the mark of line {unlike} is not that of its leaf")


def _leaf(file: str, line: int, octets: bytes, ids: set[str], unlike: int) -> dict[str, Any]:
    leaf = _object(file, line, octets)
    if not all(isinstance(leaf.get(name), str) for name in ("id", "at", "kind")):
        raise Wrong(file, line, "a leaf has an id, a time and a kind")
    if leaf["id"] in ids and not unlike:
        raise Wrong(file, line, f"the id {leaf['id']} is that of a leaf before")
    ids.add(leaf["id"])
    return leaf


class _Times:
    """Counts, first and last time, and who lies far from both neighbours or long before what came earlier."""

    def __init__(self, verified: Verified, latest: datetime | None) -> None:
        self.verified = verified
        self.latest = latest
        self._last: list[tuple[int, datetime, str, str]] = []

    def add(self, line: int, leaf: Mapping[str, Any]) -> None:
        try:
            moment = datetime.fromisoformat(leaf["at"])
        except ValueError as error:
            raise Wrong(self.verified.file, line, f"no time: {leaf['at']}") from error
        if moment.tzinfo is None:
            raise Wrong(self.verified.file, line, f"a time without its zone: {leaf['at']}")
        if leaf["kind"] == "receipt.issued":
            self.verified.receipts += 1
        else:
            self.verified.entries += 1
        self.verified.first = self.verified.first or leaf["at"]
        self.latest = self.latest or moment
        self.verified.last = leaf["at"]
        self._last = [*self._last[-2:], (line, moment, leaf["at"], leaf["id"])]
        if len(self._last) == 3:
            self._judge(self._last[1], self._last[0][1], self._last[2][1])

    def end(self) -> None:
        """The last one has one neighbour only."""
        if len(self._last) == 3:
            self._judge(self._last[2], self._last[1][1], self._last[1][1])

    def _judge(self, one: tuple[int, datetime, str, str], before: datetime, after: datetime) -> None:
        line, moment, at, identifier = one
        latest = self.latest or moment
        if max(latest, min(before, after)) - FAR <= moment <= max(before, after) + FAR:
            self.latest = max(latest, moment)
            return
        self.verified.far_count += 1
        if len(self.verified.far) < _SHOWN:
            self.verified.far.append((line, at, identifier))


def _line(file: str, number: int, lines: BinaryIO, longest: int) -> bytes:
    octets = lines.readline(longest)
    if not octets:
        raise Wrong(file, number, "the file ends before this line")
    if not octets.endswith(b"\n"):
        raise Wrong(file, number, "the line has no end, or is too long")
    return octets[:-1]


_PLAIN = json.JSONEncoder(ensure_ascii=False).encode


class _Number(str):
    """A number with a fraction or an exponent, as it is written."""


def _object(file: str, line: int, octets: bytes) -> dict[str, Any]:
    """A JSON object in its one canonical form (RFC 8785), told by writing it anew."""
    try:
        # int: NaN and Infinity are no numbers of JSON
        value = json.loads(octets.decode(), object_pairs_hook=_pairs, parse_float=_Number, parse_constant=int)
        again = "".join(_written(value)).encode()
    except (ValueError, RecursionError) as error:
        raise Wrong(file, line, f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Wrong(file, line, "not a JSON object")
    if again != octets:
        raise Wrong(file, line, "not in the canonical form of JSON")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return made


def _written(value: Any) -> Iterator[str]:
    match value:
        case _Number():
            yield str(value)
        case str() | bool() | int() | None:
            yield _PLAIN(value)
        case list():
            for place, one in enumerate(value):
                yield "," if place else "["
                yield from _written(one)
            yield "]" if value else "[]"
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            for place, name in enumerate(names):
                yield "," if place else "{"
                yield _PLAIN(name) + ":"
                yield from _written(value[name])
            yield "}" if value else "{}"


def _note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text and signatures (name, key ID, signature) of a signed note. Raises ``ValueError``."""
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise ValueError("the checkpoint is not a signed note")
    signatures = []
    for line in lines[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        raw = _unbase64(encoded)
        if dash != "\u2014" or not name or len(raw) < 5:
            raise ValueError("the checkpoint has a line that is no signature")
        signatures.append((name, raw[:4], raw[4:]))
    return text + "\n", signatures


def _checkpoint(text: str) -> tuple[str, int, bytes]:
    """Origin, size and root. Raises ``ValueError``."""
    origin, size, root, *_ = [*text.split("\n"), "", ""]
    raw = _unbase64(root)
    if not origin or not size.isascii() or not size.isdigit() or str(int(size)) != size or len(raw) != 32:
        raise ValueError("the note is no checkpoint")
    return origin, int(size), raw


def _unbase64(text: str) -> bytes:
    """Strictly: one text for one octet string. Raises ``ValueError``."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not base64 as it is written")
    return raw
