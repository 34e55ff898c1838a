"""The page of the transparency log: calm while all is well, red here and on the overview when the log was rewritten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select, update

from hub import clock
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.ledger import Ledger, hub_keys, log_tables, tables, transparency
from hub.ledger.log_watch import LedgerWatch
from hub.signatures.jws import jwk_of
from tests.dashboard.seeding import PASSWORD, seed
from tests.dashboard.serving import served
from tests.intake.register import Register
from tests.rights import tamper

LOG = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
WITNESS = NoteSigner("witness.test", Ed25519PrivateKey.generate())


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    made = Ledger.sqlite(tmp_path_factory.mktemp("sealed") / "ledger.db")
    seed(made, "day")
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    directory: Path = tmp_path_factory.mktemp("served")
    with served(ledger, directory, Register()) as address, httpx.Client(base_url=address, timeout=30) as http:
        http.headers["Accept-Language"] = "vi"
        assert http.post("/login", data={"login": "truc", "password": PASSWORD}).status_code == 303
        yield http


def entry_of(ledger: Ledger) -> str:
    found: str = ledger.read_now(lambda tx: tx.execute(select(tables.audit_entry.c.id).limit(1)).scalar_one())
    return found


def test_before_the_first_seal_the_page_says_what_would_appear(client: httpx.Client, ledger: Ledger) -> None:
    page = client.get("/log/proof")
    assert page.status_code == 200
    assert "Chưa có: chưa nhân chứng nào" in page.text
    assert "Việc niêm phong đang chậm" in page.text  # the letters of the day wait for the sealer
    pending = client.get(f"/log/proof/{entry_of(ledger)}")
    assert (pending.status_code, "Nội dung này chưa được niêm phong" in pending.text) == (503, True)
    assert client.get(f"/log/proof/{clock.new_id()}").status_code == 404


def test_a_sealed_log_shows_its_checkpoint_its_key_and_who_cosigned(client: httpx.Client, ledger: Ledger) -> None:
    ledger.write_now(hub_keys.publish, "log", jwk_of(LOG.log_key.public), "test")
    while ledger.write_now(transparency.seal, Signing([LOG]), 2000).more:
        pass
    newest = ledger.read_now(transparency.newest)
    assert newest is not None
    text = newest.note.partition("\n\n")[0] + "\n"
    row = {"size": newest.size, "witness": WITNESS.witness_key.text, "line": WITNESS.cosign(text, 1), "at": clock.now()}
    ledger.write_now(lambda tx: tx.execute(insert(log_tables.log_cosignature), row) and None)
    page = client.get("/log/proof").text
    assert "Nhật ký nguyên vẹn" in page
    assert "headline-ok" in page
    for said in ("witness.test", LOG.log_key.text.replace("+", "&#43;"), "hub.test/log", str(newest.size)):
        assert said in page or said.replace("&#43;", "+") in page
    proof = client.get(f"/log/proof/{entry_of(ledger)}")
    assert proof.headers["content-disposition"].endswith('.json"')
    assert proof.json()["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    assert "/log/proof/" in client.get("/log").text


def test_a_rewritten_log_is_told_in_red_on_both_pages(client: httpx.Client, ledger: Ledger) -> None:
    assert "Nhật ký đã bị viết lại" not in client.get("/").text
    entry = tables.audit_entry
    tamper(ledger, update(entry).where(entry.c.id == entry_of(ledger)).values(actor="somebody else"))
    asyncio.run(LedgerWatch(ledger).look(10))
    page = client.get("/log/proof").text
    assert "headline-bad" in page
    assert 'role="alert"' in page
    assert "was sealed as leaf" in page
    overview = client.get("/").text
    assert "Nhật ký đã bị viết lại" in overview
    assert 'class="alerts" role="alert"' in overview
