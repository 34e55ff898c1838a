"""Bad networks, deaths at the very moment that hurts, and two of everything. Answers counts, like ``scenarios``."""

from __future__ import annotations

import time
from collections.abc import Callable

from hub import clock
from hub.clock import rfc3339
from tests.chaos.books import Books, Tally
from tests.chaos.scenarios import PATIENCE
from tests.chaos.stage import RECIPIENTS, Stage
from tests.services.proxy import Proxy
from tests.world import ROLES, eventually

# how a network is bad
BLOWS: dict[str, Callable[[Proxy], None]] = {
    "cut": Proxy.cut,
    "half-open": Proxy.go_dark,
    "slow": lambda link: setattr(link, "delay", 0.1),
}
LINKS = ("database", "broker", "clients")
# the role that dies, the link on which it is caught, the octets it is caught at, whether they still got through
WINDOWS = (
    ("relay", "broker", b"lienthong.claims.v1", False),  # committed, not published
    ("relay", "broker", b"lienthong.claims.v1", True),  # published, not marked
    ("deliver", "database", b"delivery.ready", False),  # consumed, not in the inbox
    ("deliver", "database", b"delivery.ready", True),  # in the inbox, not acknowledged to the broker
    ("serve", "database", b"delivery.settled", False),  # taken by the recipient, not settled
    ("serve", "database", b"delivery.settled", True),  # settled, the receipt has not left
    ("serve", "database", b"envelope.accepted", True),  # accepted, the acknowledgement has not left
)


def bad_networks(stage: Stage, seed: int, blows: dict[str, float], envelopes: int) -> Tally:
    """Every link in turn suffers each of ``blows`` for so many seconds while letters flow."""
    books, since = Books(), rfc3339(clock.now())
    processes = stage.processes()
    with stage.traffic(books, seed) as traffic:
        for name in LINKS:
            for blow, seconds in blows.items():
                before = books.progress
                traffic.send(stage.letters(envelopes))
                eventually(lambda before=before: traffic.check() or books.progress > before + 3, PATIENCE)
                BLOWS[blow](stage.links[name])
                time.sleep(seconds)
                stage.links[name].mend()
        counts = stage.close_books(books, traffic, since, PATIENCE)
    assert stage.processes() == processes, "a process was restarted"
    return counts


def deaths(stage: Stage, seed: int, envelopes: int = 3) -> Tally:
    """kill -9 of a role at each window, caught there by the octets that it sends."""
    books, since = Books(), rfc3339(clock.now())
    with stage.traffic(books, seed) as traffic:
        for role, link, octets, behind in WINDOWS:
            snare = stage.links[link].trap(octets, behind=behind)
            traffic.send(stage.letters(envelopes))
            assert snare.sprung.wait(PATIENCE), f"{role} never sent {octets!r}"
            stage.world.kill(role)
            stage.links[link].mend()
            stage.world.start(role)
            stage.settle_all(books, traffic, PATIENCE)
        counts = stage.close_books(books, traffic, since, PATIENCE)
    assert set(stage.processes()) == set(ROLES)
    log = stage.world.log_entries(since=since, kind="delivery.ready", until=rfc3339(clock.now()))
    assert len(log) == len({entry["delivery"] for entry in log}) == counts.deliveries_expected
    return counts


def two_of_each(stage: Stage, seed: int, envelopes: int) -> Tally:
    """Two relays and two couriers, and then one of each is killed."""
    books, since = Books(), rfc3339(clock.now())
    world = stage.world
    for role in ("relay", "deliver"):
        world.processes[f"first {role}"] = world.processes.pop(role)
    world.start("relay", "deliver", wait=False)
    with stage.traffic(books, seed) as traffic:
        traffic.send(stage.letters(envelopes))
        half = envelopes * (1 + RECIPIENTS) // 2
        eventually(lambda: traffic.check() or books.progress >= half, PATIENCE, every=0.01)
        world.kill("first relay")
        world.kill("first deliver")
        return stage.close_books(books, traffic, since, PATIENCE)
