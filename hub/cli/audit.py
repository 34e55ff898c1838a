"""``lienthong audit``: lists of the log and of messages as files, on the hub's own machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hub import language
from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.audit import Entry
    from hub.ledger import Ledger

Target = Annotated[Path, typer.Argument(metavar="FILE", help=_("Where to write; must not exist yet."))]
Since = Annotated[str, typer.Option("--since", metavar="TIME", help=_("A time (RFC 3339) or a day, inclusive."))]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help=_("A time, exclusive, or a day with its end."))]
Sender = Annotated[str, typer.Option("--from", metavar="CODE", help=_("The letter's sender."))]
Recipient = Annotated[str, typer.Option("--to", metavar="CODE", help=_("A recipient of the letter."))]
Where = Annotated[
    list[str],
    typer.Option(
        "--where",
        metavar="NAME=VALUE",
        help=_("A filter by its name in the API, again for more: words=…, agency=…, outcome=…, kind=…, number=…"),
    ),
]


def export(
    file: Target,
    what: Annotated[Literal["entries", "messages"], typer.Option("--what")] = "entries",
    form: Annotated[
        Literal["ndjson", "csv", "xlsx"] | None, typer.Option("--format", help=_("As the file's name says if absent."))
    ] = None,
    since: Since = "",
    until: Until = "",
    sender: Sender = "",
    recipient: Recipient = "",
    where: Where = [],  # noqa: B006 - Typer reads it as "none given" and never changes it
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub.audit import sheets
    from hub.ledger import exporting
    from hub.ledger.exporting import Export
    from hub.ledger.questions import Question
    from hub.ledger.registration import ACTOR

    chosen = form or file.suffix.removeprefix(".")
    if chosen not in sheets.FORMATS:
        raise typer.BadParameter(_("{file}: one of {formats}").format(file=file, formats=", ".join(sheets.FORMATS)))
    given = {"since": since, "until": until, "from": sender, "to": recipient}
    asked = Question.of(given | dict(_pair(one) for one in where))
    with opened(data) as ledger:
        wanted = Export(what, chosen, asked, "newest", asker=ACTOR, language=language.current.get())  # type: ignore[arg-type]  # it is one of the formats
        _write(ledger, file, wanted.entry(), exporting.written(ledger, wanted))
    _tell(file)


def complete(
    file: Target,
    sender: Annotated[str, typer.Option("--from", metavar="CODE", help=_("The letter's sender."))],
    recipient: Annotated[str, typer.Option("--to", metavar="CODE", help=_("A recipient of the letter."))],
    since: Annotated[str, typer.Option("--since", metavar="TIME")],
    until: Annotated[str, typer.Option("--until", metavar="TIME")],
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub import clock
    from hub.audit import Entry, Event
    from hub.ledger import completeness, log_export
    from hub.ledger.questions import Question
    from hub.ledger.registration import ACTOR

    asked = Question.of({"from": sender, "to": recipient, "since": since, "until": until})
    if asked.since is None or asked.until is None:
        raise typer.BadParameter(_("A time has a beginning and an end: --since and --until."))
    with opened(data) as ledger:
        wanted = ledger.read_now(completeness.opening, asked.sender, asked.recipient, asked.since, asked.until)
        detail = {"what": "completeness", "filters": asked.filters(), "from": wanted.start, "to": wanted.end}
        entry = Entry(Event.LOG_EXPORTED, clock.now(), actor=ACTOR, detail=detail)
        _write(ledger, file, entry, log_export.lines_now(ledger, wanted))
    _tell(file)


def _pair(given: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not sign:
        raise typer.BadParameter(f"{given}: NAME=VALUE")
    return name, value


def _write(ledger: Ledger, file: Path, entry: Entry, pieces: Iterable[bytes]) -> None:
    """Under another name until it is whole. That it was taken is in the log before."""
    from hub.ledger import exchange_log

    if file.exists():
        raise typer.BadParameter(_("{file} is there already.").format(file=file))
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    ledger.write_now(exchange_log.append, [entry])
    try:
        with unfinished.open("xb") as out:
            out.writelines(pieces)
        unfinished.rename(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _tell(file: Path) -> None:
    output.show({"file": str(file), "size": file.stat().st_size}, [_("Written: {file}").format(file=file)])


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("export", help=_("Write entries of the exchange log or messages into a file."))(export)
    group.command("complete", help=_("Write all letters from A to B in a time, provably complete."))(complete)
    app.add_typer(group, name="audit", help=_("Lists for auditors."))
