"""Mail that comes back: real forms are understood, made-up ones change nothing, nothing is lost or deleted."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mail import BounceReader, dsn
from hub import clock
from hub.audit import Event
from hub.delivery.returned import Returned
from hub.ledger import carriage, deliveries, exchange_log, leasing, mail, receipts, troubles
from hub.ledger.exchange_log import LogQuery
from hub.ledger.receipts import ReceiptRecord
from tests.ledger.stage import Stage
from tests.mail.reports import TOKEN, exchange, global_report, message_id, postfix, several

OTHER = "f" * 32


@pytest.mark.parametrize(
    ("octets", "failed", "delayed", "status"),
    [
        (postfix(), True, False, "5.1.1"),
        (postfix(action="delayed", status="4.4.1"), False, True, "4.4.1"),
        (postfix(action="failed", status="4.4.7"), True, False, "4.4.7"),  # tried for days, given up
        (postfix(action="delivered", status="2.0.0"), False, False, "2.0.0"),
        (postfix(action="relayed (to mx2)", status="2.0.0"), False, False, "2.0.0"),
        (postfix(action="failed (no such user)", status="5.1.1 (bad mailbox)"), True, False, "5.1.1"),
        (postfix().replace(b"Action: failed\r\n", b""), True, False, "5.1.1"),
        (postfix().replace(b"Status: 5.1.1\r\n", b""), True, False, ""),
        (exchange(), True, False, "5.2.2"),
        (global_report(), True, False, "5.1.1"),
        (several(TOKEN, ("failed", "5.1.1"), ("delivered", "2.1.5")), False, False, "2.1.5"),
        (several(TOKEN, ("delayed", "4.2.0"), ("failed", "5.1.1")), True, False, "5.1.1"),
        (several(TOKEN, ("expanded", "2.1.5")), False, False, "2.1.5"),
    ],
)
def test_the_forms_of_real_servers_are_understood(octets: bytes, failed: bool, delayed: bool, status: str) -> None:
    report = dsn.read(octets)
    assert (report.token, report.failed, report.delayed, report.status) == (TOKEN, failed, delayed, status)
    assert dsn.read(octets.replace(b"\r\n", b"\n")) == report


def test_the_servers_words_are_kept_in_one_line() -> None:
    report = dsn.read(postfix(words="550 5.1.1 no\n such   user\x1b[31m " + "x" * 1000))
    assert report.words.startswith("smtp; 550 5.1.1 no such user [31m xxx")
    assert len(report.words) <= 300
    assert report.recipient == "vanthu@h33.example"


@pytest.mark.parametrize(
    "where",
    ["Delivered-To", "To", "Original-Envelope-Id", "Message-ID"],
)
def test_each_place_alone_names_the_mail(where: str) -> None:
    lines = [
        line for line in postfix().split(b"\r\n") if TOKEN.encode() not in line or line.startswith(f"{where}:".encode())
    ]
    assert dsn.read(b"\r\n".join(lines)).token == TOKEN


NESTED = b"--a\r\nContent-Type: multipart/x; boundary=a\r\n\r\n"
DEEPER = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d"
FORGED = {
    "no token": postfix().replace(TOKEN.encode(), b"x"),
    "a delivery's id instead": postfix().replace(TOKEN.encode(), b"01932f6e-7f7a-7cc0-9fd1-0e7a3f0a7a11"),
    "a longer token": postfix().replace(TOKEN.encode(), TOKEN.encode() + b"0"),
    "two mails at once": postfix().replace(message_id().encode(), message_id(OTHER).encode()),
    "a person's answer": b"To: bounce+" + TOKEN.encode() + b"@lienthong.example\r\n\r\nAction: failed\r\nStatus: 5.1.1",
    "out of office": b"Auto-Submitted: auto-replied\r\nTo: bounce+" + TOKEN.encode() + b"@x.vn\r\n\r\nI am away",
    "failed and fine": postfix(status="2.0.0"),
    "unknown action": postfix(action="exploded"),
    "no recipient": several(TOKEN),
    "neither action nor status": postfix().replace(b"Action: failed\r\n", b"").replace(b"Status: 5.1.1\r\n", b""),
    "a report inside a forwarded mail": b"To: bounce+" + TOKEN.encode() + b"@x.vn\r\n"
    b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: message/rfc822\r\n\r\n"
    + postfix() + b"\r\n--q--\r\n",
    "nothing": b"",
    "octets": bytes(range(256)) * 100,
    "many parts": b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + NESTED * 20_000,
    "deep parts": b"\r\n".join(DEEPER % (n, n) for n in range(3000)),
    "a parameter of semicolons": b'Content-Type: multipart/report; boundary="' + b";" * 900_000 + b'"',
    "parameters without end": b"Content-Type: multipart/report" + b';a="' * 200_000,
    "continued without end": b"Content-Type: multipart/report" + b';\r\n a="' * 100_000,
    "unknown charset": postfix().replace(b"charset=us-ascii", b"charset=\"\xff\xfe\"").replace(TOKEN.encode(), b""),
}  # fmt: skip


@pytest.mark.parametrize("octets", FORGED.values(), ids=FORGED.keys())
def test_what_is_no_report_about_a_mail_of_ours_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        dsn.read(octets)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_makes_the_reader_fail_in_another_way(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from([postfix(), exchange(), global_report()])))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(octets) - 1))
        length = data.draw(st.integers(0, 40))
        octets[place : place + length] = data.draw(st.binary(max_size=12))
    try:
        report = dsn.read(bytes(octets))
    except ValueError:
        return
    assert len(report.token) == 32
    assert report.words.isprintable()


# ------------------------------------------------------------ what a report does


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    return tmp_path / "Maildir"


def reader(stage: Stage, maildir: Path) -> BounceReader:
    return BounceReader(Returned(stage.ledger, stage.signer), maildir, 1.0)


def mailed(stage: Stage, policy: str, *, settled: bool = False) -> str:
    """A delivery whose mail a server has taken."""
    [one] = stage.in_inbox("H33")
    at = clock.now()
    lease = (leasing.lease, "h33", clock.new_id(), 10, at, at + timedelta(hours=24))
    stage.ledger.write_now(*lease)
    stage.ledger.write_now(mail.opened, one, "vanthu@h33.example", TOKEN)
    stage.ledger.write_now(mail.accepted, one, "vanthu@h33.example", policy, "250 OK", at)
    if settled:
        stage.ledger.write_now(deliveries.close, [one], "settled", at)
    return one


def told(stage: Stage) -> list[ReceiptRecord]:
    found, _ = stage.ledger.read_now(receipts.feed, "sender", None, 1000)
    return [one for one in found if one.delivery_id]


def logged(stage: Stage) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [one["kind"] for one in entries]


async def test_a_notice_that_comes_back_ends_the_delivery_and_the_sender_is_told(stage: Stage, maildir: Path) -> None:
    one = mailed(stage, "notice")
    (maildir / "new" / "1.a.mx").write_bytes(postfix())
    assert await reader(stage, maildir).step() == 1
    assert stage.state(one) == "dead"
    [receipt] = told(stage)
    assert (receipt.event, receipt.code) == ("delivery.dead", "bounced")
    assert "User unknown" in receipt.description
    [tried] = stage.ledger.read_now(carriage.attempts_of, one)
    assert (tried.outcome, tried.code, tried.channel) == ("permanent", "bounced", "mail")
    assert os.listdir(maildir / "processed") == ["1.a.mx"]
    assert os.listdir(maildir / "new") == []


async def test_a_mailed_document_that_comes_back_later_is_told_as_such(stage: Stage, maildir: Path) -> None:
    one = mailed(stage, "document", settled=True)
    (maildir / "cur" / "2.b.mx:2,S").write_bytes(exchange())
    await reader(stage, maildir).step()
    assert stage.state(one) == "settled", "what is final stays"
    [notice] = told(stage)
    assert (notice.kind, notice.event, notice.code) == ("notice", "delivery.bounced", "bounced")
    assert Event.DELIVERY_BOUNCED in logged(stage)
    counted = stage.ledger.read_now(troubles.count, 5)
    assert (counted.bounced, counted.dead) == (1, 0)
    [back] = stage.ledger.read_now(mail.came_back, 10)
    assert (back.delivery_id, back.state, back.bounce.split()[0]) == (one, "settled", "5.2.2")


async def test_the_same_report_again_changes_nothing(stage: Stage, maildir: Path) -> None:
    mailed(stage, "document", settled=True)
    for name in ("1", "2"):
        (maildir / "new" / name).write_bytes(postfix())
    await reader(stage, maildir).step()
    (maildir / "new" / "1").write_bytes(exchange())
    await reader(stage, maildir).step()
    assert len(told(stage)) == 1
    assert len(os.listdir(maildir / "processed")) == 3, "nothing is overwritten"


async def test_a_bounce_after_the_office_took_it_by_the_link_is_only_noted(stage: Stage, maildir: Path) -> None:
    one = mailed(stage, "notice", settled=True)
    (maildir / "new" / "1").write_bytes(postfix())
    await reader(stage, maildir).step()
    assert stage.state(one) == "settled"
    assert told(stage) == []
    assert stage.ledger.read_now(mail.came_back, 10)[0].delivery_id == one


async def test_a_delay_is_noted_and_a_success_is_nothing_to_do(stage: Stage, maildir: Path) -> None:
    one = mailed(stage, "notice")
    (maildir / "new" / "1").write_bytes(postfix(action="delayed", status="4.4.1"))
    (maildir / "new" / "2").write_bytes(postfix(action="delivered", status="2.0.0"))
    assert await reader(stage, maildir).step() == 2
    assert stage.state(one) == "leased"
    assert logged(stage).count(Event.DELIVERY_ATTEMPTED) == 1
    assert told(stage) == []
    assert sorted(os.listdir(maildir / "processed")) == ["1", "2"]


async def test_what_cannot_be_read_is_set_aside_and_holds_nothing_up(
    stage: Stage, maildir: Path, tmp_path: Path
) -> None:
    one = mailed(stage, "notice")
    (maildir / "new" / "1.spam").write_bytes(b"Subject: buy\r\n\r\nnow")
    (maildir / "new" / "2.unknown").write_bytes(postfix(OTHER))
    (maildir / "new" / "3.link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(postfix())
    os.mkfifo(maildir / "new" / "4.pipe")
    (maildir / "new" / "5.directory").mkdir()
    (maildir / "new" / "6.real").write_bytes(postfix())
    assert await reader(stage, maildir).step() == 6
    assert sorted(os.listdir(maildir / "aside")) == ["1.spam", "2.unknown", "3.link", "4.pipe", "5.directory"]
    assert os.listdir(maildir / "processed") == ["6.real"]
    assert stage.state(one) == "dead"
    assert (tmp_path / "elsewhere").exists()


async def test_a_report_longer_than_what_is_read_still_counts(stage: Stage, maildir: Path) -> None:
    one = mailed(stage, "notice")
    (maildir / "new" / "1").write_bytes(exchange().replace(b"\nbody\n", b"\n" + b"x" * 76 + b"\n" * 3_000_000))
    await reader(stage, maildir).step()
    assert stage.state(one) == "dead"


async def test_a_mailbox_that_is_away_is_waited_for(stage: Stage, maildir: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="away"):
        await reader(stage, tmp_path / "away").step()
