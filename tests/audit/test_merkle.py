"""The tree against its definition (RFC 9162 §2.1), written down a second time and as naively as possible."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hub.audit import merkle

SIZES = st.integers(0, 40) | st.integers(250, 600)


def mth(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


class Store:
    """What a store of nodes remembers of a tree that grew batch by batch."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.hashes: dict[tuple[int, int], bytes] = {}
        self.root = merkle.EMPTY

    def nodes(self, level: int, first: int, count: int) -> list[bytes]:
        return [self.hashes[level, number] for number in range(first, first + count)]

    def grow(self, count: int) -> None:
        size = len(self.leaves)
        new = [b"leaf %d" % number for number in range(size, size + count)]
        hashed = [merkle.leaf_hash(one) for one in new]
        self.root, complete = merkle.grown(size, hashed, self.nodes)
        self.hashes |= {(0, size + place): one for place, one in enumerate(hashed)} | complete
        self.leaves += new


def grown(*batches: int) -> Store:
    store = Store()
    for count in batches:
        store.grow(count)
    return store


def test_the_root_of_eight_leaves_is_the_published_one() -> None:
    """The leaves of the reference implementations of RFC 6962."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashed = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    root, _ = merkle.grown(0, hashed, lambda *_: [])
    assert root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.lists(SIZES, max_size=6))
def test_a_tree_that_grew_in_batches_has_the_root_of_all_its_leaves(batches: list[int]) -> None:
    store = grown(*batches)
    assert store.root == mth(store.leaves)
    assert merkle.root(len(store.leaves), store.nodes) == store.root


@given(st.integers(1, 700), st.data())
def test_every_leaf_is_proved_and_no_other_leaf_number_or_size_is(size: int, data: st.DataObject) -> None:
    store = grown(size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, store.nodes)
    leaf = merkle.leaf_hash(store.leaves[index])
    assert merkle.verify_inclusion(leaf, index, size, proof, store.root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, store.root)
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index)) if size > 1 else size
    assert not merkle.verify_inclusion(leaf, other, size, proof, store.root)
    assert not merkle.verify_inclusion(leaf, index, size, [*proof, leaf], store.root)
    if proof:
        assert not merkle.verify_inclusion(leaf, index, size, proof[:-1], store.root)
        flipped = [proof[0][:-1] + bytes([proof[0][-1] ^ 1]), *proof[1:]]
        assert not merkle.verify_inclusion(leaf, index, size, flipped, store.root)


@given(st.integers(1, 700), st.data())
def test_a_tree_is_consistent_with_every_earlier_one_and_with_no_other(size: int, data: st.DataObject) -> None:
    store = grown(size)
    old = data.draw(st.integers(0, size))
    proof = merkle.consistency_proof(old, size, store.nodes)
    before = mth(store.leaves[:old])
    assert merkle.verify_consistency(old, before, size, store.root, proof)
    if old:
        forged = mth([*store.leaves[: old - 1], b"forged"])
        assert not merkle.verify_consistency(old, forged, size, store.root, proof)
        rewritten = mth([b"forged", *store.leaves[1:]])
        assert not merkle.verify_consistency(old, before, size, rewritten, proof)
    if 0 < old < size:
        assert not merkle.verify_consistency(old, before, size, store.root, proof[:-1])
        assert not merkle.verify_consistency(old, before, size, store.root, [*proof, before])


@given(SIZES.filter(bool), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_proofs_that_share_subtrees_are_the_same_proofs(size: int, numbers: list[int]) -> None:
    store, known = grown(size), dict[tuple[int, int], bytes]()
    for number in numbers:
        smaller = number % size + 1
        index = number % smaller
        shared = merkle.inclusion_proof(index, smaller, store.nodes, known)
        assert shared == merkle.inclusion_proof(index, smaller, store.nodes)
