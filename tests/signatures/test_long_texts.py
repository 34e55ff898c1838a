"""A long document's canonical form, made in pieces, is libxml2's of the whole document, octet for octet."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from hub import clock
from hub.envelope import long_texts
from hub.envelope.hardening import Limits, parse
from hub.envelope.long_texts import LongDocument, parse_long
from hub.envelope.names import EDXML, q
from hub.problems import Refused
from hub.signatures.mathematics import canonical
from hub.signatures.sign import DigestName
from hub.signatures.streaming import in_full, untaken
from hub.signatures.verify import verify
from tests.intake.register import Register
from tests.signatures.test_second_implementation import METHODS, SHA, xmlsec1_signs

URIS = (EDXML, "urn:a", "http://b.example/x?y=1&amp;z")
PREFIXES = ("", "p", "q")
LETTERS = [*"AZaz09+/=", *" \t\n\r", *">\"'", "\r\n", "\u0085", "\u2028", "ế", "e\u0302\u0301", "\ufffd", "😀"]
REFERENCES = ["&#13;", "&#xD;\n", "&amp;", "&lt;", "&gt;", "]]&gt;", "&#9;", "&#65;", "&#x1F600;", "&quot;", "&apos;"]
FORBIDDEN = ["<![CDATA[QQ==]]>", "<!-- x -->", "<?x y?>", "&nbsp;", "&#0;", "<!DOCTYPE x>", "\x01", "\uffff", "<x>"]


class Author:
    """Writes edXML's frame around attachments whose texts are anything, with strangers between them; by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def document(self) -> bytes:
        choose = self._random.choice
        attachments = ""
        for _ in range(self._random.randint(1, 3)):
            text = self._element("ContentTransferEncoded", self._text(choose([0, 1, 20])))
            stranger = self._element(choose(["x", "ContentTransferEncoded"]), self._text(3))
            attachments += self._text(3) + self._element("Attachment", choose([text, text + stranger, stranger + text]))
        whole = self._element("edXML", self._text(3) + self._element("AttachmentEncoded", attachments) + self._text(3))
        head = choose(["", "\ufeff", '<?xml version="1.0" encoding="UTF-8"?>\r\n', "\n"])
        return (head + whole + choose(["", "\r\n"])).encode()

    def _text(self, most: int) -> str:
        return "".join(
            self._random.choice(LETTERS if self._random.random() < 0.8 else REFERENCES)
            for _ in range(self._random.randint(0, most))
        )

    def _element(self, name: str, inside: str) -> str:
        """With declarations and attributes, and sometimes with a prefix that nobody declared."""
        choose, chance = self._random.choice, self._random.random
        prefix = choose(PREFIXES)
        declared = {one: choose(URIS) for one in PREFIXES if chance() < 0.3}
        if chance() < 0.95:  # mostly in edXML's own namespace
            declared[prefix] = EDXML
        written = [f'xmlns{":" if one else ""}{one}="{uri}"' for one, uri in declared.items()]
        for local in ("a", "b", "p:a", "q:b", "xml:lang"):
            if chance() < (0.01 if local.startswith("xml") else 0.1):
                value = self._text(4).replace('"', "&quot;")
                written.append(f'{local}="{value}>"')
        self._random.shuffle(written)
        spelt = f"{prefix}:{name}" if prefix else name
        return f"<{' '.join([spelt, *written])}>{inside}</{spelt}>"


def in_pieces(body: bytes) -> LongDocument:
    return parse_long(lambda: io.BytesIO(body), Limits())


def outcome(body: bytes, *, long: bool) -> bytes | tuple[str, str]:
    """The canonical form, or code and place of the refusal."""
    try:
        if not long:
            return canonical(parse(body))
        found = in_pieces(body)
    except Refused as refusal:
        return refusal.code, refusal.findings[0].location
    return b"".join(in_full(canonical(found.root), found.texts, untaken))


