"""Notices over real mail and real webhooks: at least once, never by two sweeps, put off, given up, visible."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import update

from adapters.alerting import MailWay, WebhookWay
from adapters.alerting.webhook import keys_of
from adapters.mail import Submission
from adapters.push.transport import Connections
from hub import clock
from hub.alerts.keeping import Keeper
from hub.alerts.notices import CLAIM, GIVEN_UP, Post, Told, wait
from hub.alerts.watches import Wanted
from hub.ledger import Ledger, alert_notices, alerts
from hub.ledger.alert_notices import Notice
from hub.ledger.alert_tables import alert_notice
from hub.registry.reach import Reach
from hub.signatures.keys.derivation import Derivation
from tests.ledger.stage import Stage, Store
from tests.mail.postoffice import PostOffice
from tests.push.receiver import Receiver, Say

HERE = "https://hub.example"
MAILBOX = "mail:truc@hub.example"
DERIVATION = Derivation.of(Ed25519PrivateKey.generate())
LOOPBACK = Reach.of("127.0.0.0/8", True)
MALWARE = Wanted("malware", "H33", {"agency": "H33", "name": "Cơ quan H33", "envelope": "e"})


def raised(ledger: Ledger, *addressees: str, wanted: Sequence[Wanted] = (MALWARE,)) -> None:
    kinds = frozenset(one.kind for one in wanted)
    ledger.write_now(Keeper(addressees).keep, wanted, kinds, clock.now())


def every(ledger: Ledger) -> list[Notice]:
    """All notices, the newest first."""
    found = [one for state in alerts.STATES for one in ledger.read_now(alerts.page, state)]
    by_alert = ledger.read_now(alert_notices.of_alerts, [one.id for one in found])
    return [one for rows in by_alert.values() for one in rows]


def moved(ledger: Ledger, **back: timedelta) -> None:
    """As if so much time had passed for every notice."""
    values = {name: clock.now() - by for name, by in back.items()}
    ledger.write_now(lambda transaction: transaction.execute(update(alert_notice).values(**values)) and None)


def hook(reach: Reach = LOOPBACK) -> WebhookWay:
    return WebhookWay(Connections(reach), reach, DERIVATION, HERE, timeout=5.0)


@pytest.fixture
async def mail(office: PostOffice) -> AsyncIterator[MailWay]:
    way = MailWay(Submission(office.server()), "Trục thử", HERE)
    yield way
    await way.close()


async def test_one_mail_holds_all_that_is_due_in_both_languages_the_worst_first(
    plain: Stage, office: PostOffice, mail: MailWay
) -> None:
    backlog = Wanted("backlog", "h33", {"system": "Hệ H33", "oldest_at": clock.rfc3339(clock.now())}, count=1234)
    raised(plain.ledger, MAILBOX, wanted=[backlog, MALWARE])
    assert await Post(plain.ledger, {"mail": mail}).step() == 2
    [letter] = office.letters
    assert letter.recipients == ["truc@hub.example"]
    assert letter.tls
    assert letter.message["Subject"].startswith("[Trục thử] Mới: ")
    assert letter.message["Subject"].endswith("(+1)")
    assert "Malware in a letter that Cơ quan H33 (H33) sent" in letter.text
    assert letter.text.index("Malware") < letter.text.index("Letters waiting for the system Hệ H33")
    for words in ("Việc cần làm", "What to do", "Ảnh hưởng đến", "Whom it touches", f"{HERE}/alerts#"):
        assert words in letter.text
    assert {one.state for one in every(plain.ledger)} == {"sent"}


async def test_a_webhook_is_signed_and_says_all_of_it(plain: Stage) -> None:
    with Receiver() as receiver:
        raised(plain.ledger, f"webhook:{receiver.url()}")
        way = hook()
        await Post(plain.ledger, {"webhook": way}).step()
        await way.close()
    [push] = receiver.pushes
    [notice] = every(plain.ledger)
    assert (push.id, notice.state) == (notice.id, "sent")
    public = keys_of(DERIVATION).shown("v1a")[0].removeprefix("whpk_")
    signed = f"{push.id}.{push.headers['webhook-timestamp']}.".encode() + push.body
    scheme, _comma, signature = push.headers["webhook-signature"].partition(",")
    assert scheme == "v1a"
    Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(base64.b64decode(signature), signed)
    told: dict[str, Any] = json.loads(push.body)
    assert told["type"] == "alert.raised"
    assert (told["data"]["kind"], told["data"]["severity"]) == ("malware", "bad")
    assert set(told["data"]["remedy"]) == {"vi", "en"}


async def test_a_webhook_does_not_lead_into_the_hubs_own_network(plain: Stage) -> None:
    with Receiver() as receiver:
        raised(plain.ledger, f"webhook:{receiver.url().replace('http:', 'https:')}")
        way = hook(Reach())
        await Post(plain.ledger, {"webhook": way}).step()
        await way.close()
    assert receiver.connections == 0
    [notice] = every(plain.ledger)
    assert notice.state == "waiting"
    assert "loopback" in notice.error


async def test_what_is_not_taken_is_put_off_longer_and_longer_and_then_given_up(plain: Stage) -> None:
    with Receiver() as receiver:
        receiver.otherwise = lambda _push: Say(status=500)
        raised(plain.ledger, f"webhook:{receiver.url()}")
        way = hook()
        post = Post(plain.ledger, {"webhook": way})
        for attempt in (1, 2):
            assert await post.step() == 1
            [notice] = every(plain.ledger)
            assert (notice.state, notice.attempts) == ("waiting", attempt)
            assert "500" in notice.error
            assert notice.next_at > clock.now()
            assert await post.step() == 0
            moved(plain.ledger, next_at=timedelta(seconds=1))
        moved(plain.ledger, made_at=GIVEN_UP, next_at=timedelta())
        await post.step()
        await way.close()
    [notice] = every(plain.ledger)
    assert notice.state == "given-up"
    assert len({push.id for push in receiver.pushes}) == 1
    assert [wait(number) for number in (1, 2, 30)] == [timedelta(seconds=10), timedelta(seconds=20), timedelta(hours=1)]


class Slow:
    """A way whose sending takes as long as it is told to; ``full`` once it was given so many."""

    most = 1

    def __init__(self, full: int) -> None:
        self.told: list[str] = []
        self.go, self.full = asyncio.Event(), asyncio.Event()
        self._most = full

    async def tell(self, address: str, told: Sequence[Told]) -> str:
        self.told += [one.notice.id for one in told]
        if len(self.told) >= self._most:
            self.full.set()
        await self.go.wait()
        return ""

    async def close(self) -> None:
        """Nothing to end."""


async def test_several_sweeps_send_each_notice_once_and_what_a_dead_one_held_goes_out_again(store: Store) -> None:
    ledger = store.open()
    stage = Stage(ledger)
    stage.furnish()
    raised(ledger, *(f"slow:{number}" for number in range(20)))
    slow = Slow(20)
    one, other = Post(ledger, {"slow": slow}), Post(store.open(), {"slow": slow})
    first = asyncio.create_task(one.step())
    second = asyncio.create_task(other.step())
    await slow.full.wait()
    assert len(set(slow.told)) == 20
    # the first dies while it sends, as by kill -9: nothing of it is noted
    first.cancel()
    slow.go.set()
    await asyncio.gather(first, second, return_exceptions=True)
    lost = [notice for notice in every(ledger) if notice.state == "waiting"]
    moved(ledger, next_at=CLAIM)
    await other.step()
    assert {notice.state for notice in every(ledger)} == {"sent"}
    assert len(slow.told) == 20 + len(lost)
