"""Every rule of the profile about the header fires where it should and keeps silent where it should not.

The cases are made from the table itself: a row of a kind that nobody provides for fails.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from adapters.sandbox.pki import Identity
from hub import clock
from hub.clock import VIETNAM
from hub.envelope.names import EDXML
from hub.envelope.writing import Business, Party, Reference, Signatory, document_message
from hub.problems import Finding
from hub.registry.model import Override, Severity
from hub.signatures.chain import RevocationList
from hub.signatures.sign import sign
from hub.validation import Accepted
from hub.validation.rules import Rule, profile
from tests.architecture.tree import octets, python_files
from tests.intake.register import Register, letter

SENDER, RECIPIENTS = "H33.02", ("H33.90", "H33.91")
HEADER = "/edXML/edXMLEnvelope/edXMLHeader/"
NOW = clock.now().replace(microsecond=0)
TODAY = NOW.astimezone(VIETNAM).date()
RULES = profile("qcvn-102-2016").rules
ELEMENTS = [rule for rule in RULES.values() if rule.check]
UNTIL = TODAY + timedelta(days=1)


@dataclass
class Judge:
    """A register with one sender, asked what it noted by one rule."""

    register: Register
    sender: Identity

    async def noted(
        self, message: bytes, rule: str, *overrides: Override, at: datetime = NOW
    ) -> tuple[list[Finding], list[Finding]]:
        """Refusals and warnings by this rule."""
        self.register.exceptions = overrides
        self.register.changes += 1
        await self.register.directory.refresh(now=True)
        verdict = await self.register.judge(sign(message, self.sender.signer), SENDER, at=at)
        if isinstance(verdict, Accepted):
            findings, warnings = (), verdict.envelope.warnings
        else:
            findings, warnings = verdict.findings, verdict.warnings
        return [one for one in findings if one.rule == rule], [one for one in warnings if one.rule == rule]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return started()


def started() -> Judge:
    register = Register()
    for code in RECIPIENTS:
        register.agency(code)
    return Judge(register, register.identity(SENDER))


def whole(**changes: Any) -> bytes:
    """A letter that breaks no rule about the header."""
    letters = letter(
        SENDER,
        *RECIPIENTS,
        promulgated=TODAY,
        due=TODAY + timedelta(days=3),
        signatory=Signatory("Nguyễn Văn An", "Giám đốc", "TM."),
        answers=(Reference(RECIPIENTS[0], "12", "7/UBND", TODAY - timedelta(days=9)),),
        written_at=NOW,
    )
    return document_message(replace(letters, **changes))


def with_text(path: str, text: str, *, recipient: int = 2) -> bytes:
    """The whole letter with this text in one element of the header, which is made where it is missing."""
    root = etree.fromstring(whole())
    header = root.find(f"{{{EDXML}}}edXMLEnvelope/{{{EDXML}}}edXMLHeader")
    node = header if path.startswith("TraceHeaderList") else header.find(f"{{{EDXML}}}MessageHeader")
    for step in path.split("/"):
        found = node.findall(f"{{{EDXML}}}{step}")
        if step == "To":
            node = found[recipient - 1]
        else:
            node = found[0] if found else etree.SubElement(node, f"{{{EDXML}}}{step}")
    node.text = text
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def without(path: str) -> bytes:
    """The whole letter without one element."""
    root = etree.fromstring(whole())
    steps = "/".join(f"{{{EDXML}}}{step}" for step in path.split("/"))
    node = root.find(f"{{{EDXML}}}edXMLEnvelope/{{{EDXML}}}edXMLHeader/{{{EDXML}}}MessageHeader/{steps}")
    node.getparent().remove(node)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def place(rule: Rule) -> str:
    """Where the rule's element stands in the letters made here."""
    under = "" if rule.element.startswith("TraceHeaderList") else "MessageHeader/"
    first, slash, rest = rule.element.partition("/")
    index = {"To": "[2]", "ResponseFor": "[1]"}.get(first, "")
    return f"{HEADER}{under}{first}{index}{slash}{rest}"


DECOMPOSED = "e\u0323\u0302"  # one letter to the eye, three code points
TOMORROW, YESTERDAY = (TODAY + timedelta(days=days) for days in (1, -1))


def day(of: date) -> str:
    return of.strftime("%Y/%m/%d")


