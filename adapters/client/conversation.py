"""How one call becomes requests and pauses: token, retry with full jitter, ``Retry-After``; no input or output.

A conversation is a generator of steps. The synchronous and the asynchronous client carry the same steps out: there is
one retry policy and one way to read a refusal. Implements: RFC 6749 §4.4, RFC 9110 §10.2.3, RFC 9457.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections import OrderedDict
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote

from adapters.client.calls import Call, Receiver, Reply
from hub import clock
from hub.envelope.related import Related
from hub.problems import Deferred, Finding, Refused

T = TypeVar("T")

# 408: the line was bad while the body went out; every call may be repeated
_TRY_LATER = frozenset({408, 429, 502, 503, 504})
_RENEW_BEFORE = 30.0  # seconds of a token's life that are not used, for clocks and long requests


class CallRefused(Refused):
    """The hub said no. ``code`` is its catalogue code, ``refusal`` the signed proof (compact JWS) if any."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        code = str(document.get("code") or "hub-internal")
        detail = str(document.get("detail") or document.get("title") or f"HTTP {status}")
        findings = tuple(
            Finding(str(each.get("code", code)), str(each.get("detail", "")), str(each.get("location", "")))
            for each in document.get("findings") or ()
        )
        super().__init__(code, detail, findings=findings)
        self.status = status
        self.problem = code
        self.title = str(document.get("title") or "")
        self.explanation = detail
        self.retryable = bool(document.get("retryable"))
        self.refusal: str | None = document.get("refusal")
        self.trace_id: str | None = document.get("trace_id")
        self.document = dict(document)

    @property
    def code(self) -> str:
        return self.problem


class HubUnreachable(Deferred):
    """No answer: the hub is down, the network is, or the answer was lost after the request went out."""

    def __init__(self, detail: str) -> None:
        super().__init__("hub-unreachable", detail)


