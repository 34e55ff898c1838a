"""The benches that compare: they run, both sides do the same work, and the figures add up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import relaying, verification
from bench.peers import installing
from bench.peers.__main__ import Pair, told
from bench.peers.installing import NotInstalled
from bench.relaying import OneAtATime
from hub.broker import BrokerUnavailable, ClaimCheck, RabbitBroker
from hub.ledger import Ledger, outbox
from tests.ledger.stage import Stage
from tests.rights import as_application
from tests.services import PostgreSQL


@pytest.mark.services
async def test_both_relays_publish_every_envelope_and_their_rates_are_of_the_same_number(
    postgresql: PostgreSQL, broker_url: str
) -> None:
    ledger = Ledger.postgresql(as_application(postgresql.create_database("bench_relaying")))
    stage = Stage(ledger)
    stage.furnish()
    figures = await relaying.measure(stage, broker_url, 1, 40)
    broker = RabbitBroker(broker_url)
    await broker.open()
    # ten letters to begin with and forty, twice; a message may carry several
    assert await OneAtATime(broker).depth("h33") >= 1
    await broker.close()
    assert await ledger.read(outbox.waiting) == 0
    ledger.close()
    assert figures.ratios == (figures.ours[0] / figures.one_at_a_time[0],)


@pytest.mark.services
async def test_a_publisher_of_one_confirm_at_a_time_does_not_hide_that_the_broker_is_away() -> None:
    broker = RabbitBroker("amqp://127.0.0.1:1/")
    letters = [ClaimCheck("d", "e", "h33", "H33")]
    with pytest.raises(BrokerUnavailable):
        await OneAtATime(broker).publish(letters)


def test_our_side_verifies_the_letter_that_is_measured_and_says_how_long_it_took() -> None:
    figures, names = verification.measure("p256", None, pairs=1, times=2)
    assert figures.octets > 5000
    assert min(figures.ours, figures.anew) > 0
    assert (figures.theirs, figures.ratios) == (None, ())
    assert len(names) == 1
    assert "ours/theirs" not in verification.row(figures)


def test_a_letter_that_does_not_hold_ends_the_measurement(tmp_path: Path) -> None:
    body, pki = verification.letter("p256")
    changed = body.replace("Cơ quan gửi".encode(), "Cơ quan khác".encode(), 1)
    assert changed != body
    for name, content in (("letter", changed), ("anchor", pki.anchor_pem), ("lists", pki.crls_pem)):
        (tmp_path / name).write_bytes(content)
    files = (str(tmp_path / name) for name in ("letter", "anchor", "lists"))
    command = [sys.executable, "-m", "bench.verifying", *files, "kept"]
    done = subprocess.run(command, input="1\n", capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "signature-digest" in done.stderr


def test_a_peer_that_cannot_be_had_is_missing_with_the_reason_that_pip_gives() -> None:
    with pytest.raises(NotInstalled, match="no wheel for this machine"):
        installing.run([sys.executable, "-c", "raise SystemExit('warning\\nno wheel for this machine')"])


def test_the_figure_beside_another_product_is_of_neighbours_and_of_its_whole_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    goal = told([Pair(100.0, 10.0, 20.0), Pair(60.0, 20.0, 20.0), Pair(110.0, 10.0, 22.0)])
    assert (goal.figures, goal.median, goal.verdict) == ((10.0, 3.0, 11.0), 10.0, "must")
    assert "recipient's half alone: 5.0" in capsys.readouterr().out
