"""Range proofs: every range of every small tree, and nothing but the true leaves at their true places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit import merkle, ranges

LEAVES = [merkle.leaf_hash(b"%d" % number) for number in range(1100)]


def nodes(level: int, first: int, count: int) -> list[bytes]:
    width = merkle.WIDTH**level
    return [merkle.fold(LEAVES[at * width : (at + 1) * width]) for at in range(first, first + count)]


@st.composite
def cut(draw: st.DrawFn, most: int = len(LEAVES)) -> tuple[int, int, int]:
    """A range and a size: start < end ≤ size."""
    size = draw(st.integers(1, most))
    start = draw(st.integers(0, size - 1))
    return start, draw(st.integers(start + 1, size)), size


def root_of(start: int, end: int, size: int, leaves: list[bytes]) -> bytes:
    left, right = ranges.sides(start, end, size, nodes)
    found = ranges.Range(start, left)
    for leaf in leaves:
        found.add(leaf)
    assert found.end == end
    return found.root(size, right)


def test_every_range_of_every_small_tree_gives_its_root() -> None:
    for size in range(1, 20):
        for start in range(size):
            for end in range(start + 1, size + 1):
                assert root_of(start, end, size, LEAVES[start:end]) == merkle.fold(LEAVES[:size]), (start, end, size)


@given(cut())
def test_a_range_gives_the_root_of_its_tree(place: tuple[int, int, int]) -> None:
    start, end, size = place
    assert root_of(start, end, size, LEAVES[start:end]) == merkle.fold(LEAVES[:size])


@given(cut(40))
def test_a_range_of_one_leaf_is_its_inclusion_proof(place: tuple[int, int, int]) -> None:
    start, _, size = place
    left, right = ranges.sides(start, start + 1, size, nodes)
    assert sorted(left + right) == sorted(merkle.inclusion_proof(start, size, nodes))


@given(cut(300), st.integers(1, 300))
def test_a_range_knows_what_stands_left_of_the_one_that_goes_on(place: tuple[int, int, int], more: int) -> None:
    start, end, size = place
    first = ranges.Range(start, ranges.sides(start, end, size, nodes)[0])
    for leaf in LEAVES[start:end]:
        first.add(leaf)
    assert first.whole == ranges.sides(end, end + more, end + more, nodes)[0]


@given(cut(200), st.data())
def test_no_other_leaves_have_the_same_root(place: tuple[int, int, int], data: st.DataObject) -> None:
    start, end, size = place
    left, right = ranges.sides(start, end, size, nodes)
    root, leaves = merkle.fold(LEAVES[:size]), LEAVES[start:end]
    assert ranges.verify(start, leaves, size, left, right, root)
    hashes = {"left": list(left), "leaves": list(leaves), "right": list(right)}
    name = data.draw(st.sampled_from([name for name, found in hashes.items() if found]))
    at = data.draw(st.integers(0, len(hashes[name]) - 1))
    match data.draw(st.sampled_from(["change", "drop", "repeat", "shift"])):
        case "change":
            hashes[name][at] = merkle.leaf_hash(b"another truth")
        case "drop":
            del hashes[name][at]
        case "repeat":
            hashes[name].insert(at, hashes[name][at])
        case _:
            start += 1
    assert not ranges.verify(start, hashes["leaves"], size, hashes["left"], hashes["right"], root)


@given(cut(60), st.integers(1, 70))
def test_a_proof_does_not_fit_a_tree_of_another_size(place: tuple[int, int, int], other: int) -> None:
    start, end, size = place
    left, right = ranges.sides(start, end, size, nodes)
    root = merkle.fold(LEAVES[:other])
    assert ranges.verify(start, LEAVES[start:end], other, left, right, root) == (other == size)


@pytest.mark.parametrize(("start", "end", "size"), [(0, 0, 5), (3, 2, 5), (-1, 2, 5), (0, 6, 5), (5, 6, 5)])
def test_a_range_outside_the_tree_is_no_range(start: int, end: int, size: int) -> None:
    with pytest.raises(ValueError, match="in a tree of"):
        ranges.sides(start, end, size, nodes)


def test_an_empty_range_has_no_root() -> None:
    with pytest.raises(ValueError, match="do not lie in"):
        ranges.Range(0, []).root(5, [])
    assert not ranges.verify(0, [], 0, [], [], merkle.EMPTY)


def test_hashes_of_another_length_are_no_hashes() -> None:
    with pytest.raises(ValueError, match="do not make"):
        ranges.Range(1, [b"short"])
    found = ranges.Range(0, [])
    found.add(LEAVES[0])
    with pytest.raises(ValueError, match="another length"):
        found.root(2, [b"short"])
