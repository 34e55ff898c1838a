"""``lienthong up`` and the roles ``serve``, ``relay``, ``deliver``, ``sweep``: the hub's own processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.language import _

if TYPE_CHECKING:
    from hub.wiring import Hub

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help=_("Directory for payloads, keys and the embedded ledger."))
]
Listen = Annotated[str | None, typer.Option("--listen", metavar="HOST:PORT", help=_("Address of the HTTP server."))]


def up(data: Data = None, listen: Listen = None) -> None:
    from hub import wiring

    _run(wiring.ROLES, data, listen, migrate=True)


def serve(data: Data = None, listen: Listen = None) -> None:
    _run(("serve",), data, listen)


def relay(data: Data = None) -> None:
    _run(("relay",), data)


def deliver(data: Data = None) -> None:
    _run(("deliver",), data)


def sweep(data: Data = None) -> None:
    _run(("sweep",), data)


def _run(roles: tuple[str, ...], data: Path | None, listen: str | None = None, *, migrate: bool = False) -> None:
    import uvloop

    from hub import logs, settings, wiring
    from hub.ledger import migration

    chosen = settings.load(data_dir=data, listen=listen)
    logs.configure(chosen.log_level, chosen.log_format)
    wiring.check_roles(chosen, roles)
    if migrate:
        ledger = wiring.open_ledger(chosen)
        try:
            migration.upgrade(ledger)
        finally:
            ledger.close()
    if "serve" in roles:
        typer.echo(f"{chosen.base_url}", err=True)
    uvloop.run(wiring.run(chosen, roles, _first_link if "serve" in roles else None))


async def _first_link(hub: Hub) -> None:
    """As long as nobody administers people: the link by which the first administrator does; new at each start."""
    import asyncio

    import structlog

    from hub import clock, logs
    from hub.ledger import person_links

    token = clock.new_secret()
    if await hub.ledger.write(person_links.first, token, clock.now()):
        link = f"{hub.settings.base_url}/welcome/{token}"
        words = _(
            "Nobody administers this hub yet. Open this link to become its administrator (it works once, within a day):"
        )
        if logs.for_machines(hub.settings.log_format):
            structlog.get_logger().warning("administrator.missing", link=link)
        else:
            typer.echo(f"{words}\n{link}", err=True)
    await asyncio.Event().wait()


def register(app: typer.Typer) -> None:
    app.command(help=_("Run the whole hub in one process; applies migrations first."))(up)
    app.command(help=_("Run only the HTTP server (production engine)."))(serve)
    app.command(help=_("Run only the relay: from the ledger to the broker."))(relay)
    app.command(help=_("Run only the couriers: from the broker to the systems."))(deliver)
    app.command(help=_("Run only the sweep: publish again what the broker lost."))(sweep)
