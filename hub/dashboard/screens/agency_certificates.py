"""An agency's certificates: what it signs with, another one for it, and taking one away; two people change them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard import certifying
from hub.dashboard.access import Right
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of
from hub.dashboard.uploads import file_or_text
from hub.ledger import Transaction, agencies, proposals, rehearsals, trust
from hub.problems import Refused, explain
from hub.proposals.certificates import LARGEST, Judged, judge, packed, read, unpacked

LIMIT = 4 * LARGEST


class AgencyCertificateScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        of_agency = "/agencies/{code}/certificates"
        router.add_api_route(of_agency, self.of_agency, methods=["GET"])
        router.add_api_route(of_agency, self.propose, methods=["POST"])
        router.add_api_route(f"{of_agency}/check", self.check, methods=["POST"])
        router.add_api_route(f"{of_agency}/{{sha256}}/withdraw", self.withdraw, methods=["POST"])

    async def of_agency(self, request: Request) -> Response:
        return await self._agency(request)

    async def check(self, request: Request) -> Response:
        try:
            ders = read(await file_or_text(request, "certificate", LIMIT))
            return await self._new(request, ders)
        except Refused as refusal:
            return await self._agency(request, refusal)

    async def propose(self, request: Request) -> Response:
        visitor, code, form = self.desk.visitor(request), request.path_params["code"], await form_of(request)
        ders = _ders(form.get("certificates", ""))
        work, reason = self.desk.context.proposals.ask, form.get("reason", "")
        try:
            arguments = packed(code, ders)
            made = await self.desk.ledger.write(work, "certificate.add", arguments, reason, visitor.person.login)
        except Refused as refusal:
            return await self._new(request, ders, refusal)
        return RedirectResponse(f"/decisions/{made.id}", 303)

    async def withdraw(self, request: Request) -> Response:
        visitor, code, form = self.desk.visitor(request), request.path_params["code"], await form_of(request)
        arguments = {"agency": code, "certificate": request.path_params["sha256"]}
        work, reason, login = self.desk.context.proposals.ask, form.get("reason", ""), visitor.person.login
        try:
            made = await self.desk.ledger.write(work, "certificate.withdraw", arguments, reason, login)
        except Refused as refusal:
            return await self._agency(request, refusal)
        return RedirectResponse(f"/decisions/{made.id}", 303)

    async def _agency(self, request: Request, refusal: Refused | None = None) -> Response:
        code, now = request.path_params["code"], clock.now()
        values = await self.desk.ledger.read(_of_agency, code) | {
            "may_change": self.desk.visitor(request).may(Right.REGISTRATION),
            "held_tag": certifying.held_tag,
            "rehearsal_tag": certifying.rehearsal_tag,
            "moment": now,
            "limit": LIMIT,
        }
        return self._page(request, "certificates/agency.html", values, refusal)

    async def _new(self, request: Request, ders: tuple[bytes, ...], refusal: Refused | None = None) -> Response:
        code, now = request.path_params["code"], clock.now()

        def examine(transaction: Transaction) -> tuple[dict[str, Any], Judged]:
            return _of_agency(transaction, code), judge(ders, trust.store(transaction), now)

        values, judged = await self.desk.ledger.read(examine)
        profile = self.desk.context.policy.profile
        examined = certifying.examined(judged, values["held"], profile, now)
        known = any(one.sha256 == examined.sha256 and one.withdrawn_at is None for one in values["held"])
        values |= {"examined": examined, "known": known, "sealed": ".".join(map(_encoded, ders))}
        return self._page(request, "certificates/new.html", values, refusal)

    def _page(self, request: Request, template: str, values: dict[str, Any], refusal: Refused | None) -> Response:
        values["address"] = f"/agencies/{quote(values['agency'].code, safe='')}/certificates"
        values["problem"] = None if refusal is None else explain(refusal.code)
        values["problem_detail"] = "" if refusal is None else refusal.detail
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, template, values, section="certificates", status=status)


def _of_agency(transaction: Transaction, code: str) -> dict[str, Any]:
    """The agency with its certificates, their rehearsals, and what is proposed. Raises ``Refused('not-found')``."""
    known = agencies.find(transaction, [code]).get(code)
    if known is None:
        raise Refused("not-found", code)
    asked = [one for one in proposals.of_subject(transaction, known.code) if one.kind.startswith("certificate.")]
    added = [(one, unpacked(one.arguments)[0]) for one in asked if one.kind == "certificate.add"]
    return {
        "agency": known,
        "held": agencies.certificates(transaction, known.code),
        "asked": asked,
        "proposed": {one.id: hashlib.sha256(der).hexdigest() for one, der in added},
        "rehearsed": rehearsals.outcomes(transaction, known.code),
    }


def _encoded(der: bytes) -> str:
    return base64.urlsafe_b64encode(der).decode()


def _ders(text: str) -> tuple[bytes, ...]:
    """What the page before put into the form. Raises ``Refused('request-invalid')``."""
    try:
        return tuple(base64.b64decode(part, altchars=b"-_", validate=True) for part in text.split("."))
    except (binascii.Error, ValueError) as error:
        raise Refused("request-invalid", "not base64", "certificates") from error
