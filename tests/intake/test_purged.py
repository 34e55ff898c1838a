"""A sender that repeats what was purged: the first acknowledgement stands, and the octets do not come back for long."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.intake import Admitted, Rejected
from hub.ledger import Ledger, purged
from hub.ledger.payload_removal import Removal
from hub.problems import Deferred
from tests.intake.exchange import DOCUMENT, PEOPLE, Exchange
from tests.retention.archive import purge_at_once

TO = next(iter(PEOPLE.values()))


@pytest.fixture
def exchange(ledger: Ledger, tmp_path: Path) -> Exchange:
    return Exchange(ledger, tmp_path)


async def sent_and_purged(exchange: Exchange) -> tuple[bytes, Admitted]:
    body = exchange.letter(TO)
    first = await exchange.post(body)
    assert isinstance(first, Admitted)
    await purge_at_once(exchange.ledger, exchange.payloads, first.stored.envelope_id)
    assert not exchange.payloads.has(first.stored.sha256, first.stored.size)
    return body, first


async def test_a_repeat_of_what_was_purged_gets_the_first_acknowledgement(exchange: Exchange) -> None:
    body, first = await sent_and_purged(exchange)
    again = await exchange.post(body)
    assert isinstance(again, Admitted)
    assert not again.stored.new
    assert again.stored.acknowledgement == first.stored.acknowledgement
    removal = Removal(exchange.payloads, lambda digests: exchange.ledger.read_now(purged.needed, digests), timedelta())
    assert removal.remove([first.stored.sha256]) == {first.stored.sha256: "removed"}, "nobody needs them"


async def test_so_does_one_that_would_be_refused_today(exchange: Exchange) -> None:
    body, first = await sent_and_purged(exchange)
    again = await exchange.post(body, exchange.door(recipients=0))
    assert isinstance(again, Admitted)
    assert again.stored.acknowledgement == first.stored.acknowledgement
    assert not exchange.payloads.has(first.stored.sha256, first.stored.size), "not even for a day"


async def test_other_octets_under_the_same_name_are_still_a_conflict(exchange: Exchange) -> None:
    await sent_and_purged(exchange)
    other = await exchange.post(exchange.letter(TO, document_id=DOCUMENT))
    assert isinstance(other, Rejected)
    assert other.findings[0].code == "document-conflict"


async def test_nothing_is_committed_long_after_its_octets_were_kept(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They might be gone: the hub was stopped in between, machine and all, and a sweep elsewhere went on."""
    monkeypatch.setattr("hub.intake.acceptance.COMMITTED_WITHIN", timedelta(seconds=-1))
    with pytest.raises(Deferred) as deferral:
        await exchange.post(exchange.letter(TO))
    assert deferral.value.code == "payload-unavailable"
    monkeypatch.undo()
    assert isinstance(await exchange.post(exchange.letter(TO)), Admitted)
