"""``lienthong alert``: what the hub wants somebody to look at, on the hub's own machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import clock, language
from hub.cli import acting, output
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from hub.ledger.alerts import AlertRecord

State = Annotated[str, typer.Option("--state", metavar="STATE", help=_("open, acknowledged or ended."))]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000)]
Identifier = Annotated[str, typer.Argument(metavar="ID")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help=_("What was or will be done."))]


def listing(state: State = "open", limit: Limit = 50, data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.alerts import wording
    from hub.ledger import alerts

    if state not in alerts.STATES:
        raise typer.BadParameter(f"{state}: {', '.join(alerts.STATES)}")
    with opened(data) as ledger:
        found = ledger.read_now(alerts.page, state, limit=limit)
    lines = []
    for one in found:
        said = wording.spoken(one, language.current.get())
        since = _("since {time}").format(time=wording.moment(one.since))
        lines += [f"{'!!' if one.rank == 0 else ' !'} {said.title}", f"   {since}  {one.id}"]
        lines += [f"   {text}" for text in (said.reason, said.remedy) if text]
    output.show([_shown(one) for one in found], lines or [_("Nothing.")])


def acknowledge(
    identifier: Identifier,
    person: acting.As = "",
    password_file: acting.PasswordFile = None,
    note: Note = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.alerts import keeping
    from hub.ledger import people
    from hub.problems import Refused

    with opened(data) as ledger:
        login = acting.verified(ledger, person, password_file)
        known = ledger.read_now(people.find_by_login, login)
        if known is None or not known[0].roles & {"operator", "administrator"}:
            raise Refused("forbidden", "this is for operator, administrator")
        done = ledger.write_now(keeping.acknowledge, identifier, login, note)
    output.show(_shown(done), [_("Acknowledged by {login}").format(login=done.acknowledged_by)])


def trying(data: Data = None, as_json: output.AsJson = False) -> None:
    import asyncio

    from hub import alarming, keyring, settings

    chosen = settings.load(data_dir=data)
    if not chosen.addressees:
        raise typer.BadParameter(_("Nobody is told: set LIENTHONG_ALERT_MAIL or LIENTHONG_ALERT_WEBHOOKS."))
    with opened(data) as ledger:
        derivation = keyring.load_derivation(chosen, keyring.load_signer(chosen).key)
        outcomes = asyncio.run(alarming.try_all(chosen, ledger, derivation))
    shown = [{"addressee": name, "ok": not reason, "reason": reason} for name, reason in outcomes]
    rows = [(name, _("good") if not reason else _("WRONG"), reason) for name, reason in outcomes]
    output.show(shown, output.table((_("Addressee"), _("Result"), _("Detail")), rows))
    if any(reason for _name, reason in outcomes):
        raise typer.Exit(1)


def key(data: Data = None, as_json: output.AsJson = False) -> None:
    from adapters.alerting.webhook import keys_of
    from hub import keyring, settings

    chosen = settings.load(data_dir=data)
    shown = keys_of(keyring.load_derivation(chosen, keyring.load_signer(chosen).key)).shown("v1a")
    output.show({"keys": shown}, shown)


def _shown(one: AlertRecord) -> dict[str, Any]:
    from hub.alerts import wording

    said = wording.spoken(one, language.current.get())
    return {
        "id": one.id,
        "kind": one.kind,
        "subject": one.subject,
        "severity": "bad" if one.rank == 0 else "warning",
        "state": one.state,
        "since": clock.rfc3339(one.since),
        "last_at": clock.rfc3339(one.last_at),
        "count": one.count,
        "title": said.title,
        "remedy": said.remedy,
        "reason": said.reason,
        "acknowledged_by": one.acknowledged_by,
        "note": one.note,
    }


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("list", help=_("List alerts, the worst first."))(listing)
    group.command("ack", help=_("Take note of an alert: it is not sent again."))(acknowledge)
    group.command("test", help=_("Send a test alert to everybody who is told of alerts."))(trying)
    group.command("key", help=_("Print the public key with which webhooks of alerts are verified."))(key)
    app.add_typer(group, name="alert", help=_("What somebody has to look at."))
