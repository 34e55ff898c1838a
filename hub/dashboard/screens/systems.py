"""Systems: the list with what waits for each, and one system: channel, health, tests, agencies."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard import registering
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import form_of, text_of
from hub.dashboard.timeline import timeline
from hub.ledger import Transaction, agency_tree, journey, proposals, reconfiguring, system_state, systems, trials
from hub.ledger.trials import Trial
from hub.problems import Refused, explain
from hub.registry import amqp

PAGE = 50
SERVED_SHOWN = 20
MENDABLE = {"registry-invalid", "registry-conflict", "registry-unknown", "request-invalid", "reason-missing"}
MENDABLE |= {"recipient-suspended", "channel-not-offered"}


class SystemScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/systems", self.listing, methods=["GET"])
        router.add_api_route("/systems/{system_id}", self.one, methods=["GET"])
        router.add_api_route("/systems/{system_id}/enable", self.enable, methods=["POST"])
        router.add_api_route("/systems/{system_id}/test", self.test, methods=["POST"])
        router.add_api_route("/systems/{system_id}/trial", self.send_trial, methods=["POST"])
        router.add_api_route("/systems/{system_id}/change", self.change, methods=["POST"])

    async def listing(self, request: Request) -> Response:
        text, after, now = text_of(request, "q"), text_of(request, "after"), clock.now()
        found = await self.desk.ledger.read(system_state.listing, text, after, PAGE)
        shown = found[:PAGE]
        values = {
            "systems": shown,
            "tags": {one.id: registering.system_tag(one, now) for one in shown},
            "channels": {one.channel: registering.channel_word(one.channel) for one in shown},
            "q": text,
            "first": with_query("/systems", {"q": text}) if after else "",
            "later": with_query("/systems", {"q": text, "after": shown[-1].name}) if len(found) > PAGE else "",
        }
        return self.desk.page(request, "systems/list.html", values, section="systems")

    async def one(self, request: Request) -> Response:
        return await self._one(request)

    async def enable(self, request: Request) -> Response:
        actor = f"person:{self.desk.visitor(request).person.login}"
        await self.desk.ledger.write(_enable, request.path_params["system_id"], actor)
        return self._back(request)

    async def test(self, request: Request) -> Response:
        login = self.desk.visitor(request).person.login
        await self.desk.context.registering.connectivity.test(request.path_params["system_id"], login)
        return self._back(request, "#tried")

    async def send_trial(self, request: Request) -> Response:
        form, login = await form_of(request), self.desk.visitor(request).person.login
        send = self.desk.context.registering.trials.send
        try:
            await send(request.path_params["system_id"], form.get("agency", "").strip(), login)
        except Refused as refusal:
            return await self._mend(request, refusal, form)
        return self._back(request, "#trials")

    async def change(self, request: Request) -> Response:
        form, login = await form_of(request), self.desk.visitor(request).person.login
        known = await self.desk.ledger.read(systems.by_id, request.path_params["system_id"])
        if known is None:
            raise Refused("not-found", request.path_params["system_id"])
        url, options = registering.given(known.channel, form)
        arguments = {"system": known.name, "url": url, "options": options}
        ask = self.desk.context.proposals.ask
        try:
            made = await self.desk.ledger.write(ask, "system.change", arguments, form.get("reason", ""), login)
        except Refused as refusal:
            return await self._mend(request, refusal, form)
        return RedirectResponse(f"/decisions/{made.id}", 303)

    async def _mend(self, request: Request, refusal: Refused, form: dict[str, str]) -> Response:
        if refusal.code not in MENDABLE:
            raise refusal
        return await self._one(request, refusal, form)

    async def _one(
        self, request: Request, refusal: Refused | None = None, form: dict[str, str] | None = None
    ) -> Response:
        system_id, now = request.path_params["system_id"], clock.now()
        values = await self.desk.ledger.read(_system, system_id)
        if values is None:
            raise Refused("not-found", system_id)
        known = values["system"]
        values |= {
            "tag_of": registering.system_tag(known, now),
            "channel": registering.channel_word(known.channel),
            "fields": registering.FIELDS.get(known.channel, ()),
            "more_served": len(values["served"]) > SERVED_SHOWN,
            "trials": [(one, timeline(entries, names, now)) for one, entries, names in values["trials"]],
            "live": any(not one.is_over for one, _entries, _names in values["trials"]),
            "kinds": self.desk.context.proposals.kinds,
            "given": form or {},
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "systems/one.html", values, section="systems", status=status)

    @staticmethod
    def _back(request: Request, mark: str = "") -> Response:
        return RedirectResponse(f"/systems/{request.path_params['system_id']}{mark}", 303)


def _enable(transaction: Transaction, system_id: str, actor: str) -> None:
    known = systems.by_id(transaction, system_id)
    if known is None:
        raise Refused("not-found", system_id)
    reconfiguring.enable(transaction, known.name, actor)


def _system(transaction: Transaction, system_id: str) -> dict[str, Any] | None:
    standing, known = system_state.one(transaction, system_id), systems.by_id(transaction, system_id)
    if standing is None or known is None:
        return None
    return {
        "system": standing,
        "client_id": known.client_id,
        "auditor": known.auditor,
        "inline_only": known.inline_only,
        "options": {"url": known.url or "", **amqp.public(known.options)},
        "served": agency_tree.served_by(transaction, system_id, SERVED_SHOWN),
        "tested": system_state.last_test(transaction, system_id),
        "attempts": system_state.last_attempts(transaction, system_id),
        "proposed": proposals.of_subject(transaction, known.name),
        "trials": [_journey(transaction, one) for one in trials.latest(transaction, system_id)],
    }


def _journey(transaction: Transaction, one: Trial) -> tuple[Trial, list[journey.Entry], journey.Names]:
    entries, _more = journey.timeline(transaction, one.envelope_id)
    return one, entries, journey.names_of(transaction, entries)