@pytest.fixture(autouse=True)
def _every_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_texts, "LONG", 0)


def test_any_document_has_the_canonical_form_that_libxml2_gives_it() -> None:
    author = Author(7)
    streamed = refused = 0
    for body in (author.document() for _ in range(1500)):
        whole = outcome(body, long=False)
        assert outcome(body, long=True) == whole, body
        refused += isinstance(whole, tuple)
        streamed += not isinstance(whole, tuple) and bool(in_pieces(body).texts)
    assert streamed > 500
    assert refused > 100


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_wherever_a_piece_ends_a_text_is_the_same(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join([*LETTERS, *REFERENCES, *LETTERS])
    (found,) = in_pieces(framed(text)).texts
    monkeypatch.setattr(long_texts, "PIECE", piece)
    (node,) = parse(framed(text)).iter(q("ContentTransferEncoded"))
    assert b"".join(found.pieces()).decode() == node.text


@pytest.mark.parametrize("mark", FORBIDDEN)
@pytest.mark.parametrize("place", ["{}QUJD", "QU{}JD", "QUJD{}"])
def test_what_no_text_may_hold_is_refused_alike(mark: str, place: str) -> None:
    body = framed(place.replace("{}", mark))
    refused = outcome(body, long=False)
    assert isinstance(refused, tuple)
    assert outcome(body, long=True) == refused


def test_only_an_attachment_s_own_text_leaves_the_tree() -> None:
    text = "QUJD" * 10
    encoded = f"<ContentTransferEncoded>{text}</ContentTransferEncoded>"
    for place in ("{}", "<edXMLEnvelope>{}</edXMLEnvelope>", "<AttachmentEncoded>{}</AttachmentEncoded>"):
        assert in_pieces(f'<edXML xmlns="{EDXML}">{place.replace("{}", encoded)}</edXML>'.encode()).texts == ()
    assert in_pieces(framed(f"{text}<x/>")).texts == ()
    assert in_pieces(framed("")).texts == ()
    assert len(in_pieces(framed(text)).texts) == 1


def test_a_text_stays_in_the_tree_up_to_the_length_that_is_called_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_texts, "LONG", 8)
    assert in_pieces(framed("QUJDQUJD")).texts == ()
    (text,) = in_pieces(framed("QUJDQUJDQQ==")).texts
    assert (text.end - text.begin, b"".join(text.pieces())) == (12, b"QUJDQUJDQQ==")


@pytest.mark.parametrize(("key", "method", "digest"), METHODS[:6])
def test_what_xmlsec1_signs_is_verified_and_its_text_taken_in_one_look(
    tmp_path: Path, key: str, method: str, digest: DigestName
) -> None:
    register = Register()
    identity = register.identity("H33.02", key)  # type: ignore[arg-type]  # one of the table's kinds
    body = xmlsec1_signs(identity, f"http://www.w3.org/2001/04/xmldsig-more#{method}", SHA[digest], tmp_path)
    assert register.store is not None
    found = in_pieces(body)
    taken: dict[str, bytes] = {}
    signed = verify(
        found.root,
        register.store,
        clock.now(),
        found.texts,
        lambda token, characters: taken.update({token: taken.get(token, b"") + characters}),
    )
    whole = verify(parse(body), register.store, clock.now())
    assert (signed.octets, signed.digest) == (whole.octets, whole.digest)
    (token,) = taken
    (here,), (there,) = (list(one.root.iter(q("ContentTransferEncoded"))) for one in (signed, whole))
    assert here.text == token
    assert taken[token].decode() == there.text


def framed(text: str) -> bytes:
    """A document with this as an attachment's text."""
    return (
        f'<edXML xmlns="{EDXML}"><AttachmentEncoded><Attachment><ContentTransferEncoded a=">">{text}'
        "</ContentTransferEncoded></Attachment></AttachmentEncoded></edXML>"
    ).encode()
