"""The production engine at the edge: what a caller is told while the database or the broker is away.

The broker is away from the beginning here: intake must not need it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.gateway.edge import Edge, problem
from tests.services import PostgreSQL
from tests.services.processes import free_port
from tests.world import World, eventually

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    """A server of its own: it is going to be stopped."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="module")
def world(database: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    environment = {
        "LIENTHONG_DATABASE_URL": database.create_database("outages"),
        "LIENTHONG_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/",
    }
    with World(tmp_path_factory.mktemp("outages"), environment) as built:
        built.start("up")
        yield built


@pytest.fixture
def edge(world: World) -> Iterator[Edge]:
    with httpx.Client(base_url=world.url, timeout=30) as client:
        yield Edge(client)


def test_without_the_broker_the_hub_is_degraded_and_accepts_all_the_same(edge: Edge, world: World) -> None:
    answer = edge.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "ledger": True, "schema": True, "broker": False}
    sender, recipient = world.office(), world.office()
    accepted = sender.client.post_envelope(sender.letter(recipient.code))
    assert accepted["acknowledgement"]
    shown = edge.get(accepted["links"]["self"], by=sender).json()
    assert [row["state"] for row in shown["recipients"]] == ["pending"]
    assert "hub_outbox_rows 1.0" in edge.get("/metrics").text


def test_strange_text_is_no_error_of_the_hub_on_postgresql_either(edge: Edge, world: World) -> None:
    office = world.office()
    tried: list[tuple[str, str, dict[str, object]]] = [
        ("GET", "/v1/agencies/%00", {}),
        ("GET", "/v1/agencies?q=%00", {}),
        ("GET", "/v1/agencies?after=1-%00", {}),
        ("GET", "/v1/envelopes/%00", {}),
        ("GET", "/v1/receipts?after=7fffffffffffffff-7fffffffffffffff", {}),
        ("GET", "/v1/agencies?after=999999999999999999-x", {}),
        ("POST", "/v1/deliveries/%00:settle", {}),
        ("POST", "/v1/deliveries/x:settle", {"json": {"lease": "\x00"}}),
        ("POST", "/v1/deliveries/x:refuse", {"json": {"reason": "a\x00"}}),
        ("POST", "/v1/statuses", {"json": {"delivery": "\x00", "code": "03"}}),
        ("POST", "/v1/statuses", {"json": {"delivery": "x", "code": "03", "description": "\ud7ff\uffff"}}),
        ("POST", "/oauth2/token", {"data": {"grant_type": "client_credentials", "client_id": "\x00"}}),
        ("GET", "/login?next=%00", {}),
        ("GET", "/envelopes/%00", {}),
    ]
    for method, path, more in tried:
        answer = edge.call(method, path, by=office, **more)
        assert answer.status_code < 500, (path, answer.text)


def test_while_the_database_is_away_callers_are_told_to_come_back_and_then_it_goes_on(
    edge: Edge, world: World, database: PostgreSQL
) -> None:
    sender, recipient = world.office(), world.office()
    before = sender.client.post_envelope(sender.letter(recipient.code))
    letter = sender.letter(recipient.code)
    headers = {"Content-Type": "application/xml"}
    database.stop()
    try:
        # within a second the directory's memory may still answer who is calling; nobody is ever told that it is fine
        answer = eventually(lambda: _refused(edge.post("/v1/envelopes", by=sender, content=letter, headers=headers)))
        document = problem(answer, "ledger-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text, "the database's address is not the caller's business"
        assert document["retryable"] is True
        for path in ("/v1/inbox", "/v1/receipts", before["links"]["self"], "/v1/agencies"):
            problem(edge.get(path, by=sender), "ledger-unavailable")
        ready = edge.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["ledger"]) == (503, "not ready", False)
        assert edge.get("/livez").status_code == 200
    finally:
        database.start()
    eventually(lambda: edge.get("/readyz").status_code == 200)
    started = time.monotonic()
    accepted = sender.client.post_envelope(letter)
    assert time.monotonic() - started < 10
    assert edge.get(before["links"]["self"], by=sender).status_code == 200
    assert edge.get(accepted["links"]["content"], by=sender).content == letter
    assert world.processes["up"].poll() is None, "nobody restarted anything"


def _refused(answer: httpx.Response) -> httpx.Response | None:
    assert answer.status_code == 503, answer.text
    return answer
