"""Elements that stand twice, in another namespace, or where they have no business, all of it rightly signed.

Two readers that look the same element up differently would see two different letters: the hub refuses to choose.
"""

from __future__ import annotations

from tests.hostile.forgery import Attack, Maker, Workshop, doubled, element, seal, within

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


def of_strangers(name: str) -> Maker:
    """The element as another namespace's: a reader by local names takes it, one by namespaces does not."""

    def make(bench: Workshop) -> bytes:
        one = element(bench.message(), name).decode()
        foreign = one.replace("edXML:", "v:").replace(f"<v:{name}", f'<v:{name} xmlns:v="urn:vendor:x"', 1)
        return changed(one, foreign)(bench)

    return make


def hidden(name: str) -> Maker:
    """The text in an element of its own: a reader by texts finds it, one by elements finds nothing."""

    def make(bench: Workshop) -> bytes:
        one = element(bench.message(), name).decode()
        return changed(one, one.replace(">", "><b>", 1).replace("</", "</b></", 1))(bench)

    return make


def moved(name: str, before: str) -> Maker:
    """The element somewhere else in the header."""

    def make(bench: Workshop) -> bytes:
        one = element(bench.message(), name)
        message = bench.message().replace(one, b"", 1)
        return seal(within(message, before, one.decode() + before), bench.sender)

    return make


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
    *(
        Attack(f"{name} of another namespace", "metadata-missing", of_strangers(name), names=name, deceives=True)
        for name in ("DocumentId", "CodeNumber", "CodeNotation", "PromulgationDate", "Subject")
    ),
    Attack("From of another namespace", STRUCTURE, of_strangers("From"), names="From is missing", deceives=True),
    Attack("To of another namespace", "metadata-missing", of_strangers("To"), names="To", deceives=True),
    *(
        Attack(f"{name} in an element of its own", STRUCTURE, hidden(name), names=name, deceives=True)
        for name in ("DocumentId", "CodeNumber", "Subject", "PromulgationDate", "OrganId", "Priority", "DueDate")
    ),
    *(
        Attack(f"{name} outside the message header", "metadata-missing", moved(name, before), names=name, deceives=True)
        for name, before in (
            ("DocumentId", "<edXML:TraceHeader>"),
            ("Subject", "<edXML:Bussiness>"),
            ("PromulgationDate", "<edXML:edXMLManifest "),
        )
    ),
    Attack(
        "an element's name in capitals",
        "metadata-missing",
        renamed("Subject", "SUBJECT"),
        names="Subject",
        deceives=True,
    ),
    Attack("no message header", STRUCTURE, renamed("MessageHeader", "Message"), deceives=True),
]
