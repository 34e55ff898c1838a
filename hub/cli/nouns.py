"""A noun of the command line with its verbs: ``lienthong NOUN VERB``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import typer

Verbs = Mapping[str, tuple[Callable[..., None], str]]
"""A verb's command and the sentence that ``--help`` shows for it."""


def add_noun(app: typer.Typer, noun: str, text: str, verbs: Verbs) -> None:
    """Add ``noun`` with its verbs, in their order; ``text`` is what ``--help`` says of it."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    for verb, (command, words) in verbs.items():
        group.command(verb, help=words)(command)
    app.add_typer(group, name=noun, help=text)
