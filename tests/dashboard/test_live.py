"""Open pages hear of changes: what is told, to how many, and until when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub import clock
from hub.audit import Entry, Event
from hub.dashboard import Live
from hub.ledger import Ledger, Transaction, exchange_log, marks, people, sessions
from tests.dashboard.conftest import Site
from tests.dashboard.seeding import seed
from tests.world import eventually

PATIENCE = 30


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    found = Ledger.sqlite(tmp_path / "ledger.db")
    seed(found)
    yield found
    found.close()


def happen(ledger: Ledger, kind: Event) -> None:
    entry = Entry(kind, clock.now(), agency_code="H33")
    ledger.write_now(lambda transaction: exchange_log.append(transaction, [entry]))


async def changes(events: AsyncIterator[str]) -> dict[str, str]:
    """The next changes, by region; beats between them are passed over."""
    while True:
        text = await asyncio.wait_for(anext(events), PATIENCE)
        found = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        if found:
            return {one["region"]: one["version"] for one in found}


async def test_a_change_is_told_by_a_new_version_until_the_hub_stops(ledger: Ledger) -> None:
    live = Live()

    async def still_open() -> bool:
        return True

    events = live.events(ledger, "somebody", still_open)
    first = await changes(events)
    assert first.keys() == {"exchange", "log"}
    happen(ledger, Event.ENVELOPE_ACCEPTED)
    second = await changes(events)
    assert second.keys() == {"exchange"}
    assert second["exchange"] != first["exchange"]
    live.close()
    assert [text async for text in events] == []
    assert not live.has_room("somebody")


def test_who_reads_changes_nothing(ledger: Ledger) -> None:
    happen(ledger, Event.ENVELOPE_ACCEPTED)
    before = ledger.read_now(marks.read)
    happen(ledger, Event.LOG_QUERIED)
    happen(ledger, Event.PERSON_LOGIN)
    assert ledger.read_now(marks.read) == before
    happen(ledger, Event.ALERT_RAISED)
    assert ledger.read_now(marks.read) != before


async def test_the_stream_ends_with_the_session_and_frees_its_place(ledger: Ledger) -> None:
    live = Live(each=1, beat=0.05)
    left = iter([True, False])

    async def still_open() -> bool:
        return next(left)

    events = live.events(ledger, "somebody", still_open)
    await anext(events)
    assert not live.has_room("somebody")
    assert live.has_room("somebody else")
    async with asyncio.timeout(PATIENCE):
        assert [text async for text in events]
    assert live.has_room("somebody")


@pytest.fixture
def token(quiet: Site) -> str:
    token = clock.new_secret()

    def enter(transaction: Transaction) -> None:
        now = clock.now()
        who = people.add_person(transaction, f"live-{clock.new_id()}", "live", ("operator",), "-", None, now)
        sessions.open_session(transaction, who, token, now, timedelta(hours=1))

    quiet.ledger.write_now(enter)
    return token


def test_one_person_listens_a_few_times_and_a_closed_tab_makes_room(quiet: Site, token: str) -> None:
    with httpx.Client(base_url=quiet.address, cookies={"lienthong-session": token}, timeout=PATIENCE) as client:
        with ExitStack() as tabs:
            answers = [tabs.enter_context(client.stream("GET", "/live")) for _ in range(6)]
            assert {answer.headers["content-type"].split(";")[0] for answer in answers} == {"text/event-stream"}
            assert {answer.headers["x-accel-buffering"] for answer in answers} == {"no"}
            assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
            assert client.get("/live").status_code == 204
        eventually(_listens(client), PATIENCE)


def _listens(client: httpx.Client) -> Callable[[], bool]:
    def look() -> bool:
        with client.stream("GET", "/live") as answer:
            return answer.status_code == 200

    return look


def test_nobody_listens_without_a_session(quiet: Site) -> None:
    answer = httpx.get(f"{quiet.address}/live")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")
