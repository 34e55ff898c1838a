"""kill -9 of any role while letters flow: at least once, never after settlement, nothing acknowledged is lost."""

from __future__ import annotations

import random

import pytest

from tests.chaos import scenarios
from tests.chaos.stage import Stage
from tests.world import ROLES

SEED = random.SystemRandom().randrange(10**6)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_lost_or_shown_after_settlement_when_a_role_is_killed(stage: Stage, role: str) -> None:
    print(f"seed {SEED}")
    scenarios.kill_a_role(stage, SEED, role, envelopes=60).verify()


def test_two_serve_processes_share_the_address_and_one_carries_on_alone(stage: Stage) -> None:
    world = stage.world
    world.processes["first serve"] = world.processes.pop("serve")
    world.start("serve")
    world.kill("first serve")
    recipients = [office.code for office in stage.recipients]
    accepted = [stage.sender.client.post_envelope(stage.sender.letter(*recipients)) for _ in range(5)]
    assert len({answer["id"] for answer in accepted}) == 5
