"""The explain report: the verdict on one envelope, what is signed and by whom, every finding and how to mend it.

JSON-ready and written for people's eyes too; the gateway answers it to systems, the dashboard shows it as a page. It
explains the verdict of ``sequence``, it does not make another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub.clock import rfc3339
from hub.problems import Deferred, Finding
from hub.problems import explain as row_of
from hub.signatures.chain import common_name
from hub.signatures.claims import Claims, claims
from hub.validation.examination import Examination
from hub.validation.rules import Profile
from hub.validation.sequence import SEQUENCE, examine, signer_facts

Language = Literal["vi", "en"]


async def _nothing_else(_exam: Examination) -> Sequence[Finding]:
    return ()


async def explain(
    exam: Examination,
    spoken: Language,
    behind: Callable[[Examination], Awaitable[Sequence[Finding]]] = _nothing_else,
) -> dict[str, Any]:
    """Examine and report; a deferral is a verdict here, not an error.

    ``behind``: what is found behind the table, of an envelope that it does not refuse (the duplicate).
    """
    deferral: Deferred | None = None
    try:
        await examine(exam)
        if not exam.findings:
            exam.findings.extend(await behind(exam))
    except Deferred as caught:
        deferral = caught
    profile = exam.policy.profile
    refused = [_finding(one, "refuse", spoken, profile) for one in exam.findings]
    deferred = [] if deferral is None else [_finding(one, "defer", spoken, profile) for one in deferral.findings]
    warned = [_finding(one, "warn", spoken, profile) for one in exam.warnings]
    report = {
        "verdict": "refused" if refused else "deferred" if deferred else "accepted",
        "profile": profile.name,
        "sha256": exam.received.sha256,
        "size": exam.received.size,
        "received_at": rfc3339(exam.received.received_at),
        "document": _document(exam),
        "findings": [*refused, *deferred],
        "warnings": warned,
        "signature": await exam.offload(_signature, exam),
        "checks": [{"number": row.number, "name": row.name, "outcome": exam.passed[row.name]} for row in SEQUENCE],
        "attachments": [asdict(attachment.facts()) for attachment in exam.attachments],
    }
    if deferral is not None:
        report["retry_after"] = deferral.retry_after
    return report


def findings(
    found: Sequence[Finding], severity: Literal["refuse", "warn"], spoken: Language, profile: Profile
) -> list[dict[str, Any]]:
    """Findings with their titles and remedies, as the report has them."""
    return [_finding(one, severity, spoken, profile) for one in found]


def _finding(finding: Finding, severity: str, spoken: Language, profile: Profile) -> dict[str, Any]:
    row = row_of(finding.code)
    rule = profile.rules.get(finding.rule)
    return {
        "severity": severity,
        **asdict(finding),
        "title": row.title(spoken),
        "remedy": row.remedy(spoken),
        "clause": "" if rule is None else rule.clause,
    }


def _document(exam: Examination) -> dict[str, Any] | None:
    """What the letter says it is; read only from signed content, so nothing before the signature holds."""
    content = exam.content
    if content is None:
        return None
    return {
        "sender": content.sender.code,
        "sender_name": content.sender.name,
        "document_id": content.document_id,
        "number": content.number,
        "notation": content.notation,
        "document_type": content.document_type,
        "subject": content.subject,
        "recipients": [party.code for party in content.recipients],
    }


def _signature(exam: Examination) -> dict[str, Any]:
    """``trusted`` is None while the path was not reached."""
    said = None if exam.root is None else claims(exam.root, exam.texts)
    if said is None:
        return {"outcome": "not-reached" if exam.root is None else "absent"}
    held = exam.signed is not None
    answer: dict[str, Any] = {
        "outcome": "valid" if held else "invalid",
        "intact": said.intact,
        "valid": said.valid,
        "trusted": True if held else _untrusted(exam.findings),
        "covers": "whole document",
        "reference": "",
        "octets": said.octets,
        "location": said.location,
        "algorithm": said.method,
        "digest": said.digest,
        "canonicalisation": said.canonicalisation,
        "transforms": list(said.transforms),
        "signer": None,
        "chain": _chain(exam, said),
        "revocation": [],
    }
    if exam.signed is not None:
        answer["signer"] = asdict(signer_facts(exam, exam.signed))
        answer["revocation"] = [one.facts(exam.received.received_at) for one in exam.standings]
    return answer


def _untrusted(found: Sequence[Finding]) -> bool | None:
    return False if any(one.code.startswith("certificate-") for one in found) else None


def _chain(exam: Examination, said: Claims) -> list[dict[str, Any]]:
    """The path that held, anchor last; or the certificates as sent when none did."""
    certificates = said.chain if exam.signed is None else exam.signed.path.certificates
    roles = ["signer", *["authority"] * (len(certificates) - 1)]
    if exam.signed is not None and len(roles) > 1:
        roles[-1] = "anchor"
    return [certificate_facts(one, role) for one, role in zip(certificates, roles, strict=False)]


def certificate_facts(certificate: x509.Certificate, role: str) -> dict[str, Any]:
    """A certificate of a path for people; ``role``: signer, authority or anchor."""
    return {
        "role": role,
        "subject": common_name(certificate),
        "name": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "not_before": rfc3339(certificate.not_valid_before_utc),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "key": _key(certificate),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
    }


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").strip("_")
