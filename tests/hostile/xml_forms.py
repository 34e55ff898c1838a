"""Documents that XML allows and the hub does not, or that no parser should take: entities, encodings, floods, depth."""

from __future__ import annotations

from collections.abc import Callable

from hub.envelope.hardening import Limits
from hub.envelope.writing import OutgoingAttachment
from tests.hostile.forgery import Attack, Maker, Workshop, seal

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_ROOT = "<edXML "
_TEXT = "<edXML:Subject>"
_LIMITS = Limits()


def signed(change: Callable[[str], str]) -> Maker:
    """A letter changed before it was signed: the signature covers the change."""
    return lambda bench: seal(change(bench.message().decode()).encode(), bench.sender)


def changed(change: Callable[[str], str]) -> Maker:
    """A letter changed after it was signed, for what the signing parser would not take either."""
    return lambda bench: change(bench.honest().decode()).encode()


def recoded(change: Callable[[bytes], bytes]) -> Maker:
    return lambda bench: change(bench.honest())


def doctype(declaration: str, use: str = "") -> Maker:
    return changed(lambda text: text.replace(_ROOT, declaration + _ROOT, 1).replace(_TEXT, _TEXT + use, 1))


def insert(piece: str, before: str = _TEXT) -> Callable[[str], str]:
    return lambda text: text.replace(before, piece + before, 1)


def at_end(piece: str) -> Maker:
    return changed(lambda text: text + piece)


def nested(depth: int) -> str:
    """``depth`` elements, one in the other."""
    return "<x>" * depth + "</x>" * depth


def repeated(piece: str, count: int) -> str:
    return "".join(piece.replace("#", str(number)) for number in range(count))


def in_body(piece: str) -> Maker:
    return signed(insert(piece, "</edXML:edXMLBody>"))


def on_body(attributes: str) -> Maker:
    return signed(lambda text: text.replace("<edXML:edXMLBody>", f"<edXML:edXMLBody {attributes}>"))


_BILLION = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))

ENTITIES = [
    Attack("a document type", "xml-dtd", doctype("<!DOCTYPE edXML>")),
    Attack("an internal entity", "xml-dtd", doctype('<!DOCTYPE edXML [<!ENTITY x "H33.66">]>', "&x;")),
    Attack("a billion laughs", "xml-dtd", doctype(f'<!DOCTYPE edXML [<!ENTITY l0 "ha">{_BILLION}]>', "&l9;")),
    Attack("quadratic blow-up", "xml-dtd", doctype(f'<!DOCTYPE edXML [<!ENTITY b "{"x" * 50_000}">]>', "&b;" * 5000)),
    Attack("a local file", "xml-dtd", doctype('<!DOCTYPE edXML [<!ENTITY x SYSTEM "file:///etc/hostname">]>', "&x;")),
    Attack(
        "a parameter entity", "xml-dtd", doctype('<!DOCTYPE edXML [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>')
    ),
    Attack("an external subset", "xml-dtd", doctype('<!DOCTYPE edXML SYSTEM "http://127.0.0.1:9/x.dtd">')),
    Attack(
        "a parameter entity that makes entities",
        "xml-dtd",
        doctype("<!DOCTYPE edXML [<!ENTITY % p '<!ENTITY x \"H33.66\">'> %p;]>", "&x;"),
    ),
    Attack("entities in a circle", "xml-dtd", doctype('<!DOCTYPE edXML [<!ENTITY a "&b;"><!ENTITY b "&a;">]>', "&a;")),
    Attack("a public identifier", "xml-dtd", doctype('<!DOCTYPE edXML PUBLIC "-//x" "http://127.0.0.1:9/x.dtd">')),
    Attack("an unparsed entity", "xml-dtd", doctype('<!DOCTYPE edXML [<!NOTATION n SYSTEM "x">]>')),
    Attack("a document type within", "xml-dtd", changed(insert("<!DOCTYPE x>", "</edXML:edXMLBody>"))),
    Attack(
        "another document by XInclude",
        "xml-inclusion",
        in_body('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/hostname"></i:include>'),
        in_body('<i:include xmlns:i="urn:x:include" href="x"></i:include>'),
    ),
    Attack("the namespace of XInclude", "xml-inclusion", on_body('xmlns:i="http://www.w3.org/2001/XInclude"')),
    Attack("default attributes", "xml-dtd", doctype('<!DOCTYPE edXML [<!ATTLIST edXML Id ID "x">]>')),
    Attack("an undeclared entity", "xml-malformed", changed(insert("&nbsp;", "</edXML:Subject>"))),
    Attack("a reference to NUL", "xml-malformed", changed(insert("&#0;", "</edXML:Subject>"))),
    Attack("a reference to a surrogate", "xml-malformed", changed(insert("&#xD800;", "</edXML:Subject>"))),
]

