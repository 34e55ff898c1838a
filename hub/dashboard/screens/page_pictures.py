"""The picture of an attachment's page one, for those whose letter it is and for auditors."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard import previews
from hub.dashboard.desk import Desk
from hub.dashboard.screens.evidence import reader_of
from hub.dashboard.screens.letter_files import identifier_of, seen
from hub.ledger import Transaction, purged
from hub.ledger.journey import Letter
from hub.problems import Deferred, Refused


class PagePictureScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        path = "/envelopes/{envelope_id}/attachments/{number}/page-one.png"
        router.add_api_route(path, self.one, methods=["GET"])

    async def one(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        reader = reader_of(visitor.person)
        if reader is None:
            raise Refused("forbidden", "the octets of a letter are for its parties and for auditors")
        letter = await self.desk.ledger.read(_letter, identifier_of(request), reader.agency)
        file = _file(letter, request.path_params["number"])
        why = previews.why_not(letter, file)
        if why:
            return _placard(why)
        content = functools.partial(previews.opened, letter, file, self.desk.context.payloads)
        try:
            drawn = await self.desk.context.pictures.page_one(str(file.get("sha256")), int(file["size"]), content)
        except (OSError, ValueError) as error:
            raise Deferred("payload-unavailable", "the document's file cannot be read") from error
        if drawn.outcome != "drawn":
            return _placard(drawn.outcome)
        return Response(drawn.png, media_type="image/png")


def _letter(transaction: Transaction, envelope_id: str, own_agency: str | None) -> Letter:
    """Raises ``Refused``: ``not-found`` also for a letter that the reader may not see, ``content-purged``."""
    found = seen(transaction, envelope_id, own_agency)
    purged.require_octets(transaction, envelope_id)
    return found


def _file(letter: Letter, number: str) -> dict[str, Any]:
    """The attachment of that number, from 1. Raises ``Refused('not-found')``."""
    listed = letter.details.get("attachments")
    if not (number.isascii() and number.isdigit() and len(number) < 5 and isinstance(listed, list)):
        raise Refused("not-found", "the letter has no such attachment")
    position = int(number) - 1
    file = listed[position] if 0 <= position < len(listed) else None
    if not isinstance(file, dict):
        raise Refused("not-found", "the letter has no such attachment")
    return file


def _placard(why: str) -> Response:
    return Response(previews.placard(why), media_type="image/svg+xml")
