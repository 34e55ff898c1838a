"""A test document: from an agency to itself, made by the hub, brought to the agency's system as every letter is.

What it is: an edXML document of the ordinary profile whose number, subject and attachment say THƯ THỬ / TEST. It goes
through outbox, broker, courier, inbox or carrier, leases and receipts like any other delivery of that system, and to
that system only. Who signed it: the hub, with the key that seals evidence packs, whose self-signed certificate it
carries. It names the agency as sender but is no letter of the agency: a recipient that checks signatures finds a
certificate that is registered for nobody, and the intake would refuse it from any system.
It stands apart (``hub.ledger.trials``): no acknowledgement, no sender's feed, no deadlines, in no figure.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from hub import clock
from hub.envelope.hardening import parse
from hub.envelope.letters import Business, Letter, OutgoingAttachment, Party
from hub.envelope.names import PROFILE
from hub.envelope.reading import read_document
from hub.envelope.writing import document_message
from hub.ledger import Ledger, PayloadStore, agency_tree, systems, trials
from hub.ledger.agency_tree import Branch
from hub.ledger.trials import NewTrial
from hub.problems import Deferred, Refused
from hub.signatures.chain import common_name, fingerprint
from hub.signatures.sign import Signer, sign
from hub.validation.verdict import AttachmentFacts, SignerFacts

NOTATION = "THU-TEST"
SUBJECT = "THƯ THỬ / TEST – kiểm tra đường chuyển văn bản đến hệ thống, không cần xử lý"
TEXT = """THƯ THỬ / TEST

Văn bản này do trục liên thông {hub} tạo và ký để kiểm tra đường chuyển đến hệ thống của quý cơ quan.
Không phải văn bản hành chính, không cần xử lý.

This document was made and signed by the hub {hub} to try the way to your system.
It is no official document and asks for nothing.

{name} ({code}), {at}
"""
# after this the hub gives it up like any document that could not be handed over
LASTS = timedelta(days=1)


class Trials:
    """``author`` signs the documents; ``wake`` is called after the commit."""

    def __init__(
        self,
        ledger: Ledger,
        payloads: PayloadStore,
        author: Signer,
        hub: str,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._payloads = payloads
        self._author = author
        self._hub = hub
        self._wake = wake

    async def send(self, system_id: str, code: str, login: str) -> str:
        """Put a test document for an agency of this system on its way; returns the envelope's identifier.

        Raises ``Refused``: ``not-found``, ``registry-unknown`` (no agency of the system), ``recipient-suspended``;
        ``Deferred`` when it cannot be kept.
        """
        if await self._ledger.read(systems.by_id, system_id) is None:
            raise Refused("not-found", system_id)
        agency = await self._ledger.read(agency_tree.one, code)
        if agency is None or agency.system_id != system_id:
            raise Refused("registry-unknown", code, "agency")
        if not (agency.active and agency.system_active):
            raise Refused("recipient-suspended", code, "agency")
        at = clock.now()
        octets, letter = await asyncio.to_thread(self._written, agency, at)
        sha256 = await asyncio.to_thread(self._kept, octets)
        new = NewTrial(
            system_id=system_id,
            agency_code=code,
            profile=PROFILE,
            document_id=letter.identifier,
            number=letter.number,
            notation=letter.notation,
            promulgated_on=letter.promulgated,
            document_type=letter.type_name,
            subject=letter.subject,
            sha256=sha256,
            size=len(octets),
            details=self._details(octets, letter),
            asked_by=login,
            at=at,
            expires_at=at + LASTS,
        )
        envelope_id = await self._ledger.write(trials.add, new)
        self._wake()
        return envelope_id

    def _written(self, agency: Branch, at: datetime) -> tuple[bytes, Letter]:
        local = at.astimezone(clock.VIETNAM)
        number = f"T{clock.new_id().replace('-', '')[-10:]}"
        text = TEXT.format(hub=self._hub, name=agency.name, code=agency.code, at=f"{local:%d/%m/%Y %H:%M:%S}")
        party = Party(agency.code, agency.name)
        letter = Letter(
            sender=party,
            recipients=(party,),
            number=number,
            notation=NOTATION,
            promulgated=local.date(),
            subject=SUBJECT,
            content=SUBJECT,
            attachments=(OutgoingAttachment("thu-thu-test.txt", text.encode(), "text/plain", SUBJECT),),
            business=Business(reason="THƯ THỬ / TEST"),
            written_at=at,
        )
        return sign(document_message(letter), self._author), letter

    def _kept(self, octets: bytes) -> str:
        """Raises ``Deferred('payload-unavailable')``."""
        body = self._payloads.writer()
        try:
            body.write(octets)
            return body.keep()
        except OSError as error:
            raise Deferred("payload-unavailable", error.strerror or "", retry_after=30) from error
        finally:
            body.discard()

    def _details(self, octets: bytes, letter: Letter) -> dict[str, Any]:
        """What pages say of it beside its columns: the same names as an accepted letter has."""
        leaf = self._author.chain[0]
        name = common_name(leaf)
        signer = SignerFacts(
            subject=name,
            issuer=name,
            serial=f"{leaf.serial_number:x}",
            not_after=clock.rfc3339(leaf.not_valid_after_utc),
            sha256=fingerprint(leaf),
            algorithm="ecdsa",
            digest="sha256",
        )
        files = [
            AttachmentFacts(
                one.content_id,
                one.name,
                one.media_type,
                len(one.content),
                hashlib.sha256(one.content).hexdigest(),
                kind="text",
            )
            for one in letter.attachments
        ]
        return {
            "signer": asdict(signer),
            "attachments": [asdict(one) for one in files],
            "warnings": [],
            "head": read_document(parse(octets)).head,
            "response_for": [],
            "trial": True,
        }
