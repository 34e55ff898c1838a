"""``lienthong chase``: have a recipient reminded of a letter, as its sender."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli import options, output
from hub.language import _

Delivery = Annotated[
    str, typer.Argument(metavar="DELIVERY", help=_("The recipient's delivery, as the acknowledgement lists it."))
]
Note = Annotated[str, typer.Option(metavar="TEXT", help=_("What the recipient reads beside the reminder."))]


def chase(delivery: Delivery, profile: options.As, note: Note = "", as_json: output.AsJson = False) -> None:
    from adapters.client.profile import Profile

    with options.connect(Profile.load(profile)) as client:
        answer = client.chase(delivery, note)
    words = _("Reminded {recipient}; again from {time} (UTC) on")
    output.show(answer, [words.format(recipient=answer["recipient"], time=answer["again_at"][:19])])


def register(app: typer.Typer) -> None:
    app.command("chase", help=_("Have a recipient reminded of a letter."))(chase)
