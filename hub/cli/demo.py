"""``lienthong demo``: a hub on the embedded engine with agencies that really write to each other, in one command."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hub.cli import output
from hub.language import _

if TYPE_CHECKING:
    from adapters.sandbox.demo import Demo
    from hub.ledger import Transaction
    from hub.settings import Settings
    from hub.wiring import Hub

Listen = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help=_("Address to listen on; LIENTHONG_LISTEN or 127.0.0.1:8080."))
]
Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help=_("Keep everything in this directory; thrown away when absent."))
]
Every = Annotated[float, typer.Option(min=0.05, help=_("Mean seconds between simulated letters."))]
Seed = Annotated[str, typer.Option(metavar="TEXT", help=_("The same seed makes the same traffic."))]


def demo(
    listen: Listen = None,
    data: Data = None,
    every: Every = 2.5,
    seed: Seed = "lien-thong",
    as_json: output.AsJson = False,
) -> None:
    import tempfile

    if data is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        _run(data.resolve(), listen, every, seed)
        return
    with tempfile.TemporaryDirectory(prefix="lienthong-demo-") as directory:
        _run(Path(directory), listen, every, seed)


def _run(directory: Path, listen: str | None, every: float, seed: str) -> None:
    import asyncio

    from hub import settings, wiring
    from hub.cli.demo_witness import DemoWitness

    _quiet()
    loaded = settings.load(data_dir=directory, listen=listen)
    # the demo is the embedded engine, whatever databases the environment names
    alone = loaded.model_copy(update={"database_url": None, "broker_url": None})
    witness = DemoWitness(alone)
    chosen = alone.model_copy(update={"witnesses": witness.setting})
    prepared = _prepare(chosen)

    async def live(_hub: Hub) -> None:
        _announce(prepared, await prepared.access_token())
        await asyncio.gather(witness.run(), prepared.run(seed=seed, letter_every=every))

    asyncio.run(wiring.run(chosen, wiring.ROLES, live))
    witness.close()
    output.progress(_("Stopped."))


def _quiet() -> None:
    """Warnings only, on standard error: the result on standard output is for people and programs."""
    import logging

    import structlog

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _prepare(settings: Settings) -> Demo:
    """Bring the ledger to this version and register the demo's world in one transaction."""
    from adapters.sandbox.demo import prepare
    from hub import wiring
    from hub.keyring import load_signing
    from hub.ledger import migration

    ledger = wiring.open_ledger(settings)
    try:
        migration.upgrade(ledger)
        log_keys = tuple(one.log_key.text for one in load_signing(settings).signers)
        return ledger.write_now(
            lambda transaction: prepare(settings.data_dir, settings.base_url, _Registrar(transaction), log_keys)
        )
    finally:
        ledger.close()


class _Registrar:
    """The demo's ``Registrar`` over one transaction of the ledger."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def knows(self, code: str) -> bool:
        from hub.ledger import agencies

        return bool(agencies.find(self._transaction, [code]))

    def add_anchor(self, certificate_pem: bytes, crls_pem: bytes) -> None:
        from cryptography import x509

        from hub.cli.pem import revocation_lists
        from hub.ledger import registration

        registration.add_anchor(self._transaction, x509.load_pem_x509_certificate(certificate_pem))
        for crl in revocation_lists(crls_pem):
            registration.add_list(self._transaction, crl)

    def add_system(self, name: str) -> tuple[str, str]:
        from hub.ledger import registration

        return registration.add_system(self._transaction, name, "pull")

    def add_agency(
        self, code: str, name: str, *, system: str, parent: str | None, aliases: Sequence[str], certificate_pem: bytes
    ) -> None:
        from cryptography import x509

        from hub.ledger import registration

        certificate = x509.load_pem_x509_certificate(certificate_pem)
        registration.add_agency(self._transaction, code, name, system, parent, aliases, certificate)

    def add_person(self, login: str, name: str, roles: Sequence[str], agency: str | None = None) -> str:
        from hub.ledger import registration
        from hub.registry.model import Role

        return registration.add_person(self._transaction, login, name, cast("Sequence[Role]", roles), agency)


def _program() -> str:
    """How this command was called, so that the printed commands work in a shell where it is not on the path."""
    called = Path(sys.argv[0])
    if called.name != "lienthong" or not called.exists():
        return "lienthong"
    return os.path.relpath(called) if called.is_relative_to(Path.cwd()) else str(called)


def _announce(demo: Demo, token: str) -> None:
    """Where to look, how to log in, and commands that work as they stand."""
    first, second = demo.practice
    curl = shlex.join(["curl", "-s", "-H", f"Authorization: Bearer {token}", f"{demo.url}/v1/agencies"])
    program = _program()
    send = shlex.join([program, "send", "FILE.pdf", "--to", second.stem, "--as", str(first)])
    take = shlex.join([program, "inbox", "--take", "inbox", "--as", str(second)])
    others = _("To see what each role sees, and to be the second person:")
    result: dict[str, Any] = {
        "url": demo.url,
        "login": demo.login,
        "password": demo.password,
        "colleagues": demo.colleagues,
        "curl": curl,
        "profiles": str(first.parent),
        "send": send,
        "inbox": take,
    }
    lines = [
        "",
        f"  {_('Dashboard')}:  {demo.url}/",
        f"  {_('Login')}:      {demo.login}",
        f"  {_('Password')}:   {demo.password}",
        f"  {others}",
        *(f"    {login:<10} {password}" for login, password in demo.colleagues.items()),
        "",
        f"  {_('Eight agencies are writing to each other. In a second shell:')}",
        f"    {curl}",
        f"    {send}",
        f"    {take}",
        "",
        f"  {_('Ctrl-C stops it.')}",
    ]
    output.show(result, lines)


def register(app: typer.Typer) -> None:
    app.command("demo", help=_("A hub to try, with a throw-away PKI and agencies that really exchange documents."))(
        demo
    )
