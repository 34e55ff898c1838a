"""A range of the log's leaves proved against one root, pure: the hashes to its left and right that complete the tree.

The tree is that of RFC 9162 §2.1. Left of leaf ``start`` stand the complete subtrees named by the bits of ``start``,
the largest first; right of the range the subtrees that the inclusion proof of its last leaf has on its right, from left
to right. Together with the leaves between they give the root, and no other leaves do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub.audit.merkle import HASH_BYTES, Nodes, node_hash, split, subtree


def sides(start: int, end: int, size: int, nodes: Nodes) -> tuple[list[bytes], list[bytes]]:
    """What proves leaves ``start`` to ``end - 1`` of the tree of ``size``: hashes left and right of them.

    Raises ``ValueError`` for a range that is empty or not in the tree.
    """
    if not 0 <= start < end <= size:
        raise ValueError(f"no leaves {start} to {end - 1} in a tree of {size}")
    left: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split(high - low)
        if start < middle:
            high = middle
        else:
            left.append(subtree(low, middle, nodes))
            low = middle
    right: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split(high - low)
        if end <= middle:
            right.append(subtree(middle, high, nodes))
            high = middle
        else:
            low = middle
    return left, right[::-1]


class Range:
    """The root from a range, a leaf at a time: it keeps no more than a hash for each level of the tree."""

    def __init__(self, start: int, left: Sequence[bytes]) -> None:
        """``left`` from ``sides``. Raises ``ValueError`` when it is not one hash for each bit of ``start``."""
        if start < 0 or len(left) != start.bit_count() or any(len(one) != HASH_BYTES for one in left):
            raise ValueError(f"{len(left)} hashes do not make {start} leaves")
        self.start = start
        self.end = start
        # complete subtrees of all leaves before the last, the largest first: the bits of their number
        self._before = list(left)
        self._last = b""

    def add(self, leaf: bytes) -> None:
        """The next leaf's hash."""
        if self.end > self.start:
            self._before = self.whole
        self._last = leaf
        self.end += 1

    @property
    def whole(self) -> list[bytes]:
        """Complete subtrees of all leaves so far: what ``sides`` gives as left for the range that goes on from here."""
        if self.end == self.start:
            return list(self._before)
        # as adding one to a binary number carries
        before, hashed, number = list(self._before), self._last, self.end - 1
        while number & 1:
            hashed = node_hash(before.pop(), hashed)
            number >>= 1
        return [*before, hashed]

    def root(self, size: int, right: Sequence[bytes]) -> bytes:
        """The root of the tree of ``size``, as RFC 9162 §2.1.3.2 goes up from the last leaf of the range.

        ``right`` from ``sides``. Raises ``ValueError`` for an empty range, or hashes too many or too few.
        """
        if self.end == self.start or self.end > size:
            raise ValueError(f"{self.end - self.start} leaves from {self.start} do not lie in a tree of {size}")
        left, after = self._before[::-1], list(right)
        number, last, hashed = self.end - 1, size - 1, self._last
        while last:
            if number & 1:
                hashed = node_hash(left.pop(0), hashed)
            elif number < last:
                if not after or len(after[0]) != HASH_BYTES:
                    raise ValueError("a hash right of the range is missing or has another length")
                hashed = node_hash(hashed, after.pop(0))
            number, last = number >> 1, last >> 1
        if after:
            raise ValueError("more hashes right of the range than the tree has")
        return hashed


def verify(
    start: int, leaves: Iterable[bytes], size: int, left: Sequence[bytes], right: Sequence[bytes], expected: bytes
) -> bool:
    """Whether these hashes are leaves ``start``, ``start + 1``, … of the tree of ``size`` with that root."""
    try:
        found = Range(start, left)
        for leaf in leaves:
            found.add(leaf)
        return found.root(size, right) == expected
    except ValueError:
        return False
