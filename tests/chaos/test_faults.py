"""Networks that are cut, half-open or slow between any two, and kill -9 at each window: nothing lost, nothing twice."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.chaos import faults
from tests.chaos.stage import Stage, raised_stage
from tests.services import PostgreSQL, RabbitMQ

SEED = random.SystemRandom().randrange(10**6)


@pytest.fixture(scope="module")
def stage(postgresql: PostgreSQL, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with raised_stage(tmp_path_factory.mktemp("faults"), postgresql, rabbitmq, "test_faults", linked=True) as raised:
        yield raised


def test_bad_networks_between_any_two_lose_nothing(stage: Stage) -> None:
    counts = faults.bad_networks(stage, SEED, {"cut": 0.7, "half-open": 0.7, "slow": 0.7}, envelopes=4)
    print(f"seed {SEED}: {counts}")
    counts.verify()


def test_a_role_that_dies_at_the_worst_moment_loses_nothing_and_shows_nothing_again_after_settlement(
    stage: Stage,
) -> None:
    counts = faults.deaths(stage, SEED)
    print(f"seed {SEED}: {counts}")
    counts.verify()


def test_two_relays_and_two_couriers_share_the_work_and_one_of_each_may_die(stage: Stage) -> None:
    counts = faults.two_of_each(stage, SEED, envelopes=15)
    print(f"seed {SEED}: {counts}")
    counts.verify()
