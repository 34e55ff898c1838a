"""What is asked of a letter, for people: the checks in their order, the rules, and who is excepted until when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hub.dashboard import wording
from hub.dashboard.wording import Tag
from hub.language import current, gettext, mark, ngettext
from hub.registry.model import Override
from hub.validation import SEQUENCE
from hub.validation.rules import Profile, Rule

# an exception that ends within this time is marked, so that nobody is surprised by the day
ENDS_SOON = timedelta(days=30)

# kind of element check: what it asks; ``%(name)s`` are the rule's own parameters
_ASKED: dict[str, str] = {
    "required": mark("Must be there and not empty"),
    "date": mark("A calendar day, written yyyy/MM/dd"),
    "past": mark("Not a day in the future"),
    "moment": mark("A day and a time, written yyyy/MM/dd HH:mm:ss"),
    "range": mark("A whole number from %(least)s to %(greatest)s"),
    "listed": mark("A name in the official list"),
    "email": mark("An e-mail address"),
    "identifier": mark("An agency code of the usual form"),
}

_SEVERITIES: dict[str, tuple[str, str, str]] = {
    "refuse": ("cross", mark("Refused"), "bad"),
    "warn": ("refusals", mark("Warning"), "warn"),
    "ignore": ("ring", mark("Ignored"), "muted"),
}

_WHEN: dict[str, str] = {
    "stops": mark("Stops here when it fails"),
    "goes on": mark("The next ones run all the same"),
    "last": mark("Only while nothing is refused"),
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One row of the sequence, in the reader's language."""

    number: int
    name: str
    title: str
    establishes: str
    when: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule of the profile: what it asks, of which element, where that is written, and how severe it is."""

    name: str
    element: str
    text: str
    clause: str
    code: str
    severity: Tag
    fixed: bool


@dataclass(frozen=True, slots=True)
class RuleGroup:
    heading: str
    rows: tuple[RuleRow, ...]


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """One override in force. ``agency`` empty: everybody. ``usual``: as the profile has it, None for a former rule."""

    agency: str
    rule: str
    text: str
    severity: Tag
    usual: Tag | None
    until: date
    ends_soon: bool
    reason: str


def checks() -> list[CheckRow]:
    """The sequence as it runs."""
    return [
        CheckRow(row.number, row.name, wording.check_title(row.name), wording.check_text(row.name), when(row.when))
        for row in SEQUENCE
    ]


def when(word: str) -> str:
    return gettext(_WHEN[word])


def severity(word: str) -> Tag:
    shape, text, tone = _SEVERITIES[word]
    return Tag(shape, gettext(text), tone)


def text_of(rule: Rule) -> str:
    """What a rule asks, as one line in the reader's language."""
    if rule.check == "length":
        longest = rule.parameters["longest"]
        return ngettext("At most %(num)d character", "At most %(num)d characters", longest) % {"num": longest}
    if rule.check in _ASKED:
        asked = gettext(_ASKED[rule.check])
        return asked % rule.parameters if "%(" in asked else asked
    return (rule.vi if current.get() == "vi" else rule.en) or rule.name


def parameters_of(rule: Rule) -> str:
    """The numbers that a rule of its own check is given: ``days = 30``. The checks of elements say theirs in words."""
    return "" if rule.check else ", ".join(f"{name} = {value}" for name, value in _scalars(rule.parameters))


def _scalars(parameters: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in parameters.items() if isinstance(value, int | float | str)]


def groups(profile: Profile) -> list[RuleGroup]:
    """The profile's rules, by what they look at; empty groups are left out."""
    parts: tuple[tuple[str, Callable[[Rule], bool]], ...] = (
        (gettext("The letter as a whole"), lambda rule: not rule.check and not _of(rule, "certificate", "attachment")),
        (gettext("Certificates"), lambda rule: not rule.check and _of(rule, "certificate")),
        (gettext("Attachments"), lambda rule: not rule.check and _of(rule, "attachment")),
        (gettext("Elements of the header"), lambda rule: bool(rule.check)),
    )
    found = [
        RuleGroup(heading, tuple(_row(rule) for rule in profile.rules.values() if inside(rule)))
        for heading, inside in parts
    ]
    return [group for group in found if group.rows]


def _of(rule: Rule, *subjects: str) -> bool:
    return rule.name.startswith(subjects)


def _row(rule: Rule) -> RuleRow:
    numbers = parameters_of(rule)
    text = f"{text_of(rule)} ({numbers})" if numbers else text_of(rule)
    return RuleRow(rule.name, rule.element, text, rule.clause, rule.code, severity(rule.severity), rule.fixed)


def exceptions(overrides: Iterable[Override], profile: Profile, today: date, only: str | None) -> list[ExceptionRow]:
    """Overrides in force on ``today``, the soonest end first. ``only``: those of one agency and those of everybody."""
    valid = [one for one in overrides if one.until >= today and (only is None or one.agency_code in ("", only))]
    valid.sort(key=lambda one: (one.until, one.agency_code, one.rule))
    return [_exception(one, profile.rules.get(one.rule), today) for one in valid]


def _exception(override: Override, rule: Rule | None, today: date) -> ExceptionRow:
    return ExceptionRow(
        agency=override.agency_code,
        rule=override.rule,
        text="" if rule is None else text_of(rule),
        severity=severity(override.severity),
        usual=None if rule is None else severity(rule.severity),
        until=override.until,
        ends_soon=override.until - today <= ENDS_SOON,
        reason=override.reason,
    )
