"""The list of letters with its search, and one letter with its journey."""

from __future__ import annotations

import re
from typing import cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import choice_of, day_of
from hub.dashboard.forms import text_of as query_text
from hub.ledger import search
from hub.ledger.search import Direction, Filters, StateFilter

DIRECTIONS = ("sent", "received")
STATES = ("open", "arrived", "refused", "dead")
# what auditors' questions call them
OUTCOMES: dict[str, str] = {"open": "waiting", "arrived": "delivered", "refused": "declined", "dead": "dead"}
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class EnvelopeScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/envelopes", self.listing, methods=["GET"])

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
            "messages": _messages(wanted),
        }
        return self.desk.page(request, "envelopes/list.html", values, section="envelopes")


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


def _messages(wanted: Filters) -> str:
    """The same asked of messages, one row for each recipient: to be kept under a name, or had as a file."""
    asked = {"words": wanted.text, "direction": wanted.direction, "outcome": OUTCOMES.get(wanted.state, "")}
    return with_query("/messages", asked | {"since": wanted.first_day, "until": wanted.last_day})
