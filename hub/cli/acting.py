"""Acting as a person on the command line: the login and the password that the dashboard asks for too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub import clock
from hub.language import _
from hub.problems import Refused

if TYPE_CHECKING:
    from hub.ledger import Ledger

As = Annotated[str, typer.Option("--person", metavar="LOGIN", help=_("Who acts; the password is asked for."))]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", metavar="FILE", exists=True, dir_okay=False, help=_("Read the password from here.")
    ),
]


def verified(ledger: Ledger, login: str, password_file: Path | None) -> str:
    """The login of an active person whose password was given. Raises ``Refused('person-not-verified')``, logged."""
    from hub.audit import Entry, Event
    from hub.ledger import exchange_log, people
    from hub.registry.passwords import verify_password

    if not login.strip():
        raise typer.BadParameter(_("Say who acts: --person LOGIN."))
    password = _password(password_file)
    found = ledger.read_now(people.find_by_login, login)
    person, hashed = found if found is not None else (None, None)
    if not verify_password(password, hashed) or person is None or not person.active:
        known = person.login if person is not None else "unknown"
        entry = Entry(Event.PERSON_LOGIN_FAILED, clock.now(), actor=f"person:{known}", detail={"at": "command line"})
        ledger.write_now(exchange_log.append, [entry])
        raise Refused("person-not-verified", login.strip(), "person")
    return person.login


def _password(file: Path | None) -> str:
    if file is None:
        asked: str = typer.prompt(_("Password"), hide_input=True, err=True)
        return asked
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8
        raise typer.BadParameter(f"{file}: {error}") from error
