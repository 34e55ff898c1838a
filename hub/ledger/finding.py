"""By what people find an agency: the place of its name in the alphabet, and its words without diacritics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, and_, cast, func
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.engine.default import DefaultExecutionContext

from hub.language.collation import sort_key
from hub.language.folding import folded, words_of

# as search_lexemes() of migration 0014 cuts them: PostgreSQL keeps no lexeme of more than 2,046 octets
LONGEST_WORD = 200


def search_text(code: str, name: str, aliases: Iterable[str] = ()) -> str:
    """Code, name and aliases folded, with a space before every word: the value of ``agency.search``."""
    whole = (folded(one) for one in (code, *aliases))
    return "".join(f" {word}" for word in dict.fromkeys((*whole, *words_of(" ".join((code, name, *aliases))))))


def begun_by(search: ColumnElement[str], words: Sequence[str], dialect: str) -> ColumnElement[bool]:
    """Whether with each of these folded words some word of ``agency.search`` begins.

    On PostgreSQL ix_agency_words answers it; on SQLite the column is read.
    """
    if dialect != "postgresql":
        return and_(*(search.contains(f" {word}", autoescape=True) for word in words))
    lexemes = (word[:LONGEST_WORD].replace("\\", "\\\\") for word in words)
    asked = " & ".join(f"'{lexeme}':*" for lexeme in lexemes)
    return func.search_lexemes(search).bool_op("@@")(cast(asked, TSQUERY))


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
