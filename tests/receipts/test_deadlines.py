"""Deadlines: which class counts, until when, and that none lies before the letter was there."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import VIETNAM
from hub.problems import Misconfigured
from hub.receipts.deadline_policy import load
from hub.receipts.deadlines import Facts
from hub.receipts.office_time import schemas

POLICY = load()
# 2025 to the middle of 2029, by the second
MOMENTS = st.integers(1_735_689_600, 1_874_966_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
DAYS = st.dates(date(2025, 1, 1), date(2029, 6, 1))
FACTS = st.builds(
    Facts,
    priority=st.integers(0, 4),
    business_type=st.integers(0, 3),
    document_type=st.sampled_from(["Công văn", "Giấy mời", "", "GIẤY MỜI "]),
    due_on=st.none() | DAYS,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (Facts(), "ordinary"),
        (Facts(priority=1), "urgent"),
        (Facts(priority=2), "very-urgent"),
        (Facts(priority=3), "express"),
        (Facts(priority=4), "express"),
        (Facts(document_type=" giấy mời "), "invitation"),
        (Facts(document_type="Giấy mời", priority=3), "express"),
        (Facts(business_type=1), "recall"),
        (Facts(business_type=1, priority=2), "very-urgent"),
    ],
)
def test_the_first_class_that_matches_counts(facts: Facts, name: str) -> None:
    assert POLICY.class_of(facts).name == name


@pytest.mark.parametrize(
    ("accepted", "confirm_by"),
    [
        ("2026-11-20 09:00", "2026-11-20 17:00"),  # Friday
        ("2026-11-20 06:00", "2026-11-20 17:00"),
        ("2026-11-20 12:10", "2026-11-20 17:00"),
        ("2026-11-20 16:59", "2026-11-20 17:00"),
        ("2026-11-20 17:00", "2026-11-23 17:00"),
        ("2026-11-21 08:00", "2026-11-23 17:00"),  # Saturday
        ("2026-04-29 18:00", "2026-05-04 17:00"),  # then 30 April, 1 May, a weekend
        ("2026-02-13 17:30", "2026-02-23 17:00"),  # Tết
        ("2025-04-26 08:00", "2025-04-26 17:00"),  # a Saturday that was worked instead of 2 May
        ("2025-05-02 08:00", "2025-05-05 17:00"),
    ],
)
def test_an_ordinary_letter_is_confirmed_the_same_working_day_else_the_next(accepted: str, confirm_by: str) -> None:
    assert POLICY.of(Facts(), at(accepted)).confirm_by == at(confirm_by)


def test_an_urgent_letter_counts_round_the_clock() -> None:
    accepted = at("2026-02-17 02:00")  # the first night of the year
    deadlines = POLICY.of(Facts(priority=3), accepted)
    assert deadlines.confirm_by == accepted + timedelta(minutes=30)
    assert deadlines.expires_at == accepted + timedelta(days=3)


def test_a_scheduled_letter_counts_from_its_hour() -> None:
    accepted, shown = at("2026-11-20 09:00"), at("2026-11-25 06:00")
    deadlines = POLICY.of(Facts(priority=4), accepted, shown)
    assert deadlines == POLICY.of(Facts(priority=4), shown)
    assert POLICY.of(Facts(priority=4), accepted, at("2026-11-01 06:00")) == POLICY.of(Facts(priority=4), accepted)


def test_the_due_date_counts_through_its_end_and_keeps_the_hand_over_alive() -> None:
    accepted = at("2026-11-20 09:00")
    deadlines = POLICY.of(Facts(due_on=date(2027, 3, 15)), accepted)
    assert deadlines.process_by == at("2027-03-15 23:59:59")
    assert deadlines.expires_at == deadlines.process_by
    assert POLICY.of(Facts(), accepted).process_by is None


def test_a_due_date_that_is_over_asks_no_more_than_to_confirm() -> None:
    deadlines = POLICY.of(Facts(due_on=date(2026, 11, 1)), at("2026-11-20 09:00"))
    assert deadlines.process_by == deadlines.confirm_by


@given(FACTS, MOMENTS, st.none() | MOMENTS)
def test_no_deadline_lies_before_the_letter_was_there(facts: Facts, accepted: datetime, shown: datetime | None) -> None:
    start = accepted if shown is None else max(accepted, shown)
    deadlines = POLICY.of(facts, accepted, shown)
    assert start < deadlines.chase_at <= deadlines.confirm_by <= deadlines.expires_at
    assert deadlines.process_by is None or deadlines.process_by >= deadlines.confirm_by
    assert deadlines.chase_at <= deadlines.confirm_by


@given(FACTS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_a_letter_that_comes_later_is_never_due_earlier(facts: Facts, accepted: datetime, later: timedelta) -> None:
    first, second = POLICY.of(facts, accepted), POLICY.of(facts, accepted + later)
    assert first.confirm_by <= second.confirm_by
    assert first.expires_at <= second.expires_at
    assert first.process_by is None or (second.process_by is not None and first.process_by <= second.process_by)


@given(FACTS, MOMENTS)
def test_the_same_class_gives_the_same_answer_in_whatever_zone_the_moment_is_said(
    facts: Facts, accepted: datetime
) -> None:
    twin = replace(facts, document_type=facts.document_type.upper())
    assert POLICY.of(twin, accepted.astimezone(VIETNAM)) == POLICY.of(facts, accepted)


@given(FACTS, MOMENTS)
def test_ordinary_deadlines_end_in_office_hours_of_a_working_day(facts: Facts, accepted: datetime) -> None:
    if not POLICY.class_of(facts).office:
        return
    local = POLICY.of(facts, accepted).confirm_by.astimezone(VIETNAM)
    assert POLICY.office.calendar.works(local.date())
    assert local.time() == time(17)


@given(FACTS, MOMENTS)
def test_every_step_stands_in_order_around_its_own_deadline(facts: Facts, accepted: datetime) -> None:
    due = POLICY.of(facts, accepted)
    steps = POLICY.steps(facts, due.confirm_by, due.process_by, due.expires_at)
    assert list(steps) == sorted(steps, key=lambda step: step.at)
    assert len({step.name for step in steps}) == len(steps)
    assert [step.at for step in steps if step.kind in ("notice", "end")] == sorted(
        one for one in (due.confirm_by, due.process_by, due.expires_at) if one is not None
    )
    assert due.chase_at in {step.at for step in steps}


SHIPPED = tomllib.loads((schemas() / "policies" / "deadlines.toml").read_text(encoding="utf-8"))


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(table: dict[str, Any]) -> None:
        for name in path[:-1]:
            table = table[name]
        table[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_set("calender", value="x"), "unknown calender"),
        (_set("calendar", value="atlantis"), "calendar atlantis: No such file"),
        (_set("office", "hours", value=["13:00-17:00", "07:30-11:30"]), "in the order of the day"),
        (_set("office", "hours", value=["7-11"]), "office.hours"),
        (_set("chase", "again", value="often"), "chase.again: 'often'"),
        (_set("class", value=[]), "at least one [[class]]"),
        (_set("class", 0, "name", value="Hỏa tốc"), "small letters"),
        (_set("class", 1, "name", value="express"), "class express is there twice"),
        (_set("class", 0, "counted", value="days"), 'counted: "office" or "clock"'),
        (_set("class", 0, "match", value={}), "hides those after it"),
        (_set("class", 0, "match", "priority", value=[5]), "numbers from 0 to 4"),
        (_set("class", 0, "match", "priority", value=[]), "numbers from 0 to 4"),
        (_set("class", 0, "match", "document_type", value=[""]), "a list of names"),
        (_set("class", 0, "match", "colour", value=["red"]), "unknown colour"),
        (_set("class", 0, "confirm", value={}), "confirm.within is missing"),
        (_set("class", 0, "confirm", "within", value="0 minutes"), "more than nothing"),
        (_set("class", 0, "confirm", "within", value="900 days"), "a year at most"),
        (_set("class", 0, "confirm", "remind", value="1 hour before"), "a list such as"),
        (_set("class", 0, "confirm", "remind", value=["1 hour early"]), "'1 hour early'"),
        (_set("class", 0, "confirm", "remond", value=[]), "unknown remond"),
        (_set("class", -1, "match", value={"priority": [0]}), "the last one takes the rest"),
    ],
)
def test_every_mistake_in_the_policy_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    table = tomllib.loads((schemas() / "policies" / "deadlines.toml").read_text(encoding="utf-8"))
    change(table)
    file = tmp_path / "deadlines.toml"
    file.write_text(toml(table), encoding="utf-8")
    with pytest.raises(Misconfigured) as error:
        load(file)
    assert error.value.code == "settings-invalid"
    assert error.value.findings[0].location == "LIENTHONG_DEADLINES"
    assert any(complaint in finding.detail for finding in error.value.findings), error.value.findings


def test_several_mistakes_are_named_at_once_and_a_file_that_is_none_too(tmp_path: Path) -> None:
    file = tmp_path / "deadlines.toml"
    file.write_text('calendar = "atlantis"\n[[class]]\nname = "X"\n', encoding="utf-8")
    with pytest.raises(Misconfigured) as error:
        load(file)
    assert len(error.value.findings) == 4
    for content in (b"\xff", b"x ="):
        file.write_bytes(content)
        with pytest.raises(Misconfigured):
            load(file)
    with pytest.raises(Misconfigured, match="No such file"):
        load(tmp_path / "nowhere.toml")


def test_a_policy_of_ones_own_may_bring_its_own_calendar(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(
        'name = "ours"\nyears = [2026]\n[[off]]\nfrom = 2026-11-20\noccasion = "X"\nbasis = "announced"\n',
        encoding="utf-8",
    )
    file = tmp_path / "deadlines.toml"
    file.write_text(toml(SHIPPED | {"calendar": "ours.toml"}), encoding="utf-8")
    assert load(file).of(Facts(), at("2026-11-20 09:00")).confirm_by == at("2026-11-23 17:00")


def toml(table: dict[str, Any]) -> str:
    """The policy as TOML: values are text, numbers, lists, tables and lists of tables."""
    tops = [f"{name} = {_value(one)}" for name, one in table.items() if name != "class"]
    rows = [f"[[class]]\n{_lines(row)}" for row in table["class"]] or ["class = []"]
    return "\n".join([*tops, *rows])


def _lines(row: dict[str, Any]) -> str:
    return "\n".join(f"{name} = {_value(one)}" for name, one in row.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
