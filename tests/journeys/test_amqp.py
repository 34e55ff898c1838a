"""A running hub on RabbitMQ and agencies that consume queues of their own: registered, handed to, settled, told."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest

from adapters.client.proof import verify_receipt
from hub.ledger import systems
from tests.amqp.agency import AgencySystem
from tests.cli.command import Outcome, lienthong
from tests.services import PostgreSQL, RabbitMQ
from tests.world import Office, World, eventually

pytestmark = [pytest.mark.services, pytest.mark.slow]
SOON = "2"


@dataclass
class Stage:
    """A hub whose systems are given a document again after two seconds."""

    world: World
    rabbitmq: RabbitMQ

    def command(self, *words: str, **changes: str) -> Outcome:
        environment = {**self.world.environment, "LIENTHONG_DATA_DIR": str(self.world.settings.data_dir), **changes}
        return lienthong(*words, **environment)

    def registered(self, *more: str, **changes: str) -> tuple[Office, AgencySystem, dict[str, Any]]:
        """An agency whose system was registered on the command line, as it was shown there."""
        name = f"amqp {uuid.uuid4().hex[:8]}"
        outcome = self.command("system", "add", name, "--channel", "amqp", "--json", *more, **changes)
        assert outcome.code == 0, outcome
        shown = outcome.json
        self.world.systems[name] = (shown["client_id"], shown["client_secret"])
        return self.world.office(system=name), self.connecting(shown), shown

    def connecting(self, shown: dict[str, Any]) -> AgencySystem:
        place = urlsplit(self.rabbitmq.url)
        return AgencySystem(
            f"{place.hostname}:{place.port}",
            shown["virtual_host"],
            shown["amqp_user"],
            shown["amqp_password"],
            shown["queue"],
        )


@pytest.fixture(scope="module")
def stage(postgresql: PostgreSQL, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    environment = {
        "LIENTHONG_DATABASE_URL": postgresql.create_database("amqp_journeys"),
        "LIENTHONG_BROKER_URL": rabbitmq.create_vhost("amqp/journeys"),
        "LIENTHONG_BROKER_MANAGEMENT_URL": rabbitmq.management_url,
        "LIENTHONG_AMQP_LEASE_SECONDS": SOON,
        "LIENTHONG_SWEEP_EVERY_SECONDS": "1",
        "LIENTHONG_SWEEP_AFTER_SECONDS": "2",
    }
    with World(tmp_path_factory.mktemp("amqp"), environment) as world:
        world.start("up")
        yield Stage(world, rabbitmq)
    rabbitmq.delete_vhost("amqp/journeys")


@dataclass
class Pair:
    """A sender that is told by messages and a recipient that takes by messages, both connected."""

    stage: Stage
    sender: Office
    senders: AgencySystem
    recipient: Office
    recipients: AgencySystem

    async def send(self) -> tuple[str, bytes]:
        """A letter's envelope id and octets."""
        letter = self.sender.letter(self.recipient.code)
        posted = await asyncio.to_thread(self.sender.client.post_envelope, letter)
        return posted["id"], letter

    async def claim(self, envelope: str) -> dict[str, Any]:
        """The claim check of an envelope; those of others are passed over."""
        while True:
            found: dict[str, Any] = json.loads((await self.recipients.take("lienthong.delivery.v1", 30)).body)
            if found["envelope"] == envelope:
                return found

    async def told(self, envelope: str, event: str) -> dict[str, Any]:
        """The sender's next receipt of this kind about an envelope."""
        while True:
            message = await self.senders.take("lienthong.receipts.v1", 30)
            for one in json.loads(message.body)["receipts"]:
                if (one["envelope"], one["event"]) == (envelope, event):
                    return dict(one)

    def state(self, envelope: str) -> str:
        return str(self.sender.client.envelope(envelope)["recipients"][0]["state"])

    def kinds(self, envelope: str) -> list[str]:
        return [entry["kind"] for entry in self.stage.world.log_entries(envelope=envelope)]


@pytest.fixture(scope="module")
def agencies(stage: Stage) -> tuple[tuple[Office, dict[str, Any]], ...]:
    """Sender and recipient, with what was shown when their systems were registered."""
    return tuple((office, shown) for office, _, shown in (stage.registered(), stage.registered()))


