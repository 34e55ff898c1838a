"""The calendar as data and the arithmetic of working hours."""

from __future__ import annotations

import math
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import VIETNAM
from hub.receipts.office_time import OfficeTime, calendar_of, read_calendar, schemas

FILE = schemas() / "calendars" / "vietnam.toml"
CALENDAR = calendar_of(FILE)
OFFICE = OfficeTime(CALENDAR, ((time(7, 30), time(11, 30)), (time(13), time(17))))
# 2025 to the middle of 2029, by the second
MOMENTS = st.integers(1_735_689_600, 1_874_966_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
LENGTHS = st.integers(0, 60 * 8 * 40).map(lambda minutes: timedelta(minutes=minutes))


def new_moon(number: int) -> float:
    """Julian day of the ``number``-th new moon since 1900, to some minutes (Meeus, Astronomical Algorithms)."""
    t = number / 1236.85
    degrees = math.pi / 180
    day = 2415020.75933 + 29.53058868 * number + 0.0001178 * t**2 - 0.000000155 * t**3
    day += 0.00033 * math.sin((166.56 + 132.87 * t - 0.009173 * t**2) * degrees)
    sun = (359.2242 + 29.10535608 * number - 0.0000333 * t**2) * degrees
    moon = (306.0253 + 385.81691806 * number + 0.0107306 * t**2) * degrees
    node = (21.2964 + 390.67050646 * number - 0.0016528 * t**2) * degrees
    day += (0.1734 - 0.000393 * t) * math.sin(sun) + 0.0021 * math.sin(2 * sun) - 0.4068 * math.sin(moon)
    day += 0.0161 * math.sin(2 * moon) - 0.0004 * math.sin(3 * moon) + 0.0104 * math.sin(2 * node)
    day += -0.0051 * math.sin(sun + moon) - 0.0074 * math.sin(sun - moon) + 0.0004 * math.sin(2 * node + sun)
    return day - 0.000278 - 0.000265 * t - 0.000262 * t**2 if t < -0.11 else day - (-0.000278 + 0.000265 * t)


def first_of_month(number: int) -> date:
    """The day in Vietnam on which that lunar month begins."""
    return date(1970, 1, 1) + timedelta(days=math.floor(new_moon(number) + 0.5 + 7 / 24) - 2440588)


def lunar_new_year(year: int) -> date:
    """The second new moon after the winter solstice, unless a leap month stands between (none does in 2025 to 2028)."""
    number = round((date(year, 2, 5) - date(1900, 1, 1)).days / 29.53058868)
    candidates = [first_of_month(one) for one in range(number - 2, number + 3)]
    return next(day for day in candidates if date(year, 1, 21) <= day <= date(year, 2, 20))


def test_the_lunar_days_are_those_of_the_moon() -> None:
    """Tết lies around the first day of the lunar year, Giỗ Tổ Hùng Vương is the tenth of its third month."""
    for year in sorted(CALENDAR.years):
        first = lunar_new_year(year)
        assert CALENDAR.off[first].occasion.startswith("Tết Nguyên đán")
        number = round((first - date(1900, 1, 1)).days / 29.53058868)
        [start] = [one for one in range(number - 2, number + 3) if first_of_month(one) == first]
        ancestors = first_of_month(start + 2) + timedelta(days=9)
        assert CALENDAR.off[ancestors].occasion == "Giỗ Tổ Hùng Vương", ancestors


@pytest.mark.parametrize("year", [2025, 2026, 2027, 2028])
def test_every_year_has_the_eleven_days_of_the_law(year: int) -> None:
    holidays = [one for one in CALENDAR.off.values() if one.day.year == year and one.kind == "holiday"]
    assert len(holidays) == 11
    assert sum(one.occasion.startswith("Tết Nguyên đán") for one in holidays) == 5
    assert sorted(one.day for one in holidays if one.occasion == "Quốc khánh")[0].month in (9,)
    assert date(year, 9, 2) in CALENDAR.off
    for month, day in ((1, 1), (4, 30), (5, 1)):
        assert CALENDAR.off[date(year, month, day)].basis == "law"


@pytest.mark.parametrize("year", [2025, 2026, 2027, 2028])
def test_a_holiday_at_a_weekend_is_made_up_for_on_the_next_working_day(year: int) -> None:
    """Bộ luật Lao động 2019, art. 111.3."""
    lost = sorted(
        one.day
        for one in CALENDAR.off.values()
        if one.day.year == year and one.kind == "holiday" and one.day.weekday() >= 5
    )
    made_up = sorted(one.day for one in CALENDAR.off.values() if one.day.year == year and one.kind == "made-up")
    assert len(lost) == len(made_up)
    for first, second in zip(lost, made_up, strict=True):
        assert first < second <= first + timedelta(days=5)
        between = [first + timedelta(days=one) for one in range(1, (second - first).days)]
        assert not any(CALENDAR.works(day) for day in between)


def test_exchanged_days_come_in_pairs() -> None:
    swapped = {one.day for one in CALENDAR.off.values() if one.kind == "swapped"}
    assert len(swapped) == len(CALENDAR.worked) == 3
    assert all(CALENDAR.works(day) and day.weekday() >= 5 for day in CALENDAR.worked)
    assert not any(CALENDAR.works(day) for day in swapped)


def test_years_not_announced_when_written_are_marked_so() -> None:
    derived = {one.day.year for one in CALENDAR.off.values() if one.basis == "derived"}
    assert derived == {2027, 2028}


def test_a_year_without_data_has_weekends_only() -> None:
    assert 2031 not in CALENDAR.years
    assert [CALENDAR.works(date(2031, 9, day)) for day in range(1, 8)] == [True] * 5 + [False] * 2


@given(MOMENTS, LENGTHS)
def test_office_time_that_passes_after_a_moment_is_what_was_asked(moment: datetime, length: timedelta) -> None:
    end = OFFICE.after(moment, length)
    assert end >= moment
    assert OFFICE.between(moment, end) == length


@given(MOMENTS, LENGTHS)
def test_office_time_that_passes_before_a_moment_is_what_was_asked(moment: datetime, length: timedelta) -> None:
    start = OFFICE.before(moment, length)
    assert start <= moment
    assert OFFICE.between(start, moment) == length


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=60)), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_office_time_adds_up_and_is_never_longer_than_the_clock(
    moment: datetime, first: timedelta, second: timedelta
) -> None:
    middle, end = moment + first, moment + first + second
    assert OFFICE.between(moment, end) == OFFICE.between(moment, middle) + OFFICE.between(middle, end)
    assert OFFICE.between(moment, end) <= end - moment
    assert OFFICE.between(end, moment) == timedelta(0)


