"""Conditional requests: ``If-None-Match`` (RFC 9110 §13.1.2)."""

from __future__ import annotations

from fastapi import Request


def is_known(request: Request, etag: str) -> bool:
    """Whether the caller has the representation with this (strong) tag; tags are compared weakly, as §13.1.2 says.

    A proxy that compresses makes a tag weak: ``W/"…"`` is the same representation here.
    """
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in given.split(",")}
