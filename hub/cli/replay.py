"""``lienthong replay``: choose deliveries to be sent again, look at them, and have a second person confirm."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import clock
from hub.cli import acting, output
from hub.cli.nouns import Verbs, add_noun
from hub.cli.store import Data, opened
from hub.language import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.delivery.replay import Plan, Replays, View
    from hub.ledger import Ledger
    from hub.ledger.replays import Candidate, Listed

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
Since = Annotated[
    datetime | None,
    typer.Option("--from", formats=_MOMENTS, help=_("Came into its present state then or later (Vietnam's time).")),
]
Until = Annotated[datetime | None, typer.Option("--to", formats=_MOMENTS, help=_("… and before this time."))]
Identifier = Annotated[str, typer.Argument(metavar="REPLAY", help=_("Identifier of the replay."))]
Seen = Annotated[
    str, typer.Option("--seen", metavar="MARK", help=_("Only if the list is still the one that `show` marked so."))
]


def replay_plan(
    since: Since = None,
    until: Until = None,
    sender: Annotated[str, typer.Option(metavar="CODE")] = "",
    recipient: Annotated[str, typer.Option(metavar="CODE")] = "",
    system: Annotated[str, typer.Option(metavar="NAME")] = "",
    state: Annotated[str, typer.Option(metavar="dead|refused|settled")] = "",
    document: Annotated[str, typer.Option(metavar="ID", help=_("The sender's document id."))] = "",
    envelope: Annotated[str, typer.Option(metavar="ID")] = "",
    code: Annotated[str, typer.Option(metavar="CODE", help=_("Why the delivery was given up."))] = "",
    delivery: Annotated[list[str], typer.Option(metavar="ID", help=_("Exactly this one; may be repeated."))] = [],  # noqa: B006 - Typer never changes it
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help=_("Propose the replay for this reason; else only show the list."))
    ] = "",
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """List what would be sent again; with --reason and --person, propose it to a second person."""
    from hub.ledger.replays import Choice

    choice = Choice(
        _moment(since), _moment(until), sender, recipient, system, state, document, envelope, code, tuple(delivery)
    )
    with _desk(data) as (ledger, replays):
        plan = ledger.read_now(replays.plan, choice)
        identifier = ""
        if reason:
            login = acting.verified(ledger, person, password_file)
            identifier = ledger.write_now(replays.ask, choice, reason, login, plan.seen)
    shown = {"replay": identifier or None, "seen": plan.seen, **_sums(plan)}
    shown["deliveries"] = [_candidate(one) for one in plan.candidates]
    asked = [_said(_("Proposed; a second person has to confirm"), identifier)] if identifier else []
    output.show(shown, [*_table(plan.candidates), *_totals(plan), *asked])


def replay_show(identifier: Identifier, data: Data = None, as_json: output.AsJson = False) -> None:
    """What was chosen, how it stands now, and what became of it."""
    with _desk(data) as (ledger, replays):
        view = ledger.read_now(replays.view, identifier)
    shown = {**_record(view), "seen": view.seen, "sendable": view.sendable, "changed": view.changed}
    shown["deliveries"] = [
        {
            **_candidate(item.now),
            "state_then": item.state_then,
            "status_then": item.status_then,
            "skipped": item.kept or (item.now.skipped if view.record.state == "asked" else ""),
            "changed": item.changed and view.record.state == "asked",
            "new_delivery": item.new_delivery_id,
        }
        for item in view.items
    ]
    output.show(shown, _view_lines(view))


def replay_confirm(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    seen: Seen = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Send again what may be sent, as the second person."""
    with _desk(data) as (ledger, replays):
        login = acting.verified(ledger, person, password_file)
        done = ledger.write_now(replays.confirm, identifier, login, seen)
    shown = {"replay": done.replay_id, "sent": done.sent, "left_out": done.left_out, "again": done.again}
    counts = (_said(_("Sent again"), done.sent), _said(_("Left out"), done.left_out))
    output.show(shown, [*counts, *([_("It had been confirmed before; nothing was sent twice.")] if done.again else [])])


