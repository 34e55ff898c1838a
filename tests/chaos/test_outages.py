"""The services away: intake goes on without the broker, says when the ledger is away, and everything arrives later."""

from __future__ import annotations

import random

from tests.chaos import scenarios
from tests.chaos.stage import Stage

SEED = random.SystemRandom().randrange(10**6)


def test_intake_goes_on_while_rabbitmq_is_stopped_and_everything_arrives_afterwards(stage: Stage) -> None:
    print(f"seed {SEED}")
    scenarios.stop_the_broker(stage, SEED, seconds=8).verify()


def test_the_sweep_publishes_everything_again_when_the_broker_lost_its_disk(stage: Stage) -> None:
    print(f"seed {SEED}")
    counts = scenarios.wipe_the_broker(stage, SEED, envelopes=20)
    counts.verify()
    assert counts.repeated_publications >= counts.deliveries_expected


def test_intake_defers_while_postgresql_is_stopped_and_recovers_by_itself(stage: Stage) -> None:
    print(f"seed {SEED}")
    scenarios.restart_the_database(stage, SEED, seconds=3).verify()


def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(stage: Stage) -> None:
    print(f"seed {SEED}")
    scenarios.restart_the_database(stage, SEED, seconds=1, crash=True).verify()
