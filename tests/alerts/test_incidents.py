"""Reports of incidents: kept once, logged without what is confidential, an alert until an operator closes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub import clock
from hub.alerts import incidents as reporting
from hub.alerts.incidents import MOST_UNCLOSED, Report
from hub.alerts.keeping import Keeper
from hub.alerts.watches import URGENT, Look, urgent
from hub.audit import Event
from hub.ledger import Ledger, alerts, exchange_log, incidents
from hub.ledger.alarm_readings import State
from hub.ledger.exchange_log import LogQuery
from hub.problems import Refused
from tests.ledger.stage import Stage

TOLD = Report("H33", "leak", "Tài liệu bị chép ra ngoài", "Phòng CNTT, 0258 3123 456", clock.now())


def looked(ledger: Ledger) -> list[str]:
    """After a look: kinds of the alerts that stand."""
    now = clock.now()
    seen = Look(now, State(incidents=ledger.read_now(incidents.unclosed)))
    ledger.write_now(Keeper().keep, urgent(seen), URGENT, now)
    return [one.kind for one in ledger.read_now(alerts.page, "open")]


def test_an_incident_is_an_alert_until_it_is_closed_and_the_log_names_nobody_outside(plain: Stage) -> None:
    made, new = plain.ledger.write_now(reporting.report, TOLD, "system:h33")
    assert new
    assert plain.ledger.write_now(reporting.report, TOLD, "system:h33") == (made, False)
    assert looked(plain.ledger) == ["incident"]
    plain.ledger.write_now(reporting.close, made.id, "truc", "Đã thu hồi quyền")
    assert looked(plain.ledger) == []
    with pytest.raises(Refused, match="incident-closed"):
        plain.ledger.write_now(reporting.close, made.id, "truc", "lần nữa")
    entries, _ = plain.ledger.read_now(exchange_log.query, LogQuery(), None, 100)
    told = [one for one in entries if one["kind"].startswith("incident.")]
    assert [one["kind"] for one in told] == [Event.INCIDENT_REPORTED, Event.INCIDENT_CLOSED]
    assert [(one["actor"], one["agency_code"]) for one in told] == [("h33", "H33"), ("person:truc", "H33")]
    assert "0258" not in str(told)
    assert "chép" not in str(told)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"agency": "X99"}, "registry-unknown"),
        ({"category": "weather"}, "request-invalid"),
        ({"description": " \n"}, "request-invalid"),
        ({"description": "a" * 4001}, "request-invalid"),
        ({"contact": ""}, "request-invalid"),
        ({"noticed_at": clock.now() + timedelta(hours=2)}, "request-invalid"),
    ],
)
def test_a_report_that_helps_nobody_is_refused(plain: Stage, change: dict[str, object], code: str) -> None:
    with pytest.raises(Refused, match=code):
        plain.ledger.write_now(reporting.report, replace(TOLD, **change), "system:h33")  # type: ignore[arg-type] # fields by name


def test_an_agency_that_reports_without_end_is_asked_to_call(plain: Stage) -> None:
    for number in range(MOST_UNCLOSED):
        plain.ledger.write_now(reporting.report, replace(TOLD, description=f"sự cố {number}"), "system:h33")
    with pytest.raises(Refused, match="incidents-waiting"):
        plain.ledger.write_now(reporting.report, TOLD, "system:h33")
    with pytest.raises(Refused, match="reason-missing"):
        plain.ledger.write_now(reporting.close, plain.ledger.read_now(incidents.unclosed)[0].id, "truc", " ")
    pages, before = [], ""
    while found := plain.ledger.read_now(incidents.page, "H33", before, 7):
        pages += found
        before = found[-1].id
    assert len({one.id for one in pages}) == len(pages) == MOST_UNCLOSED
    assert plain.ledger.read_now(incidents.page, "H40") == []
