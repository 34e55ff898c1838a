"""``lienthong purge``: remove the octets of what is past its time; one person asks, another one confirms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import clock
from hub.cli import acting, output
from hub.cli.nouns import Verbs, add_noun
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from hub.ledger import Ledger
    from hub.ledger.purges import Group, Progress, PurgeRecord
    from hub.retention.purges import Plan, Purges, View

Day = Annotated[
    datetime | None,
    typer.Option("--day", formats=["%Y-%m-%d"], help=_("Past its time when this day begins in Vietnam; else today.")),
]
PolicyClass = Annotated[str, typer.Option("--class", metavar="CLASS", help=_("Only this class of the policy."))]
Sender = Annotated[str, typer.Option(metavar="CODE")]
Identifier = Annotated[str, typer.Argument(metavar="PURGE", help=_("Identifier of the purge."))]


def purge_plan(
    day: Day = None,
    policy_class: PolicyClass = "",
    sender: Sender = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Count what is past its time, and what stays though it is."""
    with _desk(data) as (ledger, purges):
        plan = ledger.read_now(purges.plan, None if day is None else day.date(), policy_class, sender)
    output.show(_plan(plan), _plan_lines(plan))


def purge_ask(
    reason: Annotated[str, typer.Option(metavar="TEXT", help=_("Why; it is shown and logged."))],
    day: Day = None,
    policy_class: PolicyClass = "",
    sender: Sender = "",
    seen: Annotated[
        str, typer.Option("--seen", metavar="MARK", help=_("Only if the plan is still the one that was marked so."))
    ] = "",
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Choose what the plan shows; nothing goes before a second person confirms."""
    with _desk(data) as (ledger, purges):
        login = acting.verified(ledger, person, password_file)
        chosen = None if day is None else day.date()
        identifier = ledger.write_now(purges.ask, reason, login, chosen, policy_class, sender, seen)
        view = ledger.read_now(purges.view, identifier)
    asked = _("Asked for; a second person has to confirm") + f": {identifier}"
    output.show(_view(view), [asked, *_progress_lines(view.progress)])


def purge_confirm(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Let it be carried out, as the second person; the role sweep does it."""
    with _desk(data) as (ledger, purges):
        login = acting.verified(ledger, person, password_file)
        view = ledger.write_now(purges.confirm, identifier, login)
    output.show(_view(view), [f"{identifier}  {view.record.state}", *_progress_lines(view.progress)])


def purge_decline(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Remove nothing; whoever asked may take it back so."""
    with _desk(data) as (ledger, purges):
        login = acting.verified(ledger, person, password_file)
        view = ledger.write_now(purges.decline, identifier, login)
    output.show(_view(view), [f"{identifier}  {view.record.state}"])


def purge_list(
    state: Annotated[str, typer.Option(metavar="asked|confirmed|declined|done")] = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Purges, those that wait for a second person first."""
    from hub.ledger import purges as stored

    with opened(data) as ledger:
        found = ledger.read_now(stored.listing, state)
    shown = [_record(one.record) | _sums(one.progress) for one in found]
    heads = (
        _("Purge"),
        _("State"),
        _("Asked by"),
        _("Decided by"),
        _("Chosen"),
        _("Purged"),
        _("Left out"),
        _("Reason"),
    )
    names = ("purge", "state", "asked_by", "decided_by", "chosen", "purged", "left_out", "reason")
    output.show(shown, output.table(heads, [[one[name] for name in names] for one in shown]))


@contextmanager
def _desk(data: Path | None) -> Iterator[tuple[Ledger, Purges]]:
    from hub import settings
    from hub.retention import policy
    from hub.retention.purges import Purges

    chosen = settings.load(data_dir=data)
    with opened(data) as ledger:
        yield ledger, Purges(policy.load(chosen.retention))


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "day": plan.day.isoformat(),
        "envelopes": plan.envelopes,
        "octets": plan.octets,
        "seen": plan.seen,
        "classes": [
            {
                "class": one.name,
                "stays": one.kept,
                "envelopes": one.envelopes,
                "octets": one.octets,
                "oldest": clock.rfc3339(one.oldest),
                "newest": clock.rfc3339(one.newest),
            }
            for one in plan.groups
        ],
    }


def _plan_lines(plan: Plan) -> list[str]:
    if not plan.groups:
        return [_("Nothing is past its time.")]
    heads = (_("Class"), _("Letters"), _("Octets"), _("Oldest"), _("Newest"), _("Stays"))
    rows = [
        (one.name, one.envelopes, one.octets, _local(one.oldest), _local(one.newest), why(one)) for one in plan.groups
    ]
    return [*output.table(heads, rows), _("Can be purged") + f": {plan.envelopes}  --seen {plan.seen}"]


def why(group: Group) -> str:
    """Why letters past their time stay."""
    words = {"held": _("a legal hold"), "open": _("not closed for a day")}
    return words.get(group.kept, group.kept)


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(clock.VIETNAM):%Y-%m-%d}"


def _record(record: PurgeRecord) -> dict[str, Any]:
    return {
        "purge": record.id,
        "state": record.state,
        "scope": record.scope,
        "reason": record.reason,
        "asked_by": record.asked_by,
        "asked_at": clock.rfc3339(record.asked_at),
        "decided_by": record.decided_by,
        "decided_at": None if record.decided_at is None else clock.rfc3339(record.decided_at),
    }


def _sums(progress: Progress) -> dict[str, int]:
    return {
        "chosen": progress.chosen,
        "octets": progress.octets,
        "purged": progress.purged,
        "purged_octets": progress.purged_octets,
        "left_out": progress.kept,
    }


def _view(view: View) -> dict[str, Any]:
    return _record(view.record) | _sums(view.progress)


def _progress_lines(progress: Progress) -> list[str]:
    return [_("Letters") + f": {progress.chosen}", _("Octets") + f": {progress.octets}"]


def register(app: typer.Typer) -> None:
    verbs: Verbs = {
        "plan": (purge_plan, _("Count what is past its time; nothing is stored.")),
        "ask": (purge_ask, _("Ask for a purge of what the plan shows.")),
        "confirm": (purge_confirm, _("Confirm a purge as the second person.")),
        "decline": (purge_decline, _("Decline a purge.")),
        "list": (purge_list, _("List purges.")),
    }
    add_noun(app, "purge", _("Remove octets past their time; two people decide."), verbs)
