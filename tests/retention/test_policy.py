"""The policy: exactly so many years, by Vietnamese days; a file with mistakes in it names them all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from hub.ledger.purges import Kind
from hub.problems import Misconfigured
from hub.retention.policy import load, past_before
from tests.retention.archive import Archive

VIETNAM_MIDNIGHT = timedelta(hours=-7)


def due_on(accepted: date, years: int, day: date) -> bool:
    """Whether what was accepted at noon of a Vietnamese day is past its time when another day begins."""
    noon = datetime.combine(accepted, datetime.min.time(), UTC) + VIETNAM_MIDNIGHT + timedelta(hours=12)
    return noon < past_before(day, years)


@pytest.mark.parametrize(
    ("accepted", "years", "last_kept"),
    [
        (date(2021, 5, 10), 5, date(2026, 5, 10)),
        (date(2021, 12, 31), 1, date(2022, 12, 31)),
        (date(2024, 2, 29), 1, date(2025, 2, 28)),  # no such day in the last year: the month's last
        (date(2024, 2, 29), 4, date(2028, 2, 29)),
        (date(2024, 2, 28), 4, date(2028, 2, 28)),
        (date(2023, 2, 28), 1, date(2024, 2, 28)),
        (date(2024, 3, 1), 1, date(2025, 3, 1)),
        (date(2026, 4, 30), 10, date(2036, 4, 30)),
        (date(1956, 1, 1), 70, date(2026, 1, 1)),
    ],
)
def test_octets_stay_through_the_corresponding_day_and_may_go_on_the_next(
    accepted: date, years: int, last_kept: date
) -> None:
    assert not due_on(accepted, years, last_kept)
    assert due_on(accepted, years, last_kept + timedelta(days=1))


def test_days_are_vietnams() -> None:
    midnight = datetime(2021, 5, 10, tzinfo=UTC) + VIETNAM_MIDNIGHT + timedelta(days=1)
    assert past_before(date(2026, 5, 11), 5) == midnight
    assert midnight.astimezone(UTC).hour == 17


def test_no_day_of_eight_years_is_kept_less_or_more_than_its_time() -> None:
    for number in range(8 * 366):
        accepted = date(2019, 1, 1) + timedelta(days=number)
        try:
            anniversary = accepted.replace(year=accepted.year + 3)
        except ValueError:
            anniversary = date(accepted.year + 3, 2, 28)
        assert not due_on(accepted, 3, anniversary)
        assert due_on(accepted, 3, anniversary + timedelta(days=1))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Kind("Công văn", 0, 0), "correspondence"),
        (Kind(" CÔNG VĂN ", 0, 0), "correspondence"),
        (Kind("Công văn", 2, 0), "other"),
        (Kind("Giấy mời", 3, 0), "invitation"),
        (Kind("Giấy mời", 0, 1), "recall"),
        (Kind("Quyết định", 0, 0), "other"),
        (Kind("", 0, 0), "other"),
    ],
)
def test_the_shipped_policy_finds_the_class_of_a_document(kind: Kind, name: str) -> None:
    assert load().class_of(kind).name == name


def test_what_has_no_class_of_its_own_stays_for_ever() -> None:
    policy = load()
    assert policy.class_of(Kind("Nghị quyết", 0, 0)).years is None
    assert [one.name for one in policy.due(date(2100, 1, 1), [Kind("Nghị quyết", 0, 0)])] == []


def test_every_mistake_in_a_policy_is_named(tmp_path: Path) -> None:
    file = tmp_path / "retention.toml"
    file.write_text(
        """
extra = 1
[[class]]
name = "A b"
keep = "ten years"
[[class]]
name = "twice"
match = { priority = [9], colour = 1 }
keep = "71 years"
[[class]]
name = "twice"
match = { document_type = "Công văn" }
keep = "permanent"
[[class]]
name = "last"
match = { business_type = [1] }
keep = "0 years"
""",
        encoding="utf-8",
    )
    with pytest.raises(Misconfigured) as error:
        load(file)
    said = "\n".join(finding.detail for finding in error.value.findings)
    for part in (
        "unknown extra", "small letters", 'class A b: keep: "permanent"', "match.priority", "unknown colour",
        "class twice: keep", "match.document_type", "class twice is there twice", "class last: keep",
        "the last one takes the rest", "without a match it hides",
    ):  # fmt: skip
        assert part in said
    assert {finding.location for finding in error.value.findings} == {"LIENTHONG_RETENTION"}


def test_a_policy_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        load(tmp_path / "nowhere.toml")


def test_a_letter_is_due_from_the_day_after_its_last_year_on(archive: Archive) -> None:
    last_second = datetime(2015, 3, 10, 16, 59, 59, tzinfo=UTC)  # 23:59:59 in Vietnam
    archive.letter(b"in", at=last_second)
    archive.letter(b"out", at=last_second + timedelta(seconds=1))
    plan = archive.ledger.read_now(archive.purges.plan, date(2025, 3, 10))
    assert plan.envelopes == 0
    plan = archive.ledger.read_now(archive.purges.plan, date(2025, 3, 11))
    assert (plan.envelopes, plan.octets) == (1, 2)
    plan = archive.ledger.read_now(archive.purges.plan, date(2025, 3, 12))
    assert (plan.envelopes, plan.octets) == (2, 5)
