"""Dead letters: a list to work off, each with why, what was tried, and whether its octets are kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import rfc3339
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import day_of, text_of
from hub.delivery.replay import ACTORS
from hub.ledger import Transaction, dead_letters, mail, purged, replays, search
from hub.ledger.carriage import Attempt
from hub.ledger.dead_letters import DeadLetter, DeadPage, Filters, day_start
from hub.ledger.mail import CameBack

RETURNED = 50


@dataclass(frozen=True, slots=True)
class Line:
    """``kept``: the octets lie in the payload store, whole. ``purged``: they went after their time."""

    row: DeadLetter
    attempts: list[Attempt]
    kept: bool
    purged: bool


@dataclass(frozen=True, slots=True)
class _Read:
    page: DeadPage
    attempts: dict[str, list[Attempt]]
    codes: list[str]
    waiting: int
    returned: list[CameBack]
    purged: Collection[str]
    meant: Collection[str]


class DeadLetterScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/dead-letters", self.listing, methods=["GET"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        wanted = Filters(
            agency=text_of(request, "agency"),
            system=text_of(request, "system"),
            code=text_of(request, "code"),
            first_day=day_of(request, "from"),
            last_day=day_of(request, "to"),
            own_agency=visitor.own_agency,
        )
        found = await self.desk.ledger.read(_read, wanted, text_of(request, "before"), text_of(request, "after"))
        query = {
            "agency": wanted.agency,
            "system": wanted.system,
            "code": wanted.code,
            "from": wanted.first_day,
            "to": wanted.last_day,
        }
        page, payloads = found.page, self.desk.context.payloads
        may_replay = bool(visitor.person.roles & ACTORS)
        values = {
            "lines": [
                Line(
                    row,
                    found.attempts.get(row.id, []),
                    payloads.has(row.sha256, row.size),
                    row.envelope_id in found.purged,
                )
                for row in page.rows
            ],
            "filters": wanted,
            "codes": found.codes,
            "filtered": any(query.values()),
            "own_agency": visitor.own_agency,
            "may_replay": may_replay,
            "waiting": found.waiting if visitor.own_agency is None else 0,
            "returned": found.returned,
            "all_of_them": _all_of_them(wanted, found.meant) if may_replay and page.rows else "",
            "older": with_query("/dead-letters", query | {"before": page.older}) if page.older else "",
            "newer": with_query("/dead-letters", query | {"after": page.newer}) if page.newer else "",
            "first": with_query("/dead-letters", query),
        }
        return self.desk.page(request, "dead_letters/list.html", values, section="dead-letters")


def _read(transaction: Transaction, wanted: Filters, before: str, after: str) -> _Read:
    page = dead_letters.page(transaction, wanted, before=before, after=after)
    attempts = dead_letters.attempts_of(transaction, [row.id for row in page.rows])
    codes = dead_letters.codes(transaction, wanted.own_agency)
    # mailed documents that came back: their deliveries had counted as settled, and final states stay
    returned = mail.came_back(transaction, RETURNED, after_settling=True) if wanted == Filters() and not before else []
    gone = purged.of_envelopes(transaction, [row.envelope_id for row in page.rows])
    meant = search.agencies_named(transaction, wanted.agency, 2)
    return _Read(page, attempts, codes, replays.waiting(transaction), returned, gone.keys(), meant)


def _all_of_them(wanted: Filters, meant: Collection[str]) -> str:
    """The dry run of everything that matches; not for a part of a name that several agencies have."""
    if wanted.agency and len(meant) != 1:
        return ""
    first = "" if wanted.first_day is None else rfc3339(day_start(wanted.first_day))
    last = "" if wanted.last_day is None else rfc3339(dead_letters.day_end(wanted.last_day))
    query = {"state": "dead", "code": wanted.code, "system": wanted.system, "since": first, "until": last}
    return with_query("/replays/new", query | {"agency": next(iter(meant), "")})
