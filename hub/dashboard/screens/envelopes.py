"""The list of letters with its search, and one letter with its journey."""

from __future__ import annotations

import re
from typing import Any, cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.dashboard import explanation, lateness, references, stamps
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.events import finding_of
from hub.dashboard.forms import choice_of, day_of, number_of
from hub.dashboard.forms import text_of as query_text
from hub.dashboard.screens.evidence import reader_of
from hub.dashboard.timeline import timeline
from hub.ledger import Transaction, dead_letters, journey, purged, search, timestamps
from hub.ledger.journey import Entry, Letter, RecipientRow
from hub.ledger.search import Direction, Filters, StateFilter
from hub.problems import Refused

DIRECTIONS = ("sent", "received")
STATES = ("open", "arrived", "refused", "dead")
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class EnvelopeScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/envelopes", self.listing, methods=["GET"])
        router.add_api_route("/envelopes/{envelope_id}", self.letter, methods=["GET"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        wanted = _filters(request, visitor.own_agency)
        before, after = query_text(request, "before"), query_text(request, "after")
        found = await self.desk.ledger.read(search.page, wanted, before=before, after=after)
        query = {
            "q": wanted.text,
            "direction": wanted.direction,
            "agency": wanted.agency,
            "state": wanted.state,
            "from": wanted.first_day,
            "to": wanted.last_day,
        }
        values = {
            "found": found,
            "filters": wanted,
            "filtered": any(query.values()),
            "own_agency": visitor.own_agency,
            "older": with_query("/envelopes", query | {"before": found.older}) if found.older else "",
            "newer": with_query("/envelopes", query | {"after": found.newer}) if found.newer else "",
            "first": with_query("/envelopes", query),
        }
        return self.desk.page(request, "envelopes/list.html", values, section="envelopes")

    async def letter(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        envelope_id = request.path_params["envelope_id"]
        if IDENTIFIER.fullmatch(envelope_id) is None:
            raise Refused("not-found")
        values = await self.desk.ledger.read(
            _letter_values,
            envelope_id,
            visitor.own_agency,
            query_text(request, "recipients_after"),
            number_of(request, "entries_after"),
        )
        # not in the ledger's thread: the reader's language belongs to this request
        profile = self.desk.context.policy.profile
        values["warnings"] = [finding_of(row, profile) for row in values["warnings"]]
        facts = explanation.settled(values["signer"].get("revocations"), values["settlements"])
        values["revocations"] = explanation.revocations(facts)
        values["revocation_pending"] = explanation.is_pending(values["signer"], facts)
        references.spoken(values["references"], values["page_address"])
        values["time_stamp"] = stamps.spoken(values["bounds"], self.desk.context.time_stamped)
        now = clock.now()
        values["dues"] = {row.id: lateness.dues(row, now) for row in values["recipients"]}
        letter = values["letter"]
        values["chaseable"] = {row.id for row in values["recipients"] if lateness.chaseable(visitor, letter, row)}
        values["evidence"] = reader_of(visitor.person) is not None
        values["purged"] = await self.desk.ledger.read(purged.of_envelope, envelope_id)
        values["chased"] = lateness.outcome(query_text(request, "chased"))
        values["days"] = timeline(values["entries"], values["names"], now)
        return self.desk.page(request, "envelopes/letter.html", values, section="envelopes")


def _filters(request: Request, own_agency: str | None) -> Filters:
    return Filters(
        text=query_text(request, "q"),
        direction=cast(Direction, choice_of(request, "direction", DIRECTIONS)),
        agency=query_text(request, "agency"),
        state=cast(StateFilter, choice_of(request, "state", STATES)),
        first_day=day_of(request, "from"),
        last_day=day_of(request, "to"),
        own_agency=own_agency,
    )


def _letter_values(
    transaction: Transaction, envelope_id: str, own_agency: str | None, recipients_after: str, entries_after: int
) -> dict[str, Any]:
    """Everything of one letter in one consistent view. Raises ``Refused('not-found')``."""
    letter = journey.letter(transaction, envelope_id, own_agency)
    if letter is None:
        raise Refused("not-found")
    only = None if own_agency in (None, letter.sender_code) else own_agency
    recipients, more_recipients = journey.recipients(transaction, envelope_id, only=only, after=recipients_after)
    entries, more_entries = journey.timeline(transaction, envelope_id, only=only, after=entries_after)
    entries = _with_recipient(entries, recipients)
    page = f"/envelopes/{envelope_id}"
    return {
        "letter": letter,
        "head": _dict(letter, "head"),
        "signer": _dict(letter, "signer"),
        "attachments": _rows(letter, "attachments"),
        "warnings": _rows(letter, "warnings"),
        "settlements": [entry.detail for entry in journey.settlements(transaction, envelope_id)],
        "recipients": recipients,
        "tried": dead_letters.attempts_of(transaction, [row.id for row in recipients]),
        "standing": journey.standing(transaction, envelope_id, only=only),
        "only_own": only is not None,
        "entries": entries,
        "names": journey.names_of(transaction, entries),
        "more_recipients": with_query(page, {"recipients_after": more_recipients}) if more_recipients else "",
        "more_entries": with_query(page, {"entries_after": more_entries}) if more_entries else "",
        "page_address": page,
        "references": references.of_letter(
            transaction, envelope_id, own_agency, _rows(letter, "response_for"), [row.code for row in recipients]
        ),
        "bounds": timestamps.bounds_of_letter(transaction, envelope_id),
        "continued": bool(recipients_after or entries_after),
    }


def _with_recipient(entries: list[Entry], recipients: list[RecipientRow]) -> list[Entry]:
    """Entries whose detail does not name the recipient get it from their delivery."""
    code_of = {row.id: row.code for row in recipients}
    for entry in entries:
        if entry.delivery_id in code_of:
            entry.detail.setdefault("recipient", code_of[entry.delivery_id])
    return entries


def _list(letter: Letter, name: str) -> list[Any]:
    value = letter.details.get(name)
    return value if isinstance(value, list) else []


def _rows(letter: Letter, name: str) -> list[dict[str, Any]]:
    return [row for row in _list(letter, name) if isinstance(row, dict)]


def _dict(letter: Letter, name: str) -> dict[str, Any]:
    value = letter.details.get(name)
    return value if isinstance(value, dict) else {}
