"""The mail carrier.

notice    A mail with the letter's head and a link. ``Handed`` while nobody has taken the document by the link, which
          settles the delivery; unanswered for ``REMIND``, the office gets another mail, until the delivery expires.
document  The octets attached, up to a size; larger ones go as a notice. ``Delivered`` when the mail server took the
          mail, and the receipt says that this is what is known; a bounce afterwards is told to the sender as such.

A mail that a server took is written down before the outcome is: a repeat after a crash sends nothing. The message
identifier stays the same until then, so that a repeat after an answer was lost is one mail at the receiving side.
Every attempt has a fresh link; the earlier ones stay valid until their own end.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta

from adapters.mail.composing import Attached, Writer, receipts_file
from adapters.mail.submission import Accepted, Submission
from hub import clock
from hub.delivery.carrier import Delivered, Failed, Handed, Outcome, Parcel
from hub.delivery.connectivity import Found
from hub.envelope.related import simple_type
from hub.language import mark
from hub.ledger import Ledger, mail
from hub.ledger.mail import Mailing
from hub.ledger.receipts import ReceiptRecord
from hub.problems import Refused
from hub.registry.mailbox import MailOptions
from hub.registry.model import System, secret_digest

REMIND = timedelta(hours=24)
TELL_SECONDS = 55.0


class MailCarrier:
    """``Carrier`` over SMTP. ``submission`` None: no mail server is set.

    ``base_url``: where an office opens its link. ``largest``: octets of a document with its parts that are attached.
    """

    concurrency = 2

    def __init__(
        self, ledger: Ledger, submission: Submission | None, hub: str, base_url: str, *, largest: int, link_days: int
    ) -> None:
        self._ledger = ledger
        self._submission = submission
        self._writer = None if submission is None else Writer(hub, submission.server)
        self._base_url = base_url
        self._largest = largest
        self._link_days = link_days

    async def carry(self, parcel: Parcel) -> Outcome:
        """Raises ``Deferred`` when the ledger is away."""
        if self._submission is None or self._writer is None:
            return Failed("misconfigured", "LIENTHONG_SMTP_URL is not set")
        try:
            options = MailOptions.of(parcel.system.options)
        except Refused as refusal:
            return Failed("misconfigured", refusal.detail)
        token = secret_digest(clock.new_secret())[:32]  # 128 bits that survive a server which changes their case
        mailing = await self._ledger.write(mail.opened, parcel.delivery.id, options.address, token)
        if known := _known(mailing):
            return known
        small = parcel.delivery.size + parcel.delivery.parts_size <= self._largest
        if options.policy == "document" and small:
            outcome = await self._document(parcel, options, mailing, self._submission, self._writer)
            if not (isinstance(outcome, Failed) and outcome.code == "too-large"):
                return outcome
        return await self._notice(parcel, options, mailing, self._submission, self._writer)

    async def _document(
        self, parcel: Parcel, options: MailOptions, mailing: Mailing, submission: Submission, writer: Writer
    ) -> Outcome:
        try:
            attached = await asyncio.to_thread(_attachments, parcel)
        except OSError as error:
            return Failed("octets-missing", str(error))
        letter = parcel.delivery
        outgoing = await asyncio.to_thread(
            writer.mail,
            options.address,
            writer.subject(letter, options),
            writer.document(letter, options),
            token=mailing.token,
            message_id=_message_id(mailing),
            attached=attached,
        )
        answer = await submission.send(outgoing, _left(parcel))
        if isinstance(answer, Failed):
            return answer
        accepted = await self._accepted(parcel, options, "document", answer)
        return Delivered(_evidence(accepted))

    async def _notice(
        self, parcel: Parcel, options: MailOptions, mailing: Mailing, submission: Submission, writer: Writer
    ) -> Outcome:
        letter, at, token = parcel.delivery, clock.now(), clock.new_secret()
        until = at + timedelta(days=self._link_days)
        await self._ledger.write(mail.add_link, letter.id, token, at, until)
        outgoing = writer.mail(
            options.address,
            writer.subject(letter, options),
            writer.notice(letter, options, f"{self._base_url}/fetch/{token}", until),
            token=mailing.token,
            message_id=_message_id(mailing),
        )
        answer = await submission.send(outgoing, _left(parcel))
        if isinstance(answer, Failed):
            return answer
        accepted = await self._accepted(parcel, options, "notice", answer)
        return Handed(clock.now() + REMIND, _evidence(accepted))

    async def _accepted(self, parcel: Parcel, options: MailOptions, policy: str, answer: Accepted) -> Mailing:
        reply = f"{answer.server}: {answer.reply}"
        return await self._ledger.write(mail.accepted, parcel.delivery.id, options.address, policy, reply, clock.now())

    async def tell(self, system: System, receipts: Sequence[ReceiptRecord]) -> Outcome:
        """One mail with all of them, the signed ones attached."""
        if self._submission is None or self._writer is None:
            return Failed("misconfigured", "LIENTHONG_SMTP_URL is not set")
        try:
            options = MailOptions.of(system.options)
        except Refused as refusal:
            return Failed("misconfigured", refusal.detail)
        writer = self._writer
        outgoing = writer.mail(
            options.address,
            f"[{writer.hub}] {len(receipts)} biên nhận · {len(receipts)} receipts",
            writer.receipts(receipts, options),
            token="receipts",  # noqa: S106 - the mark of mails whose bounces have no delivery
            message_id=f"receipts.{receipts[-1].id}",
            attached=[receipts_file(receipts)],
        )
        answer = await self._submission.send(outgoing, TELL_SECONDS)
        return answer if isinstance(answer, Failed) else Delivered({"server": answer.server, "reply": answer.reply})

    async def probe(self, system: System) -> Found:
        """Whether our mail server lets the hub in and would take mail for this mailbox; nothing is sent."""
        if self._submission is None:
            return Found(False, ((mark("Mail server"), "LIENTHONG_SMTP_URL"),))
        try:
            options = MailOptions.of(system.options)
        except Refused as refusal:
            return Found(False, ((mark("Mailbox"), refusal.detail),))
        failed = await self._submission.probe(options.address)
        known = ((mark("Mail server"), self._submission.server.name), (mark("Mailbox"), options.address))
        if failed is not None:
            return Found(False, (*known, (mark("Reason"), f"{failed.code}: {failed.detail}")))
        return Found(True, known)

    async def close(self) -> None:
        if self._submission is not None:
            self._submission.close()


def _known(mailing: Mailing) -> Outcome | None:
    """What came of an attempt whose end was not written down, though a server had taken its mail."""
    if mailing.accepted_at is None or mailing.bounced_at is not None:
        return None
    if mailing.policy == "document":
        return Delivered(_evidence(mailing))
    until = mailing.accepted_at + REMIND
    return Handed(until, _evidence(mailing)) if until > clock.now() else None


def _evidence(mailing: Mailing) -> dict[str, str]:
    """What is known, and not more."""
    said = f"accepted for {mailing.address} by the mail server {mailing.reply}; nothing further is known"
    return {"policy": mailing.policy, "address": mailing.address, "reply": mailing.reply, "description": said}


def _message_id(mailing: Mailing) -> str:
    """Changes only when a mail server is known to have taken the mail before: then the next one is another mail."""
    return f"{mailing.token}.{mailing.mails + 1}"


def _left(parcel: Parcel) -> float:
    return max(0.0, (parcel.deadline - clock.now()).total_seconds())


def _attachments(parcel: Parcel) -> list[Attached]:
    """The original octets as files. Raises ``OSError`` when they are away or not those that were accepted."""
    letter = parcel.delivery
    files = [Attached(f"{letter.envelope_id}.edxml", _octets(parcel, letter.sha256, letter.size), "application/xml")]
    for part in parcel.parts:
        kind = simple_type(part.content_type).partition(";")[0]
        files.append(Attached(part.name or part.content_id, _octets(parcel, part.sha256, part.size), kind))
    return files


def _octets(parcel: Parcel, sha256: str, size: int) -> bytes:
    octets = parcel.file(sha256, size).read_bytes()
    if hashlib.sha256(octets).hexdigest() != sha256:
        raise OSError(f"{sha256}: not the octets that were accepted")
    return octets