# by kind: texts that break the rule, texts that keep it
WRONG: dict[str, Callable[[Rule], list[str]]] = {
    "length": lambda rule: ["ệ" * (rule.parameters["longest"] + 1), DECOMPOSED * (rule.parameters["longest"] + 1)],
    "date": lambda _: ["2026/02/30", "30/11/2026", "2026-11-30", "2026/1/1", "0000/01/01", "٢٠٢٦/١١/٢٠"],
    "past": lambda _: [day(TOMORROW), "9999/12/31"],
    "moment": lambda _: ["2026/11/20", "2026-11-20T08:00:00", "2026/11/20 24:00:00", "2026/02/30 08:00:00"],
    "range": lambda rule: [str(rule.parameters["greatest"] + 1), "-1", "1.0", "x", "٣", "9" * 40, "0x1", "+1"],
    "listed": lambda _: ["Văn bản lạ", "Cong van", "18"],
    "email": lambda _: ["vanthu", "vanthu@tinh", "a b@tinh.gov.vn", "a@b.vn, c@d.vn", "@tinh.gov.vn"],
}
RIGHT: dict[str, Callable[[Rule], list[str]]] = {
    "length": lambda rule: ["ệ" * rule.parameters["longest"], DECOMPOSED * rule.parameters["longest"], "", " "],
    "date": lambda _: [day(TODAY), "2024/02/29", ""],
    "past": lambda _: [day(TODAY), day(YESTERDAY), "2026/02/30"],
    "moment": lambda _: ["2026/11/20 08:00:00", "2026/11/20 23:59:59", ""],
    "range": lambda rule: [str(rule.parameters["least"]), str(rule.parameters["greatest"]), "01", " 1 ", ""],
    "listed": lambda _: ["Công văn", "CÔNG VĂN", unicodedata.normalize("NFD", "Tờ trình"), ""],
    "email": lambda _: ["vanthu@tinh.gov.vn", "van.thu+1@so-noi-vu.tinh.gov.vn", ""],
}


def wrong(rule: Rule) -> list[bytes]:
    if rule.check == "required":
        return [without(rule.element)]
    return [with_text(rule.element, text) for text in WRONG[rule.check](rule)]


def right(rule: Rule) -> list[bytes]:
    if rule.check == "required":
        return [whole()]
    return [with_text(rule.element, text) for text in RIGHT[rule.check](rule)]


def made(rule: Rule, severity: Severity, agency: str = "", until: date = UNTIL) -> Override:
    return Override(agency, rule.name, severity, until)


def loud(rule: Rule) -> tuple[Override, ...]:
    """A rule that the profile ignores is heard only by an override."""
    return (made(rule, "warn"),) if rule.severity == "ignore" else ()


@pytest.mark.parametrize("rule", ELEMENTS, ids=lambda rule: rule.name)
async def test_the_rule_fires_with_its_code_place_and_severity(judge: Judge, rule: Rule) -> None:
    for message in wrong(rule):
        findings, warnings = await judge.noted(message, rule.name, *loud(rule))
        assert [(one.code, one.location) for one in findings + warnings] == [(rule.code, place(rule))]
        assert bool(findings) is (rule.severity == "refuse")
        assert rule.element in (findings + warnings)[0].detail or rule.check not in ("required", "length")


@pytest.mark.parametrize("rule", ELEMENTS, ids=lambda rule: rule.name)
async def test_the_rule_keeps_silent_where_it_is_kept(judge: Judge, rule: Rule) -> None:
    for message in right(rule):
        assert await judge.noted(message, rule.name, *loud(rule)) == ([], []), message


@pytest.mark.parametrize("rule", [rule for rule in ELEMENTS if not rule.fixed], ids=lambda rule: rule.name)
async def test_an_override_makes_the_rule_a_refusal_a_warning_or_nothing(judge: Judge, rule: Rule) -> None:
    message = wrong(rule)[0]
    for severity, expected in (("refuse", (1, 0)), ("warn", (0, 1)), ("ignore", (0, 0))):
        findings, warnings = await judge.noted(message, rule.name, made(rule, severity, SENDER))  # type: ignore[arg-type]  # one of the three
        assert (len(findings), len(warnings)) == expected


@pytest.mark.parametrize("rule", [rule for rule in ELEMENTS if rule.fixed], ids=lambda rule: rule.name)
async def test_no_override_softens_what_the_hub_cannot_do_without(judge: Judge, rule: Rule) -> None:
    for agency in (SENDER, ""):
        findings, _ = await judge.noted(wrong(rule)[0], rule.name, made(rule, "ignore", agency))
        assert len(findings) == 1


def written(since: timedelta) -> bytes:
    return whole(written_at=NOW + since)


