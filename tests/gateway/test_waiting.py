"""Waiting for what arrives, sharing an inbox, and being shut out of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import update

from adapters.client import HubClient
from hub.ledger import agencies, tables
from tests.gateway.edge import Edge, problem
from tests.world import Office, World, eventually


def suspend(world: World, office: Office, *, active: bool) -> None:
    def change(transaction: Any) -> None:
        one = tables.system.c.client_id == office.client_id
        transaction.execute(update(tables.system).where(one).values(active=active))
        agencies.raise_revision(transaction)

    world.ledger.write_now(change)


def test_a_suspended_system_is_refused_within_two_seconds_and_readmitted_as_fast(edge: Edge, world: World) -> None:
    office, sender = world.office(), world.office()
    assert edge.get("/v1/inbox", by=office).status_code == 200
    token = office.client.access_token()
    suspend(world, office, active=False)
    started = time.monotonic()
    eventually(lambda: edge.get("/v1/inbox", by=office).status_code == 401, 5)
    assert time.monotonic() - started < 2.5, "compared once a second, and an answer on a busy machine"
    problem(edge.get("/v1/inbox", headers={"Authorization": f"Bearer {token}"}), "client-invalid")
    form = {"grant_type": "client_credentials", "client_id": office.client_id, "client_secret": office.secret}
    problem(edge.post("/oauth2/token", data=form), "client-invalid")
    headers = {"Content-Type": "application/xml"}
    refused = problem(
        edge.post("/v1/envelopes", by=sender, content=sender.letter(office.code), headers=headers),
        "recipient-suspended",
    )
    assert refused["refusal"]
    suspend(world, office, active=True)
    eventually(lambda: edge.get("/v1/inbox", headers={"Authorization": f"Bearer {token}"}).status_code == 200, 2)


def test_an_empty_inbox_answers_at_once_or_after_the_wait(edge: Edge, world: World) -> None:
    office = world.office()
    started = time.monotonic()
    assert edge.get("/v1/inbox", by=office).json() == {"deliveries": []}
    assert time.monotonic() - started < 2
    assert edge.get("/v1/inbox?wait=1", by=office).json() == {"deliveries": []}
    assert 0.9 < time.monotonic() - started < 4


def test_a_waiting_inbox_answers_when_a_letter_arrives(edge: Edge, world: World) -> None:
    sender, recipient = world.office(), world.office()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(recipient.client.inbox, 10, 30)
        time.sleep(0.5)
        posted = time.monotonic()
        accepted = sender.client.post_envelope(sender.letter(recipient.code))
        [taken] = waiting.result()
        assert time.monotonic() - posted < 5
    assert taken["envelope"] == accepted["id"]


def test_a_waiting_feed_answers_when_a_receipt_arrives(edge: Edge, world: World) -> None:
    sender, recipient = world.office(), world.office()
    sender.client.post_envelope(sender.letter(recipient.code))
    cursor = sender.client.feed()["next"]
    [taken] = eventually(lambda: recipient.client.inbox(wait=5))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sender.client.feed, cursor, 30)
        time.sleep(0.5)
        settled = time.monotonic()
        recipient.client.settle(taken["delivery"])
        assert [one["event"] for one in waiting.result()["receipts"]] == ["delivery.settled"]
        assert time.monotonic() - settled < 5


def test_clients_of_one_system_never_hold_the_same_lease(world: World) -> None:
    sender, recipient = world.office(), world.office()
    for _ in range(24):
        sender.client.post_envelope(sender.letter(recipient.code))

    def taker(_number: int) -> list[str]:
        held: list[str] = []
        with HubClient(world.url, recipient.client_id, recipient.secret) as client:
            while taken := client.inbox(limit=2, wait=1):
                held += [one["delivery"] for one in taken]
        return held

    with ThreadPoolExecutor(4) as pool:
        held = [one for part in pool.map(taker, range(4)) for one in part]
    assert len(held) == len(set(held)) == 24
