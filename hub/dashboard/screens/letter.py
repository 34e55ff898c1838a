"""One letter with its journey: everything that the hub knows of it, as far as the reader may see it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.dashboard import explanation, lateness, previews, receiving, recipients, references, signing, stamps
from hub.dashboard.access import Right, Visitor
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.events import finding_of
from hub.dashboard.forms import number_of, text_of
from hub.dashboard.screens.evidence import reader_of
from hub.dashboard.screens.letter_files import identifier_of, seen
from hub.dashboard.timeline import timeline
from hub.ledger import Transaction, dead_letters, journey, letter_receipts, purged, timestamps
from hub.ledger.journey import Letter


class LetterScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/envelopes/{envelope_id}", self.letter, methods=["GET"])

    async def letter(self, request: Request) -> Response:
        visitor, cursors = self.desk.visitor(request), Cursors.of(request)
        values = await self.desk.ledger.read(_read, identifier_of(request), visitor, cursors)
        # not in the ledger's thread: the reader's language belongs to this request
        self._say(values, visitor)
        values["chased"] = lateness.outcome(text_of(request, "chased"))
        return self.desk.page(request, "envelopes/letter.html", values, section="envelopes")

    def _say(self, values: dict[str, Any], visitor: Visitor) -> None:
        """Everything that is said in the reader's language."""
        now, profile = clock.now(), self.desk.context.policy.profile
        letter, signer = values["letter"], values["signer"]
        values["warnings"] = [finding_of(row, profile) for row in values["warnings"]]
        facts = explanation.settled(signer.get("revocations"), values.pop("settlements"))
        values["revocations"] = explanation.revocations(facts)
        values["revocation_pending"] = explanation.is_pending(signer, facts)
        values["signed"] = signing.sentence(letter, signer, facts) if signer.get("subject") else None
        references.spoken(values["references"], values["page_address"])
        values["time_stamp"] = stamps.spoken(values["bounds"], self.desk.context.time_stamped)
        values["lines"] = recipients.lines(visitor, letter, values["recipients"], values.pop("tried"), now)
        values["receipts"] = [receiving.line(row, visitor, letter.id) for row in values["receipts"]]
        values["days"] = timeline(values["entries"], values["names"], now, people=visitor.may(Right.EXCHANGE))
        barred = "purged" if values["purged"] else "" if values["party"] else "parties"
        values["previews"] = previews.of_letter(letter, values["attachments"], self.desk.context.payloads, barred)


class Cursors:
    """Where the lists of the page begin."""

    def __init__(self, recipients_after: str = "", entries_after: int = 0, receipts_after: int = 0) -> None:
        self.recipients, self.entries, self.receipts = recipients_after, entries_after, receipts_after

    @classmethod
    def of(cls, request: Request) -> Cursors:
        recipient = text_of(request, "recipients_after")
        return cls(recipient, number_of(request, "entries_after"), number_of(request, "receipts_after"))


def _read(transaction: Transaction, envelope_id: str, visitor: Visitor, cursors: Cursors) -> dict[str, Any]:
    """Everything of one letter in one consistent view. Raises ``Refused('not-found')``."""
    own_agency, page = visitor.own_agency, f"/envelopes/{envelope_id}"
    letter = seen(transaction, envelope_id, own_agency)
    only = None if own_agency in (None, letter.sender_code) else own_agency
    rows, more_recipients = journey.recipients(transaction, envelope_id, only=only, after=cursors.recipients)
    entries, more_entries = journey.timeline(transaction, envelope_id, only=only, after=cursors.entries)
    receipts, more_receipts = letter_receipts.page(transaction, envelope_id, own_agency, after=cursors.receipts)
    entries = journey.with_recipients(entries, rows)
    answers = _rows(letter, "response_for")
    reader = reader_of(visitor.person)
    return {
        "letter": letter,
        "head": _dict(letter, "head"),
        "signer": _dict(letter, "signer"),
        "attachments": _rows(letter, "attachments"),
        "warnings": _rows(letter, "warnings"),
        "settlements": [entry.detail for entry in journey.settlements(transaction, envelope_id)],
        "recipients": rows,
        "tried": dead_letters.attempts_of(transaction, [row.id for row in rows]),
        "standing": journey.standing(transaction, envelope_id, only=only),
        "only_own": only is not None,
        "entries": entries,
        "names": journey.names_of(transaction, entries),
        "receipts": receipts,
        "more_recipients": with_query(page, {"recipients_after": more_recipients}) if more_recipients else "",
        "more_entries": with_query(page, {"entries_after": more_entries}) if more_entries else "",
        "more_receipts": with_query(page, {"receipts_after": more_receipts}) if more_receipts else "",
        "page_address": page,
        "references": references.of_letter(transaction, envelope_id, own_agency, answers, [row.code for row in rows]),
        "bounds": timestamps.bounds_of_letter(transaction, envelope_id),
        "continued": bool(cursors.recipients or cursors.entries or cursors.receipts),
        "purged": purged.of_envelope(transaction, envelope_id),
        "evidence": reader is not None,
        # whose letter it is, or an auditor: those who only run the hub see its head and no content
        "party": reader is not None and journey.letter(transaction, envelope_id, reader.agency) is not None,
    }


def _rows(letter: Letter, name: str) -> list[dict[str, Any]]:
    value = letter.details.get(name)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _dict(letter: Letter, name: str) -> dict[str, Any]:
    value = letter.details.get(name)
    return value if isinstance(value, dict) else {}
