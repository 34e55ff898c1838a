"""The transparency log for people: how far it is sealed, who outside watches it, and loudly what is wrong with it."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub import clock
from hub.audit import Entry, Event
from hub.dashboard.desk import Desk
from hub.dashboard.situation import Headline
from hub.dashboard.wording import number
from hub.language import gettext
from hub.ledger import log_proofs, log_state
from hub.ledger.log_state import LogState
from hub.problems import Deferred, Refused

# the sealer works once a second: what waits for so long is no longer a moment
LONG_BEHIND = 30.0


class LogProofScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/log/proof", self.state, methods=["GET"])
        router.add_api_route("/log/proof/{leaf_id}", self.one, methods=["GET"])

    async def state(self, request: Request) -> Response:
        visitor = await self.desk.log_reader(request)
        state, now = await self.desk.ledger.read(log_state.read), clock.now()
        values = {"state": state, "progress": state.progress, "headline": headline(state, now), "now": now}
        return self.desk.page(request, "log/proof.html", values, person=visitor.person, section="log")

    async def one(self, request: Request, leaf_id: str) -> Response:
        """The proof of an entry or a receipt, as a file that ``lienthong verify --proof`` reads."""
        visitor = await self.desk.log_reader(request)
        found = (await self.desk.ledger.read(log_proofs.inclusions, [leaf_id])).get(leaf_id)
        if found is None:
            known = await self.desk.ledger.read(log_proofs.known, leaf_id, None)
            raise Deferred("log-pending", leaf_id, retry_after=2) if known else Refused("not-found", leaf_id)
        filters = {"filters": {"id": leaf_id}, "entries": 1}
        entry = Entry(Event.LOG_QUERIED, clock.now(), actor=f"person:{visitor.person.login}", detail=filters)
        await self.desk.ledger.write(self.desk.context.record, [entry])
        attachment = {"Content-Disposition": f'attachment; filename="{leaf_id}.json"'}
        return JSONResponse({"id": leaf_id, **found.shown()}, headers=attachment)


def headline(state: LogState, now: datetime) -> Headline:
    """One sentence about the whole log."""
    found = state.progress
    sealed = gettext("Sealed: {count} entries and receipts.").format(count=number(found.size))
    if found.rewritten:
        words = gettext(
            "Somebody changed what was sealed. Keep every receipt, checkpoint and backup, and tell an auditor."
        )
        return Headline("bad", "refusals", gettext("The log was rewritten"), words)
    if found.seconds_behind(now) > LONG_BEHIND:
        words = gettext("Receipts are signed and kept, but their proofs wait: look whether the role sweep runs.")
        return Headline("warn", "hourglass", gettext("Sealing is behind"), f"{sealed} {words}")
    if found.troubles:
        words = gettext("Somebody outside who signs for the log is not heard; below is who.")
        return Headline("warn", "hourglass", gettext("The log is sound"), f"{sealed} {words}")
    return Headline("ok", "dot", gettext("The log is sound"), sealed)
