"""A log that is not sealed for a while, and one that was rewritten: both are said to everybody who asks."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete

from hub.keyring import load_signing
from hub.ledger import log_tables, log_troubles, transparency
from hub.ledger.log_watch import keep, look, reached
from tests.gateway.edge import Edge, problem
from tests.rights import tamper
from tests.world import World, eventually


@pytest.fixture(scope="module")
def unsealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub whose sealer works once, at the start, and then not for an hour."""
    with World(tmp_path_factory.mktemp("unsealed"), {"LIENTHONG_SEAL_EVERY_SECONDS": "3600"}) as built:
        built.start("up")
        eventually(lambda: built.ledger.read_now(transparency.newest))
        yield built


def metrics(http: httpx.Client) -> dict[str, float]:
    text = http.get("/metrics").text
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {one.name + one.labels.get("kind", ""): one.value for one in samples if "_log_" in one.name}


def test_what_is_not_sealed_is_pending_then_proved_and_a_hole_is_told(unsealed: World) -> None:
    office = unsealed.office()
    token = office.client.access_token()
    with httpx.Client(base_url=unsealed.url, timeout=30, headers={"Authorization": f"Bearer {token}"}) as http:
        edge = Edge(http)
        sent = office.client.post_envelope(office.letter(office.code))
        [receipt] = office.client.receipts(sent["id"], proofs=True)
        assert receipt["log"] is None
        pending = edge.get(f"/v1/log/proof/{receipt['id']}")
        problem(pending, "log-pending")
        assert int(pending.headers["retry-after"]) >= 1
        found = metrics(http)
        assert found["lienthong_log_size"] >= 1
        assert found["lienthong_log_behind_entries"] >= 2
        assert found["lienthong_log_behind_seconds"] > 0
        assert found["lienthong_log_rewritten"] == 0

        unsealed.ledger.write_now(transparency.seal, load_signing(unsealed.settings), 2000)
        assert edge.get(f"/v1/log/proof/{receipt['id']}").status_code == 200
        assert metrics(http)["lienthong_log_size"] > found["lienthong_log_size"]

        tamper(unsealed.ledger, delete(log_tables.log_leaf).where(log_tables.log_leaf.c.number == 1))
        size = unsealed.ledger.read_now(transparency.newest)
        assert size is not None
        problem(edge.get(f"/v1/log/tile/0/000.p/{size.size}"), "log-rewritten")
        problem(edge.get(f"/v1/log/consistency?old=1&size={size.size}"), "log-rewritten")
        problem(edge.get("/v1/receipts?proofs=true"), "log-rewritten")
        unsealed.ledger.write_now(lambda tx: keep(tx, look(tx, reached(tx), 2)))
        assert [one.kind for one in unsealed.ledger.read_now(log_troubles.every)] == ["rewritten"]
        found = metrics(http)
        assert (found["lienthong_log_rewritten"], found["lienthong_log_troublesrewritten"]) == (1, 1)
