"""What the checks of attachments make of honest and awkward files: facts, warnings, and how a policy changes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from adapters.sandbox.pki import Identity
from hub.envelope.writing import Business, OutgoingAttachment, document_message
from hub.inspection.inspector import Inspector
from hub.registry.model import Override, Severity
from hub.signatures.sign import sign
from hub.validation import Accepted, Declined
from hub.validation.verdict import AttachmentFacts
from tests.inspection import samples
from tests.intake.register import Register, letter, signed_letter

SENDER, RECIPIENT = "H33.02", "H33.90"
OCTETS = "application/octet-stream"
Files = tuple[tuple[str, bytes, str], ...]


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.agency(RECIPIENT)
    return register


@pytest.fixture(scope="module")
def sender(register: Register) -> Identity:
    return register.identity(SENDER)


async def judged(register: Register, sender: Identity, *files: tuple[str, bytes, str], **letter: Any) -> Any:
    attached = tuple(OutgoingAttachment(*file, content_id=f"a{number}") for number, file in enumerate(files))
    body = signed_letter(sender, RECIPIENT, attachments=attached, **{"pages": 0, **letter})
    return await register.judge(body, SENDER)


async def seen(
    register: Register, sender: Identity, *files: tuple[str, bytes, str], **letter: Any
) -> tuple[AttachmentFacts, list[str]]:
    """Facts of the first file and the rules that the acknowledgement warns of, malware aside."""
    verdict = await judged(register, sender, *files, **letter)
    assert isinstance(verdict, Accepted), verdict
    rules = [one.rule for one in verdict.envelope.warnings if not one.rule.startswith("malware.")]
    return verdict.envelope.attachments[0], rules


def of(name: str, content: bytes, media_type: str = OCTETS) -> tuple[str, bytes, str]:
    return name, content, media_type


@pytest.mark.parametrize(("kind", "accepted"), [(0, False), (1, True), (2, True), (3, False)])
async def test_only_what_speaks_of_a_document_sent_before_may_come_without_one(
    register: Register, sender: Identity, kind: int, accepted: bool
) -> None:
    asked = replace(register, exceptions=(Override("", "attachment.signed", "warn", date.max),))
    verdict = await judged(asked, sender, business=Business(kind, "Gửi nhầm"))
    assert isinstance(verdict, Accepted) is accepted
    if isinstance(verdict, Declined):
        assert [one.code for one in verdict.findings] == ["attachment-missing"]


HONEST = [
    (of("a.pdf", samples.pdf(), "application/pdf"), "pdf"),
    (of("a.PDF", samples.pdf(), ""), "pdf"),
    (of("a.docx", samples.docx(), "application/msword"), "docx"),
    (of("a.doc", samples.docx()), "docx"),
    (of("a.doc", b"{\\rtf1 x}"), "rtf"),
    (of("a.doc", samples.compound("WordDocument"), "application/msword"), "doc"),
    (of("a.xls", samples.compound("1", "2", "3", "4", "Workbook"), "application/vnd.ms-excel"), "xls"),
    (of("a.odt", samples.odt()), "odt"),
    (of("a.zip", samples.archive(("thư.pdf", samples.pdf())), "application/x-zip-compressed"), "zip"),
    (of("a.jpeg", samples.JPG, "image/jpeg; name=a"), "jpg"),
    (of("a.csv", "họ,tên\r\n".encode("utf-16"), "application/vnd.ms-excel"), "txt"),
    (of("a.txt", "Kính gửi".encode()), "txt"),
    (of("a.xml", b"<a/>", "text/xml"), "xml"),
    (of("chưa có đuôi", samples.pdf()), "pdf"),
    (of("Công văn số 12.2026", samples.pdf()), "pdf"),
]


@pytest.mark.parametrize(("file", "kind"), HONEST, ids=lambda one: one if isinstance(one, str) else one[0])
async def test_an_honest_file_is_recognised_without_a_word(
    register: Register, sender: Identity, file: tuple[str, bytes, str], kind: str
) -> None:
    facts, rules = await seen(register, sender, file)
    assert (facts.kind, rules, facts.inspection) == (kind, [], "")


AWKWARD = [
    (of("a.pdf", samples.pdf(), "image/jpeg"), "attachment.declared-type", "attachment-type-mismatch"),
    (of("a.bin", bytes(range(32))), "attachment.accepted", "attachment-kind-unaccepted"),
    (of("a.html", b"<html></html>"), "attachment.accepted", "attachment-kind-unaccepted"),
    (of("a.rules", b"abc"), "attachment.accepted", "attachment-kind-unaccepted"),
    (of("128/UBND.pdf", samples.pdf()), "attachment.name-plain", "attachment-name"),
    (
        of("a.doc", samples.archive(("x.edxml", b"x")), "application/zip"),
        "attachment.packed",
        "attachment-kind-mismatch",
    ),
    (of("a.docm", samples.docx(("word/vbaProject.bin", b"x"))), "attachment.macros", "attachment-macros"),
    (of("a.doc", samples.compound("WordDocument", "Macros")), "attachment.macros", "attachment-macros"),
    (of("a.rar", samples.RAR), "attachment.inspected", "attachment-uninspected"),
    (of("a.pdf", samples.unreadable_pdf()), "attachment.readable", "attachment-unreadable"),
]


@pytest.mark.parametrize(("file", "rule", "code"), AWKWARD, ids=lambda one: one if isinstance(one, str) else one[0])
async def test_an_awkward_file_is_warned_of_and_refused_where_a_policy_says_so(
    register: Register, sender: Identity, file: tuple[str, bytes, str], rule: str, code: str
) -> None:
    _, rules = await seen(register, sender, file)
    assert rules == [rule]
    verdict = await judged(strict(register, rule), sender, file)
    assert isinstance(verdict, Declined)
    assert [(one.rule, one.code) for one in verdict.findings] == [(rule, code)]


async def test_two_names_of_one_attachment_are_warned_of_and_refused_where_a_policy_says_so(
    register: Register, sender: Identity
) -> None:
    message = document_message(letter(SENDER, RECIPIENT))
    place = message.index(b"van-ban.pdf", message.index(b"<AttachmentEncoded")) - 1
    body = sign(message[:place] + b">van-ban-2.pdf<" + message[place + len(b">van-ban.pdf<") :], sender.signer)
    accepted = await register.accepted(body, SENDER)
    assert "attachment.names-agree" in [one.rule for one in accepted.warnings]
    (finding,) = await strict(register, "attachment.names-agree").findings(body, SENDER)
    assert (finding.code, finding.location) == ("attachment-names-differ", "/edXML/AttachmentEncoded/Attachment[1]")
    assert "van-ban-2.pdf" in finding.detail


def strict(register: Register, *rules: str, severity: Severity = "refuse") -> Register:
    """The same register with these rules of another severity."""
    made = replace(register, exceptions=tuple(Override(SENDER, rule, severity, date.max) for rule in rules))
    made.store = register.store
    return made


@pytest.mark.parametrize(
    ("rule", "file"),
    [
        ("attachment.kind", of("a.jpg", samples.pdf())),
        ("attachment.whole", of("a.pdf", samples.pdf(9)[:-900])),
        ("attachment.open", of("a.pdf", samples.locked_pdf("x"))),
    ],
)
async def test_what_is_refused_by_a_rule_can_be_let_pass_with_a_warning(
    register: Register, sender: Identity, rule: str, file: tuple[str, bytes, str]
) -> None:
    assert isinstance(await judged(register, sender, file), Declined)
    _, rules = await seen(strict(register, rule, severity="warn"), sender, file)
    assert rules[0] == rule


@pytest.mark.parametrize("declared", ["application/zip", "application/pdf", ""])
async def test_a_wrapped_file_is_judged_by_what_is_inside_and_both_layers_are_kept(
    register: Register, sender: Identity, declared: str
) -> None:
    inner = samples.pdf(2)
    outer = samples.wrapped(inner, "pdf")
    facts, rules = await seen(register, sender, of("Công văn.pdf", outer, declared), pages=2)
    assert (facts.kind, facts.pages, rules) == ("pdf", 2, [])
    assert (facts.size, facts.sha256) == (len(outer), hashlib.sha256(outer).hexdigest())
    digest = hashlib.sha256(inner).hexdigest()
    assert facts.wrapped == {"name": f"{samples.WRAPPED}.pdf", "size": len(inner), "sha256": digest}


@pytest.mark.parametrize(
    "content",
    [
        samples.archive((f"{samples.WRAPPED}.pdf", b"x"), ("b.pdf", b"x")),
        samples.archive(("thư.pdf", b"x")),
        samples.archive((f"{samples.WRAPPED}.doc", b"x")),
    ],
    ids=["two entries", "a plain name", "another extension"],
)
async def test_other_archives_are_no_wrapping(register: Register, sender: Identity, content: bytes) -> None:
    facts, _ = await seen(register, sender, of("a.zip", content))
    assert (facts.wrapped, facts.kind) == (None, "zip")


COUNTS = [
    ("the main document", 3, (3,), True),
    ("a page is missing", 4, (3,), False),
    ("a page too many", 2, (3,), False),
    ("nothing declared", 0, (3,), True),
    ("the main document without appendices", 3, (3, 2), True),
    ("with its first appendix", 5, (3, 2, 1), True),
    ("all together", 6, (3, 2, 1), True),
    ("no sum of them", 4, (3, 2, 1), False),
    ("an appendix that cannot be counted may hold the rest", 9, (3, None), True),
    ("fewer than the main document", 2, (3, None), False),
    ("a main document that cannot be counted", 7, (None, 3), True),
]


@pytest.mark.parametrize(("declared", "pages", "agrees"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
async def test_pages_are_compared_fairly(
    register: Register, sender: Identity, declared: int, pages: tuple[int | None, ...], agrees: bool
) -> None:
    files = [of(f"{n}.docx", samples.docx()) if n is None else of(f"{n}.pdf", samples.pdf(n)) for n in pages]
    verdict = await judged(register, sender, *files, pages=declared)
    assert isinstance(verdict, Accepted)
    found = [one for one in verdict.envelope.warnings if one.rule == "attachment.page-count"]
    assert bool(found) is not agrees
    for one in found:
        assert one.code == "attachment-page-count"
        assert one.detail.startswith(f"{declared} declared, {pages[0]} ")
        assert one.location.endswith("/OtherInfo/PageAmount")


@pytest.mark.parametrize(("named", "files", "agrees"), [(0, 3, True), (2, 3, True), (1, 3, False), (1, 1, False)])
async def test_appendices_are_compared_with_the_attachments_beyond_the_first(
    register: Register, sender: Identity, named: int, files: int, agrees: bool
) -> None:
    attached = [of(f"{n}.pdf", samples.pdf()) for n in range(files)]
    _, rules = await seen(register, sender, *attached, appendixes=tuple(f"Phụ lục {n}" for n in range(named)))
    assert rules == ([] if agrees else ["attachment.appendix-count"])
    verdict = await judged(register, sender, *attached, appendixes=("Phụ lục",) * 9)
    assert "attachment-appendix-count" in [one.code for one in verdict.envelope.warnings]


async def test_a_pdf_too_large_to_look_into_is_said_to_be(sender: Identity, register: Register) -> None:
    small = replace(register, policy=replace(register.policy, inspector=Inspector(largest=100)))
    small.store = register.store
    facts, rules = await seen(small, sender, of("a.pdf", samples.pdf()), pages=1)
    assert (facts.inspection, facts.pages, rules) == ("too-large", None, ["attachment.inspected"])


async def test_signatures_of_a_person_and_of_an_agency_are_reported(register: Register, sender: Identity) -> None:
    person = register.pki.issue("H33.02", "Nguyễn Thị Thử")
    twice = samples.signed_pdf(samples.signed_pdf(samples.pdf(), person), sender, "Signature2")
    facts, rules = await seen(register, sender, of("a.pdf", twice), pages=1)
    told = [
        (one["signer"], one["valid"], one["trusted"], one["covers_whole"], one["problem"]) for one in facts.signatures
    ]
    assert told == [("Nguyễn Thị Thử", True, True, False, ""), (sender.name, True, True, True, "")]
    assert facts.signatures[0]["organisation"]
    assert facts.signatures[0]["signed_at"].startswith("20")
    assert rules == []


async def test_a_document_changed_after_it_was_signed_is_warned_of(register: Register, sender: Identity) -> None:
    changed = samples.signed_pdf(samples.pdf(), sender).replace(b"(Trang 1)", b"(Trang 7)")
    facts, rules = await seen(register, sender, of("a.pdf", changed))
    assert [one["valid"] for one in facts.signatures] == [False]
    assert rules == ["attachment.signature-valid"]
    verdict = await judged(strict(register, "attachment.signature-valid"), sender, of("a.pdf", changed))
    assert [one.code for one in verdict.findings] == ["attachment-signature-invalid"]


async def test_octets_behind_the_last_signature_are_warned_of(register: Register, sender: Identity) -> None:
    longer = samples.signed_pdf(samples.pdf(), sender) + b"\n% one more line\n"
    facts, rules = await seen(register, sender, of("a.pdf", longer))
    assert [one["covers_whole"] for one in facts.signatures] == [False]
    assert rules == ["attachment.signature-valid"]


async def test_a_signature_of_a_stranger_holds_but_is_not_trusted(register: Register, sender: Identity) -> None:
    stranger = Register().identity("H33.66")
    file = of("a.pdf", samples.signed_pdf(samples.pdf(), stranger))
    facts, rules = await seen(register, sender, file)
    assert [(one["valid"], one["trusted"]) for one in facts.signatures] == [(True, False)]
    assert rules == []
    verdict = await judged(strict(register, "attachment.signature-trusted"), sender, file)
    assert [one.code for one in verdict.findings] == ["attachment-signature-untrusted"]


async def test_a_policy_may_ask_for_signatures_inside(register: Register, sender: Identity) -> None:
    asking = strict(register, "attachment.signed")
    verdict = await judged(asking, sender, of("a.pdf", samples.pdf()))
    assert [one.code for one in verdict.findings] == ["attachment-unsigned"]
    _, rules = await seen(asking, sender, of("a.pdf", samples.signed_pdf(samples.pdf(), sender)))
    assert rules == []


async def test_everything_wrong_with_several_files_is_named_at_once(register: Register, sender: Identity) -> None:
    verdict = await judged(
        register,
        sender,
        of("../a.pdf", samples.through_utf8(samples.binary_pdf())),
        of("b.zip", samples.archive(("../c.exe", samples.EXE))),
        of("c.jpg", samples.PNG),
    )
    assert [one.code for one in verdict.findings] == [
        "attachment-name",
        "attachment-kind-mismatch",
        "attachment-archive-path",
        "attachment-executable",
        "attachment-executable",
        "attachment-damaged",
    ]


async def test_many_archives_together_cost_no_more_than_one(register: Register, sender: Identity) -> None:
    """Each is no bomb by itself; after the first ones the rest is said not to be looked into."""
    dense = b"".join(bytes(4096) + hashlib.sha256(bytes([number])).digest() for number in range(100)) * 75
    archive = samples.archive(("a.txt", dense))
    files = [of(f"{number}.zip", archive) for number in range(6)]
    _, rules = await seen(register, sender, *files)
    assert 0 < rules.count("attachment.inspected") < 6


async def test_after_several_pdfs_over_the_limits_no_further_one_is_tried(register: Register, sender: Identity) -> None:
    hasty = replace(register, policy=replace(register.policy, inspector=Inspector(processes=1, cpu_seconds=0.001)))
    hasty.store = register.store
    files = [of(f"{n}.pdf", samples.pdf(200 + n)) for n in range(6)]
    verdict = await judged(hasty, sender, *files)
    hasty.policy.inspector.close()
    details = [one.detail for one in verdict.envelope.warnings if one.rule == "attachment.inspected"]
    assert len(details) == 6
    assert sum("not tried" in detail for detail in details) == 3
    assert {one.inspection for one in verdict.envelope.attachments} == {"over-limits"}


HOSTILE_SIGNATURES = [
    ("no octets of a signature", lambda made: made.replace(b"/Contents <", b"/Contents <00> /X <", 1)),
    ("a range of another place", lambda made: samples.other_range(made, b"0 10 20 30")),
    ("a range beyond the end", lambda made: samples.other_range(made, b"0 10 20 99999999")),
    ("a range that goes back", lambda made: samples.other_range(made, b"0 -1 -2 3")),
    ("a range of words", lambda made: samples.other_range(made, b"/a /b /c /d")),
    ("the words without a signature", lambda made: samples.pdf() + b"% /ByteRange\n%%EOF\n"),
]


@pytest.mark.parametrize("forge", [row[1] for row in HOSTILE_SIGNATURES], ids=[row[0] for row in HOSTILE_SIGNATURES])
async def test_a_forged_signature_dictionary_is_no_signature_and_harms_nothing(
    register: Register, sender: Identity, forge: Callable[[bytes], bytes]
) -> None:
    file = of("a.pdf", forge(samples.signed_pdf(samples.pdf(), sender)))
    facts, _ = await seen(register, sender, file)
    assert not any(one["valid"] for one in facts.signatures)
    assert isinstance(
        await judged(strict(register, "attachment.signed", "attachment.signature-valid"), sender, file), Declined
    )
