"""A document asked back while it is being handed over: a failed attempt is its last one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub import clock
from hub.delivery import outcomes
from hub.delivery.carrier import Delivered, Failed, Outcome
from hub.delivery.outcomes import Tried
from hub.ledger import Transaction, carriage, changes
from hub.receipts import taking_back
from hub.receipts.taking_back import Request, Written
from tests.ledger.stage import Stage


def asked_back_while_under_way(stage: Stage, outcome: Outcome) -> str:
    """The delivery's id; its attempt began before the recall and ended so after it."""
    stage.by_channel("push", "h33")
    [one] = stage.in_inbox("H33")
    at = clock.now()

    def attempt(transaction: Transaction) -> Tried:
        until = at + timedelta(seconds=60)
        system, [claimed] = carriage.claim(transaction, "h33", clock.new_id(), 1, 5, at, until)
        assert system is not None
        return Tried(system, claimed, at, at, outcome, at + timedelta(days=1))

    def recall(transaction: Transaction) -> None:
        written = Written()
        found = changes.earlier(transaction, changes.of_deliveries([one]))
        request = Request("recall", "sender", "G22", "Gửi nhầm", at)
        taking_back.take_back(transaction, stage.signer, request, found, written)
        written.commit(transaction)

    tried = stage.ledger.write_now(attempt)
    stage.ledger.write_now(recall)
    assert stage.state(one) == "leased"
    stage.ledger.write_now(outcomes.write, stage.signer, tried)
    return one


@pytest.mark.parametrize(
    ("outcome", "state", "answer"),
    [(Failed("timed-out"), "withdrawn", "withdrawn"), (Delivered({}), "settled", "asked")],
    ids=["failed", "delivered"],
)
def test_it_is_withdrawn_where_the_attempt_failed_and_asked_about_where_it_did_not(
    stage: Stage, outcome: Outcome, state: str, answer: str
) -> None:
    one = asked_back_while_under_way(stage, outcome)
    assert stage.state(one) == state
    assert [row.outcome for row in stage.ledger.read_now(changes.questions_of, [one])] == [answer]
