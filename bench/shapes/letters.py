"""Letters without end: signed when they are wanted, a quarter of a millisecond each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from adapters.sandbox.documents import simple_pdf
from bench.letters import FEW, RECIPIENTS, SENDERS, Body, Stationery
from hub.envelope.writing import Letter, OutgoingAttachment, Party, document_message
from hub.signatures.sign import sign


def endless(stationery: Stationery, run: str) -> Iterator[Body]:
    """Letters of about 5 KB to one recipient, each with a document of its own; ``run`` tells their ids from others."""
    number = 0
    while True:
        identity = stationery.identities[SENDERS[number % len(SENDERS)]]
        document = simple_pdf(f"Công văn {number}", [[f"{run} {number}"]])
        letter = Letter(
            sender=Party(identity.code, identity.name),
            recipients=(Party(RECIPIENTS[number % FEW]),),
            number=str(number),
            notation="UBND-VP",
            promulgated=date(2026, 11, 20),
            subject="Về việc liên thông văn bản",
            document_id=f"{run}-{number}",
            attachments=(OutgoingAttachment("van-ban.pdf", document, "application/pdf"),),
        )
        yield sign(document_message(letter), identity.signer), b""
        number += 1
