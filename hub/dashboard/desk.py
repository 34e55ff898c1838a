"""The desk that every page works at: who is asking, in which language and theme, and how a page is written."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hub import clock
from hub.dashboard.access import Right, Visitor, permitted, visitor_of
from hub.dashboard.context import DashboardContext
from hub.dashboard.engines import Engines
from hub.dashboard.navigation import Entry, Heading, at_hand, headings
from hub.dashboard.preferences import Preferences, preferences_of
from hub.dashboard.rendering import Templates
from hub.dashboard.situation import Situations
from hub.dashboard.tallies import Tallies, Tally
from hub.dashboard.throttle import AddressThrottle
from hub.ledger import sessions
from hub.ledger.people import Person
from hub.ledger.sessions import Session
from hub.problems import Refused, explain

# the page script asks again on its own: that must not keep a session alive
REFRESH_HEADER = "x-lienthong-refresh"


class LoginRequired(Exception):
    """The page is for people who logged in; ``address`` is where they wanted to go."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class Desk:
    """What the screens share; made once for each application."""

    def __init__(self, context: DashboardContext) -> None:
        self.context = context
        self.ledger = context.ledger
        self.situations = Situations(context.ledger)
        self.tallies = Tallies(context.ledger)
        self.engines = Engines(context.engines)
        self.throttle = AddressThrottle()
        # Argon2 takes 64 MiB a time on purpose: two at once, the others queue
        self.hashing = asyncio.Semaphore(2)
        self.templates = Templates(context.hub_name, openid=context.openid is not None)

    @property
    def cookie(self) -> str:
        """``__Host-`` binds the cookie to this host over HTTPS (RFC 6265bis §4.1.3.2)."""
        return "__Host-lienthong" if self.context.secure else "lienthong-session"

    async def session(self, request: Request) -> Session | None:
        """The open session that the request carries; a page that a person opened keeps it alive."""
        token = request.cookies.get(self.cookie)
        if not token:
            return None
        now = clock.now()
        session = await self.ledger.read(sessions.find, token, now, self.context.session_idle)
        if session is None:
            return None
        by_itself = REFRESH_HEADER in request.headers or request.url.path == "/live"
        if session.touch_due and not by_itself:
            await self.ledger.write(sessions.touch, token, session.person.id, now)
        return session

    async def admit(self, request: Request, right: Right) -> None:
        """Let the request through to its screen, or not. Raises ``LoginRequired``, ``Refused('forbidden')``."""
        if right is Right.OPEN:
            return
        session = await self.session(request)
        if session is None:
            raise LoginRequired(_address(request))
        request.state.session = session
        visitor = request.state.visitor = visitor_of(session.person)
        if request.method != "GET":
            self.tallies.forget()  # what is done now is not counted as waiting on the next page
        if permitted(visitor, Right.LETTERS):
            request.state.tally = await self.tallies.read(visitor.own_agency)
        if not permitted(visitor, right):
            raise Refused("forbidden", f"this is for {', '.join(sorted(right.roles))}")

    @staticmethod
    def visitor(request: Request) -> Visitor:
        """Who is asking: the router admitted them, by ``hub.dashboard.access``."""
        visitor: Visitor = request.state.visitor
        return visitor

    @staticmethod
    def own_session(request: Request) -> Session:
        """The session of whoever is asking."""
        session: Session = request.state.session
        return session

    def page(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        *,
        section: str = "",
        status: int = 200,
    ) -> Response:
        """Write a page. ``section`` marks the place in the navigation."""
        tally: Tally = getattr(request.state, "tally", Tally())
        visitor = _asking(request)
        frame = Frame(preferences_of(request), visitor, section, request.url.path, _address(request), tally)
        return HTMLResponse(self.templates.write(template, frame, values), status_code=status)

    def problem(self, request: Request, code: str, detail: str = "") -> Response:
        """A page that says what is wrong and what to do."""
        problem = explain(code)
        values = {"problem": problem, "detail": detail}
        return self.page(request, "errors/problem.html", values, status=problem.status)


@functools.lru_cache(maxsize=8)
def desk_of(context: DashboardContext) -> Desk:
    """The desk of this application: its templates are compiled and its caches filled once."""
    return Desk(context)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page."""

    preferences: Preferences
    visitor: Visitor | None
    section: str
    path: str
    address: str
    tally: Tally = field(default_factory=Tally)

    @property
    def person(self) -> Person | None:
        return None if self.visitor is None else self.visitor.person

    def may(self, right: str) -> bool:
        """Whether the reader has a right, by the name that ``hub.dashboard.access`` gives it."""
        return self.visitor is not None and self.visitor.may(Right[right])

    @property
    def places(self) -> list[Heading]:
        """The navigation: what this reader may open."""
        return [] if self.visitor is None else headings(self.visitor, self.section, self.tally)

    @property
    def at_hand(self) -> list[Entry]:
        """The bar of a phone."""
        return [] if self.visitor is None else at_hand(self.visitor, self.section, self.tally)


def _asking(request: Request) -> Visitor | None:
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    return visitor


def _address(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}" if request.method == "GET" else "/"


def login_address(wanted: str) -> str:
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"


def with_query(path: str, values: Mapping[str, Any]) -> str:
    """``path`` with those values that are not empty."""
    kept = {name: str(value) for name, value in values.items() if value not in ("", None, 0)}
    return f"{path}?{urlencode(kept)}" if kept else path
