"""Where a certificate stands: good, revoked, or not known; and by whose word of when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hub.clock import rfc3339
from hub.signatures.revocation.answers import Revoked, Weighed

# unknown: there are sources, none gave a fresh answer; unsourced: there is no source at all
Status = Literal["good", "revoked", "unknown", "unsourced"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One certificate of a path. ``kind`` (``crl``, ``ocsp``), ``source``, times and ``evidence`` (SHA-256 of the

    octets) are those of the answer that decided, or of the newest there is; empty when there is none.
    """

    certificate: str  # SHA-256
    issuer: str  # SHA-256
    subject: str
    status: Status
    kind: str = ""
    source: str = ""
    this_update: datetime | None = None
    next_update: datetime | None = None
    evidence: str = ""
    revoked: Revoked | None = None
    reason: str = ""
    retry_after: int = 30

    def facts(self, checked_at: datetime) -> dict[str, Any]:
        """As stored with the envelope and shown to people; JSON-ready, times RFC 3339."""
        begun, end = self.this_update, self.next_update
        return {
            "certificate": self.subject,
            "certificate_sha256": self.certificate,
            "issuer_sha256": self.issuer,
            "status": self.status if self.status in ("good", "revoked") else "pending",
            "kind": self.kind,
            "source": self.source,
            "this_update": "" if begun is None else rfc3339(begun),
            "next_update": "" if end is None else rfc3339(end),
            "age_seconds": None if begun is None else max(0, int((checked_at - begun).total_seconds())),
            "sha256": self.evidence,
            "checked_at": rfc3339(checked_at),
            "reason": self.reason,
        }


def standing(certificate: str, issuer: str, subject: str, weighed: Weighed, reason: str, retry_after: int) -> Standing:
    """The standing that answers come to; ``reason`` says why there is no fresh one, empty when none was to be had."""
    status: Status = "unsourced"
    if weighed.revoked is not None:
        status = "revoked"
        reason = f"{weighed.revoked.at:%Y-%m-%d %H:%M} UTC, {weighed.revoked.reason}"
    elif weighed.fresh:
        status, reason = "good", ""
    elif weighed.by is not None or reason:
        status = "unknown"
        if weighed.by is not None:
            reason = reason or f"the newest answer is of {weighed.by.answer.this_update:%Y-%m-%d %H:%M} UTC"
    if weighed.by is None:
        reason = reason or "no list of its issuer, and no address in the certificate"
        return Standing(certificate, issuer, subject, status, reason=reason, retry_after=retry_after)
    answer = weighed.by.answer
    return Standing(
        certificate,
        issuer,
        subject,
        status,
        answer.kind,
        weighed.by.source,
        answer.this_update,
        answer.next_update,
        answer.sha256,
        weighed.revoked,
        reason,
        retry_after,
    )
