"""Which of several business statuses is the current one: whatever the order, whatever is repeated or skipped."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger.correlation import Correlated
from hub.receipts import business_status
from hub.receipts.business_status import choose, from_sender, is_code, may_follow

ORDINARY = ["01", "02", "03", "04", "05", "06"]
ALL = [f"{number:02d}" for number in range(1, 17)]
MEANT = ["13", "15", "16"]


def current(codes: Iterable[str]) -> str | None:
    """The status shown after these reports, by the rule of the ledger's UPDATE."""
    shown: str | None = None
    for code in codes:
        if shown is None or shown in may_follow(code):
            shown = code
    return shown


@given(st.lists(st.sampled_from(ORDINARY), min_size=1, max_size=8), st.randoms())
def test_the_current_state_does_not_depend_on_the_order_of_arrival(codes: list[str], chance: object) -> None:
    shuffled = codes[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert current(codes) == current(shuffled)


def test_every_order_of_all_six_ends_in_the_same_state() -> None:
    assert {current(order) for order in itertools.permutations(ORDINARY)} == {"02"}
    assert {current(order) for order in itertools.permutations([code for code in ORDINARY if code != "02"])} == {"06"}


@given(st.lists(st.sampled_from(ALL), min_size=1, max_size=8), st.data())
def test_a_repeat_changes_nothing(codes: list[str], data: st.DataObject) -> None:
    """A repeated report is not applied again; even if it were, right after the first, nothing would change."""
    place = data.draw(st.integers(0, len(codes) - 1))
    assert current([*codes[: place + 1], *codes[place:]]) == current(codes)


@given(st.lists(st.sampled_from(ORDINARY), min_size=1, max_size=8), st.sampled_from(ORDINARY))
def test_an_ordinary_state_that_was_reported_before_changes_nothing(codes: list[str], late: str) -> None:
    assert current([*codes, late]) == current([*codes, late, *codes])


@given(st.lists(st.sampled_from(ORDINARY), max_size=6), st.lists(st.sampled_from(MEANT), min_size=1, max_size=6))
def test_the_conversation_about_a_recall_stands_above_and_its_last_word_counts(
    before: list[str], talk: list[str]
) -> None:
    answers = [code for code in talk if code != "13"]
    assert current([*before, *talk]) == (answers[-1] if answers else "13")
    assert current([*talk, *before]) == current(talk)


@given(st.lists(st.sampled_from(ALL), min_size=1, max_size=10))
def test_a_code_without_known_meaning_never_displaces_a_known_one(codes: list[str]) -> None:
    known = [code for code in codes if code in business_status.KNOWN]
    assert current(codes) == (current(known) if known else codes[-1])


@given(st.text(max_size=3))
def test_a_code_is_two_digits_from_01_to_16(text: str) -> None:
    assert is_code(text) == (text in ALL)


@pytest.mark.parametrize("text", ["1", "001", "00", "17", "0１", "٠١", " 1", "+1", "1e"])
def test_what_is_no_code(text: str) -> None:
    assert not is_code(text)


def test_only_the_request_to_take_back_comes_from_the_sender() -> None:
    assert [code for code in ALL if from_sender(code)] == ["13"]


def delivery(business_type: int, name: str) -> Correlated:
    blank = Correlated(*[""] * len(Correlated.__dataclass_fields__))  # type: ignore[arg-type]  # all texts but one
    return replace(blank, id=name, business_type=business_type)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.sampled_from(ALL))
def test_a_status_is_about_the_newest_delivery_of_its_kind(types: list[int], code: str) -> None:
    """Answers are about a change, 13 takes back whatever brought the document, all others are about the document."""
    candidates = [delivery(kind, str(number)) for number, kind in enumerate(types)]
    kinds = {"13": {0, 2, 3}, "15": {1, 2, 3}, "16": {1, 2, 3}}.get(code, {0})
    fitting = [one for one in candidates if one.business_type in kinds]
    assert choose(code, candidates) == (fitting or candidates)[0]


def test_a_status_about_nothing_finds_nothing() -> None:
    assert choose("03", []) is None
