"""Check: signatures inside PDFs hold, and are there where a policy asks for them (NĐ 30/2020 Điều 5; TT 41/2017)."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from hub.inspection.process import Anchors
from hub.signatures.chain import TrustStore
from hub.validation.examination import Attachment, Examination

# reading a longer one takes longer than all the rest; revocation in documents is told as far as the lists go
LIST_OCTETS = 256 * 1024


async def check(exam: Examination) -> None:
    for attachment in exam.attachments:
        if attachment.signed:
            await _judge(exam, attachment)
    for main in exam.attachments[:1]:  # a recall may have none
        if not main.seen.get("signatures"):
            exam.apply("attachment.signed", main.shown, main.location)


async def _judge(exam: Examination, attachment: Attachment) -> None:
    """Note who signed. Ten signatures of which nine hold are one that does not."""
    anchors = _anchors(await exam.directory.trust())
    document, at = attachment.document, exam.received.received_at
    told = await exam.policy.inspector.signatures(document.sha256, document.size, document.open, anchors, at)
    attachment.seen["signatures"] = told.signatures
    if told.outcome != "read":
        attachment.seen["inspection"] = told.outcome
        exam.apply("attachment.inspected", f"{attachment.shown}: {told.detail}", attachment.location)
        return
    for one in told.signatures:
        who = f"{attachment.shown}: {one['signer'] or 'unknown signer'}"
        if not one["valid"]:
            exam.apply("attachment.signature-valid", f"{who}: {one['problem']}", attachment.location)
        elif not one["trusted"]:
            exam.apply("attachment.signature-trusted", who, attachment.location)
    if told.signatures and not any(one["covers_whole"] for one in told.signatures):
        detail = f"{attachment.shown}: octets behind the last signature"
        exam.apply("attachment.signature-valid", detail, attachment.location)


def _anchors(store: TrustStore) -> Anchors:
    roots = tuple(one.public_bytes(Encoding.DER) for one in store.anchors)
    usable = tuple(one.der for one in store.lists if not one.defect and len(one.der) <= LIST_OCTETS)
    return Anchors(store.revision, roots, usable)
