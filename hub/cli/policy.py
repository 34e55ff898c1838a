"""``lienthong policy``: how severe the rules of the message format are, for one agency or for all, until a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

import typer

from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _
from hub.problems import Refused

Rule = Annotated[str, typer.Argument(metavar="RULE", help=_("A rule's name, as `policy rules` lists them."))]
Agency = Annotated[str, typer.Option("--agency", metavar="CODE", help=_("For this agency only; else for all."))]


def policy_set(
    rule: Rule,
    severity: Annotated[str, typer.Argument(metavar="refuse|warn|ignore")],
    until: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD", help=_("The last day on which it holds."))],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help=_("Why; it is shown and logged."))],
    agency: Agency = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import registration

    check_changeable(rule)
    with opened(data) as ledger:
        made = ledger.write_now(registration.set_rule, agency, rule, severity, _day(until), reason)
    shown = {"rule": rule, "agency": made.agency_code, "severity": made.severity, "until": made.until.isoformat()}
    output.show(shown, [f"{rule}  {made.agency_code or '*'}  {made.severity}  {made.until}"])


def policy_remove(rule: Rule, agency: Agency = "", data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import registration

    with opened(data) as ledger:
        ledger.write_now(registration.remove_rule, agency, rule)
    output.show({"rule": rule, "agency": agency}, [f"{rule}  {agency or '*'}"])


def policy_list(data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import overrides

    with opened(data) as ledger:
        found = ledger.read_now(overrides.every)
    shown = [
        {
            "rule": one.rule,
            "agency": one.agency_code,
            "severity": one.severity,
            "until": one.until.isoformat(),
            "reason": one.reason,
        }
        for one in sorted(found, key=lambda one: (one.until, one.agency_code, one.rule))
    ]
    rows = [(one["rule"], one["agency"] or "*", one["severity"], one["until"], one["reason"]) for one in shown]
    output.show(shown, output.table((_("Rule"), _("Agency"), _("Severity"), _("Until"), _("Reason")), rows))


def policy_rules(as_json: output.AsJson = False) -> None:
    from hub.envelope.names import PROFILE
    from hub.validation.rules import profile

    rules = profile(PROFILE).rules.values()
    shown = [
        {"rule": one.name, "severity": one.severity, "fixed": one.fixed, "code": one.code, "clause": one.clause}
        for one in rules
    ]
    rows = [(one.name, one.severity + ("!" if one.fixed else ""), one.code, one.clause) for one in rules]
    output.show(shown, output.table((_("Rule"), _("Severity"), _("Code"), _("Clause")), rows))


def check_changeable(rule: str) -> None:
    """Raises ``Refused``: ``registry-unknown`` for no rule, ``registry-invalid`` for one that no policy changes."""
    from hub.envelope.names import PROFILE
    from hub.validation.rules import profile

    known = profile(PROFILE).rules.get(rule)
    if known is None:
        raise Refused("registry-unknown", rule, "rule")
    if known.fixed:
        raise Refused("registry-invalid", f"{rule}: the hub cannot do without it", "rule")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("registry-invalid", f"{text} is not a day YYYY-MM-DD", "until") from error


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    commands: dict[str, Callable[..., None]] = {
        "set": policy_set,
        "remove": policy_remove,
        "list": policy_list,
        "rules": policy_rules,
    }
    for verb, command in commands.items():
        group.command(verb)(command)
    app.add_typer(group, name="policy", help=_("How severe the rules are, for whom, until when."))
