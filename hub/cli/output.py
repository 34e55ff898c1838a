"""Saying the outcome: aligned text for people, one JSON value for programs, problems with their remedy."""

from __future__ import annotations

import contextvars
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from hub import language
from hub.language import _
from hub.problems import CATALOGUE, HubError, Misconfigured, explain

_as_json: contextvars.ContextVar[bool] = contextvars.ContextVar("as_json", default=False)


def _remember(value: bool) -> bool:
    _as_json.set(value)
    return value


AsJson = Annotated[
    bool, typer.Option("--json", help=_("Print one JSON value."), callback=_remember, is_eager=True, show_default=False)
]


def show(value: Any, lines: Iterable[str]) -> None:
    """``value`` as JSON when ``--json`` was given, else ``lines``."""
    if _as_json.get():
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return
    for line in lines:
        typer.echo(line)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Columns as wide as they need; nothing but the rows when there are none."""
    cells = [[str(head) for head in heads], *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def report(error: HubError) -> int:
    """Say what went wrong and how to mend it; the exit code to leave with."""
    code = 2 if isinstance(error, Misconfigured) else 1
    findings = [
        {"code": finding.code, "detail": finding.detail, "location": finding.location} for finding in error.findings
    ]
    title, remedy = _explained(error.code)
    if _as_json.get():
        document = getattr(error, "document", None) or {"code": error.code, "title": title, "findings": findings}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return code
    typer.echo(f"{title} [{error.code}]", err=True)
    for finding in error.findings:
        parts = (finding.code if finding.code != error.code else "", finding.location, finding.detail)
        if any(parts):
            typer.echo("  " + ": ".join(part for part in parts if part), err=True)
    if remedy:
        typer.echo(remedy, err=True)
    return code


def _explained(code: str) -> tuple[str, str]:
    if code not in CATALOGUE:
        return _("The hub cannot be reached"), _("Check the hub's address in the profile and the network.")
    problem = explain(code)
    current = language.current.get()
    return problem.title(current), problem.remedy(current)


def progress(line: str) -> None:
    """A remark that is not part of the result: on standard error."""
    print(line, file=sys.stderr, flush=True)
