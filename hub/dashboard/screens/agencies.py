"""Agencies: the tree, a branch at a time; finding one; and one agency with all that is registered of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard import moments, registering, rulebook
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import text_of
from hub.ledger import Transaction, agencies, agency_tree, contacts, overrides, proposals, system_state
from hub.ledger.agency_tree import Branch, Page
from hub.problems import Refused, explain

WAITING_SHOWN = 10


class AgencyScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/agencies", self.tree, methods=["GET"])
        router.add_api_route("/agencies/{code}", self.one, methods=["GET"])

    async def tree(self, request: Request) -> Response:
        text, under = text_of(request, "q"), text_of(request, "under")
        after, before = text_of(request, "after"), text_of(request, "before")
        if text and (code := await self.desk.ledger.read(agency_tree.named, text)):
            return RedirectResponse(address_of(code), 303)
        work = _found if text else _branch
        above, page = await self.desk.ledger.read(work, text or under, after, before)
        values = {
            "q": text,
            "under": above[-1] if above else None,
            "above": above,
            "page": page,
            "tags": {one.code: registering.agency_tag(one) for one in page.rows},
            "first": with_query("/agencies", {"q": text, "under": under}),
            "earlier": _step({"q": text, "under": under}, "before", page.earlier),
            "later": _step({"q": text, "under": under}, "after", page.later),
        }
        return self.desk.page(request, "agencies/tree.html", values, section="agencies")

    async def one(self, request: Request) -> Response:
        return await agency_page(self.desk, request)


async def agency_page(
    desk: Desk, request: Request, refusal: Refused | None = None, form: dict[str, str] | None = None
) -> Response:
    """One agency; with what was wrong with a form of it. Raises ``Refused('not-found')``."""
    code = request.path_params["code"]
    values = await desk.ledger.read(_agency, code, moments.local(clock.now()).date())
    if values is None:
        raise Refused("not-found", code)
    profile, today = desk.context.policy.profile, moments.local(clock.now()).date()
    excepted = rulebook.exceptions(values.pop("overrides"), profile, today, code)
    values |= {
        "tag_of": registering.agency_tag(values["agency"]),
        "channel": registering.channel_word(values["agency"].channel),
        "exceptions": [one for one in excepted if one.agency == code],
        "kinds": desk.context.proposals.kinds,
        "more_wait": len(values["waiting"]) > WAITING_SHOWN,
        "given": form or {},
        "problem": None if refusal is None else explain(refusal.code),
        "problem_detail": "" if refusal is None else refusal.detail,
    }
    status = 200 if refusal is None else explain(refusal.code).status
    return desk.page(request, "agencies/one.html", values, section="agencies", status=status)


def address_of(code: str) -> str:
    return f"/agencies/{quote(code, safe='')}"


def _step(kept: dict[str, str], name: str, code: str) -> str:
    return with_query("/agencies", {**kept, name: code}) if code else ""


def _branch(transaction: Transaction, under: str, after: str, before: str) -> tuple[list[tuple[str, str]], Page]:
    """Raises ``Refused('not-found')`` for an agency that is none."""
    above = agency_tree.path(transaction, under) if under else []
    if under and not above:
        raise Refused("not-found", under)
    return above, agency_tree.branch(transaction, under or None, after, before)


def _found(transaction: Transaction, text: str, after: str, before: str) -> tuple[list[tuple[str, str]], Page]:
    return [], agency_tree.search(transaction, text, after, before)


def _agency(transaction: Transaction, code: str, today: Any) -> dict[str, Any] | None:
    found: Branch | None = agency_tree.one(transaction, code)
    if found is None:
        return None
    held = agencies.certificates(transaction, code)
    return {
        "agency": found,
        "above": agency_tree.path(transaction, code)[:-1],
        "aliases": agency_tree.aliases(transaction, code),
        "contacts": contacts.of(transaction, [code]).get(code, []),
        "in_use": [one for one in held if one.withdrawn_at is None],
        "waiting": agency_tree.waiting(transaction, code, WAITING_SHOWN),
        "overrides": overrides.every(transaction, today),
        "proposed": proposals.of_subject(transaction, code),
        "systems": system_state.known_names(transaction),
    }
