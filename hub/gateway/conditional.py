"""Conditional requests: ``If-None-Match`` (RFC 9110 §13.1.2)."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from hub import __version__

# of operations that answer If-None-Match
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "unchanged since the tag in If-None-Match"}}


def is_known(request: Request, etag: str) -> bool:
    """Whether the caller has the representation with this (strong) tag; tags are compared weakly, as §13.1.2 says.

    A proxy that compresses makes a tag weak: ``W/"…"`` is the same representation here.
    """
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in given.split(",")}


def tagged(fingerprint: str) -> str:
    """A strong tag. Another version of the program may write the same facts in another form; empty stays empty."""
    return f'"{__version__}-{fingerprint}"' if fingerprint else ""
