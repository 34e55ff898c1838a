"""The carrier on a real RabbitMQ: claim checks into the system's own queue, receipts beside them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from adapters.amqp.carrier import AmqpCarrier, copies
from hub import clock
from hub.broker import RabbitBroker
from hub.delivery.carrier import Delivered, Failed, Handed, Parcel
from hub.ledger import PayloadStore
from hub.ledger.receipts import ReceiptRecord
from hub.registry.model import System
from tests.amqp.agency import AgencySystem, Desk
from tests.delivery.carriers import Rig, check_contract, parcel

pytestmark = pytest.mark.services
HUB = "https://hub.test"


@dataclass
class Bench:
    """A carrier, and how often it is told that a delivery was handed before."""

    broker: RabbitBroker
    agency: AgencySystem
    system: System
    payloads: PayloadStore
    before: dict[str, int] = field(default_factory=dict)

    async def _before(self, delivery_id: str) -> int:
        return self.before.get(delivery_id, 0)

    @property
    def carrier(self) -> AmqpCarrier:
        return AmqpCarrier(self.broker.systems, self._before, HUB, 900)

    @property
    def rig(self) -> Rig:
        seen: dict[str, str] = {}

        async def arrived() -> dict[str, str]:
            while (message := await self.agency.look()) is not None:
                await message.ack()
                claim = json.loads(message.body)
                seen[claim["delivery"]] = claim["sha256"]
            return seen

        async def mend() -> None:
            await self.broker.open()
            await self.broker._publishing.connected()

        return Rig(self.carrier, self.system, arrived, self.broker.close, mend)

    def parcel(self, **changes: Any) -> Parcel:
        return parcel(self.rig, self.payloads, b"<edXML/>", **changes)

    def again(self, sent: Parcel, before: int) -> Parcel:
        """The same delivery at a later attempt, handed over ``before`` times."""
        self.before[sent.delivery.id] = before
        return replace(sent, delivery=replace(sent.delivery, attempts=sent.delivery.attempts + before))


@pytest.fixture
async def bench(desk: Desk, broker: RabbitBroker, tmp_path: Path) -> AsyncIterator[Bench]:
    agency = await desk.system("h33")
    system = System("h33", "hệ thống", "amqp", agency.user, "", False, True)
    yield Bench(broker, agency, system, PayloadStore(tmp_path / "payloads"))
    await agency.close()


async def test_the_contract_of_every_carrier(bench: Bench) -> None:
    await check_contract(bench.rig, bench.payloads)


async def test_a_claim_check_tells_what_it_is_where_it_is_and_how_it_is_settled(bench: Bench) -> None:
    sent = bench.parcel(priority=2)
    at = clock.now()
    outcome = await bench.carrier.carry(sent)
    assert isinstance(outcome, Handed)
    assert 890 < (outcome.until - at).total_seconds() < 910
    message = await bench.agency.take()
    assert (message.type, message.message_id, message.content_type) == (
        "lienthong.delivery.v1", sent.delivery.id, "application/json",
    )  # fmt: skip
    assert message.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
    assert message.headers["traceparent"] == sent.traceparent
    claim = json.loads(message.body)
    assert claim["links"]["content"] == f"{HUB}/v1/envelopes/{sent.delivery.envelope_id}/content"
    assert claim["settle_by"] == clock.rfc3339(outcome.until)
    assert claim["settle"]["routing_key"] == claim["settle"]["user_id"] == bench.agency.user
    shown = {name: claim[name] for name in ("delivery", "document_id", "sender", "recipient", "subject", "sha256")}
    letter = sent.delivery
    assert list(shown.values()) == [
        letter.id, letter.document_id, letter.sender_code, letter.recipient_code, letter.subject, letter.sha256,
    ]  # fmt: skip


async def test_a_channel_works_when_its_queue_is_there_and_somebody_consumes_it(bench: Bench) -> None:
    stranger = replace(bench.system, id="nobody")
    assert dict((await bench.carrier.probe(stranger)).findings) == {"Queue": "–"}
    await bench.carrier.carry(bench.parcel())
    idle = await bench.carrier.probe(bench.system)
    assert not idle.works
    assert (dict(idle.findings)["Consumers"], dict(idle.findings)["Messages in the queue"]) == ("0", "1")
    channel = await (await bench.agency.connected()).channel()
    queue = await channel.get_queue(bench.agency.queue, ensure=False)

    async def taken(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await message.ack()

    await queue.consume(taken)
    assert (await bench.carrier.probe(bench.system)).works


async def test_urgent_claim_checks_stand_on_the_upper_level_of_a_quorum_queue(bench: Bench) -> None:
    for priority, level in ((0, 0), (1, 5), (4, 8)):
        await bench.carrier.carry(bench.parcel(priority=priority))
        assert (await bench.agency.take()).priority == level


async def test_while_messages_wait_no_second_copy_is_published(bench: Bench) -> None:
    sent, other = bench.parcel(), bench.parcel()
    await bench.carrier.carry(sent)
    outcome = await bench.carrier.carry(bench.again(sent, before=1))
    assert isinstance(outcome, Handed)
    assert outcome.evidence == {"waiting": 1}
    at = clock.now()
    for before, times in ((1, 2), (2, 3), (3, 4), (7, 4)):
        later = await bench.carrier.carry(bench.again(sent, before))
        assert isinstance(later, Handed)
        assert round((later.until - at).total_seconds() / 900) == times, "looked after less and less often"
    assert await bench.broker.systems.waiting("h33") == 1
    assert isinstance(await bench.carrier.carry(other), Handed), "another document is published all the same"
    assert [(await bench.agency.take()).message_id for _ in range(2)] == [sent.delivery.id, other.delivery.id]
    assert isinstance(await bench.carrier.carry(bench.again(sent, before=2)), Handed)
    assert (await bench.agency.take()).message_id == sent.delivery.id, "nothing waits: it was taken and not settled"


async def test_what_failed_before_it_was_ever_published_is_published_however_much_waits(bench: Bench) -> None:
    await bench.carrier.carry(bench.parcel())
    late = bench.parcel(attempts=3)
    await bench.carrier.carry(late)
    assert [(await bench.agency.take()).message_id for _ in range(2)][1] == late.delivery.id


async def test_a_copy_that_was_lost_does_not_wait_behind_others_for_ever(bench: Bench) -> None:
    lost = bench.parcel()
    await bench.carrier.carry(lost)
    await bench.agency.take()
    await bench.carrier.carry(bench.parcel())
    published = []
    for before in range(1, 70):
        outcome = await bench.carrier.carry(bench.again(lost, before))
        assert isinstance(outcome, Handed)
        if "waiting" not in outcome.evidence:
            published.append(before)
    assert published == [before for before in range(1, 70) if copies(before)] == [8, 16, 32, 64]


async def test_a_queue_that_is_full_by_an_operators_policy_is_asked_again_later(bench: Bench, broker_url: str) -> None:
    operator = await aio_pika.connect(broker_url)
    channel = await operator.channel()
    # such a queue stands for one under a policy: the hub uses what is there as it is
    full = replace(bench.system, id="full")
    arguments = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    await channel.declare_queue("agency.full", durable=True, arguments=arguments)
    outcomes = [await bench.carrier.carry(replace(bench.parcel(), system=full)) for _ in range(6)]
    await operator.close()
    assert isinstance(outcomes[0], Handed)
    assert isinstance(outcomes[-1], Failed), "RabbitMQ lets a few more in before it refuses"
    assert outcomes[-1].code == "busy"


async def test_a_deleted_queue_is_made_again_and_the_claim_check_is_in_it(bench: Bench, broker_url: str) -> None:
    await bench.carrier.carry(bench.parcel())
    operator = await aio_pika.connect(broker_url)
    queue = await (await operator.channel()).get_queue(bench.agency.queue)
    await queue.delete(if_unused=False, if_empty=False)
    await operator.close()
    sent = bench.parcel()
    assert isinstance(await bench.carrier.carry(sent), Handed)
    assert (await bench.agency.take()).message_id == sent.delivery.id


def receipt(number: int, length: int = 100) -> ReceiptRecord:
    return ReceiptRecord(
        number, 0, f"receipt-{number}", "delivery", "delivery.settled", "h33", "H33", "envelope", "delivery",
        "12/2026", "G22", "H33", "", "", clock.now(), "x" * length,
    )  # fmt: skip


async def test_receipts_come_in_order_in_messages_of_bearable_size(bench: Bench) -> None:
    records = [receipt(number, 300_000) for number in range(8)] + [receipt(8, 2_000_000), receipt(9)]
    assert await bench.carrier.tell(bench.system, records) == Delivered()
    told: list[str] = []
    sizes = []
    while (message := await bench.agency.look()) is not None:
        await message.ack()
        assert message.type == "lienthong.receipts.v1"
        shown = json.loads(message.body)["receipts"]
        assert message.message_id == shown[0]["id"]
        sizes.append(len(message.body))
        told += [one["id"] for one in shown]
    assert told == [one.id for one in records]
    assert len(sizes) == 5
    assert sorted(sizes)[-2] < 1_100_000, "only a receipt that is larger by itself is in a larger message"


async def test_without_a_broker_nobody_is_told_and_nothing_is_lost(bench: Bench) -> None:
    await bench.broker.close()
    outcome = await bench.carrier.tell(bench.system, [receipt(1)])
    assert isinstance(outcome, Failed)
    assert outcome.code == "unreachable"
