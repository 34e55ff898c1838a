"""The desk that every page works at: who is asking, in which language and theme, and how a page is written."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hub import clock
from hub.dashboard.context import DashboardContext
from hub.dashboard.preferences import Preferences, preferences_of
from hub.dashboard.rendering import Templates
from hub.dashboard.situation import Situations
from hub.dashboard.throttle import LoginThrottle
from hub.ledger import people
from hub.ledger.people import Person
from hub.problems import Refused, explain
from hub.retention.deciding import DECIDING

# who sees every letter; others see those of their own agency
ALL_SEEING = frozenset({"operator", "administrator", "auditor"})
LOG_READERS = ALL_SEEING
# the page script asks again on its own: that must not keep a session alive
REFRESH_HEADER = "x-lienthong-refresh"


class LoginRequired(Exception):
    """The page is for people who logged in; ``address`` is where they wanted to go."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking. ``own_agency`` None means every agency's letters."""

    person: Person
    own_agency: str | None

    @property
    def reads_log(self) -> bool:
        return bool(self.person.roles & LOG_READERS)


class Desk:
    """What the screens share; made once for each application."""

    def __init__(self, context: DashboardContext) -> None:
        self.context = context
        self.ledger = context.ledger
        self.situations = Situations(context.ledger)
        self.throttle = LoginThrottle()
        self.templates = Templates(context.hub_name)

    @property
    def cookie(self) -> str:
        """``__Host-`` binds the cookie to this host over HTTPS (RFC 6265bis §4.1.3.2)."""
        return "__Host-lienthong" if self.context.secure else "lienthong-session"

    async def session_person(self, request: Request) -> Person | None:
        """The person whose session the request carries; a page that a person opened keeps the session alive."""
        token = request.cookies.get(self.cookie)
        if not token:
            return None
        now = clock.now()
        session = await self.ledger.read(people.session_person, token, now, self.context.session_idle)
        if session is None:
            return None
        if session.touch_due and REFRESH_HEADER not in request.headers:
            await self.ledger.write(people.touch_session, token, now)
        return session.person

    async def visitor(self, request: Request) -> Visitor:
        """Who is asking. Raises ``LoginRequired``, and ``Refused('forbidden')`` for one who may see no letters."""
        person = await self.session_person(request)
        if person is None:
            raise LoginRequired(_address(request))
        if person.roles & ALL_SEEING:
            return Visitor(person, None)
        if person.agency_code is None:
            raise Refused("forbidden", "no agency's letters are open to this account")
        return Visitor(person, person.agency_code)

    async def log_reader(self, request: Request) -> Visitor:
        """Like ``visitor`` for pages of the exchange log. Raises ``Refused('forbidden')`` for others."""
        visitor = await self.visitor(request)
        if not visitor.reads_log:
            raise Refused("forbidden", "the exchange log is for operators and auditors")
        return visitor

    def page(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        *,
        person: Person | None = None,
        section: str = "",
        status: int = 200,
    ) -> Response:
        """Write a page. ``section`` marks the place in the navigation."""
        frame = Frame(preferences_of(request), person, section, request.url.path, _address(request))
        return HTMLResponse(self.templates.write(template, frame, values), status_code=status)

    def problem(self, request: Request, code: str, detail: str = "", *, person: Person | None = None) -> Response:
        """A page that says what is wrong and what to do."""
        problem = explain(code)
        values = {"problem": problem, "detail": detail}
        return self.page(request, "errors/problem.html", values, person=person, status=problem.status)


@functools.lru_cache(maxsize=8)
def desk_of(context: DashboardContext) -> Desk:
    """The desk of this application: its templates are compiled and its caches filled once."""
    return Desk(context)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page."""

    preferences: Preferences
    person: Person | None
    section: str
    path: str
    address: str

    @property
    def reads_log(self) -> bool:
        return self.person is not None and bool(self.person.roles & LOG_READERS)

    @property
    def decides_retention(self) -> bool:
        return self.person is not None and bool(self.person.roles & DECIDING)


def _address(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}" if request.method == "GET" else "/"


def login_address(wanted: str) -> str:
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"


def with_query(path: str, values: Mapping[str, Any]) -> str:
    """``path`` with those values that are not empty."""
    kept = {name: str(value) for name, value in values.items() if value not in ("", None, 0)}
    return f"{path}?{urlencode(kept)}" if kept else path
