"""The log as a file for auditors: streamed, checked without the hub, and cut short rather than wrong."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from hub import clock, wiring
from hub.audit import Entry, Event
from hub.audit.sealer import Rewritten
from hub.audit.verify_log import check
from hub.gateway import transparency as routes
from hub.keyring import load_signing
from hub.ledger import exchange_log, log_export, log_troubles, migration, transparency
from hub.ledger.exchange_log import LogQuery
from hub.ledger.tables import audit_entry
from hub.settings import Settings
from tests.gateway.edge import Edge, problem
from tests.rights import tamper
from tests.world import World, eventually


def asked(world: World, path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {world.auditor.access_token()}"}
    return httpx.get(f"{world.url}{path}", headers=headers, timeout=30)


def test_an_auditor_takes_the_log_and_checks_it_without_the_hub(world: World, edge: Edge, tmp_path: Path) -> None:
    sender, recipient = world.office(), world.office()
    sent = sender.client.post_envelope(sender.letter(recipient.code))
    receipt = sender.client.receipts(sent["id"])[0]["id"]
    eventually(lambda: edge.get(f"/v1/log/proof/{receipt}", by=sender).status_code == 200)
    answer = asked(world, "/v1/log/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert receipt in answer.text
    file = tmp_path / "log.ndjson"
    file.write_bytes(answer.content)
    [found] = check([file], edge.get("/v1/log/key").text.split())
    assert found.start == 0
    assert answer.headers["content-disposition"] == f'attachment; filename="log-0-{found.end}.ndjson"'
    part = asked(world, "/v1/log/export?from=1&to=3")
    assert part.content.split(b"\n")[1:] == [*answer.content.split(b"\n")[2:4], b""]
    rows, _ = world.ledger.read_now(exchange_log.query, LogQuery(kind="log.exported"), None, 1000)
    wanted = [{"what": "leaves", "from": 0, "to": found.end}, {"what": "leaves", "from": 1, "to": 3}]
    assert [row["detail"] for row in rows if row["detail"]["what"] == "leaves"][-2:] == wanted


def test_only_auditors_take_it_and_only_what_is_sealed(world: World, edge: Edge) -> None:
    problem(edge.get("/v1/log/export"), "authentication-required")
    problem(edge.get("/v1/log/export", by=world.office()), "forbidden")
    for path in ("?from=3&to=2", f"?to={2**62}", f"?from={2**62}", "?from=-1", "?from=x"):
        problem(asked(world, f"/v1/log/export{path}"), "request-invalid")


async def test_a_changed_entry_ends_the_file_and_is_for_all_to_see(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    hub = wiring.build(settings)
    migration.upgrade(hub.ledger)
    await hub.ledger.write(exchange_log.append, [Entry(Event.LOG_QUERIED, clock.now(), "test") for _ in range(5)])
    await hub.ledger.write(transparency.seal, load_signing(settings), 100)
    opened = await hub.ledger.read(log_export.opening, 0, None)
    tamper(hub.ledger, update(audit_entry).where(audit_entry.c.seq == 3).values(actor="nobody"))
    stream = routes._alarmed(hub.application.state.gateway, opened)
    assert await anext(stream) == opened.header
    with pytest.raises(Rewritten, match="leaf 2 is not what was sealed"):
        await anext(stream)
    [trouble] = await hub.ledger.read(log_troubles.every)
    assert (trouble.kind, trouble.subject) == ("rewritten", "")
    hub.ledger.close()
