"""A running hub with a real mail server and a folder: from the letter to what its sender is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from adapters.client.proof import verify_receipt
from hub.ledger import registration
from hub.registry.folder import Root
from tests.mail.postoffice import Certificates, Letter, PostOffice
from tests.mail.reports import postfix
from tests.world import PDF, Office, World, eventually

MAILBOX = "vanthu@h33.example"


@dataclass
class Town:
    """A hub, the mail server that it uses, the mailbox of its bounces and the root of folders."""

    world: World
    office: PostOffice
    bounces: Path
    folders: Path

    def by_mail(self, policy: str) -> Office:
        return self._office("mail", {"address": MAILBOX, "policy": policy})

    def by_folder(self, name: str) -> Office:
        (self.folders / name).mkdir()
        return self._office("folder", {"folder": name})

    def _office(self, channel: str, options: dict[str, str]) -> Office:
        name = f"{channel} {len(self.world.systems)}"
        self.world.systems[name] = self.world.ledger.write_now(
            registration.add_system, name, channel, options=options, folders=Root(self.folders)
        )
        return self.world.office(system=name)

    def mailed(self, subject: str) -> Letter:
        """The one mail about this letter."""

        def found() -> list[Letter]:
            return [one for one in self.office.letters if subject in str(one.message["Subject"])]

        letters: list[Letter] = eventually(found)
        assert len(letters) == 1
        return letters[0]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    base = tmp_path_factory.mktemp("town")
    (base / "bounces" / "new").mkdir(parents=True)
    (base / "folders").mkdir()
    certificates = Certificates.make(base / "tls")
    with PostOffice(certificates, login=True) as office:
        environment = {
            "LIENTHONG_SMTP_URL": f"smtp://lienthong:p%40ss%3Aword%2F%20with%20spaces@127.0.0.1:{office.port}",
            "LIENTHONG_SMTP_FROM": "hub@lienthong.example",
            "LIENTHONG_SMTP_CA_FILE": str(certificates.authority),
            "LIENTHONG_BOUNCES": str(base / "bounces"),
            "LIENTHONG_SWEEP_EVERY_SECONDS": "0.2",
            "LIENTHONG_FOLDER_ROOT": str(base / "folders"),
        }
        with World(base / "hub", environment) as world:
            world.start("up")
            yield Town(world, office, base / "bounces", base / "folders")


def events(sender: Office, envelope: str) -> list[str]:
    return [one["event"] for one in sender.client.receipts(envelope)]


def signed(sender: Office, envelope: str, event: str) -> dict[str, Any]:
    """What the hub signed about an event, once there is one."""

    def found() -> list[Any]:
        return [one for one in sender.client.receipts(envelope) if one["event"] == event]

    [receipt] = eventually(found)
    return dict(verify_receipt(receipt["jws"], sender.client.jwks()))


def asked(url: str, method: str | None = None, **form: str) -> tuple[int, bytes]:
    body = urlencode(form).encode() if form else None
    try:
        with urlopen(Request(url, body, method=method), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def test_a_clerk_takes_a_document_by_the_link_and_the_sender_is_told_then_and_not_before(town: Town) -> None:
    sender, recipient = town.world.office(), town.by_mail("notice")
    letter = sender.letter(recipient.code, subject="Phòng, chống bão <số> 9")
    envelope = sender.client.post_envelope(letter)["id"]
    [link] = set(re.findall(r"http://127\S+/fetch/\S+", town.mailed("bão <số> 9").text))

    for _ in range(2):  # a scanner of mail follows links, more than once
        status, page = asked(link)
        assert status == 200
        assert "Phòng, chống bão &lt;số&gt; 9" in page.decode()
    assert asked(link, "HEAD")[0] in (200, 405)
    assert events(sender, envelope) == ["envelope.accepted"]
    assert sender.client.envelope(envelope)["recipients"][0]["state"] == "leased"

    assert asked(link, file="no-such-file")[0] == 404
    assert events(sender, envelope) == ["envelope.accepted"]
    assert asked(link, file="attachment-1") == (200, PDF)
    how = signed(sender, envelope, "delivery.settled")["how"]
    assert how == {"channel": "mail", "description": "taken by the link that was mailed to the office"}
    assert asked(link, file="letter") == (200, letter)
    assert events(sender, envelope) == ["envelope.accepted", "delivery.settled"]


def test_another_sites_page_cannot_take_a_document(town: Town) -> None:
    sender, recipient = town.world.office(), town.by_mail("notice")
    envelope = sender.client.post_envelope(sender.letter(recipient.code, subject="Trang lạ"))["id"]
    [link] = set(re.findall(r"http://127\S+/fetch/\S+", town.mailed("Trang lạ").text))
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(link, b"file=letter", {"Sec-Fetch-Site": "cross-site"}, method="POST"), timeout=10)
    assert refused.value.code == 403
    assert events(sender, envelope) == ["envelope.accepted"]


@pytest.mark.parametrize("token", ["x" * 43, "x", "%00", "..%2f..%2fetc"])
def test_a_link_that_nobody_was_sent_is_closed(town: Town, token: str) -> None:
    for form in ({}, {"file": "letter"}):
        status, page = asked(f"{town.world.url}/fetch/{token}", **form)
        assert status in (404, 410, 422), "closed, no such page, or no text"
        assert b"Traceback" not in page


def test_a_mailed_document_counts_as_delivered_and_its_bounce_is_told(town: Town) -> None:
    sender, recipient = town.world.office(), town.by_mail("document")
    letter = sender.letter(recipient.code, subject="Gửi kèm văn bản")
    envelope = sender.client.post_envelope(letter)["id"]
    mail = town.mailed("Gửi kèm văn bản")
    [attached] = mail.message.iter_attachments()
    assert bytes(attached.get_content()) == letter
    how = signed(sender, envelope, "delivery.settled")["how"]
    assert how["address"] == MAILBOX
    assert "queued as" in how["reply"]

    [token] = re.findall(r"bounce\+([0-9a-f]{32})@", mail.sender)
    (town.bounces / "new" / "1.mx").write_bytes(postfix(token))
    notice = signed(sender, envelope, "delivery.bounced")
    assert notice["code"] == "bounced"
    assert "User unknown" in notice["description"]
    eventually((town.bounces / "processed" / "1.mx").exists)


def test_a_mailbox_that_does_not_exist_makes_a_dead_letter(town: Town) -> None:
    sender, recipient = town.world.office(), town.by_mail("notice")
    town.office.rcpt.append("550 5.1.1 no such mailbox")
    envelope = sender.client.post_envelope(sender.letter(recipient.code, subject="Hộp thư không có"))["id"]
    assert signed(sender, envelope, "delivery.dead")["code"] == "rejected"


def test_a_document_and_receipts_arrive_in_folders(town: Town) -> None:
    sender, recipient = town.by_folder("g22"), town.by_folder("h33")
    letter = sender.letter(recipient.code, subject="Qua thư mục")
    envelope = sender.client.post_envelope(letter)["id"]
    assert signed(sender, envelope, "delivery.settled")["how"]["channel"] == "folder"
    [place] = [one for one in (town.folders / "h33").iterdir() if one.name != "receipts"]
    assert (place / "letter.edxml").read_bytes() == letter

    def told() -> bool:
        return len(list((town.folders / "g22").glob("receipts/*.json"))) == 2

    assert eventually(told), "the acknowledgement and the delivery receipt"
