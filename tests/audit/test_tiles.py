"""Names of tiles and bundles of entries, as C2SP tlog-tiles has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.tiles import Place, TilePlace, bundle, unbundled


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "000"),
        (7, 256, "007"),
        (999, 256, "999"),
        (1000, 256, "x001/000"),
        (1234067, 256, "x001/x234/067"),
        (273, 112, "273.p/112"),
        (1234067, 1, "x001/x234/067.p/1"),
    ],
)
def test_a_tile_has_the_name_that_the_clause_gives_it(number: int, width: int, path: str) -> None:
    assert Place(number, width).path == path
    assert Place.parse(path) == Place(number, width)


@pytest.mark.parametrize(
    "path",
    ["", "0", "0000", "x000/001", "001/234", "x001/x234", "x001/234/067", "000.p/0", "000.p/256", "000.p/01", "000.p/",
     "000.p", "000/", "-01", "٠٠١", "x001/" * 6 + "000", "000\n"],
)  # fmt: skip
def test_any_other_way_to_write_it_names_nothing(path: str) -> None:
    with pytest.raises(ValueError, match="tile"):
        Place.parse(path)


@pytest.mark.parametrize("path", ["64/000", "00/000", "-1/000", "a/000", "0", "0/", "/000"])
def test_a_level_is_a_number_from_0_to_63(path: str) -> None:
    with pytest.raises(ValueError, match="tile"):
        TilePlace.parse(path)


@given(st.integers(0, 10**14), st.integers(1, 256), st.integers(0, 63))
def test_every_name_is_read_back(number: int, width: int, level: int) -> None:
    place = TilePlace(level, Place(number, width))
    assert TilePlace.parse(place.path) == place


def test_the_tiles_of_a_tree_of_70_000_are_those_of_the_clause() -> None:
    def widest(level: int, number: int) -> int:
        there = [width for width in range(1, 257) if TilePlace(level, Place(number, width)).within(70_000)]
        assert there == list(range(1, len(there) + 1))
        return len(there)

    assert [widest(0, 0), widest(0, 272), widest(0, 273), widest(0, 274)] == [256, 256, 112, 0]
    assert [widest(1, 0), widest(1, 1), widest(1, 2)] == [256, 17, 0]
    assert [widest(2, 0), widest(2, 1), widest(3, 0)] == [1, 0, 0]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_its_entries_back(entries: list[bytes]) -> None:
    assert unbundled(bundle(entries)) == entries


def test_a_bundle_holds_no_entry_above_16_bits_of_length() -> None:
    assert len(bundle([b"x" * 65_535])) == 65_537
    with pytest.raises(ValueError, match="65536 octets"):
        bundle([b"x" * 65_536])


@pytest.mark.parametrize("cut", [1, 2, 3, 5])
def test_a_bundle_that_is_cut_short_is_none(cut: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        unbundled(bundle([b"abc", b"defg"])[:-cut])
