"""``/v1/deliveries/{id}``: how one delivery stands, every attempt at it, and why it came once more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hub import clock, language
from hub.clock import rfc3339
from hub.delivery.failures import FAILURES
from hub.delivery.showing import replayed
from hub.gateway.authentication import Caller
from hub.gateway.context import gateway
from hub.ledger import Transaction, carriage, dead_letters, replays
from hub.ledger.carriage import Attempt
from hub.problems import Refused
from hub.receipts.chasing import overdue
from hub.registry.model import System

router = APIRouter(tags=["deliveries"])


@router.get("/v1/deliveries/{delivery_id}", summary="One delivery: state, attempts, deadlines")
async def show(request: Request, delivery_id: str, caller: Caller) -> Response:
    if ":" in delivery_id:  # what is done with a delivery has its own addresses, and is asked for by POST
        raise HTTPException(405, headers={"Allow": "POST"})
    found = await gateway(request).ledger.read(_show, delivery_id, caller)
    if found is None:
        raise Refused("not-found", delivery_id)
    spoken = language.choose(request.headers.get("accept-language"))
    found["attempts"] = [_attempt(one, spoken) for one in found["attempts"]]
    return JSONResponse(found, headers={"Cache-Control": "no-store"})


def _show(transaction: Transaction, delivery_id: str, caller: System) -> dict[str, Any] | None:
    """For the sender's and the recipient's system, and for auditors; None for others."""
    row = dead_letters.standing(transaction, delivery_id)
    if row is None or not (caller.auditor or caller.id in (row.system_id, row.sender_system_id)):
        return None
    replay = replays.of_deliveries(transaction, [row.id]).get(row.id)
    status = None
    if row.status_code is not None and row.status_at is not None:
        status = {"code": row.status_code, "description": row.status_description, "at": rfc3339(row.status_at)}
    return {
        "delivery": row.id,
        "envelope": row.envelope_id,
        "document_id": row.document_id,
        "sender": row.sender_code,
        "recipient": row.recipient_code,
        "state": row.state,
        "since": rfc3339(row.since),
        "reason": row.reason,
        "priority": row.priority,
        "sha256": row.sha256,
        "size": row.size,
        "business_status": status,
        "round": row.round,
        "replay": None if replay is None else replayed(replay, row.round),
        "superseded_by": row.superseded_by,
        "next_attempt_at": _moment(row.next_attempt_at),
        "attempts": carriage.attempts_of(transaction, row.id),
        "deadlines": {
            "confirm_by": _moment(row.confirm_by),
            "process_by": _moment(row.process_by),
            "expires_at": _moment(row.expires_at),
            "overdue": overdue(row.state, row.status_code, row.confirm_by, row.process_by, clock.now()) or None,
        },
        "links": {
            "envelope": f"/v1/envelopes/{row.envelope_id}",
            "content": f"/v1/envelopes/{row.envelope_id}/content",
        },
    }


def _attempt(one: Attempt, spoken: language.Language) -> dict[str, Any]:
    failure = FAILURES.get(one.code)
    return {
        "number": one.number,
        "channel": one.channel,
        "started_at": rfc3339(one.started_at),
        "ended_at": rfc3339(one.ended_at),
        "outcome": one.outcome,
        "code": one.code,
        "explanation": "" if failure is None else language.gettext(failure.text, spoken),
        "detail": one.detail,
        "next_at": _moment(one.next_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
