"""When to try again: bounds hold for whatever failed, however often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.delivery import retry
from hub.delivery.failures import FAILURES

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
paces = st.sampled_from([*retry.PACES, retry.BREAKER])
failures = st.integers(1, 10_000)
asked = st.none() | st.floats(0, 10 * retry.LONGEST_ASKED_SECONDS)


@given(paces, failures, asked)
def test_a_wait_is_within_its_bounds_and_no_shorter_than_asked(
    pace: retry.Pace, count: int, wanted: float | None
) -> None:
    waited = retry.wait(pace, count, wanted)
    floor = min(wanted or 0.0, retry.LONGEST_ASKED_SECONDS)
    assert floor + pace.first / 4 <= waited <= floor + pace.longest


@given(paces, failures)
def test_the_bound_never_shrinks_while_failures_go_on(pace: retry.Pace, count: int) -> None:
    assert retry.bound(pace, count) <= retry.bound(pace, count + 1) <= pace.longest


@given(failures, st.integers(0, 4), asked, st.integers(1, 10**6))
def test_nothing_is_tried_at_or_after_expiry(count: int, priority: int, wanted: float | None, left: int) -> None:
    expires = NOW + timedelta(seconds=left)
    moment = retry.next_try(NOW, count, priority, wanted, expires)
    assert moment is None or NOW < moment < expires


@pytest.mark.parametrize("count", range(1, 12))
def test_the_more_urgent_a_document_the_tighter_it_is_tried(count: int) -> None:
    bounds = [retry.bound(pace, count) for pace in retry.PACES]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > bounds[3]


@given(st.integers(1, 100), asked)
def test_a_breaker_opens_after_failures_in_a_row_and_obeys_what_was_asked(count: int, wanted: float | None) -> None:
    until = retry.breaker_until(NOW, count, wanted)
    pause = (until - NOW).total_seconds()
    floor = min(wanted or 0.0, retry.LONGEST_ASKED_SECONDS)
    assert pause >= floor - 1e-6
    assert (pause > floor + 1) == retry.breaker_opens(count)
    assert pause <= floor + retry.BREAKER.longest + 1e-6


def test_every_failure_says_whether_trying_again_may_help() -> None:
    assert {row.code for row in FAILURES.values() if not row.transient} == {
        "rejected",
        "too-large",
        "gone",
        "bounced",
        "expired",
    }
