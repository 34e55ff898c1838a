"""The mails that the hub writes. Both languages stand in each, the one that the mailbox prefers first.

What senders wrote goes into headers only as one printable line, so that no letter can add a header (RFC 5322 §2.2).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from adapters.mail.server import Server
from adapters.mail.submission import Outgoing
from hub import clock
from hub.language import LANGUAGES, Language, gettext, mark
from hub.ledger.deliveries import Leased
from hub.ledger.receipts import ReceiptRecord
from hub.receipts.showing import shown
from hub.registry.mailbox import MailOptions

LONGEST_SUBJECT = 200
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
_RULE = "-" * 40

PRIORITIES = (mark("Ordinary"), mark("Urgent"), mark("Very urgent"), mark("Express"), mark("Express, at a set hour"))

_NOTICE = mark(
    """The exchange hub %(hub)s holds an official document for %(recipient)s.

Sender: %(sender)s
Number/notation: %(number)s
Subject: %(subject)s
Priority: %(priority)s
Answer due: %(due)s
Received by the hub: %(received)s
SHA-256 of the document: %(sha256)s

Open this address and press the button to take the document:
%(link)s
It is open until %(until)s at the latest and for your office only: whoever has it can take the document. The sender is
told when the document is taken."""
)
_DOCUMENT = mark(
    """The exchange hub %(hub)s delivers an official document to %(recipient)s. It is attached as the sender signed it.

Sender: %(sender)s
Number/notation: %(number)s
Subject: %(subject)s
Priority: %(priority)s
Answer due: %(due)s
Received by the hub: %(received)s
SHA-256 of the document: %(sha256)s"""
)
_RECEIPTS = mark(
    """The exchange hub %(hub)s reports what became of your documents. The signed receipts are attached.

%(lines)s"""
)
_FOOT = mark("This mail was made by a program; nobody reads answers to it.")


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a mail; ``content_type`` as ``type/subtype``."""

    name: str
    octets: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes in the name of one hub, from the server's address."""

    hub: str
    server: Server

    def mail(
        self,
        to: str,
        subject: str,
        text: str,
        *,
        token: str,
        message_id: str,
        attached: Sequence[Attached] = (),
    ) -> Outgoing:
        """``token`` goes into the return path; ``message_id`` is the part before the @."""
        message = EmailMessage(policy=_POLICY)
        message["From"] = Address(_line(self.hub), addr_spec=self.server.sender)
        message["To"] = to
        # what looks like an encoded word (RFC 2047 §2) would be decoded at the other end
        message["Subject"] = _line(subject).replace("=?", "= ?")[:LONGEST_SUBJECT]
        message["Date"] = clock.now()
        message["Message-ID"] = f"<{message_id}@{self.server.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office replies
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(text.replace("\x00", ""), charset="utf-8", cte="base64")
        message["Content-Language"] = ", ".join(LANGUAGES)
        for one in attached:
            maintype, _sep, subtype = one.content_type.partition("/")
            message.add_attachment(one.octets, maintype=maintype, subtype=subtype, filename=file_name(one.name))
        return Outgoing(f"bounce+{token}@{self.server.domain}", to, message.as_bytes(), token)

    def subject(self, letter: Leased, options: MailOptions) -> str:
        language = _order(options)[0]
        urgent = f"{gettext(PRIORITIES[letter.priority], language).upper()} · " if letter.priority else ""
        number = f"{letter.number}/{letter.notation}"
        return f"[{self.hub}] {urgent}{number} · {letter.sender_name}: {letter.subject}"

    def notice(self, letter: Leased, options: MailOptions, link: str, until: datetime) -> str:
        return self._both(_NOTICE, options, lambda language: self._told(letter, language), link=link, until=_at(until))

    def document(self, letter: Leased, options: MailOptions) -> str:
        return self._both(_DOCUMENT, options, lambda language: self._told(letter, language))

    def receipts(self, records: Sequence[ReceiptRecord], options: MailOptions) -> str:
        return self._both(
            _RECEIPTS,
            options,
            lambda language: {"hub": self.hub, "lines": "\n".join(_receipt(one, language) for one in records)},
        )

    def _told(self, letter: Leased, language: Language) -> dict[str, str]:
        return {
            "hub": self.hub,
            "recipient": letter.recipient_code,
            "sender": f"{_line(letter.sender_name)} ({letter.sender_code})",
            "number": _line(f"{letter.number}/{letter.notation}"),
            "subject": _line(letter.subject),
            "priority": gettext(PRIORITIES[letter.priority], language),
            "due": f"{letter.due_on:%d/%m/%Y}" if letter.due_on else "—",
            "received": _at(letter.received_at),
            "sha256": letter.sha256,
        }

    def _both(self, text: str, options: MailOptions, told: Any, **more: str) -> str:
        blocks = [
            f"{gettext(text, language) % (told(language) | more)}\n\n{gettext(_FOOT, language)}"
            for language in _order(options)
        ]
        return f"\n\n{_RULE}\n\n".join(blocks) + "\n"


def receipts_file(records: Sequence[ReceiptRecord]) -> Attached:
    """Receipts as ``GET /v1/receipts`` shows them."""
    octets = json.dumps({"receipts": [shown(one) for one in records]}, ensure_ascii=False, indent=1).encode()
    return Attached("receipts.json", octets, "application/json")


def file_name(name: str) -> str:
    """A sender's name for a file, without a path and without signs that cannot be seen."""
    plain = _line(name).replace("\\", "/").rpartition("/")[2].strip(". ")
    return plain[-150:] or "document"


_EVENTS = {
    "envelope.accepted": mark("accepted by the hub"),
    "delivery.settled": mark("arrived"),
    "delivery.refused": mark("refused by the recipient"),
    "delivery.dead": mark("could not be delivered"),
    "delivery.withdrawn": mark("withdrawn before it was taken"),
    "delivery.bounced": mark("came back as undeliverable"),
    "status.received": mark("status reported by the office"),
}


def _receipt(record: ReceiptRecord, language: Language) -> str:
    words = gettext(_EVENTS[record.event], language) if record.event in _EVENTS else record.event
    parts = (_at(record.at), words, record.document_id, record.recipient_code, record.code, record.description)
    return "- " + " · ".join(_line(one) for one in parts if one)


def _order(options: MailOptions) -> list[Language]:
    return sorted(LANGUAGES, key=lambda language: language != options.language)


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(clock.VIETNAM):%d/%m/%Y %H:%M} (UTC+7)"


def _line(text: str) -> str:
    """One printable line: also without the signs that turn the direction of writing."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
