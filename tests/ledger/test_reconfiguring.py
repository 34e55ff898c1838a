"""An operator changes or enables a system: what troubles left behind is gone, what has an hour of its own keeps it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from hub import clock
from hub.ledger import carriage, delivery_tables, exchange_log, reconfiguring, systems, tables
from hub.ledger.exchange_log import LogQuery
from hub.problems import Refused
from hub.registry.reach import Reach
from tests.ledger.stage import Stage

URL = "https://van-ban.h33.example/nhan"
NAME = "system h33"


@pytest.fixture
def troubled(stage: Stage) -> Stage:
    """``h33`` is pushed to, said that it is gone, and is left alone for an hour."""
    stage.by_channel("push", "h33")
    at = clock.now()
    stage.ledger.write_now(reconfiguring.change, NAME, URL, {})
    stage.ledger.write_now(carriage.disable, "h33", "gone: HTTP 410", at)
    stage.ledger.write_now(carriage.note_failure, "h33", 6, at + timedelta(hours=1), "gone", "HTTP 410", at)
    stage.ledger.write_now(carriage.claim_feed, "h33", at, at + timedelta(hours=1))
    return stage


def waiting_until(stage: Stage, delivery: str, hours: int, *, scheduled: bool = False) -> None:
    moment = clock.now() + timedelta(hours=hours)
    values = {"available_at": moment, **({"not_before": moment} if scheduled else {})}
    statement = update(tables.delivery).where(tables.delivery.c.id == delivery).values(values)
    stage.ledger.write_now(lambda transaction: transaction.execute(statement) and None)


def is_due(stage: Stage, delivery: str) -> bool:
    found = select(tables.delivery.c.available_at).where(tables.delivery.c.id == delivery)
    moment = stage.ledger.read_now(lambda transaction: transaction.execute(found).scalar_one())
    return bool(moment <= clock.now())


def test_an_enabled_system_is_handed_everything_at_once_but_what_is_scheduled(troubled: Stage) -> None:
    retried, scheduled = troubled.in_inbox("H33")[0], troubled.in_inbox("H33")[0]
    (elsewhere,) = troubled.in_inbox("H40")
    waiting_until(troubled, retried, 20)
    waiting_until(troubled, scheduled, 5, scheduled=True)
    waiting_until(troubled, elsewhere, 5)
    situation = troubled.ledger.read_now(reconfiguring.situation)["h33"]
    assert (situation["disabled_reason"], situation["failing"]["failures"]) == ("gone: HTTP 410", 6)
    assert troubled.ledger.read_now(carriage.due, ["h33"], clock.now()) == set()

    assert troubled.ledger.write_now(reconfiguring.enable, NAME).disabled
    assert troubled.ledger.read_now(carriage.due, ["h33"], clock.now()) == {"h33"}
    assert [is_due(troubled, one) for one in (retried, scheduled, elsewhere)] == [True, False, False]
    assert troubled.ledger.read_now(reconfiguring.situation) == {}
    cursor = select(delivery_tables.receipt_cursor.c.retry_at)
    assert troubled.ledger.read_now(lambda transaction: transaction.execute(cursor).scalar_one()) is None


def test_a_changed_address_is_tried_at_once_and_a_disabled_system_stays_disabled(troubled: Stage) -> None:
    changed = troubled.ledger.write_now(
        reconfiguring.change, NAME, "https://moi.h33.example/nhan", {"body": "notice", "signature": "v1"}
    )
    assert (changed.url, changed.options) == ("https://moi.h33.example/nhan", {"body": "notice", "signature": "v1"})
    assert changed.disabled
    kept = troubled.ledger.write_now(reconfiguring.change, NAME, None, {"body": ""})
    assert (kept.url, kept.options) == ("https://moi.h33.example/nhan", {"signature": "v1"})
    assert "failing" not in troubled.ledger.read_now(reconfiguring.situation)["h33"]
    entries, _ = troubled.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    said = [one["detail"] for one in entries if one["kind"] == "registry.system_changed"]
    assert [(one["url"], one["options"]) for one in said][-2:] == [
        ("https://moi.h33.example/nhan", ["body", "signature"]),
        ("https://moi.h33.example/nhan", ["body"]),
    ]


def test_a_change_that_cannot_be_is_refused_and_leaves_everything_as_it_was(troubled: Stage) -> None:
    for url, options in (("https://10.0.0.1/", {}), (None, {"body": "pdf"}), ("http://h33.example/", {})):
        with pytest.raises(Refused, match="registry-invalid"):
            troubled.ledger.write_now(reconfiguring.change, NAME, url, options)
    kept = troubled.ledger.read_now(systems.by_id, "h33")
    assert kept is not None
    assert (kept.url, kept.options) == (URL, {})
    inside = troubled.ledger.write_now(reconfiguring.change, NAME, "https://10.0.0.1/", {}, Reach.of("10.0.0.0/8"))
    assert inside.url == "https://10.0.0.1/"
    for act in (
        lambda: troubled.ledger.write_now(reconfiguring.enable, "x"),
        lambda: troubled.ledger.write_now(reconfiguring.change, "x", None, {}),
    ):
        with pytest.raises(Refused, match="registry-unknown"):
            act()
