"""The sequence of acceptance: the policy is this table and the profile's rows, not the control flow.

No. | check        | establishes                                              | when
----|--------------|----------------------------------------------------------|-------
 1  | form         | one hardened parse, edXML's root                         | stops
 2  | signature    | profile strict, certificate path to an anchor            | stops
 3  | structure    | the model, read from the signed content only             | stops
 4  | sender       | sender = an agency of the calling system                 | stops
 5  | certificate  | signer = sender; the rules that RFC 5280 leaves open     | stops
 6  | revocation   | no certificate of the path is revoked, by a fresh answer | stops
 7  | metadata     | required elements, lengths, dates, numbers               | goes on
 8  | secrecy      | nothing marks a state secret                             | goes on
 9  | freshness    | the sender's own time stamp is of these days             | goes on
10  | recipients   | all registered, active, once                             | goes on
11  | reference    | a change is about what its sender sent; receivers known  | goes on
12  | attachments  | manifest and parts one to one, whole, as digested        | goes on
13  | names        | attachments' names lead nowhere else, start nothing      | goes on
14  | wrapping     | what a sender put into a ZIP of one file is found there  | goes on
15  | kinds        | name, declared type and octets agree; no program         | goes on
16  | archives     | no bomb, no path out, no program inside; whole, unlocked | goes on
17  | documents    | PDFs are whole, no octet lost on the way                 | goes on
18  | pages        | PDFs can be read; pages and appendices as declared       | last
19  | pdf-signing  | signatures inside PDFs hold; there where asked for       | last
20  | malware      | a scanner finds nothing in the attachments               | last

``stops``: the examination ends there when anything was found, because the later checks would read what is not proven.
``goes on``: runs to its end, so that one refusal names everything. ``last``: runs only while nothing is refused, being
costly or able to defer. The duplicate is judged after all, by the ledger's key in the accepting transaction: only the
finished outcome makes a document a duplicate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from hub.envelope.model import ReceivedEnvelope
from hub.envelope.names import SIGNATURE
from hub.envelope.reading import read_document, read_status
from hub.problems import Deferred, Refused
from hub.registry.directory import Directory
from hub.signatures.revocation.standing import Standing
from hub.signatures.verify import SignedContent, verify
from hub.validation import (
    archives,
    attachments,
    certificate,
    documents,
    form,
    freshness,
    kinds,
    malware,
    metadata,
    names,
    pages,
    recipients,
    reference,
    revocation,
    secrecy,
    sender,
    signature,
    signed_documents,
    structure,
    wrapping,
)
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
    when: Literal["stops", "goes on", "last"]


SEQUENCE: tuple[Check, ...] = (
    Check(1, "form", form.check, "stops"),
    Check(2, "signature", signature.check, "stops"),
    Check(3, "structure", structure.check, "stops"),
    Check(4, "sender", sender.check, "stops"),
    Check(5, "certificate", certificate.check, "stops"),
    Check(6, "revocation", revocation.check, "stops"),
    Check(7, "metadata", metadata.check, "goes on"),
    Check(8, "secrecy", secrecy.check, "goes on"),
    Check(9, "freshness", freshness.check, "goes on"),
    Check(10, "recipients", recipients.check, "goes on"),
    Check(11, "reference", reference.check, "goes on"),
    Check(12, "attachments", attachments.check, "goes on"),
    Check(13, "names", names.check, "goes on"),
    Check(14, "wrapping", wrapping.check, "goes on"),
    Check(15, "kinds", kinds.check, "goes on"),
    Check(16, "archives", archives.check, "goes on"),
    Check(17, "documents", documents.check, "goes on"),
    Check(18, "pages", pages.check, "last"),
    Check(19, "pdf-signing", signed_documents.check, "last"),
    Check(20, "malware", malware.check, "last"),
)


async def judge(received: ReceivedEnvelope, directory: Directory, policy: Policy) -> Verdict:
    """Run the table over one envelope. Raises ``Deferred`` when the hub cannot tell now; never refuses by raising."""
    exam = await begin(received, directory, policy)
    await examine(exam)
    return verdict(exam)


async def begin(received: ReceivedEnvelope, directory: Directory, policy: Policy) -> Examination:
    return Examination(received, directory, policy, await directory.overrides())


async def examine(exam: Examination) -> None:
    """Run the table; what every row came to stands in ``exam.passed`` afterwards. Raises ``Deferred``."""
    exam.passed = {row.name: "skipped" for row in SEQUENCE}
    for row in SEQUENCE:
        before = len(exam.findings)
        if before and row.when == "last":
            continue
        try:
            await row.run(exam)
        except Refused as refusal:
            exam.findings.extend(refusal.findings)
        except Deferred:
            exam.passed[row.name] = "deferred"
            raise
        failed = len(exam.findings) > before
        exam.passed[row.name] = "failed" if failed else "passed"
        if failed and row.when == "stops":
            return


def verdict(exam: Examination) -> Verdict:
    """What a finished examination comes to."""
    if exam.findings:
        return _declined(exam)
    return Accepted(_verified(exam))


# sender's code, document id, business type, edition
ClaimedKey = tuple[str, str, int, str]


async def claimed_key(received: ReceivedEnvelope, directory: Directory, policy: Policy) -> ClaimedKey | None:
    """The duplicate key as the document claims it, to look for the same octets; nothing proven.

    None for a document that cannot be read. The sender by its registered code where it has one.
    """
    exam = await begin(received, directory, policy)
    try:
        await form.check(exam)
        content = await exam.offload(read_document, exam.root)
    except Refused:
        return None
    code = content.sender.code
    agency = (await directory.agencies([code])).get(code)
    kind = int(content.business_type) if content.business_type in ("0", "1", "2", "3") else 0
    return (code if agency is None else agency.code), content.document_id, kind, content.edition


async def judge_status(received: ReceivedEnvelope, directory: Directory, policy: Policy) -> VerifiedStatus:
    """The same order for a status message, which real senders do not sign (edXML 1.3).

    A signature that is there must hold; where there is none, the caller's authentication stands for the reporter and
    the receipt says so. Raises ``Refused`` or ``Deferred``.
    """
    exam = await begin(received, directory, policy)
    await form.check(exam)
    if next(exam.root.iter(SIGNATURE), None) is not None:
        exam.signed = verify(exam.root, await directory.trust(), received.received_at, exam.texts)
    content = read_status(exam.root if exam.signed is None else exam.signed.root)
    exam.sender = await sender.party(directory, content.reporter.code, received.system_id)
    if exam.signed is not None:
        for check in (certificate.check, revocation.check):
            await check(exam)
            if exam.findings:
                raise Refused(exam.findings[0].code, findings=tuple(exam.findings))
    return VerifiedStatus(content, exam.sender, None if exam.signed is None else signer_facts(exam, exam.signed))


def signer_facts(exam: Examination, signed: SignedContent) -> SignerFacts:
    signer = signed.path.signer
    return SignerFacts(
        subject=signer.subject,
        issuer=signer.issuer,
        serial=signer.serial,
        not_after=signer.not_after,
        sha256=signed.path.leaf_sha256,
        algorithm=signed.algorithm,
        digest=signed.digest,
        revocation=_worst(exam.standings, len(signed.path.links)),
        chain=signed.path.sha256s,
        revocations=tuple(one.facts(exam.received.received_at) for one in exam.standings),
    )


def _worst(standings: tuple[Standing, ...], links: int) -> str:
    """The word for the whole path."""
    if len(standings) < links:
        return "unchecked"
    statuses = {one.status for one in standings}
    if "revoked" in statuses:
        return "revoked"
    return "pending" if statuses - {"good"} else "good"


def _declined(exam: Examination) -> Declined:
    content = exam.content
    return Declined(
        tuple(exam.findings),
        tuple(exam.warnings),
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
        signer=signer_facts(exam, exam.signed),
        attachments=tuple(attachment.facts() for attachment in exam.attachments),
        promulgated_on=exam.promulgated_on,
        due_on=exam.due_on,
        business_type=exam.business_type,
        priority=exam.priority,
        warnings=tuple(exam.warnings),
        not_before=exam.not_before,
        removed=exam.removed,
        targets=exam.targets,
        seal=_SEAL,
    )


__all__ = ["SEQUENCE", "Check", "begin", "claimed_key", "examine", "judge", "judge_status", "verdict"]
