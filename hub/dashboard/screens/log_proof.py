"""The transparency log for people: how far it is sealed, who outside watches it, and loudly what is wrong with it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub import clock
from hub.audit import Entry, Event
from hub.dashboard.desk import Desk
from hub.dashboard.sealing import headline
from hub.ledger import log_proofs, log_state
from hub.problems import Deferred, Refused


class LogProofScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/log/proof", self.state, methods=["GET"])
        router.add_api_route("/log/proof/{leaf_id}", self.one, methods=["GET"])

    async def state(self, request: Request) -> Response:
        state, now = await self.desk.ledger.read(log_state.read), clock.now()
        values = {"state": state, "progress": state.progress, "headline": headline(state.progress, now), "now": now}
        return self.desk.page(request, "log/proof.html", values, section="log")

    async def one(self, request: Request, leaf_id: str) -> Response:
        """The proof of an entry or a receipt, as a file that ``lienthong verify --proof`` reads."""
        visitor = self.desk.visitor(request)
        found = (await self.desk.ledger.read(log_proofs.inclusions, [leaf_id])).get(leaf_id)
        if found is None:
            known = await self.desk.ledger.read(log_proofs.known, leaf_id, None)
            raise Deferred("log-pending", leaf_id, retry_after=2) if known else Refused("not-found", leaf_id)
        filters = {"filters": {"id": leaf_id}, "entries": 1}
        entry = Entry(Event.LOG_QUERIED, clock.now(), actor=f"person:{visitor.person.login}", detail=filters)
        await self.desk.ledger.write(self.desk.context.record, [entry])
        attachment = {"Content-Disposition": f'attachment; filename="{leaf_id}.json"'}
        return JSONResponse({"id": leaf_id, **found.shown()}, headers=attachment)
