"""``lienthong bounces``: mails that came back as undeliverable, also those whose delivery had counted as settled."""

from __future__ import annotations

from typing import Annotated

import typer

from hub import clock
from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _


def bounces(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50, data: Data = None, as_json: output.AsJson = False
) -> None:
    from hub.ledger import mail

    with opened(data) as ledger:
        found = ledger.read_now(mail.came_back, limit)
    shown = [
        {
            "delivery": one.delivery_id,
            "document_id": one.document_id,
            "recipient": one.recipient_code,
            "state": one.state,
            "policy": one.policy,
            "address": one.address,
            "at": clock.rfc3339(one.at),
            "reason": one.bounce,
        }
        for one in found
    ]
    rows = [
        (f"{one.at.astimezone(clock.VIETNAM):%Y-%m-%d %H:%M}", one.delivery_id, one.state, one.address, one.bounce)
        for one in found
    ]
    output.show(
        {"bounces": shown}, output.table((_("Time"), _("Delivery"), _("State"), _("Mailbox"), _("Reason")), rows)
    )


def register(app: typer.Typer) -> None:
    app.command(help=_("Mails that came back as undeliverable."))(bounces)