_IN_BASE64 = "</edXML:ContentTransferEncoded>"
_EXPANDED = "&#86;&amp;&#x56;</edXML:Subject>"

UNSEEN = [
    Attack("a comment in a code", "xml-comment", signed(lambda text: text.replace("H33.90", "H33.90<!---->.1"))),
    *(
        Attack(f"a comment in {name}", "xml-comment", changed(insert("<!---->", f"</ds:{name}>")))
        for name in ("DigestValue", "SignatureValue", "X509Certificate", "Transform", "SignedInfo")
    ),
    Attack("a comment in the base64", "xml-comment", changed(insert("<!-- -->", _IN_BASE64))),
    Attack("a comment that looks like an end", "xml-comment", changed(insert("<!--></edXML:Subject>-->", _TEXT))),
    Attack("an instruction in the base64", "xml-processing-instruction", changed(insert("<?x?>", _IN_BASE64))),
    Attack("an instruction in SignedInfo", "xml-processing-instruction", changed(insert("<?x?>", "</ds:SignedInfo>"))),
    Attack("an instruction named xml", "xml-processing-instruction", changed(insert("<?xml version='1.0'?>", _TEXT))),
    Attack("a section in the base64", "xml-cdata", changed(insert("<![CDATA[QQ==]]>", _IN_BASE64))),
    Attack("a section in the digest value", "xml-cdata", changed(insert("<![CDATA[]]>", "</ds:DigestValue>"))),
    Attack("a comment before the root", "xml-comment", changed(insert("<!-- -->", _ROOT))),
    Attack("a comment after the root", "xml-comment", at_end("<!-- -->")),
    Attack(
        "an instruction in a code", "xml-processing-instruction", signed(lambda t: t.replace("H33.90", "H33.9<?x?>0"))
    ),
    Attack("a style sheet", "xml-processing-instruction", changed(insert('<?xml-stylesheet href="x"?>', _ROOT))),
    Attack("an instruction after the root", "xml-processing-instruction", at_end("<?x y?>")),
    Attack(
        "a character section",
        "xml-cdata",
        signed(lambda text: text.replace("</edXML:Subject>", "<![CDATA[&]]></edXML:Subject>")),
        signed(lambda text: text.replace("</edXML:Subject>", _EXPANDED)),
    ),
]

_MARK = b"\xef\xbb\xbf"
_UTF16 = _DECLARATION.replace("UTF-8", "UTF-16")

