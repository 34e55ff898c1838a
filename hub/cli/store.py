"""The ledger of the hub on this machine, for commands that work on it directly."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.language import _

if TYPE_CHECKING:
    from hub.ledger import Ledger
    from hub.registry.second_factor import Vault
    from hub.settings import Settings

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help=_("Directory for payloads, keys and the embedded ledger."))
]


# of the ledger that was opened last
_settings: contextvars.ContextVar[Settings | None] = contextvars.ContextVar("settings", default=None)


@contextmanager
def opened(data: Path | None) -> Iterator[Ledger]:
    """The ledger that the settings choose, at the version of this program."""
    from hub import settings
    from hub.ledger import Ledger, migration

    chosen = settings.load(data_dir=data)
    _settings.set(chosen)
    ledger = Ledger.chosen(chosen.database_url, chosen.database_connections, chosen.data_dir)
    try:
        if chosen.embedded:
            migration.upgrade(ledger)
        migration.require_head(ledger)
        yield ledger
    finally:
        ledger.close()


def vault() -> Vault | None:
    """What seals second factors in the hub of the opened ledger; None as long as that hub has not run.

    Raises ``Misconfigured``.
    """
    from hub.keyring import known_derivation
    from hub.registry.second_factor import Vault

    chosen = _settings.get()
    derivation = None if chosen is None else known_derivation(chosen)
    return None if derivation is None else Vault(derivation)


def base_url() -> str:
    """Where people reach the hub of the opened ledger."""
    chosen = _settings.get()
    assert chosen is not None, "a ledger is open"
    return chosen.base_url
