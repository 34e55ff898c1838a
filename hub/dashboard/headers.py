"""Security headers of every page, and the check that a change was asked for by a page of ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from hub.problems import Refused

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def harden(response: Response, *, secure: bool = False) -> Response:
    """Add the headers; pages about people's letters are not kept by anyone unless they say otherwise."""
    for name, value in _HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    if secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def require_same_origin(request: Request) -> None:
    """Raise ``Refused('forbidden')`` when another site's page asked a browser for a change.

    ``Sec-Fetch-Site`` decides where the browser sends it, else ``Origin`` against ``Host``; a request with neither
    does not come from a page at all, and cookies with SameSite=Lax did not travel with it.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site in ("same-origin", "none"):
            return
        raise Refused("forbidden", "the request comes from another site", "Sec-Fetch-Site")
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc == request.headers.get("host", ""):
        return
    raise Refused("forbidden", "the request comes from another site", "Origin")
