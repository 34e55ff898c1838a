"""``lienthong agency contact``: whom to write to at an agency when its office lets a document lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _
from hub.problems import Refused

Code = Annotated[str, typer.Argument(metavar="CODE")]
Email = Annotated[str, typer.Argument(metavar="EMAIL")]


def contact_add(
    code: Code,
    email: Email,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help=_("Of the person or desk."))] = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import registration

    with opened(data) as ledger:
        added = ledger.write_now(registration.add_contact, code, email, name)
    output.show({"agency": added.agency_code, "email": added.email, "name": added.name}, [f"{code}  {added.email}"])


def contact_remove(code: Code, email: Email, data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.ledger import registration

    with opened(data) as ledger:
        ledger.write_now(registration.remove_contact, code, email)
    output.show({"agency": code, "email": email}, [f"{code}  {email}"])


def contact_list(
    code: Annotated[str | None, typer.Argument(metavar="CODE")] = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import agencies, contacts

    with opened(data) as ledger:
        known = ledger.read_now(agencies.find, [code]).get(code) if code else None
        if code and known is None:
            raise Refused("registry-unknown", code, "agency")
        found = ledger.read_now(contacts.every, known.code if known else None)
    shown = [{"agency": one.agency_code, "email": one.email, "name": one.name} for one, _agency in found]
    rows = [(one.agency_code, agency, one.email, one.name) for one, agency in found]
    output.show(shown, output.table((_("Code"), _("Agency"), _("Mail"), _("Name")), rows))


def group() -> typer.Typer:
    """The commands, to be put below ``agency``."""
    made = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    commands: dict[str, Callable[..., None]] = {"add": contact_add, "remove": contact_remove, "list": contact_list}
    for verb, command in commands.items():
        made.command(verb)(command)
    return made
