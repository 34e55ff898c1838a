"""Bounded reading of forms and of query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import parse_qsl

from starlette.requests import Request

from hub.problems import Refused

LARGEST_FORM = 16 * 1024
LONGEST_VALUE = 200


async def form_of(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form, the last value of each. Raises ``Refused('request-too-large')`` over 16 KiB."""
    return dict(await _fields(request, 50))


async def lists_of(request: Request) -> dict[str, list[str]]:
    """The same with every value of a field, for lists in which many are ticked."""
    found: dict[str, list[str]] = {}
    for name, value in await _fields(request, 300):
        found.setdefault(name, []).append(value)
    return found


async def _fields(request: Request, most: int) -> list[tuple[str, str]]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise Refused("request-too-large")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=most)
    except ValueError as error:
        raise Refused("request-invalid", str(error)) from error


def text_of(request: Request, name: str) -> str:
    """A query parameter, stripped and cut to a sane length; empty when it is absent."""
    return request.query_params.get(name, "").strip()[:LONGEST_VALUE].replace("\x00", "")


def choice_of(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """A query parameter that must be one of ``choices``; anything else reads as empty."""
    value = text_of(request, name)
    return value if value in choices else ""


def number_of(request: Request, name: str) -> int:
    """A query parameter that is a small positive number; 0 otherwise."""
    value = text_of(request, name)
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else 0


def day_of(request: Request, name: str) -> date | None:
    """A query parameter that is a day (``2026-11-21``); None when it is absent or no day."""
    try:
        day = date.fromisoformat(text_of(request, name))
    except ValueError:
        return None
    return day if 2000 <= day.year < 2200 else None


def day_in(given: Mapping[str, str], name: str) -> date | None:
    """A field of a form that is a day; None when empty. Raises ``Refused('request-invalid')`` for what is no day."""
    text = given.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Refused("request-invalid", f"{text[:40]}: not a day", name) from error


def local_address(address: str) -> str:
    """``address`` when it is a path of this site, else ``/``: nobody is sent elsewhere by a crafted link."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"
