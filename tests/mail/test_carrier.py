"""The mail channel: what stands in a mail, what is known when a server took it, and how an office takes a document."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from adapters.mail import MailCarrier, SmtpDutyMail, Submission
from adapters.mail.carrier import REMIND
from adapters.mail.composing import file_name
from hub import clock
from hub.delivery.carrier import Delivered, Failed, Handed, Outcome
from hub.ledger import PayloadStore, delivery_tables, mail
from hub.problems import Refused
from hub.registry.mailbox import MailOptions, is_address
from hub.registry.model import System
from tests.delivery.carriers import Rig, check_contract
from tests.delivery.parcels import Shelf, parcel, receipt, system
from tests.ledger.stage import Stage
from tests.mail.postoffice import MAILBOX, Opened, PostOffice, link_in


def to(policy: str = "notice", **more: str) -> System:
    return system("mail", address=MAILBOX, policy=policy, **more)


def known(stage: Stage) -> str:
    """A delivery that stands in the ledger, for a mailing to refer to."""
    return stage.in_inbox("H33")[0]


async def test_a_notice_says_what_came_and_where_it_is_taken(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    one = parcel(shelf, to(), id=known(stage), subject="Về việc phòng, chống bão số 9", priority=3)
    outcome = await opened().carry(one)
    assert isinstance(outcome, Handed), outcome
    assert timedelta(hours=23) < outcome.until - clock.now() <= REMIND
    assert "no further" not in outcome.evidence["description"]
    assert "250 2.0.0 Ok: queued as 000001" in outcome.evidence["description"]
    [letter] = office.letters
    assert letter.recipients == [MAILBOX]
    message, text = letter.message, letter.text
    assert message["Subject"] == "[Trục thử] HỎA TỐC · 12/UBND-VP · Bộ Tư pháp: Về việc phòng, chống bão số 9"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == MAILBOX
    assert [one.addr_spec for one in message["From"].addresses] == ["hub@lienthong.example"]
    assert message["From"].addresses[0].display_name == "Trục thử"
    vietnamese, english = text.split("-" * 40)
    assert "Cơ quan gửi: Bộ Tư pháp (G22)" in vietnamese
    assert "Hạn trả lời: 01/12/2026" in vietnamese
    assert "Sender: Bộ Tư pháp (G22)" in english
    assert "Priority: Express" in english
    assert text.count(one.delivery.sha256) == 2
    assert text.count(f"https://hub.example/fetch/{link_in(letter)}") == 2
    assert list(message.iter_attachments()) == []
    assert all(len(line) <= 998 and line.isascii() for line in letter.octets.splitlines())


async def test_the_other_language_stands_first_when_asked_for(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    await opened().carry(parcel(shelf, to(language="en"), id=known(stage), priority=1))
    assert office.letters[0].text.startswith("The exchange hub")
    assert " URGENT " in office.letters[0].message["Subject"]


async def test_the_document_itself_is_attached_as_it_came(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    body = b"<edXML>\r\n.\r\n" + bytes(range(256)) + b"</edXML>"
    parts = (("Tờ trình số 12.pdf", b"%PDF-1.7\n\x00\xff"), ("../../x.pdf", b"two"))
    one = parcel(shelf, to("document"), body, parts, id=known(stage))
    outcome = await opened().carry(one)
    assert isinstance(outcome, Delivered), outcome
    assert "nothing further is known" in outcome.evidence["description"]
    [letter] = office.letters
    attached = list(letter.message.iter_attachments())
    assert [one.get_filename() for one in attached] == [f"{one.delivery.envelope_id}.edxml", parts[0][0], "x.pdf"]
    assert [bytes(one.get_content()) for one in attached] == [body, parts[0][1], parts[1][1]]
    assert "/fetch/" not in letter.text


async def test_a_document_too_large_for_the_policy_or_the_server_goes_as_a_notice(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    one = parcel(shelf, to("document"), b"x" * 2000, id=known(stage))
    assert isinstance(await opened(largest=1999).carry(one), Handed)
    office.close()
    office.size = 20_000
    office.open()
    two = parcel(shelf, to("document"), b"x" * 30_000, id=known(stage))
    assert isinstance(await opened().carry(two), Handed)
    assert [len(list(letter.message.iter_attachments())) for letter in office.letters] == [0, 0]
    assert all(link_in(letter) for letter in office.letters)


async def test_a_repeat_after_a_crash_sends_nothing_that_a_server_took(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    for policy, kind in (("notice", Handed), ("document", Delivered)):
        one = parcel(shelf, to(policy), id=known(stage))
        first, again = await opened().carry(one), await opened().carry(one)
        assert isinstance(first, kind)
        assert isinstance(again, kind)
        assert first.evidence == again.evidence
    assert len(office.letters) == 2


async def test_a_repeat_after_a_lost_answer_is_the_same_mail_and_a_reminder_is_another(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    one = parcel(shelf, to(), id=known(stage))
    office.data.append("+DROP")
    lost = await opened().carry(one)
    assert isinstance(lost, Failed)
    assert lost.code == "cut-short"
    await opened().carry(one)
    earlier = clock.now() - REMIND
    stage.ledger.write_now(lambda tx: tx.execute(update(delivery_tables.mailing).values(accepted_at=earlier)) and None)
    await opened().carry(one)
    names = [letter.message["Message-ID"] for letter in office.letters]
    assert names[0] == names[1] != names[2]
    assert len({letter.sender for letter in office.letters}) == 1
    assert re.fullmatch(r"bounce\+[0-9a-f]{32}@lienthong\.example", office.letters[0].sender)
    tokens = [link_in(letter) for letter in office.letters]
    assert len(set(tokens)) == 3
    for token in tokens:
        assert stage.ledger.read_now(mail.link, token) is not None, "every link that was mailed stays open"


@pytest.mark.parametrize(
    "subject",
    [
        "x\r\nBcc: other@evil.example\r\n\r\nbody",
        "x\nBcc: other@evil.example",
        "=?utf-8?q?=0d=0aBcc:_other@evil.example?=",
        "\u2028Bcc: other@evil.example\u202eabc",
        "Về việc triển khai " + "thực hiện nhiệm vụ " * 60,
        "một" * 400,
        "\x7f\x1b[31m",
    ],
)
async def test_no_subject_makes_a_header_of_its_own(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf, subject: str
) -> None:
    one = parcel(shelf, to(), id=known(stage), subject=subject, sender_name="Sở\r\nX: y", notation="A\r\nB")
    assert isinstance(await opened().carry(one), Handed)
    [letter] = office.letters
    message = letter.message
    assert letter.recipients == [MAILBOX]
    assert sorted(set(message.keys())) == [
        "Auto-Submitted", "Content-Language", "Content-Transfer-Encoding", "Content-Type", "Date", "From",
        "MIME-Version", "Message-ID", "Subject", "To", "X-Auto-Response-Suppress",
    ]  # fmt: skip
    assert not message["Subject"].defects
    assert len(message["Subject"]) <= 200
    assert all(len(line) <= 998 for line in letter.octets.splitlines())


NO_MAILBOXES = (
    "a@b", "a b@c.vn", "a@b.vn\r\nBcc: x@y.vn", "<a@b.vn>", "a@b.vn,c@d.vn", "", "à@b.vn", "a@[1.2.3.4]", "a@b.vn\n",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_MAILBOXES)
def test_only_one_mailbox_is_a_mailbox(text: str) -> None:
    assert not is_address(text)
    with pytest.raises(Refused) as refused:
        MailOptions.of({"address": text})
    assert refused.value.code == "registry-invalid"


@pytest.mark.parametrize("options", [{}, {"policy": "fax"}, {"language": "fr"}, {"adress": "x"}, {"address": 7}])
def test_other_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        MailOptions.of({"address": MAILBOX, **options} if options else {})


def test_names_of_files_lose_their_paths() -> None:
    assert file_name("..\\..\\a/b\r\nc.pdf") == "b c.pdf"
    assert file_name("..") == file_name("") == file_name("/") == "document"


async def test_without_a_mail_server_or_a_mailbox_it_waits(stage: Stage, opened: Opened, shelf: Shelf) -> None:
    bare = MailCarrier(stage.ledger, None, "hub", "https://hub.example", largest=1, link_days=1)
    for carrier, target in ((bare, to()), (opened(), system("mail", address="nowhere"))):
        outcomes: list[Outcome] = [
            await carrier.carry(parcel(shelf, target)),
            await carrier.tell(target, [receipt(1)]),
        ]
        for outcome in outcomes:
            assert isinstance(outcome, Failed)
            assert outcome.code == "misconfigured"


async def test_octets_that_are_away_or_changed_are_not_mailed(
    stage: Stage, office: PostOffice, opened: Opened, shelf: Shelf
) -> None:
    one = parcel(shelf, to("document"), b"abc", id=known(stage))
    (shelf.directory / one.delivery.sha256).write_bytes(b"abd")
    changed = await opened().carry(one)
    (shelf.directory / one.delivery.sha256).unlink()
    away = await opened().carry(one)
    assert [isinstance(one, Failed) and one.code for one in (changed, away)] == ["octets-missing"] * 2
    assert office.letters == []


async def test_the_carrier_keeps_the_contract(stage: Stage, office: PostOffice, opened: Opened, tmp_path: Path) -> None:
    payloads = PayloadStore(tmp_path / "payloads")
    names: dict[str, str] = {}

    async def arrived() -> dict[str, str]:
        found = {}
        for letter in office.letters:
            [attached] = letter.message.iter_attachments()
            envelope = str(attached.get_filename()).removesuffix(".edxml")
            found[names[envelope]] = sha256(bytes(attached.get_content()))
        return found

    async def down() -> None:
        office.close()

    async def up() -> None:
        office.open()

    rig = Rig(KnownTo(opened(), stage, names), to("document"), arrived, down, up)
    await check_contract(rig, payloads)


def sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


class KnownTo:
    """A carrier whose parcels' deliveries stand in the ledger, which the contract's do not."""

    def __init__(self, carrier: MailCarrier, stage: Stage, names: dict[str, str]) -> None:
        self.concurrency = carrier.concurrency
        self._carrier, self._stage, self._names = carrier, stage, names
        self.tell, self.close = carrier.tell, carrier.close

    async def carry(self, one: Any) -> Outcome:
        if one.delivery.id not in self._names.values():
            self._names[one.delivery.envelope_id] = one.delivery.id
            self._ids = getattr(self, "_ids", {}) | {one.delivery.id: known(self._stage)}
        there = replace(one.delivery, id=self._ids[one.delivery.id])
        return await self._carrier.carry(replace(one, delivery=there))


async def test_receipts_come_as_one_mail_with_the_signed_ones_attached(
    stage: Stage, office: PostOffice, opened: Opened
) -> None:
    records = [receipt(1), receipt(2, event="delivery.dead", code="expired", description="quá\r\nhạn")]
    outcome = await opened().tell(to(), records)
    assert isinstance(outcome, Delivered)
    [letter] = office.letters
    assert "đã đến · G22.2026.1 · H33" in letter.text
    assert "could not be delivered · G22.2026.2 · H33 · expired · quá hạn" in letter.text
    [attached] = letter.message.iter_attachments()
    shown = json.loads(bytes(attached.get_content()))["receipts"]
    assert [one["id"] for one in shown] == [one.id for one in records]
    assert letter.sender == "bounce+receipts@lienthong.example"


async def test_a_duty_contact_is_told_and_a_failure_is_said(office: PostOffice) -> None:
    submission = Submission(office.server())
    mailer = SmtpDutyMail(submission, "Trục thử")
    assert await mailer.send("truc@h33.example", "Nhắc\r\nBcc: x@y.vn", "Văn bản chưa nhận")
    assert office.letters[0].message["Subject"] == "Nhắc Bcc: x@y.vn"
    assert office.letters[0].text.strip() == "Văn bản chưa nhận"
    office.rcpt.append("550 5.1.1 unknown")
    assert not await mailer.send("truc@h33.example", "Nhắc", "x")
    assert not await mailer.send("truc", "Nhắc", "x")
    submission.close()
