"""``lienthong rehearse``: sign the hub's challenge with the key that is to sign next, before the day it has to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import options, output
from hub.language import _
from hub.problems import Refused

if TYPE_CHECKING:
    from hub.signatures.sign import Signer

Challenge = Annotated[
    Path, typer.Argument(metavar="CHALLENGE", exists=True, dir_okay=False, help=_("The challenge as the hub gives it."))
]
Key = Annotated[Path, typer.Option("--key", metavar="FILE.pem", help=_("The next private key; it stays here."))]
Certificate = Annotated[Path, typer.Option("--certificate", metavar="FILE.pem", help=_("Its certificate."))]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help=_("Where the signature goes; CHALLENGE.sig."))
]
As = Annotated[
    Path | None,
    typer.Option("--as", metavar="PROFILE", help=_("Send the signature to the hub with this profile's account.")),
]


def rehearse(
    challenge: Challenge,
    key: Key,
    certificate: Certificate,
    target: Output = None,
    profile: As = None,
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile
    from hub.signatures import rehearsing

    text, signer = _text(challenge), _signer(key, certificate)
    signature = rehearsing.sign(text, signer.key, signer.chain[0])
    target = target or challenge.with_name(f"{challenge.name}.sig")
    target.write_bytes(signature)
    asked = rehearsing.fields(text)
    shown = {"rehearsal": asked["rehearsal"], "signature": str(target), "outcome": None}
    lines = [str(target)]
    if profile is not None:
        with options.connect(Profile.load(profile)) as client:
            shown["outcome"] = client.rehearse(asked["rehearsal"], signature)["outcome"]
        lines.append(_("The hub says: this key signs for {agency}.").format(agency=asked["agency"]))
    output.show(shown, lines)


def _text(challenge: Path) -> str:
    try:
        return challenge.read_bytes().decode()
    except ValueError as error:  # not UTF-8
        raise Refused("rehearsal-invalid", str(challenge), "challenge") from error


def _signer(key: Path, certificate: Path) -> Signer:
    from hub.signatures.sign import Signer

    try:
        return Signer.from_pem(key.read_bytes(), certificate.read_bytes())
    except OSError as error:
        raise Refused("rehearsal-invalid", f"{error.filename}: {error.strerror}", "key") from error


def register(app: typer.Typer) -> None:
    app.command("rehearse", help=_("Sign the hub's challenge with your next key, to see that it will work."))(rehearse)
