"""Rules as data: what a profile asks, how severe each rule is, and for which agency it is otherwise until when.

The rows are ``schemas/profiles/<profile>.toml``. A rule is named ``<subject>.<aspect>`` and never renamed: overrides,
reports and the operator's screen refer to it. Rules that no table may soften (signature, sender, recipients, whole
attachments) are not rows: they are refused by the checks themselves.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from hub.registry.model import Override, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. ``check`` names the kind of element check, empty for a rule that a check of its own applies.

    ``fixed``: the hub itself cannot do without, no policy changes it.
    """

    name: str
    code: str
    severity: Severity
    clause: str
    en: str
    vi: str
    check: str = ""
    element: str = ""
    fixed: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of the message format as data. ``of_elements``: the rows for elements of the header."""

    name: str
    namespace: str
    rules: Mapping[str, Rule]
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)  # case-folded
    of_elements: tuple[Rule, ...] = ()


def _directory() -> Path:
    """In the wheel inside the package; in a checkout at the top, where people look for it."""
    installed = Path(__file__).parents[1] / "schemas" / "profiles"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "schemas" / "profiles"


@functools.cache
def profile(name: str) -> Profile:
    """The profile of this name; raises ``FileNotFoundError``."""
    table = tomllib.loads((_directory() / f"{name}.toml").read_text(encoding="utf-8"))
    rules = {key: _rule(key, row) for key, row in table["rules"].items()}
    lists = {key: frozenset(word.casefold() for word in words) for key, words in table["lists"].items()}
    of_elements = tuple(rule for rule in rules.values() if rule.check)
    return Profile(table["name"], table["namespace"], rules, lists, of_elements)


def _rule(name: str, row: dict[str, Any]) -> Rule:
    own = {key: row.get(key, "") for key in ("code", "severity", "clause", "en", "vi", "check", "element")}
    parameters = {key: value for key, value in row.items() if key not in own and key != "fixed"}
    return Rule(name=name, **own, fixed=row.get("fixed", False), parameters=parameters)


def severity(rule: Rule, overrides: Iterable[Override], agency: str, on: date) -> Severity:
    """How severe ``rule`` is for ``agency`` on a day: its own override, else everybody's, else the profile's.

    An override counts through its last day; a fixed rule has none, whatever stands in the table.
    """
    if rule.fixed:
        return rule.severity
    valid = {one.agency_code: one.severity for one in overrides if one.rule == rule.name and one.until >= on}
    return valid.get(agency) or valid.get("") or rule.severity
