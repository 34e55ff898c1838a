"""``/v1/profiles/{name}``: the rules of a message format, how severe each is, for whom otherwise, until when."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub import clock, language
from hub.gateway.authentication import Caller
from hub.gateway.context import Gateway, gateway
from hub.problems import Refused, explain
from hub.registry.model import Override, System
from hub.validation.rules import Rule

router = APIRouter(tags=["capabilities"])


@router.get(
    "/v1/profiles/{name}",
    summary="The rules of a message format, as they are for the caller's agencies",
    responses={404: {"description": "not-found: no such profile"}},
)
async def show(request: Request, name: str, caller: Caller) -> Response:
    context = gateway(request)
    profile = context.intake.policy.profile
    if name != profile.name:
        raise Refused("not-found", name)
    spoken = language.choose(request.headers.get("accept-language"))
    body = {
        "name": profile.name,
        "namespace": profile.namespace,
        "rules": [_rule(rule, spoken) for rule in profile.rules.values()],
        "exceptions": [_exception(one) for one in await _exceptions(context, caller)],
    }
    return JSONResponse(body, headers={"Content-Language": spoken})


def _rule(rule: Rule, spoken: language.Language) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "severity": rule.severity,
        "fixed": rule.fixed,
        "code": rule.code,
        "title": (rule.vi if spoken == "vi" else rule.en) or explain(rule.code).title(spoken),
        "clause": rule.clause,
        "element": rule.element,
        "check": rule.check,
        "parameters": dict(rule.parameters),
    }


async def _exceptions(context: Gateway, caller: System) -> list[Override]:
    """Those in force for everybody and for the agencies that the caller serves; an auditor sees all."""
    today = clock.now().date()
    valid = [one for one in await context.directory.overrides() if one.until >= today]
    agencies = await context.directory.agencies(one.agency_code for one in valid if one.agency_code)
    own = {code for code, agency in agencies.items() if agency.system_id == caller.id}
    return [one for one in valid if caller.auditor or not one.agency_code or one.agency_code in own]


def _exception(override: Override) -> dict[str, str]:
    return {
        "rule": override.rule,
        "agency": override.agency_code,
        "severity": override.severity,
        "until": override.until.isoformat(),
        "reason": override.reason,
    }
