"""The list of dead letters, and the texts by which pollers are told that nothing is new: the same on both stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hub import clock
from hub.ledger import (
    Transaction,
    carriage,
    correlation,
    dead_letters,
    deliveries,
    fingerprints,
    leasing,
    receipts,
    tables,
)
from hub.ledger.carriage import Attempt
from hub.ledger.dead_letters import Filters
from hub.ledger.feed import Cursor
from hub.receipts.non_delivery import give_up
from tests.ledger.stage import Stage

NAMES = ("H33", "H33.01", "H40")


@pytest.fixture
def dead(stage: Stage) -> dict[str, str]:
    """Three dead letters, a moment apart; by recipient."""
    found = {}
    start = clock.now() - timedelta(hours=3)
    for number, (code, why) in enumerate(zip(NAMES, ("rejected", "rejected", "bounced"), strict=True)):
        [found[code]] = stage.in_inbox(code)
        record = stage.ledger.read_now(deliveries.find, [found[code]])[found[code]]
        at = start + timedelta(hours=number)
        assert stage.ledger.write_now(give_up, stage.signer, record, why, "550: no such user", at)
    return found


def page(stage: Stage, filters: Filters | None = None, **more: Any) -> list[str]:
    found = stage.ledger.read_now(dead_letters.page, filters or Filters(), **more)
    return [one.recipient_code for one in found.rows]


def test_the_latest_comes_first_and_cursors_lead_through_all_of_them(stage: Stage, dead: dict[str, str]) -> None:
    assert page(stage) == ["H40", "H33.01", "H33"]
    first = stage.ledger.read_now(dead_letters.page, Filters(), limit=2)
    assert (len(first.rows), first.newer) == (2, "")
    second = stage.ledger.read_now(dead_letters.page, Filters(), before=first.older, limit=2)
    assert ([one.recipient_code for one in second.rows], second.older) == (["H33"], "")
    assert page(stage, after=second.newer, limit=2) == ["H40", "H33.01"]
    assert page(stage, before="no cursor") == ["H40", "H33.01", "H33"]
    row = first.rows[0]
    assert (row.code, row.detail, row.round, row.asked_in) == ("bounced", "550: no such user", 1, None)


def test_the_filters_find_what_they_say(stage: Stage, dead: dict[str, str]) -> None:
    today = clock.now().astimezone(clock.VIETNAM).date()
    for filters, wanted in (
        (Filters(code="bounced"), ["H40"]),
        (Filters(code="bounce"), []),
        (Filters(agency="H33"), ["H33"]),
        (Filters(agency="G22"), ["H40", "H33.01", "H33"]),
        (Filters(system="system h33"), ["H33.01", "H33"]),
        (Filters(own_agency="H40"), ["H40"]),
        (Filters(first_day=today + timedelta(days=1)), []),
        (Filters(last_day=today - timedelta(days=2)), []),
    ):
        assert page(stage, filters) == wanted, filters
    assert stage.ledger.read_now(dead_letters.count) == 3
    assert stage.ledger.read_now(dead_letters.count, "H33") == 1
    assert stage.ledger.read_now(dead_letters.codes) == ["bounced", "rejected"]
    assert stage.ledger.read_now(dead_letters.codes, "H33") == ["rejected"]


def test_attempts_are_kept_with_their_delivery_in_order(stage: Stage, dead: dict[str, str]) -> None:
    at = clock.now()
    tried = [Attempt(dead["H33"], number, "push", at, at, "transient", "busy", "", at) for number in (1, 2)]
    stage.ledger.write_now(carriage.record, tried)
    assert stage.ledger.read_now(dead_letters.attempts_of, list(dead.values())) == {dead["H33"]: tried}
    assert stage.ledger.read_now(dead_letters.attempts_of, []) == {}


def test_a_sent_again_dead_letter_leaves_the_list(stage: Stage, dead: dict[str, str]) -> None:
    gone = update(tables.delivery).where(tables.delivery.c.id == dead["H40"]).values(superseded_by="another")
    stage.ledger.write_now(lambda transaction: transaction.execute(gone))
    assert page(stage) == ["H33.01", "H33"]
    assert stage.ledger.read_now(dead_letters.count) == 2


Change = Callable[[Transaction], object]


def test_an_envelope_s_text_differs_after_every_step_and_is_the_same_in_between(stage: Stage) -> None:
    [delivery, other] = stage.in_inbox("H33", "H40")
    envelope = stage.ledger.read_now(deliveries.find, [delivery])[delivery].envelope_id
    at = clock.now()

    def text(system: str = "sender", now: Any = at) -> str:
        found: str = stage.ledger.read_now(fingerprints.of_envelope, envelope, system, now, auditor=False)
        return found

    steps: list[Change] = [
        lambda tx: leasing.lease(tx, "h33", "lease", 1, at, at + timedelta(seconds=9), by_courier=True),
        lambda tx: carriage.put_back(tx, delivery, at, at + timedelta(minutes=5), "busy"),
        lambda tx: deliveries.end(tx, [delivery], "dead", "expired", at),
        lambda tx: correlation.set_status(tx, delivery, "03", "Đã vào sổ", at, ()),
        lambda tx: tx.execute(update(tables.registry_revision).values(revision=99)),
    ]
    seen = {text()}
    for number, step in enumerate(steps, 1):
        stage.ledger.write_now(step)
        assert text() == text()
        seen.add(text())
        assert len(seen) == number + 1
    due = update(tables.delivery).values(confirm_by=at + timedelta(hours=1))
    stage.ledger.write_now(lambda transaction: transaction.execute(due))
    assert text() != text(now=at + timedelta(hours=2)), "a deadline has passed meanwhile"

    own = text("h40")
    stage.ledger.write_now(correlation.set_status, delivery, "06", "", at, ("03",))
    assert text("h40") == own, "what another recipient did is not shown to it"
    assert text("stranger") == ""
    assert other


def test_receipts_and_pages_of_the_feed_have_texts_that_only_new_receipts_change(stage: Stage) -> None:
    stored = stage.accept("H33")
    of_one = stage.ledger.read_now(fingerprints.of_receipts, stored.envelope_id, "sender")
    page, last = stage.ledger.read_now(receipts.feed, "sender", None, 10)
    text = stage.ledger.read_now(fingerprints.of_feed, "sender", None, 10)
    assert text == fingerprints.of_page(None, len(page), last)
    empty = stage.ledger.read_now(fingerprints.of_feed, "sender", last, 10)
    stage.accept("H33")
    assert stage.ledger.read_now(fingerprints.of_receipts, stored.envelope_id, "sender") == of_one
    assert stage.ledger.read_now(fingerprints.of_receipts, stored.envelope_id, "h33") != of_one
    assert stage.ledger.read_now(fingerprints.of_feed, "sender", None, 10) != text
    assert stage.ledger.read_now(fingerprints.of_feed, "sender", None, 1) == text
    assert stage.ledger.read_now(fingerprints.of_feed, "sender", last, 10) != empty
    assert stage.ledger.read_now(fingerprints.of_feed, "h33", Cursor(1, 1), 10) == "1-1.0.1-1"
