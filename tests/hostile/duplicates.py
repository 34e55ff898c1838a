"""Elements that stand twice, or where they have no business, all of them under a right signature.

Two readers that look the same element up differently would see two different letters: the hub refuses to choose.
"""

from __future__ import annotations

from tests.hostile.forgery import Attack, Maker, Workshop, doubled, seal, within

STRUCTURE = "edxml-structure"
# each of these is read, so each may stand once
SINGLE = (
    "MessageHeader",
    "From",
    "OrganId",
    "DocumentId",
    "Code",
    "CodeNumber",
    "CodeNotation",
    "PromulgationInfo",
    "PromulgationDate",
    "DocumentType",
    "TypeName",
    "Subject",
    "DueDate",
    "OtherInfo",
    "Priority",
    "TraceHeaderList",
    "Bussiness",
    "BussinessDocType",
    "edXMLBody",
    "edXMLManifest",
    "ContentId",
    "ContentType",
    "AttachmentName",
    "ContentTransferEncoded",
    "AttachmentEncoded",
)


def twice(name: str) -> Maker:
    return lambda bench: seal(doubled(bench.message(), name), bench.sender)


def changed(old: str, new: str) -> Maker:
    return lambda bench: seal(within(bench.message(), old, new), bench.sender)


def renamed(old: str, new: str) -> Maker:
    return lambda bench: seal(within(bench.message(), f"edXML:{old}>", f"edXML:{new}>", 2), bench.sender)


def second_envelope(bench: Workshop) -> bytes:
    """A second envelope after the signed one, signed with it."""
    forged = "<edXML:edXMLEnvelope xmlns:edXML='http://www.mic.gov.vn/TBT/QCVN_102_2016'></edXML:edXMLEnvelope>"
    return changed("<AttachmentEncoded>", forged + "<AttachmentEncoded>")(bench)


def second_header(bench: Workshop) -> bytes:
    return changed("<edXML:edXMLBody>", "<edXML:edXMLHeader/><edXML:edXMLBody>")(bench)


ATTACKS = [
    *(Attack(f"{name} twice", STRUCTURE, twice(name), deceives=True) for name in SINGLE),
    Attack("a second envelope", STRUCTURE, second_envelope, deceives=True),
    Attack("a second header", STRUCTURE, second_header, deceives=True),
    Attack(
        "an element in a code",
        STRUCTURE,
        changed("<edXML:OrganId>H33.90<", "<edXML:OrganId>H33.90<edXML:x></edXML:x>.1<"),
        deceives=True,
    ),
    Attack(
        "an element in the subject", STRUCTURE, changed("</edXML:Subject>", "<b></b></edXML:Subject>"), deceives=True
    ),
    Attack(
        "an element in the base64",
        STRUCTURE,
        changed("</edXML:ContentTransferEncoded>", "<b></b></edXML:ContentTransferEncoded>"),
        deceives=True,
    ),
    Attack("no message header", STRUCTURE, renamed("MessageHeader", "Message"), deceives=True),
]
