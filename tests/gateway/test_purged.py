"""Content that was purged: 410 with a code of its own, and everything else stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.ledger import Ledger, PayloadStore
from tests.gateway.edge import Edge, problem
from tests.gateway.test_content import Sent
from tests.retention.archive import purge_at_once
from tests.world import World


@pytest.fixture
def sent(world: World, tmp_path: Path) -> Sent:
    return Sent(world, tmp_path)


async def test_purged_content_is_gone_for_everyone_and_its_receipts_stay(world: World, edge: Edge, sent: Sent) -> None:
    payloads = PayloadStore(world.settings.data_dir / "payloads")
    receipts = f"/v1/envelopes/{sent.accepted['id']}/receipts"
    before = edge.get(receipts, by=sent.sender).json()
    tag = edge.get(sent.content, by=sent.sender).headers["etag"]
    envelope = edge.get(f"/v1/envelopes/{sent.accepted['id']}", by=sent.sender)
    assert envelope.json()["purged"] is None
    ledger = Ledger.sqlite(world.settings.data_dir / "ledger.sqlite")
    try:
        purge_id = await purge_at_once(ledger, payloads, sent.accepted["id"])
    finally:
        ledger.close()
    for address in (sent.content, sent.attachment):
        for who in (sent.sender, sent.recipient):
            answer = edge.get(address, by=who, headers={"If-None-Match": tag})
            assert purge_id in problem(answer, "content-purged")["detail"]
    assert edge.get(sent.content, by=sent.stranger).status_code == 404
    known = {"If-None-Match": envelope.headers["etag"]}
    header = edge.get(f"/v1/envelopes/{sent.accepted['id']}", by=sent.sender, headers=known)
    assert header.status_code == 200, "it differs now"
    assert (header.json()["sha256"], header.json()["purged"]["purge"]) == (sent.accepted["sha256"], purge_id)
    after = edge.get(receipts, by=sent.sender).json()
    assert [one["jws"] for one in after["receipts"]] == [one["jws"] for one in before["receipts"]]
    again = sent.sender.client.post_envelope(sent.letter, [sent.part])
    assert again["acknowledgement"] == sent.accepted["acknowledgement"]