ENCODINGS = [
    Attack(
        "UTF-16", "xml-encoding", recoded(lambda body: body.decode().replace(_DECLARATION, _UTF16).encode("utf-16"))
    ),
    Attack("UTF-16 without a mark", "xml-encoding", recoded(lambda body: body.decode().encode("utf-16-le"))),
    Attack("UTF-32", "xml-encoding", recoded(lambda body: body.decode().encode("utf-32"))),
    Attack("UTF-16 in name", "xml-encoding", changed(lambda text: text.replace("UTF-8", "UTF-16", 1))),
    Attack(
        "EBCDIC",
        "xml-encoding",
        recoded(lambda body: body.decode().replace("UTF-8", "cp037", 1).encode("cp037", "replace")),
    ),
    *(
        Attack(
            f"{name} in name",
            "xml-encoding",
            changed(lambda text, name=name: text.replace("UTF-8", name, 1)),
            names=name,
        )
        for name in ("EBCDIC-CP-US", "UCS-4", "CESU-8", "us-ascii", "UTF-8-MAC", "x-user-defined")
    ),
    Attack("Latin-1 indeed", "xml-encoding", recoded(lambda body: body.replace(b"UBND-VP", b"UBND-V\xe0", 1))),
    Attack("two marks before the text", "xml-malformed", recoded(lambda body: _MARK + _MARK + body)),
    Attack(
        "a mark in a code",
        "recipient-unknown",
        signed(lambda text: text.replace("H33.90", "H33.9\ufeff0")),
        names="H33.9\ufeff0",
    ),
    Attack("a NUL of two octets", "xml-encoding", recoded(lambda body: body.replace(b"H33.90", b"H33.90\xc0\x80", 1))),
    Attack("a NUL of three octets", "xml-encoding", recoded(lambda body: body.replace(b"H33", b"H33\xe0\x80\x80", 1))),
    Attack("beyond Unicode", "xml-encoding", recoded(lambda body: body.replace(b"H33", b"H33\xf4\x90\x80\x80", 1))),
    Attack("half a letter at the end", "xml-encoding", recoded(lambda body: body + b"\xe1\xba")),
    Attack("Latin-1 in name", "xml-encoding", changed(lambda text: text.replace("UTF-8", "ISO-8859-1", 1))),
    Attack("UTF-7 in name", "xml-encoding", changed(lambda text: text.replace("UTF-8", "UTF-7", 1))),
    Attack("a Vietnamese code page", "xml-encoding", changed(lambda text: text.replace("UTF-8", "windows-1258", 1))),
    Attack("a NUL octet", "xml-encoding", recoded(lambda body: body.replace(b"H33.90", b"H33.90\0", 1))),
    Attack("a NUL octet at the end", "xml-encoding", recoded(lambda body: body + b"\0")),
    Attack("an overlong slash", "xml-encoding", recoded(lambda body: body.replace(b"H33.90", b"H33.90\xc0\xaf", 1))),
    Attack("a surrogate", "xml-encoding", recoded(lambda body: body.replace(b"H33.90", b"H33.90\xed\xa0\x80", 1))),
    Attack("an octet that is none", "xml-encoding", recoded(lambda body: body.replace(b"H33.90", b"H33.90\xff", 1))),
    Attack(
        "text before the declaration",
        "xml-malformed",
        recoded(lambda body: b" " + body),
        recoded(lambda body: _MARK + body),  # the mark is not text
    ),
    Attack("XML 1.1", "xml-malformed", changed(lambda text: text.replace('version="1.0"', 'version="1.1"', 1))),
    Attack("a control character", "xml-malformed", recoded(lambda body: body.replace(b"H33.90", b"H33.90\x01", 1))),
    Attack("a non-character", "xml-malformed", recoded(lambda body: body.replace(b"H33.90", b"H33.90\xef\xbf\xbf", 1))),
]

