"""Check: no certificate of the path is revoked, by its issuer's own word (RFC 5280 §6.3, RFC 6960), fresh enough.

It comes after the signer is known: nothing that a certificate names is fetched for a stranger. What cannot be told is
deferred or, where the operator chose so, accepted as pending: said in the acknowledgement, recorded, settled later.
"""

from __future__ import annotations

from hub.problems import Deferred, Finding
from hub.signatures.revocation.standing import Standing
from hub.validation.certificate import LOCATION
from hub.validation.examination import Examination


async def check(exam: Examination) -> None:
    assert exam.signed is not None, "the signature check runs before"
    judge = exam.policy.revocation
    trust = await exam.directory.trust()
    exam.standings = await judge.standings(exam.signed.path, trust, exam.received.received_at)
    for one in exam.standings:
        if one.status == "revoked":
            exam.find("certificate-revoked", f"{one.subject}, {one.reason}; {one.kind}, {one.source}", LOCATION)
    if exam.findings:
        return
    for one in exam.standings:
        if one.status == "unknown":
            _unknown(exam, one, judge.unavailable)
        elif one.status == "unsourced":
            _unknown(exam, one, judge.unsourced)


def _unknown(exam: Examination, one: Standing, choice: str) -> None:
    detail = f"{one.subject}: {one.reason}"
    if choice == "defer":
        raise Deferred("revocation-unavailable", detail, LOCATION, retry_after=one.retry_after)
    exam.warnings.append(Finding("revocation-pending", detail, LOCATION))
