"""What a reader chose: language and theme, each in a cookie; nothing else is remembered in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from hub.language import LANGUAGES, Language, choose

ThemeChoice = Literal["system", "light", "dark"]
THEMES: tuple[ThemeChoice, ...] = ("system", "light", "dark")
LANGUAGE_COOKIE = "lienthong-language"
THEME_COOKIE = "lienthong-theme"
ONE_YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class Preferences:
    language: Language
    theme: ThemeChoice


def preferences_of(request: Request) -> Preferences:
    """The cookies' choices; without one, the browser's language (RFC 9110 §12.5.4) and the system's theme."""
    language = request.cookies.get(LANGUAGE_COOKIE)
    theme = request.cookies.get(THEME_COOKIE)
    return Preferences(
        language if language in LANGUAGES else choose(request.headers.get("accept-language")),
        theme if theme in THEMES else "system",
    )


def remember(response: Response, name: str, value: str, *, secure: bool) -> None:
    response.set_cookie(name, value, max_age=ONE_YEAR, httponly=True, samesite="lax", secure=secure)