SYNTAX = [
    Attack("nothing", "request-empty", lambda _: b""),
    Attack("white space", "xml-malformed", lambda _: b" \n"),
    Attack("no XML", "xml-malformed", lambda _: b"%PDF-1.4"),
    Attack("JSON", "xml-malformed", lambda _: b'{"From": "H33.02"}'),
    Attack("two roots", "xml-malformed", recoded(lambda body: body + b"<edXML></edXML>")),
    Attack("text after the root", "xml-malformed", at_end("x")),
    Attack("half of it", "xml-malformed", recoded(lambda body: body[: len(body) // 2])),
    Attack("an attribute twice", "xml-malformed", changed(insert(' a="1" a="1"', ">\n  <edXML:edXMLEnvelope"))),
    Attack("a prefix of nothing", "xml-malformed", changed(insert("<no:such></no:such>", "</edXML:edXMLBody>"))),
    Attack(
        "the xml prefix bound anew", "xml-malformed", changed(insert(' xmlns:xml="urn:x:y"', ">\n  <edXML:edXMLEnv"))
    ),
    Attack("another root", "edxml-root", lambda _: b'<edXML xmlns="urn:example:edxml"></edXML>'),
    Attack("a root without namespace", "edxml-root", lambda _: b"<edXML></edXML>"),
]


_DEPTH = _LIMITS.depth - 3  # three elements stand around the body's children
_NAMES = _LIMITS.namespaces - 3  # two of edXML's own, one of the signature
_ATTRIBUTES = _LIMITS.attributes_per_element
_NAME = _LIMITS.name_length
_TEXT_LENGTH = _LIMITS.text


def crowded(elements: int) -> Maker:
    """A letter with exactly this many elements, the signature's included."""

    def make(bench: Workshop) -> bytes:
        missing = elements - bench.honest().count(b"</")
        return in_body("<x></x>" * missing)(bench)

    return make


def long_base64(bench: Workshop) -> bytes:
    """Honest: the base64 of an attachment has no limit but the body's."""
    files = (OutgoingAttachment("dài.bin", bytes(2 * _TEXT_LENGTH), content_id="a1"),)
    return seal(bench.message(attachments=files), bench.sender)


LIMITED = [
    Attack("one level too deep", "xml-limit", in_body(nested(_DEPTH + 1)), in_body(nested(_DEPTH))),
    Attack("100,000 levels", "xml-limit", changed(insert(nested(100_000), "</edXML:edXMLBody>"))),
    Attack(
        "one attribute too many",
        "xml-limit",
        on_body(repeated(' a#="1"', _ATTRIBUTES + 1)),
        on_body(repeated(' a#="1"', _ATTRIBUTES)),
    ),
    Attack(
        "attributes a few at a time",
        "xml-limit",
        in_body('<x a="1" b="2"></x>' * (_LIMITS.attributes // 2)),
        in_body('<x a="1" b="2"></x>' * (_LIMITS.attributes // 2 - 10)),  # the letter has a few of its own
    ),
    Attack("one element too many", "xml-limit", crowded(_LIMITS.elements + 1), crowded(_LIMITS.elements)),
    Attack(
        "one namespace too many",
        "xml-limit",
        on_body(repeated(' xmlns:n#="urn:x:#"', _NAMES + 1)),
        on_body(repeated(' xmlns:n#="urn:x:#"', _NAMES)),
    ),
    Attack(
        "namespaces a few at a time",
        "xml-limit",
        in_body(repeated('<n#:x xmlns:n#="urn:x:#"></n#:x>', 1000)),
        in_body(repeated('<n:x xmlns:n="urn:x:y"></n:x>', 1000)),  # the same one again, as on every attachment
    ),
    Attack(
        "a name too long",
        "xml-limit",
        in_body(f"<{'n' * (_NAME + 1)}/>"),
        in_body(f"<q:{'n' * (_NAME - 6)} xmlns:q='u:x'/>"),
    ),
    Attack("a name of a million characters", "xml-limit", in_body(f"<{'n' * 40_000}/>")),
    Attack(
        "an attribute's name too long", "xml-limit", on_body(f'{"a" * (_NAME + 1)}="1"'), on_body(f'{"a" * _NAME}="1"')
    ),
    Attack(
        "a text too long",
        "xml-limit",
        in_body(f"<x>{'a' * _TEXT_LENGTH}</x>"),
        in_body(f"<x>{'a' * (_TEXT_LENGTH - 3)}</x>"),
    ),
    Attack("a text of ten million", "xml-limit", changed(insert("a" * 10_000_000, "</edXML:edXMLBody>"))),
    Attack("an attribute too long", "xml-limit", in_body(f'<x a="{"a" * _TEXT_LENGTH}"></x>')),
    Attack("white space without end", "xml-limit", recoded(lambda body: body + b" " * (_TEXT_LENGTH + 10))),
    Attack(
        "texts that are too many",
        "xml-limit",
        changed(insert(f"<x>{'a' * 100_000}</x>" * 170, "</edXML:edXMLBody>")),
        in_body(f"<x>{'a' * 100_000}</x>" * 160),
        names="beside the attachments",
    ),
    Attack(
        "base64 after an element in it",
        "xml-limit",
        changed(insert(f"<x></x>{'A' * (_TEXT_LENGTH + 10)}", _IN_BASE64)),
        long_base64,
    ),
    Attack(
        "marks without end on one letter",
        "xml-limit",
        signed(insert("e" + "\u0301\u0323" * 30_000, "</edXML:Subject>")),
        signed(insert("e" + "\u0301" * 30, "</edXML:Subject>")),
        names="combining marks",
    ),
    # canonicalisation is not defined for these, so nobody can sign them
    Attack("a relative namespace", "xml-limit", changed(insert('<x xmlns="relative"></x>', "</edXML:edXMLBody>"))),
    Attack(
        "a namespace that is no URI",
        "xml-malformed",
        changed(insert('<n:x xmlns:n="urn:[%%]"></n:x>', "</edXML:edXMLBody>")),
        in_body('<n:x xmlns:n="urn:x:y"></n:x>'),
    ),
    Attack("xml:lang", "xml-reserved-attribute", on_body('xml:lang="vi"')),
    Attack("xml:id", "xml-reserved-attribute", on_body('xml:id="x"')),
    Attack("xml:base", "xml-reserved-attribute", on_body('xml:base="http://127.0.0.1:9/"')),
    Attack("xml:space", "xml-reserved-attribute", on_body('xml:space="preserve"')),
    *(
        Attack(
            f"xsi:{name}",
            "xml-reserved-attribute",
            on_body(f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:{name}="urn:x:y http://127.0.0.1:9/"'),
        )
        for name in ("schemaLocation", "type", "nil")
    ),
]

ATTACKS = [*ENTITIES, *UNSEEN, *ENCODINGS, *SYNTAX, *LIMITED]
