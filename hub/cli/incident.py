"""``lienthong incident``: an agency tells the operator of a security incident of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from hub import clock
from hub.cli import options, output
from hub.language import _

Description = Annotated[str, typer.Argument(metavar="TEXT", help=_("What happened, and what was done already."))]
Category = Annotated[
    str,
    typer.Option(
        "--category",
        metavar="NAME",
        help=_("account, key, malware, leak, forgery, outage or other."),
        show_default=True,
    ),
]
Contact = Annotated[str, typer.Option("--contact", metavar="TEXT", help=_("Whom the operator calls back."))]
Noticed = Annotated[
    datetime | None,
    typer.Option(
        "--noticed",
        metavar="TIME",
        formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"],
        help=_("When it was noticed, in Vietnam's time; now when absent."),
    ),
]
Identifier = Annotated[str, typer.Argument(metavar="ID")]


def report(
    description: Description,
    profile: options.As,
    contact: Contact,
    category: Category = "other",
    noticed: Noticed = None,
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile

    known = Profile.load(profile)
    at = None if noticed is None else noticed.replace(tzinfo=clock.VIETNAM)
    with options.connect(known) as client:
        answer = client.report_incident(known.agency, category, description, contact, at)
    output.show(dict(answer), [_("The operator was told; the incident is {id}").format(id=answer["id"])])


def show(identifier: Identifier, profile: options.As, as_json: output.AsJson = False) -> None:
    from adapters.client.profile import Profile

    with options.connect(Profile.load(profile)) as client:
        answer = client.incident(identifier)
    lines = [f"{answer['reported_at'][:19]}  {answer['category']}  {answer['state']}"]
    lines += [answer["outcome"]] if answer["outcome"] else []
    output.show(dict(answer), lines)


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("report", help=_("Tell the operator of a security incident of this agency."))(report)
    group.command("show", help=_("What became of it."))(show)
    app.add_typer(group, name="incident", help=_("Security incidents of an agency."))
