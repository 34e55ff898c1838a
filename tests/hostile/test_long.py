"""A document judged from its file, long texts beside the tree, gets the verdict that it gets when it is held whole."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.sandbox.documents import simple_pdf
from hub import clock
from hub.envelope import long_texts
from hub.envelope.model import ReceivedEnvelope
from hub.envelope.writing import OutgoingAttachment
from hub.validation import Accepted, Declined, judge
from tests.hostile.forgery import SENDER, Bench, seal, within
from tests.hostile.test_attacks import CORPUS
from tests.intake.register import PDF

NOW = clock.now()
MOST = 60_000


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench.create()


@pytest.fixture(autouse=True)
def _every_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_texts, "LONG", 0)


async def verdict(bench: Bench, body: bytes, *, held: bool) -> Accepted | Declined:
    register = bench.register
    received = ReceivedEnvelope(
        body, hashlib.sha256(body).hexdigest(), register.known[SENDER].system_id, NOW, length=len(body)
    )
    if not held:
        received = replace(received, body=b"", file=lambda: io.BytesIO(body))
    return await judge(received, register.directory, register.policy)


async def told(bench: Bench, body: bytes, *, held: bool) -> object:
    """What a verdict comes to: every finding's code, rule and place, or all that is known of the accepted."""
    found = await verdict(bench, body, held=held)
    if isinstance(found, Declined):
        return [(one.code, one.rule, one.location) for one in found.findings], found.sender, found.document_id
    envelope = found.envelope
    read = replace(envelope.content, attachments=())
    return envelope.attachments, envelope.warnings, envelope.signer, envelope.recipients, read


async def test_every_attack_and_every_twin_is_judged_alike(bench: Bench) -> None:
    tried = 0
    for attack in CORPUS:
        for body in {attack.forge(bench), attack.twin(bench)}:
            if len(body) <= MOST:
                tried += 1
                assert await told(bench, body, held=False) == await told(bench, body, held=True), attack.name
    assert tried > 400


def rewritten(change: Callable[[str], str]) -> Callable[[Bench], bytes]:
    """A letter whose base64 was changed before it was signed."""

    def make(bench: Bench) -> bytes:
        message = bench.message(attachments=(OutgoingAttachment("a.pdf", PDF, "application/pdf", content_id="a1"),))
        head, begin, rest = message.decode().partition('<edXML:ContentTransferEncoded xmlns:edXML="')
        name, closed, rest = rest.partition(">")
        text, end, tail = rest.partition("</edXML:ContentTransferEncoded>")
        return seal((head + begin + name + closed + change(text) + end + tail).encode(), bench.sender)

    return make


def lines(text: str, end: str) -> str:
    return end.join(text[start : start + 76] for start in range(0, len(text), 76))


TEXTS = {
    "lines of Java": (lambda text: lines(text, "&#13;\n"), ""),
    "lines of Windows": (lambda text: lines(text, "\r\n"), ""),
    "lines and tabs": (lambda text: "\n\t" + lines(text, "\n\t") + " ", ""),
    "references instead of letters": (lambda text: f"&#{ord(text[0])};&#x{ord(text[1]):x};{text[2:]}", ""),
    "a letter of no alphabet": (lambda text: "ế" + text, "attachment-encoding"),
    "a sign of another alphabet": (lambda text: "-" + text[1:], "attachment-encoding"),
    "an ampersand": (lambda text: "&amp;" + text, "attachment-encoding"),
    "half of the last four": (lambda text: text.rstrip("=")[:-1], "attachment-encoding"),
    "padding within": (lambda text: "QQ==" + text, "attachment-encoding"),
    "bits that stand for nothing": (lambda text: text + "QQQQQR==", "attachment-encoding"),
    "white space alone": (lambda _text: " \n&#13;", "attachment-empty"),
}


@pytest.mark.parametrize("name", TEXTS)
async def test_a_text_is_decoded_alike(bench: Bench, name: str) -> None:
    change, code = TEXTS[name]
    body = rewritten(change)(bench)
    found = await verdict(bench, body, held=False)
    assert (isinstance(found, Accepted)) == (not code)
    if isinstance(found, Accepted):
        (attachment,) = found.envelope.attachments
        assert attachment.sha256 == hashlib.sha256(PDF).hexdigest()
    else:
        assert found.findings[0].code == code
    assert await told(bench, body, held=False) == await told(bench, body, held=True)


async def test_what_is_changed_in_a_long_text_is_not_what_was_signed(bench: Bench) -> None:
    letter = bench.honest()
    for old, new in (("JVBERi0", "JVBERi1"), ("</edXML:ContentTransferEncoded>", " </edXML:ContentTransferEncoded>")):
        found = await verdict(bench, within(letter, old, new), held=False)
        assert isinstance(found, Declined)
        assert found.findings[0].code == "signature-digest"


async def test_every_one_of_many_texts_is_given_to_its_own_attachment(bench: Bench) -> None:
    files = [simple_pdf(f"Phụ lục {number}", [[f"Trang {number}"]]) for number in range(40)]
    named = [OutgoingAttachment(f"{n}.pdf", one, "application/pdf", content_id=f"a{n}") for n, one in enumerate(files)]
    body = seal(bench.message(attachments=tuple(named)), bench.sender)
    found = await verdict(bench, body, held=False)
    assert isinstance(found, Accepted)
    assert [one.sha256 for one in found.envelope.attachments] == [hashlib.sha256(one).hexdigest() for one in files]


async def test_more_texts_than_attachments_are_allowed_are_refused_for_their_number(bench: Bench) -> None:
    most = bench.register.policy.attachments
    named = [OutgoingAttachment(f"{n}.txt", b"van ban", "text/plain", content_id=f"a{n}") for n in range(most + 1)]
    body = seal(bench.message(attachments=tuple(named)), bench.sender)
    found = await verdict(bench, body, held=False)
    assert isinstance(found, Declined)
    assert [one.code for one in found.findings] == ["attachment-limit"]
