"""Language: what people read, in Vietnamese and English.

In charge of: choosing between the two languages and looking texts up in the gettext catalogues.
Comes in: an English text (the msgid) and a language. Goes out: the text in that language.
Catalogues are ``locale/<language>/LC_MESSAGES/lienthong.po``, read as they are: no compiled copy can be stale.
English texts are their own catalogue: only Vietnamese has a file.
Implements: RFC 9110 §12.5.4 (Accept-Language) for the two languages offered.
"""

from __future__ import annotations

import contextvars
import functools
import gettext as _gettext
import io
from pathlib import Path
from typing import Literal

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")
DEFAULT: Language = "vi"
LOCALE = Path(__file__).parent / "locale"

current: contextvars.ContextVar[Language] = contextvars.ContextVar("language", default=DEFAULT)


@functools.cache
def catalogue(language: Language) -> _gettext.NullTranslations:
    path = LOCALE / language / "LC_MESSAGES" / "lienthong.po"
    if not path.exists():
        return _gettext.NullTranslations()
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return _gettext.GNUTranslations(compiled)


def gettext(text: str, language: Language | None = None) -> str:
    """``text`` in ``language``, else in the language of the current request or command."""
    return catalogue(language or current.get()).gettext(text)


_ = gettext


def ngettext(singular: str, plural: str, number: int, language: Language | None = None) -> str:
    """The form for ``number`` in ``language``; Vietnamese has one form for all numbers."""
    return catalogue(language or current.get()).ngettext(singular, plural, number)


def mark(text: str) -> str:
    """Marks a text in a table for translation; it is looked up where it is used."""
    return text


def mark_plural(singular: str, plural: str) -> tuple[str, str]:
    """Marks two forms in a table for translation; ``ngettext`` chooses where they are used."""
    return singular, plural


def choose(accept_language: str | None) -> Language:
    """The better of the two for an ``Accept-Language`` value; Vietnamese when it says nothing usable."""
    ranked: list[tuple[float, int, Language]] = []
    for position, part in enumerate((accept_language or "").split(",")):
        tag, _sep, parameters = part.strip().partition(";")
        primary = tag.split("-")[0].lower()
        try:
            quality = float(parameters.strip().removeprefix("q=")) if parameters else 1.0
        except ValueError:
            continue
        for language in LANGUAGES:
            if primary == language and quality > 0:
                ranked.append((-quality, position, language))
    return min(ranked)[2] if ranked else DEFAULT


def of_terminal(environment_language: str) -> Language:
    """The language for the command line, from the value of ``LC_ALL``, ``LC_MESSAGES`` or ``LANG``."""
    return "vi" if environment_language.lower().startswith("vi") else "en"


__all__ = [
    "DEFAULT",
    "LANGUAGES",
    "Language",
    "_",
    "choose",
    "current",
    "gettext",
    "mark",
    "mark_plural",
    "ngettext",
    "of_terminal",
]
