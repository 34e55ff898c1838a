"""Every queue is consumed by somebody or is, on purpose, a place where messages are parked for people."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.amqp.account import Account
from hub import wiring
from hub.broker import topology
from hub.broker.memory import MemoryBroker
from hub.broker.port import Handler, Listener
from hub.broker.system_queues import RabbitSystemQueues
from hub.broker.topology import Queue
from hub.delivery.courier import Courier
from hub.ledger import Ledger, migration, registration, systems
from hub.registry.model import OFFERED_CHANNELS, System
from hub.settings import Settings
from tests.architecture.tree import parsed, python_files

TOPOLOGY = "hub/broker/topology.py"
# an operator looks at them; nothing consumes them
PARKING = {"DEAD"}
# declared for each system, consumed by the courier
BY_THE_COURIER = {"inbox"}
# what agencies' systems say, consumed by the role deliver
BY_THE_LISTENER = {"RECEIPTS"}
# declared for each system of the channel amqp, consumed by that system itself, outside the hub
BY_AGENCIES = {"agency"}


def production(directory: Path) -> Settings:
    """Settings of the production engine; nothing is connected to."""
    return Settings(
        data_dir=directory, database_url="postgresql://127.0.0.1:1/none", broker_url="amqp://127.0.0.1:1/none"
    )


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
    assert queues_of(parsed(TOPOLOGY)) == BY_THE_COURIER | BY_THE_LISTENER | BY_AGENCIES | PARKING


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


def test_no_queue_is_lost_by_a_default_or_by_being_left_alone() -> None:
    for queue in (topology.inbox("s"), topology.agency("s"), topology.RECEIPTS, topology.DEAD):
        assert queue.arguments["x-queue-type"] == "quorum"
        assert int(queue.arguments["x-delivery-limit"]) > 10**9, "4.x would drop after 20 redeliveries"
        assert not {"x-expires", "x-message-ttl"} & queue.arguments.keys()
    for queue in (topology.inbox("s"), topology.agency("s"), topology.RECEIPTS):
        assert queue.arguments["x-overflow"] == "reject-publish", "a full queue refuses the publisher and drops nothing"
        assert "x-max-length" not in queue.arguments, "an operator limits it by a policy"


def test_a_systems_own_queue_is_readable_by_its_own_user_and_by_no_other() -> None:
    one, other = (System(name, name, "amqp", f"sys-{name}", "", False, True) for name in ("0190-a", "0190-a1"))
    reading = Account.of(one, "/").permissions["read"]
    assert re.search(reading, topology.agency(one.id).name)
    unreadable = [topology.agency(other.id), topology.inbox(one.id), topology.RECEIPTS, topology.DEAD]
    assert [queue.name for queue in unreadable if re.search(reading, queue.name)] == []
    assert topology.agency(one.id).exchange == "", "nothing is routed to it but what is published to it by name"


async def test_the_role_deliver_listens_to_what_systems_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = wiring.build(production(tmp_path))
    assert hub.attendance is not None
    heard: list[Listener] = []

    async def listen(_queues: RabbitSystemQueues, handler: Listener) -> None:
        heard.append(handler)
        raise asyncio.CancelledError

    monkeypatch.setattr(RabbitSystemQueues, "listen", listen)
    with pytest.raises(asyncio.CancelledError):
        await hub.attendance.run()
    assert heard == [hub.attendance._listening.hear]
    hub.ledger.close()


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
    hub = wiring.build(production(tmp_path))
    assert channel == "pull" or channel in hub.carriage.carriers
    hub.ledger.close()


def test_the_rule_bites() -> None:
    source = "class Queue:\n  pass\nLOST = topology.Queue('x')\ndef per(s):\n  return Queue(s)\nN = 5\n"
    assert queues_of(ast.parse(source)) == {"LOST", "per"}