@dataclass(frozen=True, slots=True)
class Credentials:
    """OAuth 2.0 client credentials of an agency's document system."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` tries; the n-th pause is uniform in [0, min(cap, first · 2ⁿ)] seconds (full jitter)."""

    attempts: int = 5
    first: float = 0.25
    cap: float = 10.0
    longest_retry_after: float = 60.0

    def pause(self, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after the ``attempt``-th try; the hub's own ``Retry-After`` is a floor, not a suggestion."""
        jitter = min(self.cap, self.first * (1 << attempt)) * _chance()
        return jitter if retry_after is None else min(retry_after, self.longest_retry_after) + min(jitter, 1.0)


def _chance() -> float:
    """Uniform in [0, 1): the last 62 bits of a fresh UUIDv7 are random (RFC 9562 §5.7)."""
    return (uuid.UUID(clock.new_id()).int & ((1 << 62) - 1)) / (1 << 62)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A step: send this, come back with a ``Reply`` or a ``Failure``."""

    method: str
    path: str
    query: Mapping[str, str | int]
    headers: Mapping[str, str]
    body: bytes | Related
    patience: float
    into: Receiver | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A step: wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """No reply: never sent, or its answer lost."""

    detail: str


Step = Exchange | Pause
Conversation = Generator[Step, Reply | Failure | None, T]


class Unchanged:
    """The last answers to what is polled, with their tags; the oldest are forgotten, long ones are not kept."""

    LARGEST = 512 * 1024
    MOST = 64

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, tuple[tuple[str, str | int], ...]], tuple[str, Reply]] = OrderedDict()

    def kept(self, call: Call[Any]) -> tuple[str, Reply] | None:
        """The last answer to this question and its tag."""
        return self._kept.get(_question(call))

    def keep(self, call: Call[Any], reply: Reply) -> None:
        tag = reply.headers.get("etag", "")
        if tag and len(reply.body) <= self.LARGEST:
            question = _question(call)
            self._kept[question] = (tag, reply)
            self._kept.move_to_end(question)
            while len(self._kept) > self.MOST:
                self._kept.popitem(last=False)


def _question(call: Call[Any]) -> tuple[str, tuple[tuple[str, str | int], ...]]:
    return call.path, tuple(sorted(call.query.items()))


@dataclass(slots=True)
class Session:
    """What lasts between calls: credentials, the current token, the language of explanations."""

    credentials: Credentials | None = None
    language: str = "vi"
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    token: str = field(default="", repr=False)
    token_until: float = 0.0
    unchanged: Unchanged = field(default_factory=Unchanged)

    def headers(self, media_type: str = "", accept: str = "") -> dict[str, str]:
        accept = accept or "application/json, application/problem+json, */*;q=0.1"
        headers = {"Accept": accept, "Accept-Language": self.language}
        if media_type:
            headers["Content-Type"] = media_type
        return headers


def converse(session: Session, call: Call[T]) -> Conversation[T]:
    """Yield the steps of one call and return what it reads. Raises ``CallRefused`` or ``HubUnreachable``."""
    renewed = False
    attempt = 0
    kept = session.unchanged.kept(call) if call.polled else None
    while True:
        attempt += 1
        headers = session.headers(call.media_type, call.accept)
        if call.authenticated:
            token = yield from access_token(session)
            headers["Authorization"] = f"Bearer {token}"
        if kept is not None:
            headers["If-None-Match"] = kept[0]
        outcome = yield Exchange(call.method, call.path, call.query, headers, call.body, call.patience, call.into)
        if isinstance(outcome, Reply) and outcome.status < 400:
            if outcome.status == 304 and kept is not None:
                return call.read(kept[1])
            if call.polled:
                session.unchanged.keep(call, outcome)
            return call.read(outcome)
        if isinstance(outcome, Reply) and outcome.status == 401 and call.authenticated and not renewed:
            session.token, renewed = "", True
            continue
        yield from _pause_or_raise(session.policy, attempt, outcome)


def access_token(session: Session) -> Conversation[str]:
    """Yield the steps of getting a token, none while the current one lasts (RFC 6749 §4.4.2, Basic authentication)."""
    if session.token and clock.monotonic() < session.token_until:
        return session.token
    if session.credentials is None:
        raise Refused("authentication-required", "this client has no credentials")
    pair = f"{quote(session.credentials.client_id, safe='')}:{quote(session.credentials.client_secret, safe='')}"
    headers = session.headers("application/x-www-form-urlencoded")
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    attempt = 0
    while True:
        attempt += 1
        asked = clock.monotonic()
        outcome = yield Exchange("POST", "/oauth2/token", {}, headers, b"grant_type=client_credentials", 30.0)
        if isinstance(outcome, Reply) and outcome.status < 400:
            answer = outcome.json()
            session.token = str(answer["access_token"])
            session.token_until = asked + float(answer["expires_in"]) - _RENEW_BEFORE
            return session.token
        yield from _pause_or_raise(session.policy, attempt, outcome)


def _pause_or_raise(
    policy: RetryPolicy, attempt: int, outcome: Reply | Failure | None
) -> Generator[Step, Reply | Failure | None, None]:
    """Pause when another try may help, else raise what the last one said."""
    if isinstance(outcome, Reply):
        wait = _retry_after(outcome)
        # so long a wait is for whoever asked to decide: asking earlier would only be refused again
        too_long = outcome.status == 429 and wait is not None and wait > policy.longest_retry_after
        if outcome.status in _TRY_LATER and attempt < policy.attempts and not too_long:
            yield Pause(policy.pause(attempt, wait))
            return
        raise CallRefused(outcome.status, _problem(outcome))
    detail = outcome.detail if outcome else "no answer"
    if attempt >= policy.attempts:
        raise HubUnreachable(detail)
    yield Pause(policy.pause(attempt, None))


def _problem(reply: Reply) -> dict[str, Any]:
    """The problem document (RFC 9457), or one made of the little that something else than a hub said."""
    try:
        document = reply.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        document = None
    if not isinstance(document, dict):
        return {"detail": f"HTTP {reply.status}: {reply.body[:200].decode('utf-8', 'replace')}"}
    return document


def _retry_after(reply: Reply) -> float | None:
    """Seconds or an HTTP date (RFC 9110 §10.2.3); None when absent or unreadable."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()).total_seconds())
