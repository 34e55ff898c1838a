"""Whose word counts about a rule: the agency's override, then everybody's, then the profile's; each to its last day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.pki import Identity
from hub import clock
from hub.clock import VIETNAM
from hub.envelope.model import parse_edxml_date
from hub.registry.model import SEVERITIES, Override, Severity
from hub.validation import Accepted
from hub.validation.metadata import moment
from hub.validation.rules import Rule, profile, severity
from tests.intake.register import Register, signed_letter

SENDER, OTHER, RECIPIENT = "H33.02", "H33.03", "H33.90"
RULES = profile("qcvn-102-2016").rules
DAY = date(2026, 11, 20)

severities: st.SearchStrategy[Severity] = st.sampled_from(SEVERITIES)  # type: ignore[arg-type]  # the three of them
agencies = st.sampled_from(["", "A", "B"])
days = st.dates(DAY - timedelta(days=3), DAY + timedelta(days=3))
names = st.sampled_from(["subject.length", "place.length", "document-id.required"])
overrides = st.lists(
    st.builds(Override, agencies, names, severities, days),
    max_size=12,
    unique_by=lambda one: (one.agency_code, one.rule),
)


def expected(rule: Rule, among: list[Override], agency: str, on: date) -> Severity:
    """The same said another way: the first of three that is there."""
    if rule.fixed:
        return rule.severity
    for whose in (agency, ""):
        for one in among:
            if (one.agency_code, one.rule) == (whose, rule.name) and not on > one.until:
                return one.severity
    return rule.severity


@given(overrides, agencies, days, names)
def test_the_agencys_word_beats_everybodys_and_everybodys_the_profiles(
    among: list[Override], agency: str, on: date, name: str
) -> None:
    assert severity(RULES[name], among, agency, on) == expected(RULES[name], among, agency, on)


@given(overrides, agencies, days, st.randoms())
def test_the_order_of_the_table_does_not_matter(among: list[Override], agency: str, on: date, chance: object) -> None:
    shuffled = among[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    for rule in RULES.values():
        assert severity(rule, among, agency, on) == severity(rule, shuffled, agency, on)


@given(severities, st.sampled_from([rule for rule in RULES.values() if rule.fixed]), agencies)
def test_a_fixed_rule_has_no_other_severity(meant: Severity, rule: Rule, agency: str) -> None:
    assert severity(rule, [Override(agency, rule.name, meant, DAY)], agency, DAY) == rule.severity


def test_what_the_hub_stands_on_is_fixed() -> None:
    """Without these an accepted envelope could not be made or found again."""
    fixed = {rule.name for rule in RULES.values() if rule.fixed}
    assert {"document-id.required", "promulgation-date.required", "promulgation-date.date"} <= fixed
    assert all(RULES[name].severity == "refuse" for name in fixed)


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    for code in (RECIPIENT, OTHER):
        register.agency(code)
    return register


@pytest.fixture(scope="module")
def sender(register: Register) -> Identity:
    return register.identity(SENDER)


async def outcome(register: Register, sender: Identity, until: date, at: datetime, agency: str = SENDER) -> bool:
    """Whether a letter with too long a subject is accepted, the rule being a warning until a day."""
    register.exceptions = (Override(agency, "subject.length", "warn", until, "chuyển đổi"),)
    register.changes += 1
    await register.directory.refresh(now=True)
    body = signed_letter(sender, RECIPIENT, subject="x" * 501)
    return isinstance(await register.judge(body, SENDER, at=at), Accepted)


async def test_an_override_holds_through_its_last_day_in_viet_nam(register: Register, sender: Identity) -> None:
    now = clock.now()
    today = now.astimezone(VIETNAM).date()
    assert await outcome(register, sender, today, now)
    assert not await outcome(register, sender, today - timedelta(days=1), now)
    last = datetime.combine(today, datetime.max.time(), VIETNAM).astimezone(UTC)
    override = (Override(SENDER, "subject.length", "warn", today),)
    for at, holds in ((last, True), (last + timedelta(microseconds=1), False)):
        there = at.astimezone(VIETNAM).date()
        assert (severity(RULES["subject.length"], override, SENDER, there) == "warn") is holds


async def test_an_override_of_another_agency_is_not_ours_and_everybodys_is(
    register: Register, sender: Identity
) -> None:
    tomorrow = clock.now().date() + timedelta(days=2)
    assert not await outcome(register, sender, tomorrow, clock.now(), OTHER)
    assert await outcome(register, sender, tomorrow, clock.now(), "")


async def test_an_override_for_an_old_identifier_counts_by_the_agencys_own() -> None:
    """The sender may write an alias; the override is the agency's."""
    register = Register()
    register.agency(RECIPIENT)
    register.agency(SENDER, aliases=("000.00.02.H33",))
    body = signed_letter(replace(register.identity(SENDER), code="000.00.02.H33"), RECIPIENT, subject="x" * 501)
    register.exceptions = (Override(SENDER, "subject.length", "warn", clock.now().date() + timedelta(days=2)),)
    verdict = await register.judge(body, SENDER)
    assert isinstance(verdict, Accepted), verdict
    assert verdict.envelope.sender.code == SENDER


# dates and moments as edXML writes them


@given(st.dates())
def test_a_date_comes_back_from_its_text(day: date) -> None:
    assert parse_edxml_date(f"{day.year:04}/{day.month:02}/{day.day:02}") == day


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - edXML's times have no zone
def test_a_moment_comes_back_from_its_text(when: datetime) -> None:
    text = f"{when.year:04}/{when:%m/%d %H:%M:%S}"
    assert moment(text) == when.replace(microsecond=0)


@given(st.text("0123456789/: -٠٣０", max_size=20) | st.text(max_size=20))
def test_any_other_text_is_no_date_and_no_moment_or_reads_the_same_again(text: str) -> None:
    day, when = parse_edxml_date(text), moment(text)
    assert day is None or f"{day.year:04}/{day.month:02}/{day.day:02}" == text
    assert when is None or f"{when.year:04}/{when:%m/%d %H:%M:%S}" == text
