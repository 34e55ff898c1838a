"""``lienthong db grant``, and what the doctor says of the log's guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from hub.ledger import Ledger

Role = Annotated[str, typer.Argument(metavar="ROLE", help=_("The database role under which the hub works."))]
FEWEST_MONTHS = 2


def db_grant(role: Role, data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import guard

    with opened(data) as ledger:
        ledger.write_now(guard.grant, role)
    words = _("The role {role} may do what the hub does: it cannot change what is in the log.").format(role=role)
    output.show({"role": role}, [words])


def examine(ledger: Ledger) -> list[tuple[str, bool, str]]:
    """Checks of the doctor: name, whether it is good, detail."""
    from hub.ledger import guard, months

    found = ledger.read_now(guard.state)
    words = [_("in force")] if not found.unguarded else []
    if found.unguarded:
        words.append(_("no trigger guards {tables}").format(tables=", ".join(found.unguarded)))
    if found.changeable:
        warning = _("WARNING: the role {role} could change the log; give the hub a role of its own: lienthong db grant")
        words.append(warning.format(role=found.role))
    checks = [("log guard", not found.unguarded, "; ".join(words))]
    ahead = ledger.read_now(months.state)
    if ahead is not None:
        words = [_("{count} months ahead").format(count=ahead.ahead)]
        if ahead.outside:
            words.append(_("WARNING: entries lie outside all months"))
        checks.append(("log months", ahead.ahead >= FEWEST_MONTHS, "; ".join(words)))
    return checks
