"""The kinds of change that take two people. A new kind is one file with one class, and its line in ``KINDS``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hub.ledger import Transaction
from hub.problems import Refused


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to whom. ``subject``: the agency code, system or login it is about. ``lines``: pairs of a
    label (a message id) and a value, in the order in which people read them; another effect has other lines."""

    subject: str
    lines: tuple[tuple[str, str], ...]


def text_in(arguments: Mapping[str, Any], name: str) -> str:
    """An argument that must be there. Raises ``Refused('request-invalid')``."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise Refused("request-invalid", f"{name} is missing", name)
    return value


class Kind(Protocol):
    """One kind of change. ``title`` is a message id. ``asking`` and ``deciding`` are roles; ``urgent``: it may be
    carried out at once and be looked at by a second person afterwards."""

    name: str
    title: str
    asking: frozenset[str]
    deciding: frozenset[str]
    urgent: bool

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        """What it would do now. Raises ``Refused`` when it cannot be done."""

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        """Do it, with its own entry in the exchange log by ``actor``. Raises ``Refused`` when it cannot be done."""

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        """Take back what was carried out at once. Only urgent kinds have it."""


KINDS: dict[str, Kind] = {}
