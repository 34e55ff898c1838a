"""Rules of the profile made less severe for all agencies at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from hub import clock
from hub.envelope.names import PROFILE
from hub.language import mark
from hub.ledger import Transaction, overrides, registration
from hub.problems import Refused
from hub.proposals.kinds import Effect, Kind
from hub.registry.model import SEVERITIES, Override
from hub.validation.rules import Rule, profile, severity

_ADMINISTRATOR = frozenset({"administrator"})
# the most severe first
_ORDER = ("refuse", "warn", "ignore")


def changeable(name: str) -> Rule:
    """The rule. Raises ``Refused``: ``registry-unknown`` for no rule, ``registry-invalid`` for a fixed one."""
    known = profile(PROFILE).rules.get(name)
    if known is None:
        raise Refused("registry-unknown", name, "rule")
    if known.fixed:
        raise Refused("registry-invalid", f"{name}: the hub cannot do without it", "rule")
    return known


def weakens_all(found: Iterable[Override], agency: str, rule: Rule, wanted: str, on: date) -> bool:
    """Whether this asks less of every agency, than the profile does or than is asked now."""
    now = severity(rule, found, "", on)
    return not agency and _ORDER.index(wanted) > min(_ORDER.index(rule.severity), _ORDER.index(now))


def eased_by_removal(found: Iterable[Override], agency: str, rule: Rule, on: date) -> bool:
    """Whether going back to the profile asks less of every agency than is asked now."""
    return not agency and _ORDER.index(severity(rule, found, "", on)) < _ORDER.index(rule.severity)


class RuleSet:
    """``rule``, ``severity``, ``until`` (YYYY-MM-DD), ``reason``: for all agencies through that day."""

    name, title, urgent = "rule.set", mark("Ask less of every agency"), False
    asking = deciding = _ADMINISTRATOR

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        rule = changeable(str(arguments.get("rule", "")))
        until, wanted = _day(arguments.get("until")), str(arguments.get("severity", ""))
        if wanted not in SEVERITIES:
            raise Refused("registry-invalid", f"{wanted}: one of {', '.join(SEVERITIES)}", "severity")
        today = clock.now().date()
        if until < today:
            raise Refused("registry-invalid", f"{until} is past", "until")
        now = severity(rule, overrides.every(transaction, today), "", today)
        lines = (
            (mark("Rule"), rule.name),
            (mark("For whom"), "*"),
            (mark("Severity"), f"{now} → {wanted}"),
            (mark("In the profile"), rule.severity),
            (mark("Until"), until.isoformat()),
        )
        return Effect(rule.name, lines)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        given = {name: str(arguments.get(name, "")) for name in ("rule", "severity", "reason")}
        changeable(given["rule"])
        registration.set_rule(
            transaction,
            "",
            given["rule"],
            given["severity"],
            _day(arguments.get("until")),
            given["reason"],
            actor=actor,
        )

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("forbidden", f"{self.name} is never carried out before it is confirmed")


def _day(given: object) -> date:
    try:
        return date.fromisoformat(str(given))
    except ValueError as error:
        raise Refused("request-invalid", f"{str(given)[:40]}: not a day", "until") from error


RULES: tuple[Kind, ...] = (RuleSet(),)
