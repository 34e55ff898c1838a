"""An identity provider on loopback: discovery, keys, authorization and token endpoint, and ways to be hostile."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from tests.openid.tokens import Key, encoded, jwk, token
from tests.world import eventually

CLIENT, SECRET = "lienthong", "a secret: with/odd+signs"
Claims = dict[str, Any]
Make = Callable[["Provider", Claims], str]


@dataclass
class Provider:
    """``account``: who is signed in there. ``make`` makes the token; ``changes`` are laid over what it says."""

    url: str
    back: str = ""
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "one"
    account: Claims = field(default_factory=lambda: {"sub": "account-1"})
    changes: Claims = field(default_factory=dict)
    make: Make | None = None
    answers_as: str = ""  # names itself like this on the way back (RFC 9207)
    described: Claims = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def description(self) -> Claims:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in places.items()}, **self.described}

    def authorize(self, question: dict[str, str]) -> str:
        """The way back: whoever is signed in agrees at once."""
        assert question["code_challenge_method"] == "S256"
        assert question["response_type"] == "code"
        assert "openid" in question["scope"].split()
        code = encoded(hashlib.sha256(str(len(self.codes)).encode()).digest())
        self.codes[code] = question
        more = {"iss": self.answers_as} if self.answers_as else {}
        return f"{question['redirect_uri']}?{urlencode({'code': code, 'state': question['state'], **more})}"

    def redeem(self, given: dict[str, str], authorization: str) -> Claims:
        """RFC 6749 §4.1.3 and RFC 7636 §4.6; a code is good once."""
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote_plus(client), unquote_plus(secret)) != (CLIENT, SECRET):
            return {"error": "invalid_client"}
        question = self.codes.pop(given.get("code", ""), None)
        challenge = encoded(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        if question is None or challenge != question["code_challenge"]:
            return {"error": "invalid_grant"}
        if given.get("redirect_uri") != question["redirect_uri"] or question["client_id"] != CLIENT:
            return {"error": "invalid_grant"}
        claims = {**self.claims(question["nonce"]), **self.changes}
        made = self.make(self, claims) if self.make is not None else token(self.key, self.kid, claims)
        return {"access_token": "unused", "token_type": "Bearer", "id_token": made}

    def claims(self, nonce: str) -> Claims:
        now = int(time.time())
        return {"iss": self.url, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce, **self.account}


def application(provider: Provider) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def standing(request: Request, call: Any) -> Response:
        provider.asked.append(request.url.path)
        return JSONResponse({}, 503) if provider.away else await call(request)

    @app.get("/.well-known/openid-configuration")
    async def description() -> Claims:
        return provider.description()

    @app.get("/keys")
    async def keys() -> Claims:
        return {"keys": [jwk(provider.key, provider.kid)]}

    @app.get("/authorize")
    async def authorize(request: Request) -> Response:
        return RedirectResponse(provider.authorize(dict(request.query_params)), 303)

    @app.post("/token")
    async def redeem(request: Request) -> Response:
        given = dict(parse_qsl((await request.body()).decode()))
        answer = provider.redeem(given, request.headers.get("authorization", ""))
        return JSONResponse(answer, 400 if "error" in answer else 200)

    return app


@contextlib.contextmanager
def running() -> Iterator[Provider]:
    """The provider on a port of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(application(provider), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        eventually(lambda: server.started, 60)
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join(30)
