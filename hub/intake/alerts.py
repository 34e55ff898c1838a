"""Alerts: what an operator must be told at once, not find in a listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import structlog

from hub.audit import Entry, Event
from hub.envelope.model import ReceivedEnvelope
from hub.problems import Finding

log = structlog.get_logger()

# malware: a sender's machine is infected; a state secret: it has left the ways that are meant for it
ALARMING = ("attachment-malware", "secret-document")


def alerts(
    received: ReceivedEnvelope, findings: Sequence[Finding], sender: str, document_id: str, envelope_id: str = ""
) -> list[Entry]:
    """One entry for each alarming code among findings and warnings, to be written with the refusal or acceptance."""
    entries = []
    for code in ALARMING:
        seen = [asdict(finding) for finding in findings if finding.code == code]
        if seen:
            detail = {"findings": seen, "sha256": received.sha256, "size": received.size, "system": received.system_id}
            entries.append(
                Entry(
                    Event.OPERATOR_ALERTED,
                    received.received_at,
                    actor=received.system_id,
                    agency_code=sender,
                    envelope_id=envelope_id,
                    document_id=document_id,
                    code=code,
                    detail=detail,
                )
            )
    return entries


def tell(entries: Sequence[Entry]) -> None:
    """The same into the program's log, at error level, for whatever watches that."""
    for entry in entries:
        log.error(
            entry.kind.value,
            code=entry.code,
            system=entry.actor,
            sender=entry.agency_code,
            document_id=entry.document_id,
            sha256=entry.detail["sha256"],
        )
