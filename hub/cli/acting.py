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
    from hub.ledger.people import Person

As = Annotated[str, typer.Option("--person", metavar="LOGIN", help=_("Who acts; the password is asked for."))]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help=_("Read the password from here; a second line holds the code of the second factor."),
    ),
]


def verified(ledger: Ledger, login: str, password_file: Path | None) -> str:
    """The login of an active person who gave the password, and the code where there is a second factor.

    Raises ``Refused``: ``person-not-verified`` (logged), ``second-factor-missing`` (there must be one).
    """
    from hub.ledger import people
    from hub.registry.passwords import verify_password

    if not login.strip():
        raise typer.BadParameter(_("Say who acts: --person LOGIN."))
    password, code = _given(password_file)
    found = ledger.read_now(people.find_by_login, login)
    person, hashed = found if found is not None else (None, None)
    if not verify_password(password, hashed) or person is None or not person.active:
        raise _failed(ledger, login, person)
    if person.has_factor:
        code = code or typer.prompt(_("Code of the second factor"), err=True)
        if not _taken(ledger, person, code):
            raise _failed(ledger, login, person)
    elif person.factor_required:
        raise Refused("second-factor-missing", person.login, "person")
    return person.login


def _taken(ledger: Ledger, person: Person, code: str) -> bool:
    from hub.cli import store
    from hub.dashboard.factors import Factors

    vault = store.vault()
    return vault is not None and bool(ledger.write_now(Factors(vault, "").taken, person, code, clock.now()))


def _failed(ledger: Ledger, login: str, person: Person | None) -> Refused:
    """The refusal, once the failure is in the log."""
    from hub.audit import Entry, Event
    from hub.ledger import exchange_log

    known = person.login if person is not None else "unknown"
    entry = Entry(Event.PERSON_LOGIN_FAILED, clock.now(), actor=f"person:{known}", detail={"at": "command line"})
    ledger.write_now(exchange_log.append, [entry])
    return Refused("person-not-verified", login.strip(), "person")


def _given(file: Path | None) -> tuple[str, str]:
    """The password, and the code when the file holds one."""
    if file is None:
        asked: str = typer.prompt(_("Password"), hide_input=True, err=True)
        return asked, ""
    try:
        password, _newline, code = file.read_text(encoding="utf-8").rstrip("\r\n").partition("\n")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8
        raise typer.BadParameter(f"{file}: {error}") from error
    return password.rstrip("\r"), code.strip()
