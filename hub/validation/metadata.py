"""Check: the header's elements are as the profile's rows ask (edXML 1.2; TT 01/2019/TT-BNV; NĐ 30/2020)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from hub.envelope.model import FieldText, parse_edxml_date
from hub.validation import schedule
from hub.validation.examination import Examination
from hub.validation.rules import Rule

HEADER = "/edXML/edXMLEnvelope/edXMLHeader/"
BUSINESS_TYPE = "TraceHeaderList/Bussiness/BussinessDocType"
MOST = 20  # places named for one rule, and the last one
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
_MOMENT = re.compile(r"(\d{4})/(\d{2})/(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII)


async def check(exam: Examination) -> None:
    content = exam.parsed
    for rule in exam.policy.profile.of_elements:
        if rule.element in content.fields or rule.check == "required":
            _apply(exam, rule, tuple(_CHECKS[rule.check](exam, rule)))
    exam.promulgated_on = parse_edxml_date(content.promulgation_date)
    exam.due_on = parse_edxml_date(content.due_date)
    exam.business_type = _whole(content.business_type, 3) or 0
    exam.priority = _whole(content.priority, 4) or 0
    schedule.judge(exam)
    if exam.business_type and not content.head.get("business_reason"):
        exam.apply("business-reason.required", "", location(exam, "TraceHeaderList/Bussiness/BussinessDocReason"))
    if exam.due_on and exam.promulgated_on and exam.due_on < exam.promulgated_on:
        exam.apply("due-date.after", f"{content.due_date}, {content.promulgation_date}", location(exam, "DueDate"))


def _apply(exam: Examination, rule: Rule, wrongs: tuple[tuple[str, int], ...]) -> None:
    """Each place by itself, but not thousands: findings travel in the acknowledgement and in the refusal."""
    for detail, number in wrongs[:MOST]:
        exam.apply(rule.name, detail, location(exam, rule.element, number))
    if len(wrongs) > MOST:
        detail, number = wrongs[-1]
        exam.apply(rule.name, f"{detail}; {len(wrongs)} in all", location(exam, rule.element, number))


def location(exam: Examination, element: str, number: int = 0) -> str:
    """The XPath of an element of the header; the outermost step is counted where it is repeated."""
    under = "" if element.startswith("TraceHeaderList") else "MessageHeader/"
    first, slash, rest = element.partition("/")
    repeated = {"To": len(exam.parsed.recipients), "ResponseFor": 2}.get(first, 1) > 1
    index = f"[{number}]" if number and repeated else ""
    return f"{HEADER}{under}{first}{index}{slash}{rest}"


Wrong = Iterator[tuple[str, int]]  # what is wrong, number of the outermost element


def _texts(exam: Examination, rule: Rule) -> tuple[FieldText, ...]:
    return exam.parsed.fields.get(rule.element, ())


def _required(exam: Examination, rule: Rule) -> Wrong:
    inside = [f"{rule.element}/{name}" for name in rule.parameters.get("any_of", ())]
    if not any(path in exam.parsed.fields for path in inside or [rule.element]):
        yield rule.element, 0


def _length(exam: Examination, rule: Rule) -> Wrong:
    longest = rule.parameters["longest"]
    for text, number in _texts(exam, rule):
        if len(text) > longest:
            yield f"{rule.element}: {len(text)} of {longest} characters", number


def _texts_that(wrong: Callable[[Examination, Rule, str], str]) -> Callable[[Examination, Rule], Wrong]:
    """A check of single texts: ``wrong`` says what is wrong with one, or nothing."""

    def check(exam: Examination, rule: Rule) -> Wrong:
        for text, number in _texts(exam, rule):
            if detail := wrong(exam, rule, text):
                yield detail, number

    return check


def _not_a_date(_exam: Examination, _rule: Rule, text: str) -> str:
    return "" if parse_edxml_date(text) else f"{text} is not a date yyyy/MM/dd"


def _not_past(exam: Examination, _rule: Rule, text: str) -> str:
    day = parse_edxml_date(text)
    return f"{text} is later than today" if day is not None and day > exam.today else ""


def moment(text: str) -> datetime | None:
    """``yyyy/MM/dd HH:mm:ss``, local and without a zone; None when it is not one."""
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        return None
    year, month, day, hour, minute, second = map(int, parts.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the caller adds the zone
    except ValueError:
        return None


def _not_a_moment(_exam: Examination, _rule: Rule, text: str) -> str:
    return "" if moment(text) else f"{text} is not a time yyyy/MM/dd HH:mm:ss"


def _whole(text: str, greatest: int) -> int | None:
    """A whole number as edXML writes it; None when it is not one or too great."""
    if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= greatest:
        return int(text)
    return None


def _out_of_range(_exam: Examination, rule: Rule, text: str) -> str:
    least, greatest = rule.parameters["least"], rule.parameters["greatest"]
    value = _whole(text, greatest)
    return "" if value is not None and value >= least else f"{text!r} is not a number from {least} to {greatest}"


def _unlisted(exam: Examination, rule: Rule, text: str) -> str:
    return "" if text.casefold() in exam.policy.profile.lists[rule.parameters["list"]] else text


def _not_an_address(_exam: Examination, _rule: Rule, text: str) -> str:
    return "" if _EMAIL.fullmatch(text) else f"{text} is not an e-mail address"


_CHECKS: dict[str, Callable[[Examination, Rule], Wrong]] = {
    "required": _required,
    "length": _length,
    "date": _texts_that(_not_a_date),
    "past": _texts_that(_not_past),
    "moment": _texts_that(_not_a_moment),
    "range": _texts_that(_out_of_range),
    "listed": _texts_that(_unlisted),
    "email": _texts_that(_not_an_address),
}
