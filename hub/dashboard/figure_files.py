"""Taking figures out as a file: an entry of the log, then the file as it is made."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hub import language
from hub.audit import sheets
from hub.dashboard.access import Visitor
from hub.dashboard.desk import Desk
from hub.dashboard.events import KINDS, kind_name
from hub.dashboard.forms import choice_of
from hub.figures.files import FORMATS, FigureFile, Format, written
from hub.ledger import exporting
from hub.problems import Refused


def format_of(request: Request) -> Format:
    """Raises ``Refused('not-found')`` for a format that is not offered."""
    wanted = choice_of(request, "format", FORMATS)
    for one in FORMATS:
        if one == wanted:
            return one
    raise Refused("not-found", "format")


async def sent(desk: Desk, visitor: Visitor, wanted: FigureFile) -> Response:
    """Raises ``Deferred('export-limit')`` while too many lists are read at once."""
    body = await exporting.begun(exporting.stepped(written(desk.ledger, wanted)))
    await desk.ledger.write(desk.context.record, [wanted.entry(f"person:{visitor.person.login}")])
    headers = {"Content-Disposition": f'attachment; filename="{wanted.name}"'}
    return StreamingResponse(body, media_type=sheets.MEDIA_TYPES[wanted.format], headers=headers)


def units(request: Request, code: str, month: str, *, own: bool) -> FigureFile:
    return FigureFile("units", format_of(request), month, code, own, language.current.get())


def security(request: Request, month: str) -> FigureFile:
    kinds = {kind: kind_name(kind) for kind in KINDS}
    return FigureFile("security", format_of(request), month, language=language.current.get(), kinds=kinds)
