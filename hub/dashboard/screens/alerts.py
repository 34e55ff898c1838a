"""Alerts: what somebody has to look at, and taking note of it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.alerts import keeping
from hub.dashboard import alerting
from hub.dashboard.access import Right
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import choice_of, form_of, local_address, text_of
from hub.ledger import Transaction, alert_notices, alerts
from hub.ledger.alert_notices import Notice
from hub.ledger.alerts import STATES, AlertRecord
from hub.problems import Refused

ROWS = 50


class AlertScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/alerts", self.listing, methods=["GET"])
        router.add_api_route("/alerts/{alert_id}/acknowledge", self.acknowledge, methods=["POST"])

    async def listing(self, request: Request) -> Response:
        state = choice_of(request, "state", STATES) or "open"
        after = _place(text_of(request, "after"))
        found, notices = await self.desk.ledger.read(_read, state, after)
        shown, more = found[:ROWS], found[ROWS:]
        values = {
            "lines": [alerting.line(one, notices[one.id]) for one in shown],
            "state": state,
            "may_acknowledge": self.desk.visitor(request).may(Right.OPERATION),
            "nobody_told": not self.desk.context.addressees,
            "here": with_query("/alerts", {"state": state, "after": text_of(request, "after")}),
            "first": with_query("/alerts", {"state": state}) if after else "",
            "older": with_query("/alerts", {"state": state, "after": _name(shown[-1])}) if more else "",
        }
        return self.desk.page(request, "alerts/list.html", values, section="alerts")

    async def acknowledge(self, request: Request) -> Response:
        visitor, form = self.desk.visitor(request), await form_of(request)
        identifier, note = request.path_params["alert_id"], form.get("note", "").replace("\x00", "")
        await self.desk.ledger.write(keeping.acknowledge, identifier, visitor.person.login, note)
        return RedirectResponse(local_address(form.get("next", "/alerts")), 303)


def _read(
    transaction: Transaction, state: str, after: tuple[int, str] | None
) -> tuple[list[AlertRecord], dict[str, list[Notice]]]:
    found = alerts.page(transaction, state, after, ROWS + 1)
    return found, alert_notices.of_alerts(transaction, [one.id for one in found])


def _place(text: str) -> tuple[int, str] | None:
    """The last alert that was shown. Raises ``Refused('request-invalid')``."""
    if not text:
        return None
    rank, dot, identifier = text.partition(".")
    if not dot or rank not in ("0", "1"):
        raise Refused("request-invalid", "not a place in the list", "after")
    return int(rank), identifier


def _name(one: AlertRecord) -> str:
    return f"{one.rank}.{one.id}"