@given(MOMENTS, st.integers(0, 30))
def test_the_end_of_the_nth_working_day_skips_what_is_off(moment: datetime, later: int) -> None:
    end = OFFICE.end_of_day(moment, later)
    assert end > moment
    assert end.utcoffset() == timedelta(hours=7)
    assert CALENDAR.works(end.date())
    assert later == 0 or OFFICE.end_of_day(moment, later - 1) < end
    working = OFFICE.between(moment, end)
    assert timedelta(hours=8) * later < working <= timedelta(hours=8) * (later + 1)


def test_a_night_and_a_noon_are_no_office_time() -> None:
    friday = datetime(2026, 11, 20, 11, 0, tzinfo=VIETNAM)
    assert OFFICE.after(friday, timedelta(hours=1)) == datetime(2026, 11, 20, 13, 30, tzinfo=VIETNAM)
    assert OFFICE.after(friday, timedelta(hours=5)) == datetime(2026, 11, 23, 8, 0, tzinfo=VIETNAM)
    assert OFFICE.before(friday, timedelta(hours=4)) == datetime(2026, 11, 19, 16, 30, tzinfo=VIETNAM)
    assert OFFICE.day_length == timedelta(hours=8)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"year": [2026]}, "unknown year"),
        ({"years": ["2026"]}, "a list of numbers"),
        ({"off": [{"from": "2026-09-02", "basis": "law"}]}, "must be a day"),
        ({"off": [{"from": date(2026, 9, 2), "basis": "rumour"}]}, "basis: one of law"),
        ({"off": [{"from": date(2026, 9, 2), "basis": "law", "kind": "feast"}]}, "kind: one of holiday"),
        ({"off": [{"from": date(2026, 9, 2), "to": date(2026, 9, 1), "basis": "law"}]}, "2026-09-02 to 2026-09-01"),
        ({"off": [{"from": date(2026, 9, 2), "basis": "law"}] * 2}, "named twice"),
        ({"off": [{"from": date(2024, 9, 2), "basis": "law"}]}, "in no year"),
        ({"off": [{"from": date(2026, 1, 1), "to": date(2026, 2, 28), "basis": "law"}] * 1}, ""),
        ({"worked": [{"day": date(2026, 9, 2), "instead_of": date(2026, 9, 1), "basis": "law"}]}, "no Saturday"),
        ({"worked": [{"day": date(2026, 9, 5), "instead_of": date(2026, 9, 1), "basis": "law"}]}, "not off with kind"),
    ],
)
def test_a_mistake_in_a_calendar_names_its_row(change: dict[str, Any], complaint: str) -> None:
    table = {"name": "x", "years": [2026]} | change
    if not complaint:
        assert len(read_calendar(table).off) == 59
        return
    with pytest.raises(ValueError, match=complaint):
        read_calendar(table)


def test_a_year_closed_for_too_long_is_a_slip() -> None:
    months = [(1, 31), (3, 31)]
    rows = [{"from": date(2026, month, 1), "to": date(2026, month, last), "basis": "law"} for month, last in months]
    with pytest.raises(ValueError, match="more than 60"):
        read_calendar({"name": "x", "years": [2026], "off": rows})


def test_the_shipped_file_is_what_is_read() -> None:
    assert read_calendar(tomllib.loads(FILE.read_text(encoding="utf-8"))) == CALENDAR
