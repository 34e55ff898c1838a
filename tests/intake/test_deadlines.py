"""The deadlines of a letter stand in the rows of its deliveries from its acceptance on."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub import clock
from hub.intake import Admitted
from hub.ledger import Ledger
from hub.ledger.tables import delivery, envelope
from hub.receipts.deadline_policy import load
from hub.receipts.deadlines import Facts
from tests.intake.exchange import Exchange

CODES = ("H33.90", "H33.91", "H33.92")
POLICY = load()


def rows(ledger: Ledger, sent: Any) -> tuple[Any, list[Any]]:
    """The envelope and its deliveries."""
    assert isinstance(sent, Admitted)
    letter = select(envelope).where(envelope.c.id == sent.stored.envelope_id)
    each = select(delivery).where(delivery.c.envelope_id == sent.stored.envelope_id)
    return ledger.read_now(lambda tx: (tx.execute(letter).one(), tx.execute(each).all()))


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        ({"due": None}, Facts()),
        ({"priority": 2, "due": None}, Facts(priority=2)),
        ({"due": date(2026, 12, 15)}, Facts(due_on=date(2026, 12, 15))),
    ],
)
async def test_every_recipient_has_the_deadlines_of_the_letter_s_class(
    ledger: Ledger, tmp_path: Path, given: dict[str, Any], facts: Facts
) -> None:
    exchange = Exchange(ledger, tmp_path / "payloads", codes=CODES)
    letter, found = rows(ledger, await exchange.send(*CODES, **given))
    due = POLICY.of(facts, letter.received_at)
    assert len(found) == len(CODES)
    for row in found:
        assert (row.confirm_by, row.process_by, row.expires_at) == (due.confirm_by, due.process_by, due.expires_at)
        assert (row.chase_at, row.chase_step) == (due.chase_at, "")


async def test_a_scheduled_letter_is_due_after_its_hour(ledger: Ledger, tmp_path: Path) -> None:
    exchange = Exchange(ledger, tmp_path / "payloads", codes=CODES)
    shown = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    _, [row] = rows(ledger, await exchange.send(CODES[0], priority=4, due=None, not_before=shown))
    assert row.confirm_by == shown + timedelta(minutes=30)
    assert row.expires_at == shown + timedelta(days=3)
