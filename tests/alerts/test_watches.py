"""What is wanted follows from what is seen, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.alerts import wording
from hub.alerts.kinds import KINDS
from hub.alerts.watches import COVERED, Limits, Look, Probes, Wanted, wanted
from hub.language import LANGUAGES
from hub.ledger.alarm_readings import Disabled, LastCertificate, Pile, StaleList, State
from hub.ledger.alerts import AlertRecord
from hub.ledger.incidents import CATEGORIES, Incident
from hub.ledger.log_state import Progress
from hub.ledger.log_troubles import LogTrouble
from hub.ledger.overview import Reason

NOW = datetime(2026, 11, 20, 7, 42, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def pile(count: int, age: timedelta) -> Pile:
    return Pile("s1", "hệ thống một", count, NOW - age)


def kinds(state: State, probes: Probes | None = None, limits: Limits | None = None) -> list[tuple[str, str]]:
    found = wanted(Look(NOW, state, probes or Probes(), limits or Limits()))
    return [(one.kind, one.subject) for one in found]


def test_nothing_is_wanted_of_a_hub_that_is_well() -> None:
    assert kinds(State(waiting=[pile(3, HOUR)], log=Progress(10, NOW, 0, None, []))) == []


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (61 * DAY, 0),
        (60 * DAY, 1),
        (31 * DAY, 1),
        (30 * DAY, 2),
        (7 * DAY, 3),
        (DAY, 4),
        (HOUR, 4),
        (timedelta(), 5),
        (-400 * DAY, 5),
    ],
)
def test_a_certificate_is_told_of_at_each_threshold(left: timedelta, step: int) -> None:
    state = State(certificates=[LastCertificate("H33.07", "Sở Y tế", "ab" * 32, NOW + left)])
    assert [one.step for one in wanted(Look(NOW, state))] == ([step] if step else [])


@pytest.mark.parametrize(
    ("count", "age", "expected"), [(10, HOUR, []), (11, HOUR, ["backlog"]), (1, 5 * HOUR, ["backlog"])]
)
def test_a_backlog_is_too_long_or_too_old(count: int, age: timedelta, expected: list[str]) -> None:
    limits = Limits(backlog=10, waiting=4 * HOUR)
    assert [kind for kind, _ in kinds(State(waiting=[pile(count, age)]), limits=limits)] == expected


def test_while_the_broker_is_away_the_roles_behind_it_are_not_blamed() -> None:
    stuck = State(pending=NOW - HOUR, published=NOW - HOUR)
    assert kinds(stuck) == [("relay", ""), ("courier", "")]
    assert kinds(stuck, Probes(broker="no answer")) == [("broker", "")]
    assert kinds(State(pending=NOW, published=NOW)) == []


def test_a_disk_grows_worse() -> None:
    steps = [[one.step for one in wanted(Look(NOW, probes=Probes(free=free, size=100)))] for free in (10, 9, 2)]
    assert steps == [[], [1], [2]]


def everything() -> list[Wanted]:
    incidents = [Incident(name, "H33", "Tỉnh", name, "mất", "024", NOW, NOW, "system:s1") for name in CATEGORIES]
    troubles = [LogTrouble(kind, subject, "vì sao", NOW, NOW) for kind, subject in LOG_TROUBLES]
    codes = ("malware-scan-unavailable", "revocation-unavailable", "payload-unavailable")
    state = State(
        dead=[pile(2, HOUR)],
        waiting=[pile(2000, HOUR)],
        certificates=[LastCertificate("H33", "Tỉnh", "ab" * 32, NOW + DAY)],
        disabled=[Disabled("s1", "hệ thống một", NOW, "410")],
        stale_lists=[StaleList("CN=CA", NOW - DAY)],
        deferrals=[Reason(code, 3, NOW) for code in codes],
        incidents=incidents,
        log=Progress(10, NOW, 5, NOW - HOUR, troubles),
        pending=NOW - HOUR,
        published=NOW - HOUR,
    )
    look = Look(NOW, state, Probes(free=1, size=100))
    return [*wanted(look), *wanted(replace(look, state=State(), probes=Probes(broker="no answer")))]


LOG_TROUBLES = (
    ("rewritten", ""),
    ("rewritten", "other.example/log"),
    ("witness", "w.example+0123abcd+BASE"),
    ("timestamp", "https://tsa.example"),
)


def test_every_alert_names_what_whom_and_what_to_do_in_both_languages() -> None:
    found = everything()
    assert {one.kind for one in found} == COVERED
    momentary = [Wanted(name, "H33", {"agency": "H33", "name": "Tỉnh", "envelope": "e"}) for name in KINDS]
    for one in [*found, *(one for one in momentary if KINDS[one.kind].momentary)]:
        record = AlertRecord("a", one.kind, one.subject, 0, one.step, dict(one.detail), NOW, NOW, one.count)
        said = [wording.spoken(record, language) for language in LANGUAGES]
        assert said[0].title != said[1].title, one.kind
        for words in said:
            assert words.title, one.kind
            assert words.remedy, one.kind
            assert words.place.startswith("/"), one.kind
            assert "%(" not in f"{words.title}{words.touches}{words.remedy}{words.place}", one.kind
            assert "  " not in words.title.replace("\u202f", ""), words.title
            assert "()" not in words.title, words.title
