"""Signing in at the province's identity provider: away from the login page or a person's link, and back."""

from __future__ import annotations

import hmac

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.audit import Entry, Event
from hub.dashboard.desk import Desk
from hub.dashboard.forms import local_address, text_of
from hub.dashboard.signing_in import SigningIn
from hub.ledger import Transaction, identities, person_links, sessions
from hub.ledger.people import Person
from hub.problems import Refused
from hub.registry.openid import Assertion, Flow, IdentityProvider

LONGEST_CODE = 4096  # characters; RFC 6749 sets no bound


class OpenIdScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.signing_in = SigningIn(desk)

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/login/openid", self.leave, methods=["GET"])
        router.add_api_route("/login/openid/back", self.back, methods=["GET"])

    async def leave(self, request: Request) -> Response:
        """Send the browser to the provider. ``link``: the token of the one-time link that the person came by."""
        provider, flow, link = self._provider(), Flow(), text_of(request, "link")
        wanted = local_address(text_of(request, "next") or "/")
        address = await provider.address(flow)
        await self.desk.ledger.write(identities.depart, flow.state, wanted, clock.now())
        response = RedirectResponse(address, 303)
        response.set_cookie(
            self._cookie,
            f"{flow.secret}.{link}",
            max_age=int(identities.JOURNEY_LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",  # the way back begins on the provider's site
            secure=self.desk.context.secure,
        )
        return response

    async def back(self, request: Request) -> Response:
        """Raises ``Refused``: ``openid-refused``, ``openid-unknown``, ``link-unusable``, ``identity-taken``."""
        provider = self._provider()
        secret, _, link = request.cookies.get(self._cookie, "").partition(".")
        flow = Flow(secret)
        wanted = await self._arrived(request, flow)
        if error := text_of(request, "error"):
            raise Refused("openid-refused", error)
        code = request.query_params.get("code", "")
        if not 0 < len(code) <= LONGEST_CODE:
            raise Refused("openid-refused", "no code")
        found = await provider.redeem(code, text_of(request, "iss"), flow)
        person = await self.desk.ledger.write(_bound if link else _recognised, found, link)
        if person is None:
            entry = Entry(Event.PERSON_LOGIN_FAILED, clock.now(), actor="person:unknown", detail={"at": "openid"})
            await self.desk.ledger.write(self.desk.context.record, [entry])
            raise Refused("openid-unknown")
        response = await self.signing_in.begin(request, person, "openid", wanted, both=found.second_factor)
        response.delete_cookie(self._cookie, secure=self.desk.context.secure, httponly=True, samesite="lax")
        return response

    async def _arrived(self, request: Request, flow: Flow) -> str:
        """The page that was wanted by whoever left from this browser; each way back is gone once."""
        state = text_of(request, "state")
        if not flow.secret or not hmac.compare_digest(state.encode(), flow.state.encode()):
            raise Refused("openid-refused", "this browser did not leave with this state")
        wanted = await self.desk.ledger.write(identities.arrive, state, clock.now())
        if wanted is None:
            raise Refused("openid-refused", "this way back was gone before, or took too long")
        return wanted

    def _provider(self) -> IdentityProvider:
        if self.desk.context.openid is None:
            raise Refused("not-found")
        return self.desk.context.openid

    @property
    def _cookie(self) -> str:
        return "__Host-lienthong-openid" if self.desk.context.secure else "lienthong-openid"


def _recognised(transaction: Transaction, found: Assertion, _link: str) -> Person | None:
    return identities.recognise(transaction, found)


def _bound(transaction: Transaction, found: Assertion, link: str) -> Person:
    """Use the link up: whose it is signs in there from now on. Raises ``Refused``: ``link-unusable``, …"""
    at = clock.now()
    taken = person_links.take(transaction, link, at)
    if taken.person is None:
        raise Refused("link-unusable", "the first administrator chooses a password")
    sessions.end_all(transaction, taken.person.id)
    identities.bind(transaction, taken.person, found, at)
    return taken.person
