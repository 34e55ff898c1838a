"""The evidence pack of a letter, for those whose letter it is and for auditors."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hub.dashboard.desk import Desk
from hub.ledger.case import Reader
from hub.ledger.people import Person
from hub.problems import Refused


class EvidenceScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        # a pack handed out is an entry in the log: nothing that a browser may fetch ahead
        router.add_api_route("/envelopes/{envelope_id}/evidence", self.pack, methods=["POST"])

    async def pack(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        reader = reader_of(visitor.person)
        if reader is None:
            raise Refused("forbidden", "the octets of a letter are for its parties and for auditors")
        envelope_id = request.path_params["envelope_id"]
        made = await self.desk.context.evidence.take(envelope_id, reader, f"person:{visitor.person.login}")
        headers = {
            "Content-Length": str(made.size),
            "Content-Disposition": f'attachment; filename="{made.name}"',
        }
        return StreamingResponse(iter(made), headers=headers, media_type=made.media_type)


def reader_of(person: Person) -> Reader | None:
    """Whose pack a person may have: an auditor everybody's, others their agency's; those who only run the hub none."""
    if "auditor" in person.roles:
        return Reader()
    return None if person.agency_code is None else Reader(agency=person.agency_code)
