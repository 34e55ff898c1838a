"""A hub as four processes on private PostgreSQL and RabbitMQ, with agencies, for one scenario after another."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from adapters.client.proof import verify_receipt
from hub import clock
from tests.chaos.books import Books, Tally, tally
from tests.chaos.traffic import LEASE_SECONDS, Traffic
from tests.services import PostgreSQL, RabbitMQ
from tests.services.proxy import Proxy
from tests.world import ROLES, Office, World, eventually

RECIPIENTS = 3
ENVIRONMENT = {
    "LIENTHONG_SWEEP_EVERY_SECONDS": "1",
    "LIENTHONG_SWEEP_AFTER_SECONDS": "4",
    "LIENTHONG_RELAY_CLAIM_SECONDS": "3",
    "LIENTHONG_SHARE_PORT": "true",
}


@dataclass
class Stage:
    """The hub, its services, one sender and three recipients, each with a system of its own.

    ``links``: the networks in between, where the stage was raised with them.
    """

    world: World
    postgresql: PostgreSQL
    rabbitmq: RabbitMQ
    sender: Office
    recipients: list[Office]
    links: dict[str, Proxy] = field(default_factory=dict)

    def letters(self, count: int) -> dict[str, bytes]:
        """Signed letters to all recipients, by document id."""
        codes = [office.code for office in self.recipients]
        identifiers = [str(uuid.uuid4()) for _ in range(count)]
        return {one: self.sender.letter(*codes, document_id=one) for one in identifiers}

    @contextmanager
    def traffic(self, books: Books, seed: int) -> Iterator[Traffic]:
        clients = self.links.get("clients")
        url = self.world.url if clients is None else f"http://127.0.0.1:{clients.port}"
        with Traffic(url, books, self.sender, self.recipients, seed) as traffic:
            yield traffic

    def processes(self) -> dict[str, int]:
        """The process of every role; a role that has ended is an error."""
        ended = {role: one.poll() for role, one in self.world.processes.items() if one.poll() is not None}
        assert not ended, f"ended by themselves: {ended}\n{self.world.logs()}"
        return {role: one.pid for role, one in self.world.processes.items()}

    def settle_all(self, books: Books, traffic: Traffic, seconds: float) -> dict[str, str]:
        """Wait until every letter is accepted and every delivery settled; the senders' view of each delivery."""
        states: dict[str, str] = {}

        def done() -> bool:
            traffic.check()
            if len(books.accepted) < len(books.sent):
                return False
            open_envelopes = {envelope for one, envelope in books.expected().items() if states.get(one) != "settled"}
            for envelope in open_envelopes:
                answer = self.sender.client.envelope(envelope)
                states.update({row["delivery"]: row["state"] for row in answer["recipients"]})
            return all(states.get(one) == "settled" for one in books.expected())

        try:
            eventually(done, seconds, every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{self.unfinished(books, states)}\n{self.world.logs()}") from error
        return states

    def unfinished(self, books: Books, states: dict[str, str]) -> str:
        unsettled = {one: states.get(one, "?") for one in books.expected() if states.get(one) != "settled"}
        return (
            f"{len(books.accepted)} of {len(books.sent)} accepted; "
            f"{len(unsettled)} deliveries not settled: {list(unsettled.items())[:5]}"
        )

    def close_books(self, books: Books, traffic: Traffic, since: str, seconds: float) -> Tally:
        """Wait for the end, let recipients go on asking beyond every lease, compare."""
        states = self.settle_all(books, traffic, seconds)
        _quiet(LEASE_SECONDS)
        traffic.check()
        # every query is itself an entry: without an end the pages would never be empty
        log = self.world.log_entries(since=since, until=clock.rfc3339(clock.now()))
        self._check_acknowledgements(books)
        return tally(books, log, states)

    def _check_acknowledgements(self, books: Books) -> None:
        keys = self.sender.client.jwks()
        for document_id, answer in books.accepted.items():
            payload = verify_receipt(answer["acknowledgement"], keys)
            if payload["sha256"] != books.sent[document_id] or payload["envelope_id"] != answer["id"]:
                books.wrong.append(f"{document_id}: the acknowledgement is about something else")


def _quiet(seconds: float) -> None:
    """Time in which a delivery that is wrongly still takeable would be shown: its last lease has run out by then."""
    end = clock.monotonic() + seconds + 0.5
    eventually(lambda: clock.monotonic() > end, seconds + 2)


@contextmanager
def raised_stage(
    directory: Path, postgresql: PostgreSQL, rabbitmq: RabbitMQ, name: str, *, linked: bool = False
) -> Iterator[Stage]:
    """A fresh database, virtual host and hub; all four roles running. ``linked``: a proxy on every network."""
    database, broker = postgresql.create_database(name), rabbitmq.create_vhost(name)
    with ExitStack() as stack:
        links = {}
        if linked:
            links = {
                "database": stack.enter_context(Proxy(postgresql.port)),
                "broker": stack.enter_context(Proxy(rabbitmq.port)),
            }
            database, broker = _through(links["database"], database), _through(links["broker"], broker)
        environment = {**ENVIRONMENT, "LIENTHONG_DATABASE_URL": database, "LIENTHONG_BROKER_URL": broker}
        world = stack.enter_context(World(directory, environment))
        sender = world.office()
        recipients = [world.office() for _ in range(RECIPIENTS)]
        world.start(*ROLES)
        _at_work(sender, recipients[0])
        if linked:
            links["clients"] = stack.enter_context(Proxy(world.port))
        yield Stage(world, postgresql, rabbitmq, sender, recipients, links)


def _at_work(sender: Office, recipient: Office) -> None:
    """Wait until every role does its work: a role that finds no ledger when it starts says so and ends."""
    sender.client.post_envelope(sender.letter(recipient.code))
    [letter] = eventually(recipient.client.inbox, 60)
    recipient.client.settle(letter["delivery"])
    # the client asks again while there is no checkpoint yet
    assert sender.client.checkpoint()


def _through(proxy: Proxy, url: str) -> str:
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")
