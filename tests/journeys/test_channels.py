"""One circular, every channel: each recipient gets the very octets in its own way, and the sender one matrix."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest

from hub import clock
from hub.ledger import registration, systems
from hub.registry.amqp import PASSWORD_HASH, hashed
from hub.registry.folder import Root
from tests.amqp.agency import AgencySystem
from tests.mail.postoffice import Certificates, PostOffice
from tests.push.receiver import Receiver
from tests.world import Office, World, eventually

ENGINES = ["embedded", "postgresql"]


@dataclass
class Town:
    """A hub, and everything that its systems live in."""

    world: World
    folders: Path
    mail: PostOffice
    receiver: Receiver
    broker: str
    embedded: bool

    def office(self, channel: str, url: str | None = None, **options: Any) -> Office:
        name = f"{channel} {clock.new_id()}"
        self.world.systems[name] = self.world.ledger.write_now(
            registration.add_system,
            name,
            channel,
            url,
            options=options,
            reach=self.world.settings.push_reach,
            folders=Root(self.folders),
        )
        return self.world.office(system=name)


@pytest.fixture(scope="module", params=ENGINES)
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    directory = tmp_path_factory.mktemp(f"channels-{request.param}")
    folders = directory / "folders"
    folders.mkdir()
    broker = ""
    with PostOffice(Certificates.make(directory / "tls")) as mail, Receiver() as receiver:
        environment = {
            "LIENTHONG_PUSH_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LIENTHONG_FOLDER_ROOT": str(folders),
            "LIENTHONG_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "LIENTHONG_SMTP_FROM": "hub@lienthong.example",
            "LIENTHONG_SMTP_CA_FILE": str(mail.certificates.authority),
        }
        if request.param == "postgresql":
            rabbitmq = request.getfixturevalue("rabbitmq")
            broker = rabbitmq.create_vhost("channels")
            environment["LIENTHONG_DATABASE_URL"] = request.getfixturevalue("postgresql").create_database("channels")
            environment["LIENTHONG_BROKER_URL"] = broker
            environment["LIENTHONG_BROKER_MANAGEMENT_URL"] = rabbitmq.management_url
        with World(directory / "hub", environment) as world:
            world.start("up")
            yield Town(world, folders, mail, receiver, broker, request.param == "embedded")


def taken_by_pull(office: Office) -> bytes:
    [one] = office.client.inbox(wait=15)
    octets = office.client.content(one["envelope"])
    office.client.settle(one["delivery"], one["lease"]["id"])
    return bytes(octets)


def taken_by_push(town: Town, office: Office) -> bytes:
    def mine() -> list[bytes]:
        return [one.body for one in town.receiver.pushes if one.headers.get("lienthong-recipient") == office.code]

    return bytes(eventually(mine)[0])


def taken_from_folder(town: Town, folder: str) -> bytes:
    letters = eventually(lambda: list((town.folders / folder).glob("[!.]*/letter.edxml")))
    return bytes(letters[0].read_bytes())


def taken_by_mail(town: Town, address: str) -> None:
    """The clerk follows the link of the notice and takes the letter by its button."""
    mails = eventually(lambda: [one for one in town.mail.letters if one.recipients == [address]])
    assert mails[0].tls, "over TLS only"
    link = re.search(r"http://127\.0\.0\.1:\d+/fetch/\S+", mails[0].text)
    assert link is not None, mails[0].text
    page = urlopen(link[0], timeout=10).read().decode()  # looking settles nothing
    wanted = re.search(r'name="file" value="([^"]+)"', page)
    assert wanted is not None, page
    request = Request(link[0], urlencode({"file": wanted[1]}).encode(), {"Origin": town.world.url})
    assert urlopen(request, timeout=10).status == 200


def taken_by_amqp(town: Town, office: Office, password: str) -> bytes:
    """A claim check from the queue, the octets over HTTP, settled by a message."""
    known = town.world.ledger.read_now(systems.by_name, office.system)
    assert known is not None
    place = urlsplit(town.broker)
    agency = AgencySystem(
        f"{place.hostname}:{place.port}", place.path[1:], known.client_id, password, f"agency.{known.id}"
    )

    async def work() -> bytes:
        try:
            claim = json.loads((await agency.take("lienthong.delivery.v1")).body)
            octets = await asyncio.to_thread(office.client.content, claim["envelope"])
            await agency.settle(claim["delivery"])
            return bytes(octets)
        finally:
            await agency.close()

    return asyncio.run(work())


def test_a_circular_reaches_every_recipient_by_its_own_channel_and_the_sender_sees_all_arrive(town: Town) -> None:
    (town.folders / "so-y-te").mkdir(exist_ok=True)
    sender = town.world.office()
    pull, push = town.world.office(), town.office("push", town.receiver.url())
    folder = town.office("folder", folder="so-y-te")
    mail = town.office("mail", address="vanthu@xa.example")
    offices, password = [pull, push, folder, mail], clock.new_secret()
    if not town.embedded:
        offices.append(amqp := town.office("amqp", **{PASSWORD_HASH: hashed(password)}))
    letter = sender.letter(*(one.code for one in offices), priority=1)
    envelope = sender.client.post_envelope(letter)["id"]

    got = [taken_by_pull(pull), taken_by_push(town, push), taken_from_folder(town, "so-y-te")]
    taken_by_mail(town, "vanthu@xa.example")
    if not town.embedded:
        got.append(taken_by_amqp(town, amqp, password))
    assert got == [letter] * len(got), "the very octets, whatever the way"

    def states() -> dict[str, str]:
        return {one["code"]: one["state"] for one in sender.client.envelope(envelope)["recipients"]}

    eventually(lambda: set(states().values()) == {"settled"})
    assert states().keys() == {one.code for one in offices}
    settled = [one for one in sender.client.receipts(envelope) if one["event"] == "delivery.settled"]
    assert sorted(one["recipient"] for one in settled) == sorted(one.code for one in offices), "one receipt each"
    kinds = [entry["kind"] for entry in town.world.log_entries(envelope=envelope)]
    assert kinds.count("delivery.settled") == len(offices)
