"""Where an agency's letters go: which system serves it, whether it takes part, how its system is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.language import mark
from hub.ledger import Transaction, agency_acts, agency_tree, reconfiguring
from hub.ledger.agency_tree import Branch
from hub.problems import Refused
from hub.proposals.kinds import KINDS, Effect, Kind
from hub.registry import amqp
from hub.registry.folder import Root
from hub.registry.reach import Reach

ADMINISTRATOR = frozenset({"administrator"})
NONE = "–"


class AgencyMove:
    """``code``: the agency; ``system``: the name of the system that serves it from now on."""

    name, title, urgent = "agency.move", mark("Move an agency to another system"), False
    asking = deciding = ADMINISTRATOR

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        known = _agency(transaction, arguments)
        target = agency_acts.known_system(transaction, _text(arguments, "system"))
        if target.id == known.system_id:
            raise Refused("registry-conflict", target.name, "system")
        lines = (
            (mark("Agency"), known.name),
            (mark("Served by now"), f"{known.system} ({known.channel})"),
            (mark("Served by then"), f"{target.name} ({target.channel})"),
        )
        return Effect(known.code, lines)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        agency_acts.move(transaction, _text(arguments, "code"), _text(arguments, "system"), actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("forbidden", f"{self.name} is never carried out before it is confirmed")


class AgencySuspend:
    """``code``: nothing is accepted from or for it any more. Urgent: a stolen key does not wait for a colleague."""

    name, title, urgent = "agency.suspend", mark("Suspend an agency"), True
    asking, deciding = frozenset({"operator", "administrator"}), frozenset({"operator", "administrator"})

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        known = _agency(transaction, arguments)
        if not known.active:
            raise Refused("registry-conflict", known.code, "agency")
        return Effect(known.code, ((mark("Agency"), known.name), (mark("Served by"), known.system)))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        agency_acts.suspend(transaction, _text(arguments, "code"), actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        agency_acts.resume(transaction, _text(arguments, "code"), actor=actor)


class AgencyResume:
    """``code``: a suspended agency that takes part again."""

    name, title, urgent = "agency.resume", mark("Let a suspended agency take part again"), False
    asking, deciding = frozenset({"operator", "administrator"}), ADMINISTRATOR

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        known = _agency(transaction, arguments)
        if known.active:
            raise Refused("registry-conflict", known.code, "agency")
        return Effect(known.code, ((mark("Agency"), known.name), (mark("Served by"), known.system)))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        agency_acts.resume(transaction, _text(arguments, "code"), actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("forbidden", f"{self.name} is never carried out before it is confirmed")


class SystemChange:
    """``system``: its name; ``url``: another address, None for none; ``options``: those that change.

    ``reach`` and ``folders``: what this hub allows. As ``KINDS`` has it, it allows public addresses and no folder.
    """

    name, title, urgent = "system.change", mark("Change how a system is reached"), False
    asking = deciding = ADMINISTRATOR

    def __init__(self, reach: Reach | None = None, folders: Root | None = None) -> None:
        self.reach, self.folders = reach or Reach(), folders

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        system, url, options = _options(arguments)
        known, new_url, kept = reconfiguring.checked(transaction, system, url, options, self.reach, self.folders)
        lines = [(mark("System"), f"{known.name} ({known.channel})")]
        if new_url != known.url:
            lines += [(mark("Address now"), known.url or NONE), (mark("Address then"), new_url or NONE)]
        before, then = amqp.public(known.options), amqp.public(kept)
        for option in sorted({*before, *then}):
            if before.get(option) != then.get(option):
                lines.append((option, f"{before.get(option, NONE)} → {then.get(option, NONE)}"))
        if len(lines) == 1:
            raise Refused("request-invalid", "this would change nothing", "system")
        return Effect(known.name, tuple(lines))

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        system, url, options = _options(arguments)
        reconfiguring.change(transaction, system, url, options, self.reach, actor, self.folders)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("forbidden", f"{self.name} is never carried out before it is confirmed")


def _agency(transaction: Transaction, arguments: Mapping[str, Any]) -> Branch:
    code = _text(arguments, "code")
    known = agency_tree.one(transaction, code)
    if known is None:
        raise Refused("registry-unknown", code, "agency")
    return known


def _text(arguments: Mapping[str, Any], name: str) -> str:
    """Raises ``Refused('request-invalid')``."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused("request-invalid", f"{name}: a text", name)
    return value.strip()


def _options(arguments: Mapping[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    options, url = arguments.get("options", {}), arguments.get("url")
    if not isinstance(options, Mapping) or not (url is None or isinstance(url, str)):
        raise Refused("request-invalid", "url: a text; options: names and values", "options")
    if amqp.PASSWORD_HASH in options:
        raise Refused("request-invalid", "a password is rotated, not proposed", "options")
    return _text(arguments, "system"), url, dict(options)


def kinds_for(reach: Reach, folders: Root | None) -> dict[str, Kind]:
    """Every kind, with what this hub allows of addresses and folders."""
    return {**KINDS, SystemChange.name: SystemChange(reach, folders)}


ROUTES: tuple[Kind, ...] = (AgencyMove(), AgencySuspend(), AgencyResume(), SystemChange())
