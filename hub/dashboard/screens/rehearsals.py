"""Rehearsals: a challenge for a key that is to sign, the file to take along, and the signature that comes back."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from hub import clock
from hub.dashboard import certifying
from hub.dashboard.access import Right
from hub.dashboard.desk import Desk
from hub.dashboard.uploads import file_or_text
from hub.ledger import Transaction, certificates, proposals, rehearsals
from hub.ledger.certificates import Rehearsal
from hub.problems import Refused, explain
from hub.proposals.certificates import unpacked
from hub.signatures.rehearsing import LONGEST_SIGNATURE


class RehearsalScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        asking = "/agencies/{code}/certificates/{sha256}/rehearse"
        router.add_api_route(asking, self.ask, methods=["POST"])
        router.add_api_route("/rehearsals/{rehearsal_id}", self.one, methods=["GET"])
        router.add_api_route("/rehearsals/{rehearsal_id}", self.answer, methods=["POST"])
        router.add_api_route("/rehearsals/{rehearsal_id}/challenge", self.challenge, methods=["GET"])

    async def ask(self, request: Request) -> Response:
        code, sha256 = request.path_params["code"], request.path_params["sha256"]
        actor = f"person:{self.desk.visitor(request).person.login}"

        def made(transaction: Transaction) -> Rehearsal:
            der = _certificate(transaction, code, sha256)
            return rehearsals.ask(transaction, code, der, self.desk.context.hub_name, actor)

        asked = await self.desk.ledger.write(made)
        return RedirectResponse(f"/rehearsals/{asked.id}", 303)

    async def one(self, request: Request) -> Response:
        return await self._one(request)

    async def challenge(self, request: Request) -> Response:
        """The octets to sign, exactly."""
        known = await self._known(request)
        name = {"Content-Disposition": f'attachment; filename="{_file_name(known)}"'}
        return PlainTextResponse(known.challenge, headers=name)

    async def answer(self, request: Request) -> Response:
        identifier = request.path_params["rehearsal_id"]
        actor = f"person:{self.desk.visitor(request).person.login}"
        try:
            signature = await file_or_text(request, "signature", LONGEST_SIGNATURE)
            why = await self.desk.ledger.write(rehearsals.answer, identifier, signature, actor, None)
        except Refused as refusal:
            if refusal.code == "not-found":
                raise
            return await self._one(request, refusal)
        if why:
            return await self._one(request, Refused("rehearsal-failed", why))
        return RedirectResponse(f"/rehearsals/{identifier}", 303)

    async def _known(self, request: Request) -> Rehearsal:
        known = await self.desk.ledger.read(rehearsals.find, request.path_params["rehearsal_id"])
        if known is None:
            raise Refused("not-found", request.path_params["rehearsal_id"])
        return known

    async def _one(self, request: Request, refusal: Refused | None = None) -> Response:
        known, now = await self._known(request), clock.now()
        values = {
            "one": known,
            "state": certifying.rehearsal_tag(known, now),
            "open": known.state != "passed" and now < known.expires_at,
            "file_name": _file_name(known),
            "may_answer": self.desk.visitor(request).may(Right.REGISTRATION),
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "certificates/rehearsal.html", values, section="certificates", status=status)


def _certificate(transaction: Transaction, code: str, sha256: str) -> bytes:
    """The DER of a certificate that an agency has, or that is proposed for it. Raises ``Refused('not-found')``."""
    held = certificates.of_agency(transaction, code, sha256)
    if held is not None:
        return held
    for one in proposals.of_subject(transaction, code):
        if one.kind == "certificate.add" and _digest(der := unpacked(one.arguments)[0]) == sha256:
            return der
    raise Refused("not-found", sha256)


def _digest(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def _file_name(one: Rehearsal) -> str:
    return f"rehearsal-{one.id[-12:]}.txt"