@pytest.fixture
async def pair(stage: Stage, agencies: tuple[tuple[Office, dict[str, Any]], ...]) -> AsyncIterator[Pair]:
    (sender, senders), (recipient, recipients) = agencies
    made = Pair(stage, sender, stage.connecting(senders), recipient, stage.connecting(recipients))
    yield made
    await made.senders.close()
    await made.recipients.close()


async def test_a_letter_is_taken_by_claim_check_and_settled_by_message_and_its_sender_is_told(pair: Pair) -> None:
    envelope, letter = await pair.send()
    claim = await pair.claim(envelope)
    assert claim["recipient"] == pair.recipient.code
    assert urlsplit(claim["links"]["content"]).path == f"/v1/envelopes/{envelope}/content"
    octets = await asyncio.to_thread(pair.recipient.client.content, claim["envelope"])
    assert octets == letter
    assert hashlib.sha256(octets).hexdigest() == claim["sha256"]
    await asyncio.to_thread(eventually, lambda: "delivery.handed" in pair.kinds(envelope))
    how = claim["settle"]
    settlement = {"delivery": claim["delivery"], "result": "settled"}
    await pair.recipients.say(how["type"], settlement, user_id=how["user_id"], key=how["routing_key"])
    receipt = await pair.told(envelope, "delivery.settled")
    proof = verify_receipt(receipt["jws"], await asyncio.to_thread(pair.sender.client.jwks))
    assert (proof["sha256"], proof["delivery_id"]) == (claim["sha256"], claim["delivery"])
    report = {"delivery": claim["delivery"], "code": "03", "description": "Đã vào sổ"}
    await pair.recipients.say("lienthong.status.v1", report)
    assert (await pair.told(envelope, "status.received"))["description"] == "Đã vào sổ"
    kinds = await asyncio.to_thread(pair.kinds, envelope)
    assert [kinds.count(one) for one in ("delivery.handed", "delivery.settled", "status.received")] == [1, 1, 1]


async def test_two_messages_settle_the_same_delivery_once(pair: Pair) -> None:
    envelope, _ = await pair.send()
    claim = await pair.claim(envelope)
    await asyncio.gather(*(pair.recipients.settle(claim["delivery"]) for _ in range(2)))
    await pair.told(envelope, "delivery.settled")
    report = {"delivery": claim["delivery"], "code": "01", "description": ""}
    await pair.recipients.say("lienthong.status.v1", report)
    await pair.told(envelope, "status.received")
    receipts = await asyncio.to_thread(pair.sender.client.receipts, envelope)
    assert [one["event"] for one in receipts].count("delivery.settled") == 1
    while (message := await pair.recipients.look()) is not None:
        await message.ack()
        assert message.type != "lienthong.problem.v1", "the second settlement is none, and no mistake either"


async def test_what_was_taken_and_not_settled_comes_again_under_the_same_id(pair: Pair) -> None:
    envelope, _ = await pair.send()
    first = await pair.recipients.take("lienthong.delivery.v1", 30)
    again = await pair.recipients.take("lienthong.delivery.v1", 30)
    assert again.message_id == first.message_id == json.loads(first.body)["delivery"]
    await pair.recipients.settle(first.message_id or "")
    await pair.told(envelope, "delivery.settled")
    await asyncio.sleep(float(SOON) + 1)
    assert await pair.recipients.look() is None, "nothing settled is handed over again"


async def test_while_the_system_is_away_one_copy_waits_for_it(pair: Pair) -> None:
    envelope, _ = await pair.send()
    await asyncio.sleep(1.5 * float(SOON))
    claim = await pair.claim(envelope)
    assert await pair.recipients.look() is None, "its time ran out, and the one copy waited"
    await pair.recipients.settle(claim["delivery"])
    await pair.told(envelope, "delivery.settled")


async def test_refused_with_a_reason_the_sender_reads_it(pair: Pair) -> None:
    envelope, _ = await pair.send()
    claim = await pair.claim(envelope)
    await pair.recipients.settle(claim["delivery"], "refused", reason="Văn bản không thuộc thẩm quyền")
    told = await pair.told(envelope, "delivery.refused")
    assert told["description"] == "Văn bản không thuộc thẩm quyền"


