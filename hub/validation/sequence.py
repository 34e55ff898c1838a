"""The sequence of acceptance: the policy is this table, not the control flow.

No. | check       | establishes                                              | stops there
----|-------------|----------------------------------------------------------|------------
 1  | form        | one hardened parse, edXML's root                         | yes
 2  | signature   | profile strict, certificate path, revocation lists       | yes
 3  | structure   | the model, read from the signed content only             | yes
 4  | sender      | sender = signer = an agency of the calling system        | yes
 5  | metadata    | required elements, lengths, dates, numbers               | no
 6  | recipients  | all registered, active, once                             | no
 7  | attachments | manifest and parts one to one, whole base64              | no

A check that stops ends the examination when it finds anything, because the later ones would read what is not proven.
The others run to the end, so that one refusal names everything. The duplicate is judged last, by the ledger's key in
the accepting transaction: only the finished outcome makes a document a duplicate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hub.clock import rfc3339
from hub.envelope.model import ReceivedEnvelope
from hub.envelope.names import SIGNATURE
from hub.envelope.reading import read_status
from hub.problems import Refused
from hub.registry.directory import Directory
from hub.signatures.chain import common_name
from hub.signatures.verify import SignedContent, verify
from hub.validation import attachments, form, metadata, recipients, sender, signature, structure
from hub.validation.examination import Examination, Policy
from hub.validation.verdict import (
    _SEAL,
    Accepted,
    Declined,
    SignerFacts,
    Verdict,
    VerifiedEnvelope,
    VerifiedStatus,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table."""

    number: int
    name: str
    run: Callable[[Examination], Awaitable[None]]
    stops: bool


SEQUENCE: tuple[Check, ...] = (
    Check(1, "form", form.check, True),
    Check(2, "signature", signature.check, True),
    Check(3, "structure", structure.check, True),
    Check(4, "sender", sender.check, True),
    Check(5, "metadata", metadata.check, False),
    Check(6, "recipients", recipients.check, False),
    Check(7, "attachments", attachments.check, False),
)


async def judge(received: ReceivedEnvelope, directory: Directory, policy: Policy) -> Verdict:
    """Run the table over one envelope. Raises ``Deferred`` when the hub cannot tell now; never refuses by raising."""
    exam = Examination(received, directory, policy)
    for row in SEQUENCE:
        try:
            await row.run(exam)
        except Refused as refusal:
            exam.findings.extend(refusal.findings)
            if row.stops:
                break
        if row.stops and exam.findings:
            break
    if exam.findings:
        return _declined(exam)
    return Accepted(_verified(exam))


async def judge_status(received: ReceivedEnvelope, directory: Directory, policy: Policy) -> VerifiedStatus:
    """The same order for a status message, which real senders do not sign (edXML 1.3).

    A signature that is there must hold; where there is none, the caller's authentication stands for the reporter and
    the receipt says so. Raises ``Refused`` or ``Deferred``.
    """
    exam = Examination(received, directory, policy)
    await form.check(exam)
    signed: SignedContent | None = None
    if next(exam.root.iter(SIGNATURE), None) is not None:
        signed = verify(exam.root, await directory.trust(), received.received_at)
    content = read_status(exam.root if signed is None else signed.root)
    reporter = await sender.party(directory, content.reporter.code, received.system_id)
    if signed is not None:
        await sender.bind(directory, signed, reporter)
    return VerifiedStatus(content, reporter, None if signed is None else signer_facts(signed))


def signer_facts(signed: SignedContent) -> SignerFacts:
    leaf = signed.path.leaf
    issuer = signed.path.certificates[1] if len(signed.path.certificates) > 1 else leaf
    return SignerFacts(
        subject=common_name(leaf),
        issuer=common_name(issuer),
        serial=f"{leaf.serial_number:x}",
        not_after=rfc3339(leaf.not_valid_after_utc),
        sha256=signed.path.leaf_sha256,
        algorithm=signed.algorithm,
        digest=signed.digest,
        revocation=signed.path.revocation,
    )


def _declined(exam: Examination) -> Declined:
    content = exam.content
    return Declined(
        tuple(exam.findings),
        sender="" if content is None else content.sender.code,
        document_id="" if content is None else content.document_id,
    )


def _verified(exam: Examination) -> VerifiedEnvelope:
    assert exam.sender is not None, "the sender check passed"
    assert exam.signed is not None, "the signature check passed"
    assert exam.promulgated_on is not None, "the metadata check passed"
    return VerifiedEnvelope(
        received=exam.received,
        content=exam.parsed,
        sender=exam.sender,
        recipients=exam.recipients,
        signer=signer_facts(exam.signed),
        attachments=exam.attachments,
        promulgated_on=exam.promulgated_on,
        due_on=exam.due_on,
        business_type=exam.business_type,
        priority=exam.priority,
        seal=_SEAL,
    )


__all__ = ["SEQUENCE", "Check", "judge", "judge_status"]
