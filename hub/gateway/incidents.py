"""``/v1/incidents``: an agency reports a security incident of its own; the operator is told at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from hub.alerts import incidents as reporting
from hub.alerts.incidents import LONGEST_CONTACT, LONGEST_DESCRIPTION, Report
from hub.clock import rfc3339
from hub.gateway.authentication import Caller
from hub.gateway.body import json_body, json_content
from hub.gateway.characters import Line
from hub.gateway.context import gateway
from hub.ledger import Transaction, agencies, incidents
from hub.ledger.incidents import CATEGORIES, Incident
from hub.problems import Refused

router = APIRouter(tags=["incidents"])


class IncidentBody(BaseModel):
    """``agency``: one of the calling system's. ``contact``: whom the operator calls back."""

    model_config = ConfigDict(extra="forbid")
    agency: Annotated[Line, StringConstraints(min_length=1, max_length=100)]
    category: Annotated[Line, Field(json_schema_extra={"enum": list(CATEGORIES)})]
    description: Annotated[Line, StringConstraints(min_length=1, max_length=LONGEST_DESCRIPTION)]
    contact: Annotated[Line, StringConstraints(min_length=1, max_length=LONGEST_CONTACT)]
    noticed_at: AwareDatetime | None = None


@router.post(
    "/v1/incidents",
    status_code=201,
    summary="Report a security incident of an agency of mine",
    responses={
        200: {"description": "an exact repeat of a report that is still open"},
        403: {"description": "sender-not-served: not an agency of this system"},
        404: {"description": "registry-unknown"},
        409: {"description": "incidents-waiting: call the operator instead"},
    },
    openapi_extra=json_content(IncidentBody),
)
async def report(request: Request, caller: Caller) -> Response:
    body = await json_body(request, IncidentBody)
    told = Report(body.agency, body.category, body.description, body.contact, body.noticed_at)
    found, new = await gateway(request).ledger.write(_report, told, caller.id)
    return JSONResponse(_shown(found), 201 if new else 200)


@router.get(
    "/v1/incidents/{incident_id}",
    summary="What became of an incident that an agency of mine reported",
    responses={404: {"description": "not-found: no incident of an agency of this system"}},
)
async def show(request: Request, incident_id: str, caller: Caller) -> Response:
    return JSONResponse(_shown(await gateway(request).ledger.read(_found, incident_id, caller.id)))


def _report(transaction: Transaction, told: Report, system_id: str) -> tuple[Incident, bool]:
    known = agencies.find(transaction, [told.agency]).get(told.agency)
    if known is not None and known.system_id != system_id:
        raise Refused("sender-not-served", told.agency, "agency")
    return reporting.report(transaction, told, f"system:{system_id}")


def _found(transaction: Transaction, incident_id: str, system_id: str) -> Incident:
    found = incidents.find(transaction, incident_id)
    known = {} if found is None else agencies.find(transaction, [found.agency_code])
    if found is None or known[found.agency_code].system_id != system_id:
        raise Refused("not-found", incident_id)
    return found


def _shown(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "agency": one.agency_code,
        "category": one.category,
        "description": one.description,
        "contact": one.contact,
        "noticed_at": rfc3339(one.noticed_at),
        "reported_at": rfc3339(one.reported_at),
        "state": one.state,
        "closed_at": None if one.closed_at is None else rfc3339(one.closed_at),
        "outcome": one.outcome,
    }