async def test_a_rotated_password_is_the_only_one_and_no_listing_shows_how_it_is_kept(stage: Stage) -> None:
    office, old, shown = await asyncio.to_thread(stage.registered)
    assert shown.keys() >= {"client_secret", "amqp_password", "queue"}
    assert "commands" not in shown, "the hub has made the user itself"
    opened = await old.connected()
    rotated = await asyncio.to_thread(stage.command, "system", "rotate", office.system, "--broker", "--json")
    assert rotated.code == 0, rotated
    new = stage.connecting(rotated.json)
    assert (new.user, new.queue) == (old.user, old.queue)
    assert opened.transport is not None
    await asyncio.wait([opened.transport.connection.closing], timeout=10)
    with pytest.raises(aio_pika.exceptions.ProbableAuthenticationError):
        await old.connection()
    await new.connected()
    await new.close()
    listed = await asyncio.to_thread(stage.command, "system", "list", "--json")
    assert office.system in listed.out
    assert "password" not in listed.out
    entries = await asyncio.to_thread(stage.world.log_entries, kind="registry.system_changed")
    assert entries[-1]["detail"]["name"] == office.system


def test_without_a_management_interface_an_operator_is_told_the_commands(stage: Stage) -> None:
    environment = dict(stage.world.environment)
    stage.world.environment.pop("LIENTHONG_BROKER_MANAGEMENT_URL")
    try:
        office, _, shown = stage.registered()
        rotated = stage.command("system", "rotate", office.system, "--broker", "--json").json
    finally:
        stage.world.environment.update(environment)
    verbs = [command.split()[1] for command in shown["commands"]]
    assert verbs == ["add_user", "set_user_limits", "set_topic_permissions", "set_permissions"]
    assert shown["amqp_password"] in shown["commands"][0]
    assert [command.split()[1] for command in rotated["commands"]] == ["change_password", "close_all_user_connections"]
    assert rotated["amqp_password"] != shown["amqp_password"]


def test_only_systems_of_the_channel_have_a_password_to_rotate(stage: Stage) -> None:
    for name, code in (("auditor", "registry-invalid"), ("nobody", "registry-unknown")):
        outcome = stage.command("system", "rotate", name, "--broker", "--json")
        assert (outcome.code, outcome.json["code"]) == (1, code)


def test_an_interface_that_does_not_answer_costs_no_registration(stage: Stage) -> None:
    """The secrets are shown all the same; the running hub makes the user as soon as it can."""
    away = "http://guest:guest@127.0.0.1:9"
    office, system, _ = stage.registered(LIENTHONG_BROKER_MANAGEMENT_URL=away)

    async def connects() -> bool:
        try:
            await system.connected()
        except aio_pika.exceptions.AMQPError:  # no such user yet, or none that may do anything yet
            return False
        await system.close()
        return True

    eventually(lambda: asyncio.run(connects()))
    assert stage.world.ledger.read_now(systems.by_name, office.system) is not None


async def test_the_brokers_disk_is_wiped_while_a_claim_check_waits_and_it_is_handed_over_again(pair: Pair) -> None:
    """Last, since it takes the node down: queue, exchange and users are gone, and all come back by themselves."""
    envelope, letter = await pair.send()
    await asyncio.to_thread(eventually, lambda: "delivery.handed" in pair.kinds(envelope))
    await asyncio.to_thread(pair.stage.rabbitmq.wipe)

    async def back() -> AgencySystem:
        while True:
            try:
                await pair.recipients.connected()
                return pair.recipients
            except (aio_pika.exceptions.AMQPError, OSError):
                await asyncio.sleep(0.2)

    async with asyncio.timeout(60):
        await back()
    claim = await pair.claim(envelope)
    assert await asyncio.to_thread(pair.recipient.client.content, claim["envelope"]) == letter
    await pair.recipients.settle(claim["delivery"])
    await pair.told(envelope, "delivery.settled")
    assert await asyncio.to_thread(pair.state, envelope) == "settled"
