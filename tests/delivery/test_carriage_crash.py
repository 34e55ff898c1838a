"""kill -9 between handing over and writing it down: shown again under the same identifiers, settled once."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from hub.ledger import carriage as statements
from hub.ledger import receipts
from tests.delivery.carriers import Scripted
from tests.delivery.test_carriage import at_work, becomes
from tests.ledger.stage import Stage, Store

# a courier whose carrier hands over for good and whose process is gone before anything is written down
DYING = """
import asyncio, os, signal, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hub.delivery.carrier import Delivered
from hub.ledger import Ledger, systems
from hub.receipts.signing import ReceiptSigner
from hub.signatures.jws import HubKey
from tests.delivery.carriers import Scripted, carriage_of

class Dying(Scripted):
    async def carry(self, parcel):
        with open(sys.argv[2], "a") as book:
            print(parcel.delivery.id, file=book, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    ledger = Ledger.chosen(sys.argv[1] or None, 4, __import__("pathlib").Path(sys.argv[3]))
    signer = ReceiptSigner(HubKey(Ed25519PrivateKey.generate()), "hub.test", "hub.test/log")
    carriage = carriage_of(ledger, signer, Dying())
    carriage.serve(await ledger.read(systems.by_id, "h33"))
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_a_courier_killed_after_the_hand_over_leaves_it_to_be_handed_over_again_and_settled_once(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store: Store = request.getfixturevalue(f"{engine}_store")
    url = "" if engine == "sqlite" else request.getfixturevalue("migrated_database")
    stage = Stage(store.open())
    stage.furnish()
    stage.by_channel("push", "h33")
    [one] = stage.in_inbox("H33")
    book = tmp_path / "arrived.txt"
    died = await asyncio.create_subprocess_exec(sys.executable, "-c", DYING, url, book, tmp_path)
    assert await asyncio.wait_for(died.wait(), 60) == -signal.SIGKILL
    assert book.read_text().split() == [one], "the recipient has it"
    assert stage.state(one) == "leased", "and nobody knows"
    carrier = Scripted()
    async with at_work(stage, carrier):
        stage.make_due()
        await becomes(stage, one, "settled")
    assert carrier.carried == [one], "the same identifiers: the recipient can tell"
    found, _ = stage.ledger.read_now(receipts.feed, "sender", None, 100)
    assert [receipt.event for receipt in found if receipt.delivery_id == one] == ["delivery.settled"]
    outcomes = [made.outcome for made in stage.ledger.read_now(statements.attempts_of, one)]
    assert outcomes[-1] == "delivered"
    assert len([made for made in outcomes if made == "delivered"]) == 1