def replay_decline(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Send nothing; whoever proposed it may take it back so."""
    with _desk(data) as (ledger, replays):
        login = acting.verified(ledger, person, password_file)
        ledger.write_now(replays.decline, identifier, login)
    output.show({"replay": identifier, "state": "declined"}, [f"{identifier}  declined"])


def replay_list(
    state: Annotated[str, typer.Option(metavar="asked|confirmed|declined")] = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """Replays, those that wait for a second person first."""
    from hub.ledger import replays as stored

    with opened(data) as ledger:
        found: list[Listed] = ledger.read_now(stored.listing, state)
    shown = [
        {
            "replay": one.record.id,
            "state": one.record.state,
            "reason": one.record.reason,
            "asked_by": one.record.asked_by,
            "asked_at": clock.rfc3339(one.record.asked_at),
            "decided_by": one.record.decided_by,
            "chosen": one.chosen,
            "sent": one.sent,
        }
        for one in found
    ]
    heads = (_("Replay"), _("State"), _("Proposed by"), _("Decided by"), _("Chosen"), _("Sent"), _("Reason"))
    names = ("replay", "state", "asked_by", "decided_by", "chosen", "sent", "reason")
    output.show(shown, output.table(heads, [[one[name] for name in names] for one in shown]))


@contextmanager
def _desk(data: Path | None) -> Iterator[tuple[Ledger, Replays]]:
    from hub import keyring, settings
    from hub.delivery.replay import Replays
    from hub.receipts import deadline_policy

    chosen = settings.load(data_dir=data)
    with opened(data) as ledger:
        signer = keyring.load_signer(chosen)
        yield ledger, Replays(signer, deadline_policy.load(chosen.deadlines))


def _moment(given: datetime | None) -> datetime | None:
    return None if given is None else given.replace(tzinfo=clock.VIETNAM)


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "delivery": one.id,
        "envelope": one.envelope_id,
        "document_id": one.document_id,
        "sender": one.sender_code,
        "recipient": one.recipient_code,
        "system": one.system_name,
        "state": one.state,
        "ended_at": None if one.ended_at is None else clock.rfc3339(one.ended_at),
        "business_status": one.status_code,
        "reason": one.reason,
        "round": one.round,
        "has_it": one.has_it,
        "skipped": one.skipped,
    }


def _sums(plan: Plan) -> dict[str, Any]:
    return {"sendable": len(plan.sendable), "left_out": len(plan.left_out), "had": plan.had}


def _table(candidates: Sequence[Candidate]) -> list[str]:
    heads = (_("Delivery"), _("Recipient"), _("Document id"), _("State"), _("Office"), _("Since (UTC)"), _("Left out"))
    rows = [
        (
            one.id,
            one.recipient_code,
            one.document_id,
            one.state,
            one.status_code or "",
            "" if one.ended_at is None else clock.rfc3339(one.ended_at)[:19],
            one.skipped,
        )
        for one in candidates
    ]
    return output.table(heads, rows) if rows else [_("No delivery matches.")]


def _totals(plan: Plan) -> list[str]:
    lines = [_said(_("Can be sent again"), len(plan.sendable)), _said(_("Left out"), len(plan.left_out))]
    if plan.had:
        lines.append(_had(plan.had))
    return lines


def _had(count: int) -> str:
    return ngettext(
        "Warning: %(num)d recipient has taken the document before.",
        "Warning: %(num)d recipients have taken the document before.",
        count,
    ) % {"num": count}


def _record(view: View) -> dict[str, Any]:
    record = view.record
    return {
        "replay": record.id,
        "state": record.state,
        "reason": record.reason,
        "filter": record.choice.json(),
        "asked_by": record.asked_by,
        "asked_at": clock.rfc3339(record.asked_at),
        "decided_by": record.decided_by,
        "decided_at": None if record.decided_at is None else clock.rfc3339(record.decided_at),
    }


def _view_lines(view: View) -> list[str]:
    record = view.record
    lines = [f"{record.id}  {record.state}", _said(_("Reason"), record.reason)]
    lines.append(_said(_("Proposed by"), f"{record.asked_by}  {clock.rfc3339(record.asked_at)[:19]}"))
    if record.decided_by and record.decided_at:
        lines.append(_said(_("Decided by"), f"{record.decided_by}  {clock.rfc3339(record.decided_at)[:19]}"))
    lines += _table([item.now for item in view.items])
    if record.state == "asked":
        lines.append(_said(_("Can be sent again"), f"{view.sendable}  --seen {view.seen}"))
        lines += [_had(view.had)] if view.had else []
        lines += [_said(_("Changed since it was proposed"), view.changed)] if view.changed else []
    return lines


def _said(what: str, value: object) -> str:
    return f"{what}: {value}"


def register(app: typer.Typer) -> None:
    verbs: Verbs = {
        "plan": (replay_plan, _("List what would be sent again, or propose it.")),
        "show": (replay_show, _("Show a replay as it stands.")),
        "confirm": (replay_confirm, _("Confirm a replay as the second person.")),
        "decline": (replay_decline, _("Decline a replay.")),
        "list": (replay_list, _("List replays.")),
    }
    add_noun(app, "replay", _("Send deliveries again; two people decide."), verbs)
