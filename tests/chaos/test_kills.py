"""kill -9 of any role while letters flow: at least once, never after settlement, nothing acknowledged is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos import scenarios
from tests.chaos.stage import Stage
from tests.world import ROLES, eventually

SEED = random.SystemRandom().randrange(10**6)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_lost_or_shown_after_settlement_when_a_role_is_killed(stage: Stage, role: str) -> None:
    print(f"seed {SEED}")
    scenarios.kill_a_role(stage, SEED, role, envelopes=60).verify()


def listening(port: int) -> int:
    """How many sockets take connections at this port (proc(5), state 0A)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def test_two_serve_processes_share_the_address_and_one_carries_on_alone(stage: Stage) -> None:
    world = stage.world
    world.processes["first serve"] = world.processes.pop("serve")
    world.start("serve")
    # that the hub is ready may have been the first one's answer
    eventually(lambda: listening(world.port) == 2, 60)
    world.kill("first serve")
    recipients = [office.code for office in stage.recipients]
    accepted = [stage.sender.client.post_envelope(stage.sender.letter(*recipients)) for _ in range(5)]
    assert len({answer["id"] for answer in accepted}) == 5
