"""The canonical form of a long document, in pieces: the tree's by libxml2, and in it each long text from the file.

The tree has a token where a text was (``hub.envelope.long_texts``). The canonical form of a text depends on nothing
around it (XML-C14N 1.0 §2.3, text nodes; XML-EXC-C14N 1.0 §3 leaves them as they are), so it may stand in for its
token. Whoever wants the texts is given their characters by the very step that gives them to be digested: what is read
afterwards is what was signed, and a wrong place in the file can only end in a digest that does not match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hub.envelope.long_texts import LongText

Taker = Callable[[str, bytes], object]
_ESCAPED = (b"&", b"<", b">", b"\r")


def untaken(_token: str, _characters: bytes) -> None:
    """For whoever needs the digest alone."""


def in_full(octets: bytes, texts: Sequence[LongText], taken: Taker) -> Iterator[bytes | memoryview]:
    """The canonical ``octets`` with every text in the place of its token; ``taken`` is told token and characters.

    Raises ``ValueError`` when a token is not where it was put, ``OSError`` when a text cannot be read.
    """
    view, place = memoryview(octets), 0
    for text in texts:
        token = text.token.encode()
        found = octets.find(token, place)
        if found < 0:
            raise ValueError("a long text has no place in the document")
        yield view[place:found]
        for characters in text.pieces():
            taken(text.token, characters)
            yield escaped(characters)
        place = found + len(token)
    yield view[place:]


def escaped(characters: bytes) -> bytes:
    """UTF-8 of a text node as XML-C14N 1.0 §2.3 writes it."""
    if not any(sign in characters for sign in _ESCAPED):  # base64
        return characters
    written = characters.replace(b"&", b"&amp;").replace(b"<", b"&lt;")
    return written.replace(b">", b"&gt;").replace(b"\r", b"&#xD;")
