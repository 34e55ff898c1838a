"""The hour of a scheduled letter: read from what is signed, judged by the rules, kept with every delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.sandbox.pki import Identity
from hub import clock
from hub.envelope.writing import document_message
from hub.ledger import Ledger, envelopes, journey, leasing, search
from hub.ledger.search import Filters
from hub.ledger.tables import delivery
from hub.signatures.sign import sign
from tests.intake.exchange import Exchange, ids
from tests.intake.register import Register, letter, signed_letter

SENDER, RECIPIENT = "H33.02", "H33.90"
TOMORROW = clock.now() + timedelta(days=1)


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.agency(RECIPIENT)
    return register


@pytest.fixture(scope="module")
def sender(register: Register) -> Identity:
    return register.identity(SENDER)


def saying(sender: Identity, text: str, priority: int = 4) -> bytes:
    """A letter whose hour is written so."""
    message = document_message(letter(SENDER, RECIPIENT, priority=priority, not_before=TOMORROW)).decode()
    return sign(message.replace(clock.rfc3339(TOMORROW), text).encode(), sender.signer)


async def test_the_hour_is_read_from_the_signed_letter(register: Register, sender: Identity) -> None:
    envelope = await register.accepted(signed_letter(sender, RECIPIENT, priority=4, not_before=TOMORROW), SENDER)
    assert envelope.not_before == TOMORROW
    local = await register.accepted(saying(sender, "2026-11-23T08:00:00+07:00"), SENDER)
    assert local.not_before == datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("tomorrow", "not-before.moment"),
        ("2026-11-23", "not-before.moment"),
        ("2026-11-23T08:00:00", "not-before.moment"),
        ("2026-02-30T08:00:00Z", "not-before.moment"),
        ("20261123T080000Z", "not-before.moment"),
        ("9999-12-31T23:59:59-23:59", "not-before.moment"),
        ("2126-11-23T08:00:00Z", "not-before.soon"),
    ],
)
async def test_an_hour_that_is_none_or_too_far_is_refused(
    register: Register, sender: Identity, text: str, rule: str
) -> None:
    found = await register.findings(saying(sender, text), SENDER)
    assert [(one.code, one.rule) for one in found] == [("metadata-invalid", rule)]


@pytest.mark.parametrize("priority", [0, 1, 2, 3])
async def test_only_a_scheduled_letter_has_an_hour(register: Register, sender: Identity, priority: int) -> None:
    found = await register.findings(signed_letter(sender, RECIPIENT, priority=priority, not_before=TOMORROW), SENDER)
    assert [(one.code, one.rule) for one in found] == [("metadata-invalid", "not-before.priority")]


async def test_a_scheduled_letter_waits_in_the_inbox_for_its_hour(ledger: Ledger, tmp_path: Path) -> None:
    exchange = Exchange(ledger, tmp_path / "payloads", codes=(RECIPIENT,))
    sent = await exchange.send(RECIPIENT, priority=4, not_before=TOMORROW)
    passed = await exchange.send(
        RECIPIENT, priority=4, not_before=clock.now() - timedelta(hours=1), document_id="giờ đã qua"
    )
    waiting, ready = ids(sent)[RECIPIENT], ids(passed)[RECIPIENT]
    assert await exchange.inbox(RECIPIENT) == [ready]
    kept = ledger.read_now(
        lambda tx: tx.execute(
            select(delivery.c.not_before, delivery.c.available_at).where(delivery.c.id == waiting)
        ).one()
    )
    assert (kept.not_before, kept.available_at) == (TOMORROW, TOMORROW)
    assert exchange.row(waiting).state == "ready"
    at = TOMORROW + timedelta(seconds=1)
    system = exchange.systems[RECIPIENT]
    assert ledger.read_now(leasing.takeable, [system], at) == {system}
    taken = ledger.write_now(leasing.lease, system, clock.new_id(), 10, at, at + timedelta(seconds=60))
    assert waiting in [one.id for one in taken]


async def test_before_its_hour_and_after_a_withdrawal_the_recipients_side_sees_nothing_of_a_letter(
    ledger: Ledger, tmp_path: Path
) -> None:
    exchange = Exchange(ledger, tmp_path / "payloads", codes=(RECIPIENT,))
    scheduled = (await exchange.send(RECIPIENT, priority=4, not_before=TOMORROW)).stored.envelope_id
    recalled = (await exchange.send(RECIPIENT, document_id="nhầm")).stored.envelope_id
    await exchange.send(RECIPIENT, kind=1, document_id="nhầm")
    plain = (await exchange.send(RECIPIENT, document_id="thường")).stored.envelope_id

    def seen_by(agency: str) -> tuple[set[str], set[str], set[str]]:
        system, every = exchange.systems[agency], (scheduled, recalled, plain)
        octets = {one for one in every if ledger.read_now(envelopes.visible_payload, one, system)}
        pages = {one for one in every if ledger.read_now(journey.letter, one, agency)}
        listed = ledger.read_now(search.page, Filters(own_agency=agency)).rows
        return octets, pages, {one.id for one in listed if one.id in every}

    assert seen_by(RECIPIENT) == ({plain},) * 3
    assert seen_by(SENDER) == ({scheduled, recalled, plain},) * 3


async def test_a_scheduled_letter_can_be_recalled_before_its_hour(ledger: Ledger, tmp_path: Path) -> None:
    exchange = Exchange(ledger, tmp_path / "payloads", codes=(RECIPIENT,))
    sent = await exchange.send(RECIPIENT, priority=4, not_before=TOMORROW)
    await exchange.move(ids(sent)[RECIPIENT], "ready")
    await exchange.send(RECIPIENT, kind=1)
    assert exchange.states(sent.stored.envelope_id) == {RECIPIENT: "withdrawn"}
