"""``lienthong person``: who may sign in at the dashboard, on the hub's own machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import output, store
from hub.cli.store import Data, opened
from hub.language import _
from hub.problems import Refused

if TYPE_CHECKING:
    from hub.ledger.people import Person

ACTOR = "command line"

Login = Annotated[str, typer.Argument(metavar="LOGIN")]


def person_add(
    login: Login,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[list[str], typer.Option("--role", metavar="operator|administrator|auditor|reporting|clerk")],
    agency: Annotated[str | None, typer.Option("--agency", metavar="CODE", help=_("A clerk's agency."))] = None,
    no_second_factor: Annotated[
        bool,
        typer.Option("--no-second-factor", help=_("Let the person sign in by the password alone, whatever the roles.")),
    ] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.ledger import person_acts, registration

    required = bool(person_acts.PRIVILEGED & set(role)) and not no_second_factor
    with opened(data) as ledger:
        add = registration.add_person
        password = ledger.write_now(add, login, name, role, agency, factor_required=required)
    lines = [f"{_('password')}: {password}", _("The password is shown only now.")]
    output.show({"login": login, "password": password}, lines)


def person_list(data: Data = None, as_json: output.AsJson = False) -> None:
    from hub import clock
    from hub.ledger import login_failures, people

    with opened(data) as ledger:
        found = ledger.read_now(people.with_roles, people.ROLES)
        vault = store.vault()
        keys = {} if vault is None else {one.login: vault.digest("login", one.login) for one in found}
        waits = ledger.read_now(login_failures.waits, list(keys.values()), clock.now())
    shown = [
        {
            "login": one.login,
            "name": one.name,
            "roles": sorted(one.roles),
            "agency": one.agency_code,
            "active": one.active,
            "invited": one.invited,
            "second_factor": "set" if one.has_factor else "required" if one.factor_required else "none",
            "locked": keys.get(one.login) in waits,
            "seen_at": None if one.seen_at is None else clock.rfc3339(one.seen_at),
        }
        for one in found
    ]
    heads = (_("Login"), _("Name"), _("Roles"), _("Agency"), _("Second factor"), _("State"), _("Last seen"))
    output.show(shown, output.table(heads, [_row(one) for one in shown]))


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    factor = {"set": _("set up"), "required": _("to be set up"), "none": _("none")}[one["second_factor"]]
    state = _("active")
    if not one["active"]:
        state = _("switched off")
    elif one["locked"]:
        state = _("locked")
    elif one["invited"]:
        state = _("invited")
    seen = (one["seen_at"] or "")[:16]
    return one["login"], one["name"], " ".join(one["roles"]), one["agency"], factor, state, seen


def person_link(
    login: Login,
    remove_second_factor: Annotated[
        bool,
        typer.Option("--remove-second-factor", help=_("Remove the second factor too: the person sets up a new one.")),
    ] = False,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """For when everybody is locked out. Whoever can run it can change everything on this machine anyway."""
    from hub import clock
    from hub.ledger import Transaction, login_failures, person_acts, person_links

    token = clock.new_secret()

    def write(transaction: Transaction) -> None:
        person = _known(transaction, login)
        if remove_second_factor:
            person_acts.remove_factor(transaction, person, ACTOR)
        person_links.make(transaction, person, token, clock.now(), ACTOR)
        if vault is not None:
            login_failures.unlock(transaction, vault.digest("login", person.login))

    with opened(data) as ledger:
        vault = store.vault()
        ledger.write_now(write)
        link = f"{store.base_url()}/welcome/{token}"
    output.show({"login": login, "link": link}, [link, _("The link works once, within a day.")])


def person_unlock(login: Login, data: Data = None, as_json: output.AsJson = False) -> None:
    from hub.audit import Event
    from hub.ledger import Transaction, login_failures, person_acts

    def write(transaction: Transaction) -> None:
        person = _known(transaction, login)
        if vault is not None:
            login_failures.unlock(transaction, vault.digest("login", person.login))
        person_acts.record(transaction, Event.PERSON_UNLOCKED, person, ACTOR)

    with opened(data) as ledger:
        vault = store.vault()
        ledger.write_now(write)
    output.show({"login": login}, [f"{_('Unlocked')}: {login}"])


def _known(transaction: Any, login: str) -> Person:
    from hub.ledger import people

    found = people.find_by_login(transaction, login)
    if found is None:
        raise Refused("registry-unknown", login, "person")
    return found[0]


COMMANDS: dict[str, Callable[..., None]] = {
    "add": person_add,
    "list": person_list,
    "link": person_link,
    "unlock": person_unlock,
}
