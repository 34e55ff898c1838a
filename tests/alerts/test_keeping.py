"""One alert for as long as a trouble lasts: told once, again if nobody takes note, not again when somebody does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from hub import clock
from hub.alerts import keeping
from hub.alerts.alarm import Alarm
from hub.alerts.keeping import REOPENED, Keeper
from hub.alerts.notices import Post
from hub.alerts.watches import Limits, Probes, Wanted
from hub.audit import Entry, Event
from hub.ledger import Ledger, alert_notices, alerts, exchange_log, tables
from hub.ledger.alert_tables import alert_notice
from hub.ledger.alerts import AlertRecord
from hub.problems import Refused
from tests.ledger.stage import Stage

KEEPER = Keeper(("mail:truc@hub.example",))
KINDS = frozenset({"backlog", "certificate"})
START = datetime.fromisoformat("2026-11-20T07:00:00+00:00")


def look(ledger: Ledger, minutes: float, *wanted: Wanted) -> None:
    ledger.write_now(KEEPER.keep, wanted, KINDS, START + timedelta(minutes=minutes))


def backlog(count: int = 5, system: str = "h33") -> Wanted:
    return Wanted("backlog", system, {"system": system, "count": count}, count=count)


def told(ledger: Ledger) -> list[str]:
    """Reasons of notices that were not dropped, in order."""
    rows = select(alert_notice.c.reason).where(alert_notice.c.state != "dropped").order_by(alert_notice.c.id)
    return ledger.read_now(lambda transaction: list(transaction.execute(rows).scalars()))


def only(ledger: Ledger, state: str = "open") -> AlertRecord:
    [found] = ledger.read_now(alerts.page, state)
    return found


def logged(ledger: Ledger) -> list[str]:
    entries = tables.audit_entry.c
    rows = select(entries.kind).where(entries.kind.startswith("alert.")).order_by(entries.seq)
    return ledger.read_now(lambda transaction: list(transaction.execute(rows).scalars()))


def test_a_trouble_is_one_alert_while_it_lasts_and_ends_by_itself(plain: Stage) -> None:
    for minute, count in ((0, 5), (1, 6), (2, 9)):
        look(plain.ledger, minute, backlog(count))
    one = only(plain.ledger)
    assert (one.count, one.since, one.last_at) == (9, START, START + timedelta(minutes=2))
    look(plain.ledger, 3)
    assert only(plain.ledger, "ended").ended_at == START + timedelta(minutes=3)
    assert told(plain.ledger) == ["raised", "ended"]
    assert logged(plain.ledger) == [Event.ALERT_RAISED, Event.ALERT_ENDED]


def test_what_flickers_is_told_once(plain: Stage) -> None:
    for minute in range(6):
        look(plain.ledger, minute, *([backlog()] if minute % 2 == 0 else []))
    assert told(plain.ledger) == ["raised", "ended"]
    [notice] = [one for one in notices(plain.ledger) if one.reason == "ended" and one.state == "waiting"]
    assert notice.next_at == START + timedelta(minutes=5) + REOPENED
    look(plain.ledger, 30, backlog())
    assert told(plain.ledger) == ["raised", "ended", "raised"]


def notices(ledger: Ledger) -> list[alert_notices.Notice]:
    found = ledger.read_now(alerts.page, "ended")
    by_alert = ledger.read_now(alert_notices.of_alerts, [one.id for one in found])
    return [one for rows in by_alert.values() for one in rows]


def test_it_is_repeated_until_somebody_takes_note(plain: Stage) -> None:
    look(plain.ledger, 0, backlog())
    for hours, expected in ((1, 1), (25, 2), (26, 2), (50, 3)):
        plain.ledger.write_now(KEEPER.repeat, START + timedelta(hours=hours))
        assert len(told(plain.ledger)) == expected, hours
    done = plain.ledger.write_now(keeping.acknowledge, only(plain.ledger).id, "truc", "  đã gọi   cơ quan ")
    assert (done.acknowledged_by, done.note, done.state) == ("truc", "đã gọi cơ quan", "acknowledged")
    plain.ledger.write_now(KEEPER.repeat, START + timedelta(days=9))
    look(plain.ledger, 60 * 24 * 9, backlog(50))
    # the repeat that nobody had sent yet was dropped
    assert told(plain.ledger) == ["raised"]
    assert plain.ledger.write_now(keeping.acknowledge, done.id, "kim", "cũng thấy").acknowledged_by == "truc"
    assert only(plain.ledger, "acknowledged").count == 50


def test_a_certificate_is_told_of_anew_at_the_next_threshold_only(plain: Stage) -> None:
    def ending(step: int) -> Wanted:
        return Wanted(
            "certificate", "H33", {"agency": "H33", "name": "H33", "ends_on": clock.rfc3339(START)}, step=step
        )

    look(plain.ledger, 0, ending(1))
    plain.ledger.write_now(keeping.acknowledge, only(plain.ledger).id, "truc", "")
    for minute, step in ((1, 1), (2, 2), (3, 2)):
        look(plain.ledger, minute, ending(step))
        plain.ledger.write_now(KEEPER.repeat, START + timedelta(days=30))
    assert told(plain.ledger) == ["raised", "worse"]
    assert only(plain.ledger).acknowledged_by is None


def test_kinds_that_were_not_looked_at_stay(plain: Stage) -> None:
    look(plain.ledger, 0, backlog())
    plain.ledger.write_now(KEEPER.keep, [], frozenset({"incident"}), START)
    assert only(plain.ledger).kind == "backlog"


def seen_by_intake(ledger: Ledger, *codes: str) -> None:
    entries = [
        Entry(Event.OPERATOR_ALERTED, clock.now(), agency_code="H33", envelope_id="e", code=one) for one in codes
    ]
    ledger.write_now(exchange_log.append, entries)


def alarm(ledger: Ledger) -> Alarm:
    async def well() -> Probes:
        return Probes()

    return Alarm(ledger, KEEPER, Post(ledger, {}), well, Limits())


async def test_what_intake_saw_is_counted_until_somebody_takes_note(stage: Stage) -> None:
    looks = alarm(stage.ledger)
    seen_by_intake(stage.ledger, "attachment-malware", "secret-document", "attachment-malware")
    stage.quiet()
    await looks.step()
    await looks.step()
    found = {one.kind: one.count for one in stage.ledger.read_now(alerts.page, "open")}
    assert found == {"malware": 2, "secret-document": 1}
    [malware] = [one for one in stage.ledger.read_now(alerts.page, "open") if one.kind == "malware"]
    assert stage.ledger.write_now(keeping.acknowledge, malware.id, "truc", "").state == "ended"
    seen_by_intake(stage.ledger, "attachment-malware")
    stage.quiet()
    await looks.step()
    assert {one.kind: one.count for one in stage.ledger.read_now(alerts.page, "open")}["malware"] == 1
    assert stage.ledger.read_now(alerts.count_open) == alerts.Open(2, 2)


async def test_a_whole_look_finds_what_lies_and_what_was_given_up(stage: Stage) -> None:
    past = clock.now() - timedelta(days=2)
    stage.in_inbox("H33", at=past)
    dies = stage.in_inbox("H40")
    dead = {"state": "dead", "closed_at": past, "available_at": None, "reason": "expired"}
    given_up = update(tables.delivery).where(tables.delivery.c.id.in_(dies)).values(**dead)
    stage.ledger.write_now(lambda transaction: transaction.execute(given_up) and None)
    stage.quiet()
    looks = alarm(stage.ledger)
    await looks.step(whole=True)
    found = stage.ledger.read_now(alerts.page, "open")
    # whoever looks again at once, or beside, raises nothing twice
    await looks.step()
    await alarm(stage.ledger).step(whole=True)
    # nobody seals this log
    assert {(one.kind, one.subject) for one in found} == {("backlog", "h33"), ("dead-letter", "h40"), ("unsealed", "")}
    assert told(stage.ledger) == ["raised"] * 3


@pytest.mark.parametrize("state", ["open", "acknowledged", "ended"])
def test_pages_show_every_alert_once_the_worst_first(plain: Stage, state: str) -> None:
    wanted = [backlog(system=f"s{number}") for number in range(7)]
    look(plain.ledger, 0, *wanted)
    incidents = [Wanted("incident", f"i{number}", {"incident": "x"}) for number in range(4)]
    plain.ledger.write_now(KEEPER.keep, incidents, frozenset({"incident"}), START)
    if state == "acknowledged":
        for one in plain.ledger.read_now(alerts.page, "open"):
            plain.ledger.write_now(keeping.acknowledge, one.id, "truc", "")
    if state == "ended":
        plain.ledger.write_now(KEEPER.keep, [], KINDS | {"incident"}, START)
    pages = list(by_threes(plain.ledger, state))
    assert len({one.id for one in pages}) == len(pages) == 11
    if state != "ended":
        assert [one.rank for one in pages] == [0] * 4 + [1] * 7


def by_threes(ledger: Ledger, state: str) -> Iterable[AlertRecord]:
    after = None
    while found := ledger.read_now(alerts.page, state, after, 3):
        yield from found
        after = (found[-1].rank, found[-1].id)


def test_a_note_that_is_too_long_and_an_alert_that_is_not_there_are_refused(plain: Stage) -> None:
    with pytest.raises(Refused, match="not-found"):
        plain.ledger.write_now(keeping.acknowledge, "nothing", "truc", "")
    with pytest.raises(Refused, match="request-invalid"):
        plain.ledger.write_now(keeping.acknowledge, "nothing", "truc", "a" * 501)
