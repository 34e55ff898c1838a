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
Proofs = Annotated[bool, typer.Option("--proofs", help=_("Check that each is in the hub's log."))]
LogKeys = Annotated[
    list[str], typer.Option("--log-key", metavar="VKEY", help=_("The log's verifier key; else the profile's log_keys."))
]


def receipts(
    profile: options.As,
    envelope: Envelope = "",
    after: After = "",
    wait: Wait = 0,
    proofs: Proofs = False,
    log_keys: LogKeys = [],  # noqa: B006 - Typer reads it as "none given" and never changes it
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile
    from hub.cli.log_proof import verifier_keys

    known = Profile.load(profile)
    trusted = verifier_keys(log_keys or known.log_keys)
    if proofs and not trusted:
        raise typer.BadParameter(_("--proofs needs the log's key: --log-key VKEY, or log_keys in the profile."))
    with options.connect(known) as client:
        jwks = client.jwks()
        if envelope:
            listed, cursor = client.receipts(envelope, proofs=proofs), None
        else:
            page = client.feed(after, wait, proofs=proofs)
            listed, cursor = page["receipts"], page["next"]
    proved = [_proved(receipt, jwks, trusted if proofs else []) for receipt in listed]
    lines = _lines(proved, proofs=proofs) if proved else [_("No receipts.")]
    if cursor:
        lines.append(f"{_('Go on with')}: --after {cursor}")
    output.show({"receipts": proved, "next": cursor}, lines)


def _lines(proved: list[dict[str, Any]], *, proofs: bool) -> list[str]:
    heads = [_("Time (UTC)"), _("Kind"), _("Event"), _("Code"), _("Recipient"), _("Document id"), _("Description")]
    names = ("kind", "event", "code", "recipient", "document_id", "description")
    rows = [[row["at"][:19], *(row[name] for name in names)] for row in proved]
    if proofs:
        heads.append(_("Log"))
        for cells, row in zip(rows, proved, strict=True):
            cells.append(_("pending") if row["included"] is None else row["included"]["index"])
    lines = output.table(heads, rows)
    lines.append(_("Every receipt above was verified against the hub's published keys."))
    if proofs:
        sealed = [row["included"] for row in proved if row["included"] is not None]
        said = _("{count} of {all} are proved to be in the log; the others are not sealed yet.")
        lines.append(said.format(count=len(sealed), all=len(proved)))
    return lines


def _proved(receipt: ReceiptReply, jwks: Mapping[str, Any], log_keys: list[str]) -> dict[str, Any]:
    """The receipt with its verified payload, and its verified place in the log where keys of that are given.

    Raises ``Refused`` when the signature or the proof does not hold.
    """
    from adapters.client.proof import verify_receipt
    from hub.cli.log_proof import included

    shown = {**receipt, "payload": verify_receipt(receipt["jws"], jwks)}
    if log_keys:
        log = receipt.get("log")
        shown["included"] = None if log is None else included(receipt["jws"], log["proof"], log_keys, [])
    return shown


def register(app: typer.Typer) -> None:
    app.command("receipts", help=_("Show and prove the hub's receipts."))(receipts)
