"""The Merkle tree of RFC 9162 §2.1, pure: hashes in, hashes out. Nothing here knows entries, files or databases.

A tree is read through ``Nodes``: complete subtrees of ``256**level`` leaves by their number from the left, the layout
of C2SP tlog-tiles (level 0: leaf hashes). From these every root and every proof can be computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, MutableMapping, Sequence

HASH_BYTES = 32
WIDTH = 256
EMPTY = hashlib.sha256().digest()

# (level, first number, count) → that many hashes
Nodes = Callable[[int, int, int], Sequence[bytes]]


def leaf_hash(data: bytes) -> bytes:
    """RFC 9162 §2.1.1: HASH(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 §2.1.1: HASH(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree whose leaves have these hashes."""
    if not hashes:
        return EMPTY
    while len(hashes) > 1:
        pairs = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        # a last one without a partner goes up as it is: that is where RFC 9162 splits, too
        hashes = pairs if len(hashes) % 2 == 0 else [*pairs, hashes[-1]]
    return hashes[0]


def split(count: int) -> int:
    """The largest power of two below ``count`` (RFC 9162 §2.1.1). ``count`` > 1."""
    return 1 << (count - 1).bit_length() - 1


def root(size: int, nodes: Nodes) -> bytes:
    """The root of the tree of the first ``size`` leaves."""
    return subtree(0, size, nodes) if size else EMPTY


def subtree(start: int, end: int, nodes: Nodes) -> bytes:
    """MTH(D[start:end]); ``start`` is where RFC 9162 splits, so that all but the right edge is made of nodes."""
    count = end - start
    if count & (count - 1):
        middle = start + split(count)
        return node_hash(subtree(start, middle, nodes), subtree(middle, end, nodes))
    level, rest = divmod(count.bit_length() - 1, 8)
    return fold(nodes(level, start >> 8 * level, 1 << rest))


def inclusion_proof(
    index: int, size: int, nodes: Nodes, known: MutableMapping[tuple[int, int], bytes] | None = None
) -> list[bytes]:
    """RFC 9162 §2.1.3.1: from the leaf's sibling up. Raises ``ValueError`` for a leaf outside the tree.

    ``known`` keeps subtrees by (start, end) for further proofs from the same nodes: neighbours share most of theirs.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    kept = {} if known is None else known

    def part(start: int, end: int) -> bytes:
        if (start, end) not in kept:
            kept[start, end] = subtree(start, end, nodes)
        return kept[start, end]

    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            proof.append(part(middle, end))
            end = middle
        else:
            proof.append(part(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, nodes: Nodes) -> list[bytes]:
    """RFC 9162 §2.1.4.1; empty for the same size and for an empty old tree. ``ValueError`` for a larger old tree."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} does not hold one of {old}")
    if old in (0, size):
        return []
    proof: list[bytes] = []
    start, end = 0, size
    whole = True  # the old tree's part so far is a complete subtree that the verifier knows already
    while end != old:
        middle = start + split(end - start)
        if old <= middle:
            proof.append(subtree(middle, end, nodes))
            end = middle
        else:
            proof.append(subtree(start, middle, nodes))
            start, whole = middle, False
    if not whole:
        proof.append(subtree(start, end, nodes))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether a leaf with this hash is number ``index`` of the tree with that root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            result = node_hash(sibling, result)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and result == expected


def verify_consistency(old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree with ``new_root`` begins with the tree that has ``old_root`` (RFC 9162 §2.1.4.2)."""
    if old == size:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY
    if not 0 < old < size or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    number, last = old - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def grown(size: int, leaves: Sequence[bytes], nodes: Nodes) -> tuple[bytes, dict[tuple[int, int], bytes]]:
    """Append leaf hashes to a tree of ``size``: its new root, and the subtrees that are complete now.

    The answer's keys are (level ≥ 1, number). ``nodes`` knows the tree before.
    """
    complete: dict[tuple[int, int], bytes] = {}
    level, first, new, total = 0, size, list(leaves), size + len(leaves)
    edges: list[list[bytes]] = []
    while total:
        begin = first - first % WIDTH
        block = [*(nodes(level, begin, first - begin) if first > begin else ()), *new]
        above = [fold(block[at : at + WIDTH]) for at in range(0, len(block) - WIDTH + 1, WIDTH)]
        edges.append(block[len(above) * WIDTH :])
        complete |= {(level + 1, begin // WIDTH + place): one for place, one in enumerate(above)}
        level, first, new, total = level + 1, begin // WIDTH, above, total // WIDTH
    return _closed(edges), complete


def _closed(edges: Sequence[Sequence[bytes]]) -> bytes:
    """The root of a tree whose right edge, from the leaves up, is made of these complete subtrees."""
    right: bytes | None = None
    for edge in edges:
        hashes = [*edge] if right is None else [*edge, right]
        if hashes:
            right = fold(hashes)
    return EMPTY if right is None else right
