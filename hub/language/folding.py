"""Texts without diacritics and case: people search for "ke hoach" and mean "Kế hoạch"."""

from __future__ import annotations

import unicodedata

# what stands between words; on PostgreSQL the function search_words() says the same
SEPARATORS = "!\"#$%&'()*+,-./;:<=>?@[]^_`{|}~“”‘’–—…«»•·"
_APART = str.maketrans(SEPARATORS, " " * len(SEPARATORS))


def folded(text: str) -> str:
    """``text`` in lower case, without Vietnamese diacritics, its white space collapsed."""
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(mark for mark in decomposed if unicodedata.category(mark) != "Mn").split())


def words_of(text: str) -> list[str]:
    """The different words of a text, folded, in their order: ``12/QĐ-UBND`` has three."""
    return list(dict.fromkeys(folded(text).translate(_APART).split()))


def has_words(search: str, words: str) -> bool:
    """Whether a folded text has all of these folded words, separated by spaces."""
    return set(words.split()) <= set(search.translate(_APART).split())
