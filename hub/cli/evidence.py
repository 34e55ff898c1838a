"""``lienthong evidence``: fetch the evidence pack of an envelope that one sent or received."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli import options, output
from hub.language import _

Envelope = Annotated[str, typer.Argument(metavar="ENVELOPE", help=_("The envelope's id."))]
Out = Annotated[
    Path | None, typer.Option("--out", dir_okay=False, metavar="FILE", help=_("Where to put the pack; ENVELOPE.asice."))
]


def evidence(
    envelope: Envelope,
    profile: options.As,
    out: Out = None,
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile

    target = out or Path(f"{envelope}.asice")
    with options.connect(Profile.load(profile)) as client:
        size = client.evidence(envelope, target)
    output.show({"envelope": envelope, "file": str(target), "size": size}, [f"{target}: {size}"])


def register(app: typer.Typer) -> None:
    app.command("evidence", help=_("Fetch the evidence pack of an envelope: one file that a court can check."))(
        evidence
    )
