"""The life of a delivery: what is final stays final, everything can be reached, and nothing is stuck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.envelope.lifecycle import FINAL, MOVES, before

STATES = sorted(MOVES)


def reachable(start: str) -> set[str]:
    """States that can come after ``start``, itself included."""
    seen, waiting = {start}, [start]
    while waiting:
        for following in MOVES[waiting.pop()] - seen:
            seen.add(following)
            waiting.append(following)
    return seen


@given(st.lists(st.sampled_from(STATES), max_size=30))
def test_nothing_moves_out_of_a_final_state(attempts: list[str]) -> None:
    """Attempts in any order, each carried out as the ledger does it: WHERE state IN before(target)."""
    state, ended = "pending", ""
    for target in attempts:
        if state in before(target):
            state = target
        ended = ended or (state if state in FINAL else "")
        assert not ended or state == ended


def test_every_state_can_be_reached_from_the_first() -> None:
    assert reachable("pending") == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_still_end(state: str) -> None:
    assert reachable(state) & FINAL


def test_the_final_states_are_the_four_of_the_table() -> None:
    assert {"settled", "refused", "dead", "withdrawn"} == FINAL


@given(st.sampled_from(STATES), st.sampled_from(STATES))
def test_before_is_the_inverse_of_the_moves(origin: str, target: str) -> None:
    assert (origin in before(target)) == (target in MOVES[origin])


def test_nothing_leads_back_to_the_start() -> None:
    assert before("pending") == ()


def test_no_recipient_can_refuse_or_settle_what_it_does_not_hold() -> None:
    assert before("settled") == before("refused") == ("leased",)


def test_what_is_taken_is_not_withdrawn() -> None:
    """A recall after the hand-over is an office's decision, not the hub's."""
    assert "leased" not in before("withdrawn")
