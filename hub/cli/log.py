"""``lienthong verify-log`` and ``lienthong log export``: the log as a file, and checking it without any hub."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from hub.audit.completeness import Answer
    from hub.audit.verify_log import Verified

Exports = Annotated[
    list[Path],
    typer.Argument(exists=True, dir_okay=False, metavar="FILE…", help=_("Exports of one log, in any order.")),
]
Key = Annotated[
    list[str],
    typer.Option("--key", metavar="VKEY", help=_("The log's verifier key, or a file with it. Not from the export!")),
]
Witness = Annotated[
    list[str],
    typer.Option("--witness", metavar="VKEY", help=_("A witness that must have cosigned, or a file with it.")),
]
_SHOWN = 10


def verify_log(
    files: Exports,
    key: Key = [],  # noqa: B006 - Typer reads it as "none given" and never changes it
    witness: Witness = [],  # noqa: B006 - as above
    as_json: output.AsJson = False,
) -> None:
    from hub.audit import verify_log as verifier
    from hub.audit.completeness import Completeness

    asked = Completeness()
    try:
        found = verifier.check(files, _keys(key), _keys(witness), asked)
    except verifier.Wrong as error:
        told = {"ok": False, "file": error.file, "line": error.line, "reason": error.reason}
        output.show(told, [_("WRONG: {reason}").format(reason=error)])
        raise typer.Exit(1) from error
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    lines = [line for one in found for line in (*_lines(one), *_answered(asked.answers.get(one.start)))]
    whole = [_told(one) | _complete(asked.answers.get(one.start)) for one in found]
    output.show({"ok": True, "files": whole}, lines)


def _complete(answer: Answer | None) -> dict[str, Any]:
    return {} if answer is None else {"complete": True, "matches": answer.found, "open_end": answer.open_end}


def _answered(answer: Answer | None) -> list[str]:
    if answer is None:
        return []
    said = [
        "  "
        + _("COMPLETE: {count} letters from {sender} to {recipient} from {since} until {until}").format(
            count=len(answer.found),
            sender=answer.sender,
            recipient=answer.recipient,
            since=answer.since.isoformat(),
            until=answer.until.isoformat(),
        )
    ]
    said += [f"    {one}" for one in answer.found]
    if answer.open_end:
        said.append("  " + _("ATTENTION: the log ended there when this was written; later letters are not in it."))
    return said


def _keys(given: list[str]) -> list[str]:
    """Each is a key, or a file with some, one a line."""
    keys: list[str] = []
    for one in given:
        keys += Path(one).read_text(encoding="utf-8").split() if Path(one).is_file() else [one]
    return keys


def _told(found: Verified) -> dict[str, Any]:
    return {
        "file": found.file,
        "origin": found.origin,
        "from": found.start,
        "to": found.end,
        "size": found.size,
        "root": found.root.hex(),
        "key": found.keys,
        "key_given": found.trusted,
        "witnesses": {name: _moment(seconds) for name, seconds in found.witnesses},
        "unchecked_signatures": found.unchecked,
        "entries": found.entries,
        "receipts": found.receipts,
        "first": found.first,
        "last": found.last,
        "question": found.question,
        "far_from_neighbours": {
            "count": found.far_count,
            "leaves": [{"line": line, "at": at, "id": one} for line, at, one in found.far],
        },
    }


def _lines(found: Verified) -> list[str]:
    about = _("{file}: leaves {start} to {last} of {size} of the log {origin}, unchanged").format(
        file=found.file, start=found.start, last=found.end - 1, size=found.size, origin=found.origin
    )
    counted = _("{entries} entries and {receipts} receipts, from {first} to {last}").format(
        entries=found.entries, receipts=found.receipts, first=found.first, last=found.last
    )
    said = [counted, _("signed by {keys}").format(keys=", ".join(found.keys))]
    if not found.trusted:
        said.append(
            _("ATTENTION: this key was only taken from the file. Compare it with the log's key from elsewhere.")
        )
    for name, seconds in found.witnesses:
        said.append(_("cosigned by {name}, {at}").format(name=name, at=_moment(seconds)))
    if found.unchecked:
        unchecked = _("cosignatures not checked (no --witness): {names}")
        said.append(unchecked.format(names=", ".join(found.unchecked)))
    if found.far_count:
        said.append(_("{count} leaves name a time far from that of their neighbours:").format(count=found.far_count))
        far = _("line {line}: {at} {id}")
        said += ["  " + far.format(line=line, at=at, id=one) for line, at, one in found.far[:_SHOWN]]
    return [about, *(f"  {one}" for one in said)]


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_("Where to write; must not exist yet."))],
    start: Annotated[int, typer.Option("--from", min=0, metavar="N", help=_("The first leaf."))] = 0,
    end: Annotated[
        int | None, typer.Option("--to", min=1, metavar="N", help=_("The leaf after the last; all when absent."))
    ] = None,
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    from hub import clock
    from hub.audit import Entry, Event
    from hub.audit.sealer import Rewritten
    from hub.ledger import exchange_log, log_export
    from hub.ledger.registration import ACTOR
    from hub.problems import Refused

    if file.exists():
        raise typer.BadParameter(_("{file} is there already.").format(file=file))
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    with opened(data) as ledger:
        try:
            wanted = ledger.read_now(log_export.opening, start, end)
            detail = {"what": "leaves", "from": wanted.start, "to": wanted.end}
            entry = Entry(Event.LOG_EXPORTED, clock.now(), actor=ACTOR, detail=detail)
            ledger.write_now(exchange_log.append, [entry])
            with unfinished.open("xb") as out:
                out.writelines(log_export.lines_now(ledger, wanted))
            unfinished.rename(file)
        except Rewritten as error:
            raise Refused("log-rewritten", str(error)) from error
        finally:
            unfinished.unlink(missing_ok=True)
    told = {"file": str(file), "from": wanted.start, "to": wanted.end}
    words = _("Leaves {start} to {last} are in {file}.").format(start=wanted.start, last=wanted.end - 1, file=file)
    output.show(told, [words])


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("export", help=_("Write leaves of the log with all that proves them into a file."))(export)
    app.add_typer(group, name="log", help=_("The transparency log."))
    app.command("verify-log", help=_("Check exports of a log on this machine, trusting no hub."))(verify_log)