LETTERS: dict[str, tuple[bytes, bytes, str]] = {
    # rule: a letter that breaks it, one that just keeps it, where
    "timestamp.old": (
        written(-timedelta(days=30, seconds=1)),
        written(-timedelta(days=30)),
        "TraceHeaderList/TraceHeader/Timestamp",
    ),
    "timestamp.future": (
        written(timedelta(hours=24, seconds=1)),
        written(timedelta(hours=24)),
        "TraceHeaderList/TraceHeader/Timestamp",
    ),
    "business-reason.required": (
        whole(business=Business(type=1)),
        whole(business=Business(type=1, reason="Nhầm nơi nhận")),
        "TraceHeaderList/Bussiness/BussinessDocReason",
    ),
    "due-date.after": (whole(due=YESTERDAY), whole(due=TODAY), "MessageHeader/DueDate"),
    "secrecy.none": (whole(subject="[MẬT] Kế hoạch"), whole(subject="Bảo mật"), "MessageHeader/Subject"),
}


@pytest.mark.parametrize("name", LETTERS)
async def test_a_rule_about_the_whole_letter_fires_and_keeps_silent(judge: Judge, name: str) -> None:
    rule = RULES[name]
    broken, kept, where = LETTERS[name]
    for severity, expected in (("refuse", (1, 0)), ("warn", (0, 1)), ("ignore", (0, 0))):
        override = () if severity == rule.severity else (made(rule, severity, SENDER),)  # type: ignore[arg-type]  # one of the three
        findings, warnings = await judge.noted(broken, name, *override)
        assert (len(findings), len(warnings)) == expected
        noted = [(one.code, one.location) for one in findings + warnings]
        assert noted == [(rule.code, HEADER + where)] * sum(expected)
    assert await judge.noted(kept, name) == ([], [])


def test_every_row_has_a_case() -> None:
    """Rows of certificates, attachments and malware have theirs elsewhere: by their name, or by a code of their own."""
    paths = [path for path in python_files("tests") if not path.endswith("test_rules.py")]
    elsewhere = "\n".join(octets(path).decode() for path in paths)
    here = {rule.name for rule in ELEMENTS if rule.check in {"required", *WRONG}} | LETTERS.keys()
    shared = Counter(rule.code for rule in RULES.values())
    words = {
        name: {f'"{name}"'} | ({f'"{rule.code}"'} if shared[rule.code] == 1 else set()) for name, rule in RULES.items()
    }
    assert [name for name in RULES if name not in here and not any(word in elsewhere for word in words[name])] == []


async def test_a_letter_dated_today_in_viet_nam_is_not_of_tomorrow() -> None:
    """At 17:00 UTC the day ends there."""
    midnight = datetime.combine(TOMORROW, datetime.min.time(), VIETNAM)
    judge = started()
    pki, store = judge.register.pki, judge.register.store
    assert store is not None
    lists = [
        one.crl(issued=midnight - timedelta(hours=1)).public_bytes(Encoding.DER) for one in (pki.root, pki.issuing)
    ]
    judge.register.store = replace(store, lists=tuple(RevocationList.load(der) for der in lists))
    message = with_text("PromulgationInfo/PromulgationDate", day(TOMORROW))
    rule = "promulgation-date.past"
    assert await judge.noted(message, rule, at=midnight) == ([], [])
    _, warnings = await judge.noted(message, rule, at=midnight - timedelta(seconds=1))
    assert len(warnings) == 1


async def test_a_thousand_places_make_twenty_warnings_and_a_number(judge: Judge) -> None:
    message = whole(to_places=tuple("x" * 151 for _ in range(1000)))
    _, warnings = await judge.noted(message, "to-place.length")
    assert len(warnings) == 21
    assert warnings[-1].detail.endswith("1000 in all")


async def test_what_stands_in_a_finding_is_cut(judge: Judge) -> None:
    _, (warning,) = await judge.noted(with_text("From/Email", "x" * 100_000), "from-email.form")
    assert len(warning.detail) == 1000


async def test_a_recipient_is_named_by_its_number(judge: Judge) -> None:
    _, warnings = await judge.noted(with_text("To/Email", "x", recipient=1), "to-email.form")
    assert [one.location for one in warnings] == [HEADER + "MessageHeader/To[1]/Email"]
    alone = whole(recipients=(Party(RECIPIENTS[0], email="x"),))
    _, warnings = await judge.noted(alone, "to-email.form")
    assert [one.location for one in warnings] == [HEADER + "MessageHeader/To/Email"]
