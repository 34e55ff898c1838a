"""The mail channel with the carriage around it: how an office takes a document by the link, and what is receipted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from adapters.mail import MailCarrier
from hub import clock
from hub.audit import Event
from hub.delivery.carriage import Carriage
from hub.delivery.links import OPEN_AFTER_USE, Links
from hub.ledger import deliveries, delivery_tables, exchange_log, mail, receipts, systems
from hub.ledger.exchange_log import LogQuery
from hub.ledger.receipts import ReceiptRecord
from hub.problems import Refused
from hub.signatures.jws import open_jws
from tests.broker.recorder import eventually
from tests.delivery.parcels import Shelf
from tests.ledger.stage import Stage
from tests.mail.postoffice import MAILBOX, Opened, PostOffice, link_in


@asynccontextmanager
async def at_work(stage: Stage, carrier: MailCarrier, file: Any, policy: str = "notice") -> AsyncIterator[Carriage]:
    stage.by_channel("mail", "h33", address=MAILBOX, policy=policy)
    made = Carriage(stage.ledger, stage.signer, {"mail": carrier}, file)
    for one in await stage.ledger.read(systems.every):
        made.serve(one)
    try:
        yield made
    finally:
        await made.close()


def signed(stage: Stage, record: ReceiptRecord) -> dict[str, Any]:
    key = stage.signer.key
    return open_jws(record.jws, {key.kid: key.public}, "lienthong-receipt+jws")


def told(stage: Stage, delivery_id: str) -> list[ReceiptRecord]:
    found, _ = stage.ledger.read_now(receipts.feed, "sender", None, 1000)
    return [one for one in found if one.delivery_id == delivery_id]


def logged(stage: Stage, delivery_id: str) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [one["kind"] for one in entries if one["delivery_id"] == delivery_id]


async def handed(stage: Stage, office: PostOffice, opened: Opened) -> tuple[str, str]:
    """A delivery whose notice was taken by the mail server: its id and its link."""
    [one] = stage.in_inbox("H33")
    async with at_work(stage, opened(), lambda _sha, _size: Path("/nonexistent")):

        async def so() -> bool:
            return Event.DELIVERY_HANDED in logged(stage, one)

        await eventually(so)
    assert stage.state(one) == "leased"
    return one, link_in(office.letters[-1])


async def test_taking_by_the_link_settles_once_and_says_how(stage: Stage, office: PostOffice, opened: Opened) -> None:
    one, token = await handed(stage, office, opened)
    links = Links(stage.ledger, stage.signer)
    offer = await links.look(token)
    assert offer.taken_at is None
    assert stage.state(one) == "leased", "looking changes nothing"
    assert told(stage, one) == []
    await links.take(token)
    await links.take(token)
    assert stage.state(one) == "settled"
    [only] = told(stage, one)
    assert (only.event, only.description) == ("delivery.settled", "taken by the link that was mailed to the office")
    assert signed(stage, only)["how"]["channel"] == "mail"
    assert logged(stage, one).count(Event.DELIVERY_SETTLED) == 1
    assert (await links.look(token)).taken_at is not None


async def test_many_hands_at_once_make_one_settlement(stage: Stage, office: PostOffice, opened: Opened) -> None:
    one, token = await handed(stage, office, opened)
    links = Links(stage.ledger, stage.signer)
    offers = await asyncio.gather(*(links.take(token) for _ in range(12)))
    assert {offer.delivery_id for offer in offers} == {one}
    assert [receipt.event for receipt in told(stage, one)] == ["delivery.settled"]
    assert logged(stage, one).count(Event.DELIVERY_SETTLED) == 1


async def test_a_link_closes_a_while_after_the_document_was_taken(
    stage: Stage, office: PostOffice, opened: Opened
) -> None:
    _one, token = await handed(stage, office, opened)
    links = Links(stage.ledger, stage.signer)
    await links.take(token)
    earlier = clock.now() - OPEN_AFTER_USE
    stage.ledger.write_now(lambda tx: tx.execute(update(delivery_tables.fetch_link).values(used_at=earlier)) and None)
    await closed(links, token)


async def closed(links: Links, token: str) -> None:
    for ask in (links.look, links.take):
        with pytest.raises(Refused) as refused:
            await ask(token)
        assert refused.value.code == "link-closed"


async def test_a_link_is_closed_when_it_is_unknown_too_old_or_the_delivery_ended(
    stage: Stage, office: PostOffice, opened: Opened
) -> None:
    one, token = await handed(stage, office, opened)
    links = Links(stage.ledger, stage.signer)
    await closed(links, clock.new_secret())
    at = clock.now()
    stage.ledger.write_now(mail.add_link, one, "too old", at - timedelta(days=2), at)
    await closed(links, "too old")
    stage.ledger.write_now(deliveries.end, [one], "dead", "expired", at)
    await closed(links, token)
    assert told(stage, one) == []


async def test_a_document_waiting_for_its_next_mail_is_taken_by_an_earlier_link(
    stage: Stage, office: PostOffice, opened: Opened
) -> None:
    """The answer of the server was lost: for the hub the mail failed, the office has it all the same."""
    [one] = stage.in_inbox("H33")
    office.data.append("+DROP")
    async with at_work(stage, opened(), lambda _sha, _size: Path("/nonexistent")):

        async def so() -> bool:
            return Event.DELIVERY_ATTEMPTED in logged(stage, one)

        await eventually(so)
        assert stage.state(one) == "ready"
        await Links(stage.ledger, stage.signer).take(link_in(office.letters[0]))
        stage.make_due()
    assert stage.state(one) == "settled"
    assert [one.event for one in told(stage, one)] == ["delivery.settled"]


async def test_a_mailed_document_is_settled_with_a_receipt_that_says_no_more_than_is_known(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    [one] = stage.in_inbox("H33", body=b"abc")
    shelf.keep(b"abc")
    async with at_work(stage, opened(), shelf.file, "document"):

        async def so() -> bool:
            return stage.state(one) == "settled"

        await eventually(so)
    [only] = told(stage, one)
    how = signed(stage, only)["how"]
    assert how["address"] == MAILBOX
    assert "250 2.0.0 Ok: queued as 000001" in how["reply"]
    assert only.description == how["description"]
    assert only.description.endswith("nothing further is known")
