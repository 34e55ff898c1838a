"""``lienthong sign``: make a signed envelope of documents, or put the signature on an envelope."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from hub.cli import options, output
from hub.cli.changing import Change
from hub.language import _

Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help=_("Where the signed envelope goes."))]

Replace = Annotated[bool, typer.Option("--replace-signature", help=_("Take signatures that are there out first."))]


def sign(
    files: options.Files,
    profile: options.As,
    target: Output,
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
    replace: Replace = False,
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile

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
        change=Change(business_type=business_type),
    )
    signed = options.signed_envelope(files, draft, Profile.load(profile), replace=replace)
    target.write_bytes(signed)
    digest = hashlib.sha256(signed).hexdigest()
    result = {"file": str(target), "size": len(signed), "sha256": digest}
    output.show(result, [f"{target}", f"{_('Size')}: {len(signed)}", f"SHA-256: {digest}"])


def register(app: typer.Typer) -> None:
    app.command("sign", help=_("Make a signed envelope of documents, or sign an envelope."))(sign)
