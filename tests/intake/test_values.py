"""Times, identifiers, languages, cursors: properties that everything else leans on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from hub import clock, language
from hub.ledger.feed import Cursor
from hub.problems import Refused

zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001 - hypothesis adds the zone


@given(moments)
def test_a_time_comes_back_from_its_text(moment: datetime) -> None:
    text = clock.rfc3339(moment)
    assert clock.parse_rfc3339(text) == moment
    assert clock.parse_rfc3339(moment.isoformat()) == moment
    assert clock.rfc3339(clock.parse_rfc3339(text)) == text


@given(moments, moments)
def test_the_order_of_texts_is_the_order_of_times(one: datetime, other: datetime) -> None:
    assert (clock.rfc3339(one) < clock.rfc3339(other)) == (one < other)
    assert len(clock.rfc3339(one)) == 27


@pytest.mark.parametrize("text", ["2026-11-20T01:02:03", "2026-11-20", "", "yesterday", "2026-13-01T00:00:00Z"])
def test_a_time_without_offset_or_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        clock.parse_rfc3339(text)


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().tzinfo is UTC


@contextmanager
def at(moment: float | datetime) -> Iterator[time_machine.Traveller]:
    """Another time, and identifiers as a process makes them that has just begun."""
    with pytest.MonkeyPatch.context() as patch, time_machine.travel(moment, tick=False) as traveller:
        patch.setattr(clock._identifiers, "_last", 0)
        yield traveller


@given(st.integers(0, 253_402_300_000), st.integers(0, 999))  # until the year 9999
def test_an_identifier_is_a_uuid_of_version_7_with_its_millisecond_in_front(seconds: int, millisecond: int) -> None:
    with at(seconds + millisecond / 1000 + 0.0005):
        made = uuid.UUID(clock.new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == seconds * 1000 + millisecond


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=20))
def test_identifiers_of_one_process_sort_as_they_were_made_even_when_the_clock_goes_back(steps: list[int]) -> None:
    with at(datetime(2026, 11, 20, tzinfo=UTC)) as traveller:
        made = [clock.new_id()]
        for milliseconds in steps:
            traveller.shift(timedelta(milliseconds=milliseconds))
            made.append(clock.new_id())
    assert made == sorted(set(made))
    assert all((uuid.UUID(one).version, uuid.UUID(one).variant) == (7, uuid.RFC_4122) for one in made)


def test_identifiers_and_secrets_do_not_repeat() -> None:
    assert len({clock.new_id() for _ in range(20_000)}) == 20_000
    assert len({clock.new_secret() for _ in range(1000)}) == 1000
    assert all(len(clock.new_secret()) == 43 for _ in range(10))  # 256 bits in base64


@given(st.floats(0, 10), st.floats(0, 10))
def test_jitter_stays_between_its_bounds(one: float, other: float) -> None:
    least, most = sorted((one, other))
    assert least <= clock.jitter(least, most) <= most


@given(st.none() | st.text(max_size=60))
def test_any_header_gives_one_of_the_two_languages(header: str | None) -> None:
    assert language.choose(header) in language.LANGUAGES


qualities = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(
    qualities, qualities, st.sampled_from(["vi", "VI", "vi-VN", "vi-Latn-VN"]), st.sampled_from(["en", "EN", "en-GB"])
)
def test_the_higher_quality_wins_and_the_first_of_equals(vi: float, en: float, one: str, other: str) -> None:
    expected = "en" if en > vi else "vi"
    assert language.choose(f"{one};q={vi},{other};q={en}") == expected
    if vi == en > 0:
        assert language.choose(f"fr, {other};q={en}, {one};q={vi}") == "en"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "vi"),
        ("", "vi"),
        ("*", "vi"),
        ("fr-FR, de;q=0.5", "vi"),
        ("en", "en"),
        ("en;q=0", "vi"),
        ("vi;q=0, en;q=0.1", "en"),
        ("en;q=x, vi", "vi"),
        ("en;q=nan", "vi"),
        ("fr, en;q=0.8, vi;q=0.9", "vi"),
        ("english", "vi"),
    ],
)
def test_headers_of_browsers(header: str | None, expected: str) -> None:
    assert language.choose(header) == expected


numbers = st.integers(0, 2**63 - 1)


@given(numbers, numbers)
def test_a_cursor_comes_back_from_its_text(tx: int, seq: int) -> None:
    assert Cursor.parse(str(Cursor(tx, seq))) == Cursor(tx, seq)


@given(st.text(max_size=20) | st.text("0123456789abcdefx-+_ ", max_size=20))
def test_any_other_text_is_no_cursor_or_a_sound_one(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except Refused:
        return
    if cursor is None:
        assert text == ""
    else:
        assert 0 <= cursor.tx < 2**63
        assert 0 <= cursor.seq < 2**63


@pytest.mark.parametrize("text", ["x", "-", "1", "1-", "-1", "1-2-3", f"{2**63:x}-0", f"0-{2**63:x}", "1--1"])
def test_what_no_feed_gave_out_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        Cursor.parse(text)
    assert (refusal.value.code, refusal.value.findings[0].location) == ("request-invalid", "after")
