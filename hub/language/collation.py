"""The order of Vietnamese names: the alphabet (a ă â b c d đ e ê …), then tones, then numbers as numbers.

Implements: the order of letters and tones of Vietnamese dictionaries as CLDR's root for ``vi`` states it: letters first
over the whole text, then the tones (level, grave, hook above, tilde, acute, dot below), then capitals.
Keys are decimal digits only, so that every store's own collation sorts them alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
# combining marks: they make a letter of its own (breve, circumflex, horn) or a tone
_SHAPES = frozenset("\u0306\u0302\u031b")
_TONES = {"\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}
# letters that are looked at; longer names differ before, or are as good as equal
LONGEST = 120
_SPACE, _OTHER, _NUMBER, _LETTER = 11, 12, 20, 50
_PLACES = {letter: _LETTER + place for place, letter in enumerate(ALPHABET)}


def sort_key(text: str) -> str:
    """Digits whose order as text is the order of names; equal for texts that differ in punctuation's kind only."""
    letters, tones, capitals = [], [], []
    for place, tone, capital in _letters(unicodedata.normalize("NFC", text).strip()[:LONGEST]):
        letters.append(f"{place:02d}")
        tones.append(str(tone))
        capitals.append(str(capital))
    return f"{''.join(letters)}00{''.join(tones)}00{''.join(capitals)}"


def _letters(text: str) -> Iterator[tuple[int, int, int]]:
    """Place, tone and capital of every letter. A number is told by its length first: 9 comes before 10."""
    at = 0
    while at < len(text):
        end = at
        while end < len(text) and text[end] in "0123456789":
            end += 1
        if end > at:
            digits = text[at:end].lstrip("0")
            yield _NUMBER + min(len(digits), 9), 0, 0
            yield from ((_NUMBER + 10 + int(digit), 0, 0) for digit in digits)
            at = end
            continue
        yield _letter(text[at])
        at += 1


def _letter(sign: str) -> tuple[int, int, int]:
    if sign.isspace():
        return _SPACE, 0, 0
    lower = sign.lower()
    parts = unicodedata.normalize("NFD", lower)
    tone = next((_TONES[mark] for mark in parts if mark in _TONES), 0)
    bare = unicodedata.normalize("NFC", parts[0] + "".join(mark for mark in parts[1:] if mark in _SHAPES))
    place = _PLACES.get(bare, _PLACES.get(parts[0], _OTHER))
    return place, tone, int(sign != lower)
