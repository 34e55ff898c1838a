"""``/v1/audit/questions``: questions that an auditor keeps under a name, to ask them again."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from hub.clock import rfc3339
from hub.gateway.authentication import Auditor
from hub.gateway.body import json_body, json_content
from hub.gateway.characters import Line
from hub.gateway.context import gateway
from hub.ledger import saved_questions
from hub.ledger.saved_questions import LONGEST_NAME, SavedQuestion

router = APIRouter(tags=["audit"])


class QuestionBody(BaseModel):
    """``filters``: the parameters of the list by name, as text."""

    model_config = ConfigDict(extra="forbid")
    name: Line = Field(max_length=2 * LONGEST_NAME)
    what: Literal["entries", "messages"] = "entries"
    filters: dict[Line, Line] = Field(default_factory=dict, max_length=30)


@router.get("/v1/audit/questions", summary="Questions kept by the calling system")
async def questions(request: Request, auditor: Auditor) -> Response:
    found = await gateway(request).ledger.read(saved_questions.of_owner, auditor.id)
    return JSONResponse({"questions": [_shown(one) for one in found]}, headers={"Cache-Control": "no-store"})


@router.put(
    "/v1/audit/questions",
    summary="Keep a question under a name, in place of one that has it",
    openapi_extra=json_content(QuestionBody),
)
async def keep(request: Request, auditor: Auditor) -> Response:
    body = await json_body(request, QuestionBody)
    ledger = gateway(request).ledger
    kept = await ledger.write(saved_questions.keep, auditor.id, body.name, body.what, body.filters)
    return JSONResponse(_shown(kept))


@router.delete(
    "/v1/audit/questions/{question_id}",
    summary="Forget a question",
    status_code=204,
    responses={404: {"description": "not-found: the calling system keeps no such question"}},
)
async def forget(request: Request, question_id: str, auditor: Auditor) -> Response:
    await gateway(request).ledger.write(saved_questions.remove, auditor.id, question_id)
    return Response(status_code=204)


def _shown(one: SavedQuestion) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "what": one.what,
        "filters": one.filters,
        "saved_at": rfc3339(one.created_at),
    }
