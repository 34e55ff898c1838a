"""What a system's RabbitMQ user may do: take from its own queue and speak for itself. RabbitMQ refuses all else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

from adapters.amqp.account import Account, virtual_host
from adapters.amqp.management import Management, ManagementUnavailable
from hub import clock
from hub.broker import ClaimCheck, RabbitBroker
from hub.broker.port import Note, Said
from hub.broker.topology import DEAD_QUEUE, DELIVER_EXCHANGE, RECEIPTS, RECEIPTS_EXCHANGE, agency, inbox
from hub.cli import outward
from hub.registry.amqp import PASSWORD_HASH
from hub.settings import Settings
from tests.amqp.agency import AgencySystem, Desk
from tests.broker.recorder import Recorder, claims, eventually
from tests.services import RabbitMQ

pytestmark = pytest.mark.services
QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}
Attempt = Callable[[AbstractChannel], Awaitable[object]]


def getting(queue: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> object:
        return await (await channel.get_queue(queue, ensure=False)).get(fail=False)

    return attempt


def consuming(queue: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> object:
        async def drop(_message: object) -> None: ...

        return await (await channel.get_queue(queue, ensure=False)).consume(drop)

    return attempt


def publishing(exchange: str, key: str, **properties: Any) -> Attempt:
    async def attempt(channel: AbstractChannel) -> object:
        target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        return await target.publish(aio_pika.Message(b"{}", **properties), key, mandatory=False)

    return attempt


def declaring(queue: str, **arguments: Any) -> Attempt:
    async def attempt(channel: AbstractChannel) -> object:
        return await channel.declare_queue(queue, **arguments)

    return attempt


def on_queue(queue: str, verb: str, *words: Any, **more: Any) -> Attempt:
    async def attempt(channel: AbstractChannel) -> object:
        return await getattr(await channel.get_queue(queue, ensure=False), verb)(*words, **more)

    return attempt


async def refused(agency_system: AgencySystem, attempts: dict[str, Attempt]) -> dict[str, str]:
    """How RabbitMQ answered each attempt, on a channel of its own."""
    answers = {}
    connection = await agency_system.connected()
    for name, attempt in attempts.items():
        channel = await connection.channel()
        try:
            await attempt(channel)
            answers[name] = "allowed"
        except AMQPError as error:
            answers[name] = type(error).__name__
    return answers


async def test_a_systems_user_reaches_nothing_but_its_own_queue_and_its_own_word(
    desk: Desk, broker: RabbitBroker, agency: AgencySystem
) -> None:
    assert await broker.publish([ClaimCheck("d", "e", "h33", "H33")]) == [True]
    other = await desk.system("h33.01")  # its name begins like ours
    own, theirs, hub = agency.queue, other.queue, RECEIPTS.name
    me = {"user_id": agency.user}
    attempts: dict[str, Attempt] = {
        "read another's queue": getting(theirs),
        "consume another's queue": consuming(theirs),
        "read the hub's ear": getting(hub),
        "consume the hub's ear": consuming(hub),
        "read the dead queue": getting(DEAD_QUEUE),
        "read one's inbox inside the hub": getting(inbox("h33").name),
        "declare a queue": declaring("mine", durable=True, arguments=QUORUM),
        "declare one's own queue": declaring(own, durable=True, arguments=QUORUM),
        "declare a queue without a name": declaring("", exclusive=True),
        "declare an exchange": lambda channel: channel.declare_exchange("mine", "fanout"),
        "delete one's own queue": on_queue(own, "delete", if_unused=False, if_empty=False),
        "delete another's queue": on_queue(theirs, "delete", if_unused=False, if_empty=False),
        "delete an exchange": _deleting_exchange,
        "purge another's queue": on_queue(theirs, "purge"),
        "bind one's own queue to what others say": on_queue(own, "bind", RECEIPTS_EXCHANGE, "#"),
        "bind one's own queue to the hub's exchange": on_queue(own, "bind", DELIVER_EXCHANGE, "h33"),
        "unbind the hub's ear": on_queue(hub, "unbind", RECEIPTS_EXCHANGE, "#"),
        "publish into one's own queue": publishing("", own, **me),
        "publish into another's queue": publishing("", theirs, **me),
        "publish into the hub's ear past the exchange": publishing("", hub, **me),
        "publish to the hub's exchange": publishing(DELIVER_EXCHANGE, "h33", **me),
        "publish to another exchange": publishing("amq.topic", agency.user, **me),
        "speak under another's key": publishing(RECEIPTS_EXCHANGE, other.user, **me),
        "speak under a longer key": publishing(RECEIPTS_EXCHANGE, f"{agency.user}.more", **me),
        "speak as another": publishing(RECEIPTS_EXCHANGE, agency.user, user_id=other.user),
    }
    answers = await refused(agency, attempts)
    wrong = {name: answer for name, answer in answers.items() if answer == "allowed"}
    assert wrong == {}
    assert answers.pop("speak as another") == ChannelPreconditionFailed.__name__
    assert set(answers.values()) == {ChannelAccessRefused.__name__}, answers
    await other.close()


async def _deleting_exchange(channel: AbstractChannel) -> object:
    return await (await channel.get_exchange(RECEIPTS_EXCHANGE, ensure=False)).delete()


async def test_it_takes_from_its_own_queue_and_speaks_for_itself(broker: RabbitBroker, agency: AgencySystem) -> None:
    assert await broker.systems.post("h33", [Note("some.type", b"{}", "1")]) == [True]
    assert (await agency.take()).type == "some.type"
    await agency.settle("delivery")


async def ended(connection: AbstractConnection) -> None:
    """Wait until the broker has closed it."""
    assert connection.transport is not None
    done, _ = await asyncio.wait([connection.transport.connection.closing], timeout=10)
    assert done, "the broker left the connection open"


async def test_granting_twice_changes_nothing_and_a_rotated_password_ends_what_the_old_one_opened(
    rabbitmq: RabbitMQ, desk: Desk
) -> None:
    old, new = clock.new_secret(), clock.new_secret()
    system = desk.row("h33", old)
    for _ in range(2):
        await asyncio.to_thread(desk.management.grant, system)
    opened = await desk.of(system, old).connection()
    changed = desk.row("h33", new)
    system.options[PASSWORD_HASH] = changed.options[PASSWORD_HASH]
    await asyncio.to_thread(desk.management.grant, system)
    await asyncio.to_thread(desk.management.disconnect, system)
    await ended(opened)
    with pytest.raises(aio_pika.exceptions.ProbableAuthenticationError):
        await desk.of(system, old).connection()
    again = await desk.of(system, new).connection()
    await again.close()


async def test_the_commands_for_an_operator_give_the_same_rights_as_the_management_interface(
    rabbitmq: RabbitMQ, desk: Desk
) -> None:
    vhost = virtual_host(desk.url)
    by_hand, by_hub = (desk.row("h33", "-password") for _ in range(2))
    for command in Account.of(by_hand, vhost).commands("-password"):
        await asyncio.to_thread(rabbitmq.run, command)
    await asyncio.to_thread(desk.management.grant, by_hub)
    assert rights(rabbitmq, by_hand.client_id) == rights(rabbitmq, by_hub.client_id)
    connection = await desk.of(by_hand, "-password").connection()
    for command in Account.of(by_hand, vhost).commands("another", exists=True):
        await asyncio.to_thread(rabbitmq.run, command)
    await ended(connection)
    await (await desk.of(by_hand, "another").connection()).close()


def rights(rabbitmq: RabbitMQ, user: str) -> list[Any]:
    """What a user may do, with its name taken out."""
    asked = [rabbitmq.ask(f"/api/users/{user}{path}") for path in ("/permissions", "/topic-permissions", "")]
    found: Any = [asked[0], asked[1], asked[2]["limits"], asked[2]["tags"]]
    return [str(one).replace(user, "USER") for one in found]


def test_an_interface_that_does_not_answer_or_refuses_is_reported_with_its_address_and_without_its_password(
    rabbitmq: RabbitMQ, desk: Desk
) -> None:
    system = desk.row("h33", "x")
    for url in ("http://admin:geheim@127.0.0.1:9", rabbitmq.management_url.replace("guest:guest", "admin:geheim")):
        with pytest.raises(ManagementUnavailable) as error:
            Management(url, "/").grant(system)
        assert "127.0.0.1" in str(error.value)
        assert "geheim" not in str(error.value)


async def test_the_hubs_own_user_needs_no_more_than_the_deployment_gives_it_and_cannot_read_agencies_queues(
    rabbitmq: RabbitMQ, broker_url: str
) -> None:
    guide = (Path(__file__).parents[2] / "deploy" / "README.md").read_text(encoding="utf-8")
    [given] = re.findall(r"^rabbitmqctl set_permissions -p lienthong lienthong .*$", guide, re.MULTILINE)
    user = f"hub-{clock.new_id()}"
    await asyncio.to_thread(rabbitmq.run, f"rabbitmqctl add_user {user} geheim")
    renamed = given.replace("-p lienthong lienthong", f"-p {virtual_host(broker_url)} {user}")
    await asyncio.to_thread(rabbitmq.run, renamed)
    hub = RabbitBroker(broker_url.replace("guest:guest", f"{user}:geheim"))
    await hub.open()
    recorder, heard = Recorder(), list[Said]()

    async def hear(batch: Sequence[Said]) -> None:
        heard.extend(batch)

    sent = claims("h33", 3)
    assert all(await hub.publish(sent))
    await hub.consume("h33", recorder)
    await recorder.has(sent)
    assert await hub.systems.prepare("h33")
    assert await hub.systems.post("h33", [Note("some.type", b"{}", "1")]) == [True]
    assert await hub.systems.waiting("h33") == 1
    await hub.systems.park(Said("u", "u", "t", b"{}", "m"), "because")
    await hub.systems.listen(hear)
    connection = await aio_pika.connect(broker_url.replace("guest:guest", f"{user}:geheim"))
    channel = await connection.channel()
    await (await channel.get_exchange(RECEIPTS_EXCHANGE, ensure=False)).publish(aio_pika.Message(b"{}"), "anybody")

    async def was_heard() -> bool:
        return [said.routing_key for said in heard] == ["anybody"]

    await eventually(was_heard)
    with pytest.raises(ChannelAccessRefused):
        await getting(agency("h33").name)(channel)
    await connection.close()
    await hub.close()


async def test_the_doctor_says_whether_the_hub_may_make_users(rabbitmq: RabbitMQ, broker_url: str) -> None:
    def management(url: str, vhost: str = broker_url) -> Settings:
        return Settings(database_url="postgresql://h/x", broker_url=vhost, broker_management_url=url)

    async def words(settings: Settings) -> tuple[bool, str]:
        return {name: (good, said) for name, good, said in await outward.examine(settings)}["broker management"]

    await asyncio.to_thread(rabbitmq.run, "rabbitmqctl add_user nobody-special geheim")
    assert await words(management(rabbitmq.management_url)) == (
        True, f"guest, {virtual_host(broker_url)}, {rabbitmq.management_url.replace('guest:guest@', '')}",
    )  # fmt: skip
    plain = rabbitmq.management_url.replace("guest:guest", "nobody-special:geheim")
    for settings, said in (
        (management(plain), "401"),
        (management(rabbitmq.management_url, "amqp://h/not-there"), "404"),
        (management("http://a:geheim@127.0.0.1:9"), "ConnectError"),
    ):
        good, detail = await words(settings)
        assert not good
        assert said in detail
        assert "geheim" not in detail
    await asyncio.to_thread(rabbitmq.run, "rabbitmqctl set_user_tags nobody-special management")
    good, detail = await words(management(plain))
    assert not good
    assert "nobody-special has not the tag administrator" in detail


def test_queue_and_patterns_name_one_system_only() -> None:
    system = Desk.row(None, "0190-a", "x")  # type: ignore[arg-type]  # makes a row, nothing else
    account = Account.of(system, "/")
    assert account.queue == agency("0190-a").name == "agency.0190-a"
    assert account.permissions == {"configure": "^$", "write": "^receipts$", "read": r"^agency\.0190-a$"}
    assert account.topic_permissions == {"exchange": "receipts", "write": f"^{system.client_id}$", "read": "^$"}
