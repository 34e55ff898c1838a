"""Every queue is consumed by somebody or is, on purpose, a place where messages are parked for people."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub import wiring
from hub.broker import topology
from hub.broker.memory import MemoryBroker
from hub.broker.port import Handler
from hub.broker.topology import Queue
from hub.delivery.courier import Courier
from hub.ledger import Ledger, migration, registration, systems
from hub.registry.model import OFFERED_CHANNELS
from hub.settings import Settings
from tests.architecture.tree import parsed, python_files

TOPOLOGY = "hub/broker/topology.py"
# an operator looks at them; nothing consumes them
PARKING = {"DEAD"}
# declared for each system, consumed by the courier
CONSUMED = {"inbox"}


def queues_of(tree: ast.Module) -> set[str]:
    """Names at the top of the module under which a ``Queue`` is made: constants and functions."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            continue
        makes = any(
            isinstance(inner, ast.Call) and ast.unparse(inner.func).rpartition(".")[2] == "Queue"
            for inner in ast.walk(node)
        )
        if makes and isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif makes and isinstance(node, ast.Assign):
            found |= {ast.unparse(target) for target in node.targets}
    return found


def test_every_queue_is_consumed_or_a_parking_place() -> None:
    assert queues_of(parsed(TOPOLOGY)) == CONSUMED | PARKING


def test_queues_are_made_in_the_topology_only() -> None:
    elsewhere = [
        path for path in python_files("hub") if path.startswith("hub/broker/") and path != TOPOLOGY
        if queues_of(parsed(path))
    ]  # fmt: skip
    assert elsewhere == []


def test_a_parking_place_is_bounded_and_drops_no_other_way() -> None:
    for name in PARKING:
        queue = getattr(topology, name)
        assert isinstance(queue, Queue)
        assert int(queue.arguments["x-max-length"]) > 0
        assert queue.exchange == "", "nothing is routed to it but what is given up"


def test_every_inbox_is_a_quorum_queue_that_gives_messages_up_to_a_parking_place_only() -> None:
    arguments = topology.inbox("s").arguments
    assert arguments["x-queue-type"] == "quorum"
    assert arguments["x-dead-letter-routing-key"] in {getattr(topology, name).name for name in PARKING}
    assert arguments["x-overflow"] == "reject-publish", "a full queue refuses the publisher and drops nothing"


class Consumed(MemoryBroker):
    """Notes whose queue is consumed."""

    def __init__(self) -> None:
        super().__init__()
        self.systems: list[str] = []

    async def consume(self, system_id: str, handler: Handler) -> None:
        self.systems.append(system_id)


async def test_the_courier_consumes_the_queue_of_every_registered_system(tmp_path: Path) -> None:
    ledger = Ledger.sqlite(tmp_path / "ledger.sqlite")
    migration.upgrade(ledger)
    for name in ("một", "hai", "ba"):
        ledger.write_now(registration.add_system, name, "pull")
    hub = wiring.build(Settings(data_dir=tmp_path))
    broker = Consumed()
    courier = Courier(ledger, broker, hub.courier._inbox, hub.carriage)
    await courier.step()
    await courier.step()
    wanted: Sequence[str] = [one.id for one in ledger.read_now(systems.every)]
    assert sorted(broker.systems) == sorted(wanted), "each once"
    hub.ledger.close()
    ledger.close()


@pytest.mark.parametrize("channel", OFFERED_CHANNELS)
def test_every_offered_channel_but_pull_has_a_carrier(tmp_path: Path, channel: str) -> None:
    hub = wiring.build(Settings(data_dir=tmp_path))
    assert channel == "pull" or channel in hub.carriage.carriers
    hub.ledger.close()


def test_the_rule_bites() -> None:
    source = "class Queue:\n  pass\nLOST = topology.Queue('x')\ndef per(s):\n  return Queue(s)\nN = 5\n"
    assert queues_of(ast.parse(source)) == {"LOST", "per"}
