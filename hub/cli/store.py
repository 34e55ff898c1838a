"""The ledger of the hub on this machine, for commands that work on it directly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.language import _

if TYPE_CHECKING:
    from hub.ledger import Ledger

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help=_("Directory for payloads, keys and the embedded ledger."))
]


@contextmanager
def opened(data: Path | None) -> Iterator[Ledger]:
    """The ledger that the settings choose, at the version of this program."""
    from hub import settings
    from hub.ledger import Ledger, migration

    chosen = settings.load(data_dir=data)
    ledger = Ledger.chosen(chosen.database_url, chosen.database_connections, chosen.data_dir)
    try:
        if chosen.embedded:
            migration.upgrade(ledger)
        migration.require_head(ledger)
        yield ledger
    finally:
        ledger.close()
