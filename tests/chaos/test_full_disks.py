"""No room on the disk: what cannot be kept is not acknowledged, and everything goes on once there is room again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.client import CallRefused, HubClient
from adapters.client.conversation import RetryPolicy
from adapters.client.replies import LeasedDelivery
from adapters.sandbox.documents import simple_pdf
from hub import clock
from hub.clock import rfc3339
from hub.envelope.writing import OutgoingAttachment
from hub.ledger import Ledger, migration
from hub.ledger.envelopes import Stored
from hub.problems import Deferred
from tests.ledger.stage import Stage
from tests.services import PostgreSQL
from tests.services.disks import SmallDisk
from tests.world import Office, World

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
MIB = 1 << 20


def impatient(world: World, office: Office) -> HubClient:
    return HubClient(world.url, office.client_id, office.secret, policy=RetryPolicy(attempts=1, first=0.1, cap=0.1))


def long_letter(sender: Office, recipient: Office) -> bytes:
    """More than stays in memory on its way in."""
    pages = [[f"{page} {line} " + "x" * 70 for line in range(50)] for page in range(600)]
    return sender.letter(
        recipient.code, attachments=(OutgoingAttachment("dai.pdf", simple_pdf("Dài", pages), "application/pdf"),)
    )


@pytest.mark.parametrize(
    ("place", "codes"),
    [("payloads", {"payload-unavailable"}), (".", {"payload-unavailable", "ledger-unavailable"})],
    ids=["payload store", "payload store and SQLite"],
)
def test_with_a_full_disk_nothing_is_acknowledged_and_later_all_of_it_arrives(
    tmp_path: Path, place: str, codes: set[str]
) -> None:
    with SmallDisk(24 * MIB, tmp_path / "hub" / "data" / place) as disk, World(tmp_path / "hub") as world:
        sender, recipient = world.office(), world.office()
        world.start("up")
        client = impatient(world, sender)
        first = client.post_envelope(sender.letter(recipient.code))
        letters = [sender.letter(recipient.code), long_letter(sender, recipient)]
        disk.fill()
        refused = [refusal(client, letter) for letter in letters]
        assert {one.code for one in refused} <= codes
        assert [one.status for one in refused] == [503, 503]
        disk.clear()
        accepted = [client.post_envelope(letter) for letter in letters]
        shown: dict[str, LeasedDelivery] = {}
        while len(shown) < 3 and (taken := recipient.client.inbox(limit=10, wait=10, lease=60)):
            shown.update((one["envelope"], one) for one in taken)
        assert set(shown) == {one["id"] for one in (first, *accepted)}
        digests = {
            answer["id"]: hashlib.sha256(letter).hexdigest() for answer, letter in zip(accepted, letters, strict=True)
        }
        for envelope, digest in digests.items():
            assert hashlib.sha256(recipient.client.content(envelope)).hexdigest() == digest
            recipient.client.settle(shown[envelope]["delivery"], shown[envelope]["lease"]["id"])
        entries = world.log_entries(until=rfc3339(clock.now()))
        kinds = [entry["kind"] for entry in entries]
        print(f"accepted {kinds.count('envelope.accepted')}, deferred {kinds.count('envelope.deferred')}")
        assert kinds.count("envelope.deferred") >= 1 or place == ".", "the log does not say that there was no room"
        assert (kinds.count("envelope.accepted"), kinds.count("delivery.settled")) == (3, 2)
        client.close()


def refusal(client: HubClient, letter: bytes) -> CallRefused:
    with pytest.raises(CallRefused) as refused:
        client.post_envelope(letter)
    return refused.value


@pytest.fixture
def cramped() -> Iterator[tuple[PostgreSQL, SmallDisk]]:
    with SmallDisk(260 * MIB) as disk, PostgreSQL(disk) as server:
        yield server, disk


def test_a_full_disk_under_postgresql_defers_and_loses_nothing_that_was_committed(
    cramped: tuple[PostgreSQL, SmallDisk],
) -> None:
    server, disk = cramped
    ledger = Ledger.postgresql(server.create_database("cramped"), 2)
    migration.upgrade(ledger)
    stage = Stage(ledger)
    stage.furnish()
    kept = [stage.accept("H33", "H40")]
    disk.fill(leaving=256 * 1024)
    more, deferral = until_deferred(stage)
    kept += more
    assert deferral.code == "ledger-unavailable"
    print(f"{len(kept)} accepted; then: {deferral.detail}")
    disk.clear()
    assert server.pid is not None
    assert Path(f"/proc/{server.pid}").exists(), "the server ended: its own log found no room"
    kept.append(stage.accept("H33", "H40"))
    assert {stage.state(delivery) for one in kept for _, delivery in one.deliveries} == {"pending"}
    ledger.close()


def until_deferred(stage: Stage) -> tuple[list[Stored], Deferred]:
    kept = []
    while True:
        try:
            kept.append(stage.accept("H33", "H40"))
        except Deferred as deferral:
            return kept, deferral
