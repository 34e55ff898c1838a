"""Who may do what: inviting people who decide, their roles, switching them off and on, taking a second factor away.

Arguments: ``login``; ``name``, ``roles`` and ``agency`` where they are chosen. No secret is among them: the link by
which an invited person chooses a password is made afterwards, on the person's page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.language import mark
from hub.ledger import Transaction, people, person_acts
from hub.ledger.people import Person
from hub.problems import Refused
from hub.proposals.kinds import Effect, Kind

ASKING = frozenset({"administrator"})
DECIDING = frozenset({"administrator", "auditor"})


class _OfPerson:
    """What the kinds about one person share."""

    asking, deciding, urgent = ASKING, DECIDING, False

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("request-invalid", "it was not carried out at once")


class AddPerson(_OfPerson):
    name, title = "person.add", mark("Invite a person")

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        roles = _roles(arguments)
        login, name, agency = person_acts.check_new(
            transaction, _text(arguments, "login"), _text(arguments, "name"), roles, _text(arguments, "agency")
        )
        lines = ((mark("Login"), login), (mark("Name"), name), *_rights("", roles, agency))
        return Effect(login, lines)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        login, name, agency = (_text(arguments, one) for one in ("login", "name", "agency"))
        person_acts.add(transaction, login, name, _roles(arguments), agency, actor=actor)


class ChangeRoles(_OfPerson):
    name, title = "person.roles", mark("Change a person's roles")

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        person, roles = _known(transaction, arguments), _roles(arguments)
        agency = person_acts.checked_roles(transaction, roles, _text(arguments, "agency"))
        if frozenset(roles) == person.roles and agency == person.agency_code:
            raise Refused("request-invalid", "nothing would change", "roles")
        if "administrator" not in roles:
            person_acts.keep_an_administrator(transaction, person)
        before = _rights("before", sorted(person.roles), person.agency_code)
        return Effect(person.login, (*_who(person), *before, *_rights("after", roles, agency)))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        person, agency = _known(transaction, arguments), _text(arguments, "agency")
        person_acts.set_roles(transaction, person, _roles(arguments), agency, actor)


class DeactivatePerson(_OfPerson):
    name, title = "person.deactivate", mark("Switch a person's account off")

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        person = _known(transaction, arguments)
        if not person.active:
            raise Refused("person-inactive", person.login)
        person_acts.keep_an_administrator(transaction, person)
        return Effect(person.login, (*_who(person), *_rights("", sorted(person.roles), person.agency_code)))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        person_acts.deactivate(transaction, _known(transaction, arguments), actor)


class ActivatePerson(_OfPerson):
    name, title = "person.activate", mark("Switch a person's account on again")

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        person = _known(transaction, arguments)
        if person.active:
            raise Refused("request-invalid", f"{person.login} is active", "login")
        return Effect(person.login, (*_who(person), *_rights("", sorted(person.roles), person.agency_code)))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        person_acts.activate(transaction, _known(transaction, arguments), actor)


class RemoveFactor(_OfPerson):
    name, title = "person.factor", mark("Remove a person's second factor")

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        person = _known(transaction, arguments)
        if person.factor_since is None:
            raise Refused("second-factor-missing", person.login)
        since = (mark("Set up at"), person.factor_since.isoformat(timespec="seconds"))
        return Effect(person.login, (*_who(person), since))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        person_acts.remove_factor(transaction, _known(transaction, arguments), actor)


def _who(person: Person) -> tuple[tuple[str, str], ...]:
    return ((mark("Login"), person.login), (mark("Name"), person.name))


def _rights(when: str, roles: Sequence[str], agency: str | None) -> tuple[tuple[str, str], ...]:
    words = {
        "": (mark("Roles"), mark("Agency")),
        "before": (mark("Roles so far"), mark("Agency so far")),
        "after": (mark("Roles from then on"), mark("Agency from then on")),
    }
    of_roles, of_agency = words[when]
    return ((of_roles, ", ".join(sorted(roles))), (of_agency, agency or "–"))


def _known(transaction: Transaction, arguments: Mapping[str, Any]) -> Person:
    found = people.find_by_login(transaction, _text(arguments, "login"))
    if found is None:
        raise Refused("not-found", _text(arguments, "login"))
    return found[0]


def _roles(arguments: Mapping[str, Any]) -> list[str]:
    roles = arguments.get("roles")
    if not isinstance(roles, list) or not all(isinstance(one, str) for one in roles):
        raise Refused("request-invalid", "roles: a list", "roles")
    return sorted(set(roles))


def _text(arguments: Mapping[str, Any], name: str) -> str:
    return str(arguments.get(name) or "")


PEOPLE_KINDS: tuple[Kind, ...] = (AddPerson(), ChangeRoles(), DeactivatePerson(), ActivatePerson(), RemoveFactor())
