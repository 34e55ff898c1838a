"""kill -9 of a sealer with a batch written and not committed, and with it committed and nobody told."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.audit import merkle
from hub.audit.note import opened
from hub.ledger import transparency
from tests.audit.test_sealing import KEYS, SIGNING, checked, seal, write
from tests.ledger.stage import Stage, Store

DYING = """
import os, signal, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.ledger import Ledger, transparency

private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sys.argv[4]))
window = sys.argv[3]

class Dying(Signing):
    def note(self, size, root):
        if window == "before the commit":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().note(size, root)

ledger = Ledger.chosen(sys.argv[1] or None, 2, Path(sys.argv[2]))
ledger.write_now(transparency.seal, Dying([NoteSigner("hub.test/log", private)]), 1000)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("window", ["before the commit", "after the commit"])
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_another_sealer_goes_on_with_one_tree(
    engine: str, window: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store: Store = request.getfixturevalue(f"{engine}_store")
    url = "" if engine == "sqlite" else request.getfixturevalue("migrated_database")
    stage = Stage(store.open())
    stage.furnish()
    write(stage, 300)
    seal(stage)
    before = checked(stage)
    write(stage, 400)
    private = SIGNING.signers[0].private.private_bytes_raw().hex()
    died = subprocess.run([sys.executable, "-c", DYING, url, tmp_path, window, private], check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    assert opened(newest.note, KEYS).size == before.size + (0 if window == "before the commit" else 400)
    write(stage, 1)
    seal(stage)
    after = checked(stage)
    assert after.size == before.size + 401
    proof = stage.ledger.read_now(
        lambda transaction: merkle.consistency_proof(
            before.size, after.size, transparency.Tree(transaction, after.size)
        )
    )
    assert merkle.verify_consistency(before.size, before.root, after.size, after.root, proof)
