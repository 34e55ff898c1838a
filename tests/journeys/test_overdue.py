"""A running hub looks after deadlines: the office's duty contact gets mail, the sender its signed notices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from adapters.client.proof import verify_receipt
from hub import clock
from hub.ledger import registration
from hub.ledger.tables import delivery
from tests.mail.postoffice import Certificates, PostOffice
from tests.world import Office, World, eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, PostOffice]]:
    base = tmp_path_factory.mktemp("mailing")
    certificates = Certificates.make(base / "tls")
    with PostOffice(certificates) as office:
        environment = {
            "LIENTHONG_SMTP_URL": f"smtp://127.0.0.1:{office.port}",
            "LIENTHONG_SMTP_FROM": "hub@lienthong.example",
            "LIENTHONG_SMTP_CA_FILE": str(certificates.authority),
            "LIENTHONG_SWEEP_EVERY_SECONDS": "0.2",
        }
        with World(base / "hub", environment) as world:
            world.start("up")
            yield world, office


def now_due(world: World, envelope: str, **columns: Any) -> None:
    """As if its time had come: the deadlines are of this moment, and the chaser looks at once."""
    change = update(delivery).where(delivery.c.envelope_id == envelope).values(**columns)
    world.ledger.write_now(lambda transaction: transaction.execute(change))


def signed(sender: Office, envelope: str, event: str) -> dict[str, Any]:
    """What the hub signed about an event, once there is one."""

    def found() -> list[Any]:
        return [one for one in sender.client.receipts(envelope) if one["event"] == event]

    [receipt] = eventually(found)
    return verify_receipt(receipt["jws"], sender.client.jwks())


def test_what_lies_is_chased_and_what_nobody_takes_is_given_up(mailing: tuple[World, PostOffice]) -> None:
    world, office = mailing
    sender, recipient = world.office(), world.office()
    world.ledger.write_now(registration.add_contact, recipient.code, "truc@h33.example")

    taken = sender.client.post_envelope(sender.letter(recipient.code, subject="Đã lấy về"))["id"]
    [found] = eventually(recipient.client.inbox)
    recipient.client.settle(found["delivery"])
    moment = clock.now()
    now_due(world, taken, confirm_by=moment, chase_at=moment)
    notice = signed(sender, taken, "delivery.unconfirmed")
    assert (notice["recipient"], notice["taken"]) == (recipient.code, True)
    assert clock.parse_rfc3339(notice["deadline"]) == moment
    [row] = sender.client.envelope(taken)["recipients"]
    assert row["deadlines"]["overdue"] == "unconfirmed"

    sender.client.chase(found["delivery"], "Cần trước 14:00")
    [mail] = eventually(lambda: office.letters)
    assert str(mail.message["To"]) == "truc@h33.example"
    assert "Đã lấy về" in mail.text
    [reminder] = [one for one in recipient.client.feed()["receipts"] if one["event"] == "delivery.reminder"]
    assert "Cần trước 14:00" in reminder["description"]
    recipient.client.report_status(found["delivery"], "03")
    assert sender.client.envelope(taken)["recipients"][0]["deadlines"]["overdue"] is None

    lying = sender.client.post_envelope(sender.letter(recipient.code, subject="Không ai lấy"))["id"]
    moment = clock.now()
    now_due(world, lying, confirm_by=moment - timedelta(days=30), expires_at=moment, chase_at=moment)
    dead = signed(sender, lying, "delivery.dead")
    assert dead["code"] == "expired"
    [row] = sender.client.envelope(lying)["recipients"]
    assert row["state"] == "dead"
    assert recipient.client.inbox() == []
    kinds = [entry["kind"] for entry in world.log_entries(envelope=lying)]
    assert kinds[0] == "envelope.accepted"
    assert kinds.count("delivery.dead") == 1
