"""``lienthong hold``: what must not be purged, whatever the policy says; to lift a hold takes two people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import clock
from hub.cli import acting, output
from hub.cli.nouns import Verbs, add_noun
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from datetime import date

    from hub.ledger.holds import Hold

_DAY = ["%Y-%m-%d"]
Identifier = Annotated[str, typer.Argument(metavar="HOLD", help=_("Identifier of the hold."))]
Reason = Annotated[str, typer.Option(metavar="TEXT", help=_("Why; it is shown and logged."))]


def hold_place(
    reason: Reason,
    envelope: Annotated[str, typer.Option(metavar="ID")] = "",
    document: Annotated[str, typer.Option(metavar="ID", help=_("The sender's document id."))] = "",
    sender: Annotated[str, typer.Option(metavar="CODE")] = "",
    recipient: Annotated[str, typer.Option(metavar="CODE")] = "",
    since: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help=_("First day of acceptance (Vietnam)."))
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=_DAY, help=_("Last day of acceptance (Vietnam)."))
    ] = None,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Place a hold; all that is given must fit. It counts at once."""
    from hub.ledger.holds import Scope
    from hub.retention import holds

    scope = Scope(envelope, document, sender, recipient, _day(since), _day(until))
    with opened(data) as ledger:
        login = acting.verified(ledger, person, password_file)
        identifier, reached = ledger.write_now(holds.place, scope, reason, login)
    shown = {"hold": identifier, "scope": scope.json(), "envelopes": reached.envelopes, "purged": reached.purged}
    lines = [identifier, _("Letters that it keeps now") + f": {reached.envelopes - reached.purged}"]
    lines += [_("Purged before") + f": {reached.purged}"] if reached.purged else []
    output.show(shown, lines)


def hold_lift(
    identifier: Identifier,
    reason: Annotated[str, typer.Option(metavar="TEXT", help=_("Why; the first person says it."))] = "",
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Propose to lift a hold; a second person who does the same lifts it."""
    from hub.retention import holds

    with opened(data) as ledger:
        login = acting.verified(ledger, person, password_file)
        hold = ledger.write_now(holds.lift, identifier, login, reason)
    asked = _("Proposed; a second person has to lift it") if hold.state == "lifting" else hold.state
    output.show(_shown(hold), [f"{hold.id}  {asked}"])


def hold_keep(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Leave a hold standing that somebody proposed to lift."""
    from hub.retention import holds

    with opened(data) as ledger:
        login = acting.verified(ledger, person, password_file)
        hold = ledger.write_now(holds.keep, identifier, login)
    output.show(_shown(hold), [f"{hold.id}  {hold.state}"])


def hold_list(data: Data = None, as_json: output.AsJson = False) -> None:
    """Holds, those that wait for a second person first."""
    from hub.ledger import holds

    with opened(data) as ledger:
        shown = [_shown(one) for one in ledger.read_now(holds.listing)]
    heads = (_("Hold"), _("State"), _("What it keeps"), _("Placed by"), _("Reason"))
    rows = [
        (
            one["hold"],
            one["state"],
            " ".join(f"{k}={v}" for k, v in one["scope"].items()),
            one["placed_by"],
            one["reason"],
        )
        for one in shown
    ]
    output.show(shown, output.table(heads, rows))


def _shown(hold: Hold) -> dict[str, Any]:
    return {
        "hold": hold.id,
        "state": hold.state,
        "scope": hold.scope.json(),
        "reason": hold.reason,
        "placed_by": hold.placed_by,
        "placed_at": clock.rfc3339(hold.placed_at),
        "lift_asked_by": hold.lift_asked_by,
        "lift_reason": hold.lift_reason,
        "lifted_by": hold.lifted_by,
        "lifted_at": None if hold.lifted_at is None else clock.rfc3339(hold.lifted_at),
    }


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()


def register(app: typer.Typer) -> None:
    verbs: Verbs = {
        "place": (hold_place, _("Keep octets from being purged, from now on.")),
        "lift": (hold_lift, _("Lift a hold; two people do it, one after the other.")),
        "keep": (hold_keep, _("Leave a hold standing that somebody proposed to lift.")),
        "list": (hold_list, _("List holds.")),
    }
    add_noun(app, "hold", _("Legal holds: what must not be purged."), verbs)
