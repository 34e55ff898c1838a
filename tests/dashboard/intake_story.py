"""What the intake of the stories saw and by which exceptions it judged; told into the tables by ``seeding``."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hub.registry.model import Override


def exceptions(today: date) -> tuple[Override, ...]:
    """One for everybody, one that ends soon, one on its last day, one that ended yesterday."""
    return (
        Override("", "timestamp.old", "ignore", today + timedelta(days=200), "Bưu chính ngừng trong đợt lũ"),
        Override("H33.21", "subject.length", "warn", today + timedelta(days=9), "Phần mềm cũ, đang nâng cấp"),
        Override("H33.07", "notation.required", "warn", today, ""),
        Override("H33.12", "sphere.length", "ignore", today - timedelta(days=1), "đã hết hạn"),
    )


def seen(details: dict[str, Any]) -> dict[str, Any]:
    """What the checks established about a letter that was accepted with warnings."""
    [attachment] = details["attachments"]
    inside = {
        "kind": "pdf",
        "pages": 3,
        "scan": "not-scanned",
        "wrapped": {"name": "5f0c.pdf", "size": 118_000, "sha256": "c" * 64},
        "signatures": [
            {
                "signer": "Người ký mẫu",
                "organisation": "Sở Tài chính",
                "valid": True,
                "trusted": True,
                "covers_whole": True,
            },
            {"signer": "Người ký khác", "valid": False, "trusted": False, "problem": "digest"},
        ],
    }
    standing = {
        "certificate": "Sở Tài chính",
        "certificate_sha256": "d" * 64,
        "status": "pending",
        "kind": "crl",
        "source": "http://crl.test/ca.crl",
        "this_update": "2026-11-20T01:00:00Z",
        "next_update": "2026-11-21T01:00:00Z",
        "age_seconds": 5400,
        "reason": "time-out",
    }
    return details | {
        "attachments": [attachment | inside],
        "signer": details["signer"] | {"revocation": "pending", "revocations": [standing]},
        "warnings": [
            {
                "code": "metadata-too-long",
                "detail": "OtherInfo/SphereOfPromulgation: 140 of 100 characters",
                "location": "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/OtherInfo/SphereOfPromulgation",
                "rule": "sphere.length",
            }
        ],
    }
