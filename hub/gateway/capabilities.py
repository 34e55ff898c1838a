"""``/v1/capabilities`` and the hub's public keys: what a document system must know before it sends. Both are public."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub import __version__
from hub.envelope.names import PROFILE
from hub.gateway.context import gateway
from hub.gateway.multipart import CONTENT_TYPES
from hub.gateway.transparency import log_keys
from hub.ledger.hub_keys import HELD_SECONDS
from hub.registry.model import offered_channels
from hub.signatures.algorithms import DIGESTS, ENVELOPED, EXCLUSIVE_C14N, METHODS, RSA_MINIMUM_BITS
from hub.signatures.chain import common_name
from hub.validation import SEQUENCE

router = APIRouter(tags=["capabilities"])


@router.get("/v1/capabilities", summary="Limits, profiles, algorithms, channels")
async def capabilities(request: Request) -> Response:
    context = gateway(request)
    settings, policy = context.settings, context.intake.policy
    trust = await context.directory.trust()
    body = {
        "hub": settings.hub_name,
        "version": __version__,
        "profiles": [PROFILE],
        "content_types": list(CONTENT_TYPES),
        "limits": {
            "envelope_bytes": settings.max_envelope_bytes,
            "attachment_bytes": settings.max_attachment_bytes,
            "request_bytes": settings.max_request_bytes,
            "attachments": policy.attachments,
            "recipients": policy.recipients,
            "xml": {
                "depth": policy.xml.depth,
                "elements": policy.xml.elements,
                "attributes_per_element": policy.xml.attributes_per_element,
                "attributes": policy.xml.attributes,
                "namespaces": policy.xml.namespaces,
                "name_length": policy.xml.name_length,
                "text_bytes": policy.xml.text,
                "texts_bytes": policy.xml.texts,
            },
            "long_poll_seconds": settings.long_poll_seconds,
            "uploads": settings.max_uploads,
            "lease_seconds": settings.lease_seconds,
        },
        "signature": {
            "profile": "strict",
            "location": "/edXML/edXMLEnvelope/edXMLHeader/ds:Signature[last()]",
            "reference": "",
            "transforms": [ENVELOPED, EXCLUSIVE_C14N],
            "canonicalisation": EXCLUSIVE_C14N,
            "methods": list(METHODS),
            "digests": list(DIGESTS),
            "rsa_minimum_bits": RSA_MINIMUM_BITS,
            "anchors": [common_name(anchor) for anchor in trust.anchors],
        },
        "malware_scan": policy.scanner is not None,
        "checks": [row.name for row in SEQUENCE],
        "channels": list(offered_channels(embedded=settings.embedded)),
        "receipts": {"algorithm": context.keys.algorithm, "keys": "/.well-known/jwks.json"},
        "log": {
            "origin": settings.log_name,
            "keys": await log_keys(context),
            "checkpoint": "/v1/log/checkpoint",
        },
    }
    return JSONResponse(body)


@router.get("/.well-known/jwks.json", summary="Keys that verify receipts (RFC 7517)")
async def jwks(request: Request) -> Response:
    """All that ever signed: an old receipt stays checkable. ``retired_at`` marks those that sign no more."""
    keys = await gateway(request).keys.jwks()
    return JSONResponse({"keys": keys}, headers={"Cache-Control": f"max-age={HELD_SECONDS}"})
