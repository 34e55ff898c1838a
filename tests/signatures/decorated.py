"""Letters as others may write them: any namespaces, prefixes, white space, attributes, in and around the signature."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import strategies as st

from tests.hostile.forgery import HEADER_END, MORE, SHA256, Form, within

BODY = "<edXML:edXMLBody>"
PREFIXES = ("", "a", "b", "ds", "edXML")
URIS = ("urn:example:one", "urn:example:two", "http://www.w3.org/2001/04/xmlenc#")
TEXTS = (
    "",
    " ",
    "\n\t",
    "x",
    "Về việc",
    "&amp;&lt;&gt;",
    "&#13;&#10;",
    "&#9;",
    "]]&gt;",
    "\u00a0",
    "ệ" * 3,
    "'\"",
    "𠀋",
)
VALUES = tuple(text.replace('"', "&quot;") for text in TEXTS)
SPACES = ("", " ", "\n", "\r\n  ", "&#13;\n")
DIGESTS = (SHA256, MORE + "sha384", "http://www.w3.org/2001/04/xmlenc#sha512")

spaces = st.sampled_from(SPACES)


@st.composite
def _elements(draw: st.DrawFn, depth: int = 3) -> str:
    """One element with all in it; it declares what it uses, again or otherwise than those around it, and more."""
    prefix, name = draw(st.sampled_from(PREFIXES)), draw(st.sampled_from("pqr"))
    attributes = draw(
        st.dictionaries(st.sampled_from("xyz"), st.tuples(st.sampled_from(PREFIXES), _values), max_size=3)
    )
    used = {prefix, *(one for one, _ in attributes.values())}
    declared = {one: draw(st.sampled_from(URIS)) for one in sorted(used | set(draw(st.lists(_prefixes, max_size=2))))}
    if not prefix and draw(st.booleans()):
        declared[""] = ""  # back to no namespace
    parts = [f'xmlns{":" if one else ""}{one}="{uri}"' for one, uri in declared.items()]
    parts += [f'{one}{":" if one else ""}{local}="{value}"' for local, (one, value) in attributes.items()]
    tag = f"{prefix}:{name}" if prefix else name
    inside = draw(st.lists(_content(depth), max_size=3)) if depth else []
    return f"<{tag}{''.join(f'{draw(_gaps)}{part}' for part in draw(st.permutations(parts)))}>{''.join(inside)}</{tag}>"


def _content(depth: int) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(TEXTS), _elements(depth - 1))


_prefixes = st.sampled_from(PREFIXES)
_values = st.sampled_from(VALUES)
_gaps = st.sampled_from((" ", "\n ", "\t"))


def _restyled(prefix: str, space: str) -> Callable[[bytes], bytes]:
    """A signature with another prefix for its namespace and white space between its tags."""

    def change(signature: bytes) -> bytes:
        named = signature.replace(b"ds:", prefix.encode() + b":" if prefix else b"")
        named = named.replace(b"xmlns:ds=", b"xmlns:" + prefix.encode() + b"=" if prefix else b"xmlns=")
        return re.sub(b"><", f">{space}<".encode(), named)

    return change


@st.composite
def decorations(draw: st.DrawFn) -> tuple[Callable[[bytes], bytes], Form]:
    """A change of an unsigned letter, and the form of the signature to seal it with (its method is the key's)."""
    # signxml cannot read a signature that a character reference follows
    fragments, before, after = draw(st.lists(_elements(), max_size=2)), draw(spaces), draw(st.sampled_from(SPACES[:-1]))
    restyle = _restyled(draw(_prefixes), draw(spaces))
    end = HEADER_END.decode()

    def decorate(message: bytes) -> bytes:
        with_fragments = within(message, BODY, BODY + "".join(fragments))
        return within(with_fragments, end, before + after + end)

    def place(message: bytes, signature: bytes) -> bytes:
        return within(message, after + end, restyle(signature).decode() + after + end)

    return decorate, Form(place=place, digest=draw(st.sampled_from(DIGESTS)))
