"""``lienthong receipts``: what the hub signed for the agency, each proved against the hub's published keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import options, output
from hub.language import _

if TYPE_CHECKING:
    from adapters.client.replies import ReceiptReply

Envelope = Annotated[str, typer.Argument(metavar="ENVELOPE", help=_("One envelope; all receipts when absent."))]
After = Annotated[str, typer.Option(metavar="CURSOR", help=_("Go on after this cursor."))]
Wait = Annotated[int, typer.Option(min=0, max=60, help=_("Seconds to wait for a new receipt."))]


def receipts(
    profile: options.As,
    envelope: Envelope = "",
    after: After = "",
    wait: Wait = 0,
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile

    with options.connect(Profile.load(profile)) as client:
        jwks = client.jwks()
        if envelope:
            listed, cursor = client.receipts(envelope), None
        else:
            page = client.feed(after, wait)
            listed, cursor = page["receipts"], page["next"]
    proved = [_proved(receipt, jwks) for receipt in listed]
    rows = [
        (
            row["at"][:19],
            row["kind"],
            row["event"],
            row["code"],
            row["recipient"],
            row["document_id"],
            row["description"],
        )
        for row in proved
    ]
    heads = (_("Time (UTC)"), _("Kind"), _("Event"), _("Code"), _("Recipient"), _("Document id"), _("Description"))
    lines = output.table(heads, rows) if rows else [_("No receipts.")]
    if rows:
        lines.append(_("Every receipt above was verified against the hub's published keys."))
    if cursor:
        lines.append(f"{_('Go on with')}: --after {cursor}")
    output.show({"receipts": proved, "next": cursor}, lines)


def _proved(receipt: ReceiptReply, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """The receipt with its verified payload; raises ``Refused`` when the signature does not hold."""
    from adapters.client.proof import verify_receipt

    return {**receipt, "payload": verify_receipt(receipt["jws"], jwks)}


def register(app: typer.Typer) -> None:
    app.command("receipts", help=_("Show and prove the hub's receipts."))(receipts)
