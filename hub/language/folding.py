"""Texts without diacritics and case: people search for "ke hoach" and mean "Kế hoạch"."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """``text`` in lower case, without Vietnamese diacritics, its white space collapsed."""
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(mark for mark in decomposed if unicodedata.category(mark) != "Mn").split())
