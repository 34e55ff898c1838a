"""What is pushed: octets untouched, metadata beside them, notices, receipts, and the signature over all of it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from adapters.client import ContentFiles, verify_webhook
from hub import clock
from hub.delivery.carrier import Delivered, Failed, Handed
from hub.delivery.failures import FAILURES
from hub.ledger import PayloadStore
from hub.ledger.replays import Replayed
from hub.registry.reach import Target
from tests.delivery.carriers import Rig, check_contract
from tests.delivery.parcels import parcel, receipt
from tests.push.conftest import Line, failed
from tests.push.receiver import Push, Say

LARGE = b"<edXML>" + os.urandom(3_000_000) + b"</edXML>"


async def test_the_channel_keeps_the_contract_of_all_carriers(line: Line, tmp_path: Path) -> None:
    async def arrived() -> dict[str, str]:
        return line.receiver.held()

    async def break_down() -> None:
        line.receiver.close()

    async def mend() -> None:
        line.receiver.open()

    await check_contract(Rig(line.carrier, line.system, arrived, break_down, mend), PayloadStore(tmp_path / "payloads"))


@pytest.mark.parametrize("body", [b"<edXML/>", LARGE], ids=["kept", "read-again"])
async def test_the_document_is_the_body_and_its_metadata_are_headers(line: Line, body: bytes) -> None:
    one = parcel(
        line.shelf, line.system, body, document_id="H33,2026/11/22,7816/VPCP-TTĐT", priority=3, business_type=1
    )
    assert await line.carrier.carry(one) == Delivered(
        {"form": "delivery.document", "status": 204, "peer": f"127.0.0.1:{line.receiver.port}"}
    )
    (push,) = line.receiver.pushes
    assert push.body == body
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    wanted = {
        "content-type": "application/xml",
        "content-length": str(len(body)),
        "lienthong-event": "delivery.document",
        "lienthong-delivery": one.delivery.id,
        "lienthong-envelope": one.delivery.envelope_id,
        "lienthong-sender": "G22",
        "lienthong-recipient": "H33",
        "lienthong-document-id": "H33,2026/11/22,7816/VPCP-TT%C4%90T",
        "lienthong-priority": "3",
        "lienthong-business-type": "1",
        "lienthong-attempt": "1",
        "lienthong-arrival": "1",
        "lienthong-round": "1",
        "lienthong-replay": None,
        "lienthong-previous": None,
        "repr-digest": f"sha-256=:{digest}:",
        "traceparent": one.traceparent,
        "webhook-id": one.delivery.id,
        "accept-encoding": "identity",
    }
    assert {name: push.headers.get(name) for name in wanted} == wanted


async def test_a_document_sent_once_more_says_so(line: Line) -> None:
    replay = Replayed(clock.new_id(), "Cơ quan báo mất", clock.new_id())
    one = parcel(line.shelf, line.system, round=2, replay=replay, previous_id="v1")
    await line.carrier.carry(one)
    (push,) = line.receiver.pushes
    assert push.headers["lienthong-round"] == "2"
    assert push.headers["lienthong-replay"] == replay.id
    assert unquote(push.headers["lienthong-replay-reason"]) == "Cơ quan báo mất"
    assert push.headers["lienthong-previous"] == "v1"


async def test_a_document_with_parts_is_pushed_with_them(line: Line, tmp_path: Path) -> None:
    one = parcel(line.shelf, line.system, b"<edXML>root</edXML>", (("a.pdf", b"%PDF-a"), ("b.pdf", LARGE)))
    assert isinstance(await line.carrier.carry(one), Delivered)
    (push,) = line.receiver.pushes
    received = ContentFiles(tmp_path)
    received.begin(push.headers)
    received.write(push.body)
    received.end()
    assert received.document.sha256 == one.delivery.sha256
    assert {name: part.sha256 for name, part in received.parts.items()} == {p.content_id: p.sha256 for p in one.parts}
    assert verify_webhook(push.headers, push.body, line.keys().shown("v1a")) == one.delivery.id


def noticed(push: Push) -> dict[str, object]:
    assert push.event == "delivery.notice"
    assert push.headers["content-type"] == "application/json"
    said = json.loads(push.body)
    assert said.keys() == {"type", "timestamp", "data"}
    assert said["type"] == push.event
    data: dict[str, object] = said["data"]
    return data


@pytest.mark.parametrize(
    ("options", "body", "event"),
    [
        ({}, b"x" * 4096, "delivery.document"),
        ({}, b"x" * 4097, "delivery.notice"),
        ({"body": "notice"}, b"x", "delivery.notice"),
        ({"document_bytes": "100"}, b"x" * 100, "delivery.document"),
        ({"document_bytes": "100"}, b"x" * 101, "delivery.notice"),
        ({"document_bytes": "99999"}, b"x" * 4097, "delivery.notice"),
    ],
)
async def test_a_document_above_the_limit_goes_as_a_notice(
    opened: Callable[..., Line], options: dict[str, str], body: bytes, event: str
) -> None:
    line = opened(document_bytes=4096)
    outcome = await line.push(body, to=line.registered(**options))
    assert isinstance(outcome, Handed if event == "delivery.notice" else Delivered), outcome
    assert [push.event for push in line.receiver.pushes] == [event]


async def test_a_notice_says_where_the_octets_are_and_how_to_settle(opened: Callable[..., Line]) -> None:
    line = opened(notice_seconds=120.0)
    system = line.registered(body="notice")
    one = parcel(line.shelf, system, subject="Về việc “liên thông”", due_on=None)
    before = clock.now()
    outcome = await line.carrier.carry(one)
    assert isinstance(outcome, Handed)
    assert before + timedelta(seconds=120) <= outcome.until <= clock.now() + timedelta(seconds=120)
    (push,) = line.receiver.pushes
    data = noticed(push)
    assert data["links"] == {
        "content": f"https://hub.test/v1/envelopes/{one.delivery.envelope_id}/content",
        **{
            verb: f"https://hub.test/v1/deliveries/{one.delivery.id}:{verb}"
            for verb in ("settle", "release", "extend", "refuse")
        },
    }
    wanted = {
        "delivery": one.delivery.id,
        "recipient": "H33",
        "sha256": one.delivery.sha256,
        "subject": one.delivery.subject,
    }
    assert {name: data[name] for name in wanted} == wanted
    assert verify_webhook(push.headers, push.body, line.keys(system).jwks) == one.delivery.id


async def test_a_gigabyte_is_noticed_without_being_read(line: Line) -> None:
    size = 1 << 30
    sha256 = "ab" * 32
    with (line.shelf.directory / sha256).open("wb") as sparse:
        sparse.truncate(size)
    one = parcel(line.shelf, line.system, sha256=sha256, size=size)
    tracemalloc.start()
    assert isinstance(await line.carrier.carry(one), Handed)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


async def test_signing_and_sending_hold_one_body_at_most(line: Line) -> None:
    body = b"<edXML>" + os.urandom(12_000_000) + b"</edXML>"
    one = parcel(line.shelf, line.system, body)
    received: list[int] = []

    def measured(_push: Push) -> Say:
        received.append(tracemalloc.get_traced_memory()[1])
        return Say()

    line.receiver.otherwise = measured
    tracemalloc.start()
    assert isinstance(await line.carrier.carry(one), Delivered)
    tracemalloc.stop()
    # the receiver lives in this process: one body of its own, and pieces
    assert received[0] < 2.6 * len(body)


async def test_receipts_come_in_order_as_the_feed_shows_them(line: Line) -> None:
    at = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
    records = [receipt(number, at=at, description=f"số {number}") for number in range(1, 4)]
    assert await line.carrier.tell(line.system, records) == Delivered()
    (push,) = line.receiver.pushes
    assert (push.event, push.id) == ("receipts", records[-1].id)
    said = json.loads(push.body)
    assert (said["type"], said["timestamp"]) == ("receipts", "2026-11-22T01:02:03.000000Z")
    assert [one["id"] for one in said["receipts"]] == [one.id for one in records]
    assert said["receipts"][0].keys() == {
        "id", "kind", "event", "code", "description", "envelope", "document_id", "sender", "recipient", "delivery",
        "at", "jws",
    }  # fmt: skip
    assert verify_webhook(push.headers, push.body, line.keys().jwks) == push.id


async def test_large_receipts_come_in_several_bodies_and_again_after_a_failure(line: Line) -> None:
    records = [receipt(number, jws="x" * 100_000) for number in range(1, 8)]
    line.receiver.script = [Say(), Say(500)]
    failed(await line.carrier.tell(line.system, records), "answer-error")
    assert await line.carrier.tell(line.system, records) == Delivered()
    told = [[one["id"] for one in json.loads(push.body)["receipts"]] for push in line.receiver.pushes]
    assert max(len(push.body) for push in line.receiver.pushes) < 300_000
    assert told[0] == told[2]
    assert [one for batch in told[2:] for one in batch] == [one.id for one in records]
    assert line.receiver.pushes[0].id == line.receiver.pushes[2].id


@pytest.mark.parametrize("damage", ["other octets", "shorter", "gone"])
@pytest.mark.parametrize("beside", [False, True])
async def test_damaged_octets_never_leave_the_hub(line: Line, damage: str, beside: bool) -> None:
    one = parcel(line.shelf, line.system, b"<edXML>root</edXML>", (("a.pdf", LARGE),))
    file = line.shelf.directory / (one.parts[0].sha256 if beside else one.delivery.sha256)
    octets = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(octets[:-1] if damage == "shorter" else octets[:-1] + b"!")
    outcome = failed(await line.carrier.carry(one), "octets-missing")
    assert FAILURES[outcome.code].transient
    assert str(line.shelf.directory) not in outcome.detail
    assert (line.receiver.pushes, line.receiver.connections) == ([], 0)


async def test_octets_that_vanish_while_they_are_sent_end_the_request_unfinished(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed and read once, then damaged: the receiver never gets a whole body."""
    one = parcel(line.shelf, line.system, LARGE)
    send = line.carrier._connections.send

    async def damaged(target: Target, request: httpx.Request) -> httpx.Response:
        (line.shelf.directory / one.delivery.sha256).write_bytes(b"!" * len(LARGE))
        return await send(target, request)

    monkeypatch.setattr(line.carrier._connections, "send", damaged)
    outcome = await line.carrier.carry(one)
    assert isinstance(outcome, Failed)
    assert outcome.code == "octets-missing"
    assert all(len(push.body) < len(LARGE) for push in line.receiver.pushes)
