"""The command line: ``lienthong NOUN``.

In charge of: reading arguments, calling the hub or the client, saying the outcome in words or as JSON.
Comes in: arguments, files, a profile. Goes out: text on standard output, errors on standard error, an exit code.
Exit codes: 0 done, 1 refused or failed, 2 misuse (wrong arguments, wrong settings).
Each command is a module of this package with ``register(app)``; heavy imports stay inside the functions.
"""

from __future__ import annotations

import importlib
import sys

import typer

from hub import language
from hub.problems import HubError

AGENCY = (
    "sign",
    "send",
    "inbox",
    "status",
    "chase",
    "receipts",
    "rehearse",
    "incident",
    "evidence",
    "verify",
    "log",
    "demo",
)
OPERATION = (
    "roles",
    "witness",
    "registry",
    "policy",
    "overdue",
    "alert",
    "audit",
    "dead_letters",
    "bounces",
    "proposal",
    "replay",
    "hold",
    "purge",
    "figures",
    "key",
    "care",
)
COMMANDS = AGENCY + OPERATION
"""Modules in the order of ``--help``."""


def build_app() -> typer.Typer:
    """The application with every command; texts are in the language that is current now."""
    app = typer.Typer(
        name="lienthong",
        help=language.gettext("Exchange signed official documents between agencies."),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in COMMANDS:
        importlib.import_module(f"hub.cli.{name}").register(app)
    return app


def main() -> None:
    """Entry point of the command ``lienthong``."""
    from hub.settings import terminal_language

    language.current.set(language.of_terminal(terminal_language()))
    try:
        build_app()()
    except HubError as error:
        from hub.cli import output

        sys.exit(output.report(error))
