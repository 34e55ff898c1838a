"""``lienthong send``: hand a signed envelope in; make and sign it first where documents are given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import changing, explaining, options, output
from hub.cli.changing import Change
from hub.language import _

if TYPE_CHECKING:
    from adapters.client import FilePart, Profile
    from adapters.client.replies import Document

Files = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help=_("Documents, or one .edxml envelope; none for a recall."),
        show_default=False,
    ),
]
Keep = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help=_("Keep the signed envelope in this file too."))
]
Parts = Annotated[
    bool | None,
    typer.Option(
        "--parts/--no-parts",
        help=_("Send files beside the document, or all of them inside it; by itself only files above 8 MiB go beside."),
        show_default=False,
    ),
]
Check = Annotated[bool, typer.Option("--check", help=_("Only ask for the verdict; nothing is handed in."))]


def send(
    profile: options.As,
    files: Files = [],  # noqa: B006 - Typer reads it as "none given" and never changes it
    to: options.To = [],  # noqa: B006 - Typer reads it as "none given" and never changes it
    subject: options.Subject = "",
    number: options.Number = "",
    notation: options.Notation = "",
    day: options.Day = None,
    kind: options.Kind = "18",
    priority: options.Priority = 0,
    due: options.Due = None,
    document_id: options.DocumentId = "",
    content: options.Content = "",
    position: options.Position = "",
    business_type: options.BusinessType = 0,
    reason: options.Reason = "",
    recall: changing.Recall = "",
    update: changing.Update = "",
    replace: changing.Replace = [],  # noqa: B006 - as above
    add: changing.Add = [],  # noqa: B006 - as above
    remove: changing.Remove = [],  # noqa: B006 - as above
    answers: changing.Answers = [],  # noqa: B006 - as above
    not_before: changing.NotBefore = None,
    paper: changing.Paper = False,
    keep: Keep = None,
    parts: Parts = None,
    check: Check = False,
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile
    from hub.signatures.sign import is_signed

    draft = options.Draft(
        to=to,
        subject=subject,
        number=number,
        notation=notation,
        day=day,
        kind=kind,
        priority=priority,
        due=due,
        document_id=document_id,
        content=content,
        position=position,
        reason=reason,
        change=Change(recall, update, replace, add, remove, answers, not_before, paper, business_type),
    )
    agency = Profile.load(profile)
    ready = options.is_envelope(files) and is_signed(files[0].read_bytes())
    beside_from = {None: options.BESIDE_FROM, True: 0, False: sys.maxsize}[parts]
    signed, beside = (
        (files[0].read_bytes(), []) if ready else options.signed_with_parts(files, draft, agency, beside_from)
    )
    if keep:
        keep.write_bytes(signed)
    _hand_in(agency, signed, beside, check)


def _hand_in(profile: Profile, signed: bytes, beside: list[FilePart], check: bool) -> None:
    from adapters.client.proof import verify_receipt

    with options.connect(profile) as client:
        if check:
            _show_verdict(client.check_envelope(signed, beside))
            return
        acceptance = client.post_envelope(signed, beside)
        verify_receipt(acceptance["acknowledgement"], client.jwks())
    recipients = ", ".join(recipient["code"] for recipient in acceptance["recipients"])
    lines = [
        f"{_('Accepted')}: {acceptance['id']}",
        f"{_('Document id')}: {acceptance['document_id']}",
        f"{_('Recipients')}: {recipients}",
        f"SHA-256: {acceptance['sha256']}",
        _("The hub's signed acknowledgement was verified."),
    ]
    lines += [f"{_('Warning')}: {warning['code']} {warning['detail']}" for warning in acceptance["warnings"]]
    output.show(acceptance, lines)


def _show_verdict(verdict: Document) -> None:
    """The verdict explained; leaves with 1 unless the envelope would be accepted."""
    output.show(verdict, explaining.lines(verdict))
    if verdict.get("verdict") != "accepted":
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    app.command("send", help=_("Hand in a signed envelope, or documents as one."))(send)
