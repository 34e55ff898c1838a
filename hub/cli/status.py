"""``lienthong status``: report what the office did with a delivery."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli import options, output
from hub.language import _

Delivery = Annotated[str, typer.Argument(metavar="DELIVERY", help=_("The delivery's id, as the inbox shows it."))]
Code = Annotated[
    str,
    typer.Argument(
        metavar="CODE",
        help=_("01 arrived, 02 refused, 03 accepted, 04 assigned, 05 in process, 06 finished, 13, 15, 16."),
    ),
]
Description = Annotated[str, typer.Option(help=_("What is said beside the code."))]


def status(
    delivery: Delivery,
    code: Code,
    profile: options.As,
    description: Description = "",
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile

    with options.connect(Profile.load(profile)) as client:
        answer = client.report_status(delivery, code, description)
    output.show(answer, [f"{delivery}: {answer['code']}"])


def register(app: typer.Typer) -> None:
    app.command("status", help=_("Report what the office did with a delivery."))(status)
