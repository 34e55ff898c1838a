"""By what people find an agency: the place of its name in the alphabet, and its words without diacritics."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.engine.default import DefaultExecutionContext

from hub.language.collation import sort_key
from hub.language.folding import folded, words_of


def search_text(code: str, name: str, aliases: Iterable[str] = ()) -> str:
    """Code, name and aliases folded, with a space before every word: the value of ``agency.search``."""
    whole = (folded(one) for one in (code, *aliases))
    return "".join(f" {word}" for word in dict.fromkeys((*whole, *words_of(" ".join((code, name, *aliases))))))


def sort_default(context: DefaultExecutionContext) -> str:
    """The value of ``agency.sort_key`` for a row that is being written."""
    return sort_key(_given(context)["name"])


def search_default(context: DefaultExecutionContext) -> str:
    """The same of ``agency.search``, of an agency without aliases."""
    given = _given(context)
    return search_text(given["code"], given["name"])


def _given(context: DefaultExecutionContext) -> dict[str, str]:
    found: dict[str, str] = context.get_current_parameters()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    return found
