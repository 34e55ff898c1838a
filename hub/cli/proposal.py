"""``lienthong proposal``: changes that take two people, decided on the hub's own machine as on its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import clock
from hub.cli import acting, output
from hub.cli.nouns import Verbs, add_noun
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from hub.ledger.proposals import ProposalRecord
    from hub.proposals import Proposals

Identifier = Annotated[str, typer.Argument(metavar="PROPOSAL", help=_("Identifier of the proposal."))]


def proposal_list(
    decided: Annotated[bool, typer.Option("--decided", help=_("Those that are over, the newest first."))] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Proposals that wait for a second person, the oldest first."""
    from hub.ledger import proposals as stored

    with opened(data) as ledger:
        found = ledger.read_now(stored.decided_ones if decided else stored.open_ones)
    shown = [_record(one) for one in found]
    heads = (_("Proposal"), _("State"), _("Kind"), _("About"), _("Proposed by"), _("Decided by"), _("Reason"))
    names = ("proposal", "state", "kind", "subject", "asked_by", "decided_by", "reason")
    output.show(shown, output.table(heads, [[one[name] for name in names] for one in shown]))


def proposal_show(identifier: Identifier, data: Data = None, as_json: output.AsJson = False) -> None:
    """What it does to whom, and whether that changed since it was proposed."""
    with opened(data) as ledger:
        view = ledger.read_now(_proposals(data).view, identifier)
    record, effect = view.record, view.effect
    shown: dict[str, Any] = {**_record(record), "effect": record.shown, "changed": view.changed}
    shown["effect_now"] = None if effect is None else [list(line) for line in effect.lines]
    shown["hindrance"] = None if view.hindrance is None else view.hindrance.code
    lines = [f"{record.id}  {record.state}", _(view.kind.title), f"{_('Reason')}: {record.reason}"]
    lines.append(f"{_('Proposed by')}: {record.asked_by}  {clock.rfc3339(record.asked_at)[:19]}")
    if record.decided_by and record.decided_at:
        lines.append(f"{_('Decided by')}: {record.decided_by}  {clock.rfc3339(record.decided_at)[:19]}")
    lines += [f"  {_(label)}: {value}" for label, value in record.shown]
    if view.hindrance is not None:
        lines.append(_("As things stand now it cannot be carried out:") + f" {view.hindrance}")
    elif view.changed:
        lines.append(_("It would do something else now than when it was proposed:"))
        lines += [f"  {_(label)}: {value}" for label, value in (effect.lines if effect else ())]
    output.show(shown, lines)


def proposal_confirm(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Carry it out, or uphold what was carried out at once, as the second person."""
    _decide("confirm", identifier, person, password_file, data)


def proposal_decline(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Do nothing, or take back what was carried out at once; whoever proposed it may, too."""
    _decide("decline", identifier, person, password_file, data)


def _decide(verb: str, identifier: str, person: str, password_file: acting.PasswordFile, data: Data) -> None:
    known = _proposals(data)
    work: Callable[..., ProposalRecord] = known.confirm if verb == "confirm" else known.decline
    with opened(data) as ledger:
        login = acting.verified(ledger, person, password_file)
        record = ledger.write_now(work, identifier, login)
    output.show(_record(record), [f"{record.id}  {record.state}"])


def _proposals(data: Data) -> Proposals:
    """Every kind, with the addresses and folders that this hub allows."""
    from hub import settings
    from hub.proposals import Proposals
    from hub.proposals.routes import kinds_for

    chosen = settings.load(data_dir=data)
    return Proposals(kinds_for(chosen.push_reach, chosen.folders))


def _record(record: ProposalRecord) -> dict[str, Any]:
    return {
        "proposal": record.id,
        "state": record.state,
        "kind": record.kind,
        "subject": record.subject,
        "reason": record.reason,
        "asked_by": record.asked_by,
        "asked_at": clock.rfc3339(record.asked_at),
        "decided_by": record.decided_by,
        "decided_at": None if record.decided_at is None else clock.rfc3339(record.decided_at),
    }


def register(app: typer.Typer) -> None:
    verbs: Verbs = {
        "list": (proposal_list, _("List what waits for a second person.")),
        "show": (proposal_show, _("Show what a proposal does, and to whom.")),
        "confirm": (proposal_confirm, _("Confirm a proposal as the second person.")),
        "decline": (proposal_decline, _("Decline a proposal, or take it back.")),
    }
    add_noun(app, "proposal", _("Changes that take two people: certificates, routes, rights, suspensions."), verbs)
