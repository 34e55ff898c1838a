"""Certificates of all agencies: what ends next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.dashboard import certifying
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import choice_of, text_of
from hub.ledger import certificates
from hub.ledger.certificates import BoundCertificate

SHOWN = 100
VIEWS = ("expired", "all")


class CertificateScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/certificates", self.listing, methods=["GET"])

    async def listing(self, request: Request) -> Response:
        view, after, now = choice_of(request, "show", VIEWS), _place(text_of(request, "after")), clock.now()
        bounds = {"expired": (None, now), "all": (None, None)}.get(view, (now, now + certificates.SOON))
        found = await self.desk.ledger.read(certificates.ending, *bounds, after, SHOWN)
        counts = await self.desk.ledger.read(certificates.steps, now)
        values = {
            "view": view,
            "groups": certifying.groups(found, now),
            "counts": [(days, counts.get(days, 0)) for days in certificates.STEPS],
            "end_tag": certifying.end_tag,
            "first": with_query("/certificates", {"show": view}) if after else "",
            "more": _more(view, found) if len(found) == SHOWN else "",
        }
        return self.desk.page(request, "certificates/list.html", values, section="certificates")


def _place(text: str) -> tuple[datetime, str, str] | None:
    parts = text.split("|", 2)
    try:
        return (clock.parse_rfc3339(parts[0]), parts[1], parts[2]) if len(parts) == 3 else None
    except ValueError:
        return None


def _more(view: str, found: Sequence[BoundCertificate]) -> str:
    last = found[-1]
    after = f"{clock.rfc3339(last.not_after)}|{last.sha256}|{last.agency_code}"
    return with_query("/certificates", {"show": view, "after": after})
