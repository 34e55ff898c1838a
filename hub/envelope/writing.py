"""Writing edXML: document and status messages as bytes, in profile qcvn-102-2016.

Receivers in the field look literal names such as ``edXML:StatusCode`` up, so the prefixes of real messages are kept to
the letter: default namespace on the root, ``edXML:`` on the envelope and below, none in ``AttachmentEncoded`` except on
``ContentTransferEncoded``. Nothing is parsed or built as a tree: pieces of text are joined once.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from hub import clock
from hub.envelope.letters import (
    ADMINISTRATIVE_TYPES,
    Business,
    Letter,
    OutgoingAttachment,
    Party,
    Reference,
    Signatory,
    Staff,
    StatusReport,
    day_text,
)
from hub.envelope.names import LIENTHONG
from hub.envelope.related import Bound
from hub.problems import Refused

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_BASE64_STEP = 3 * 512 * 1024  # a multiple of three, so that the pieces join without padding

_HEAD = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="{NAMESPACE}">\n'
    f'  <edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}">\n    <edXML:edXMLHeader>\n      <edXML:MessageHeader>'
)


def document_message(letter: Letter) -> bytes:
    """The letter as unsigned edXML. Raises ``Refused`` for a character that XML 1.0 cannot carry."""
    return b"".join(document_pieces(letter))


def document_pieces(letter: Letter) -> Iterator[bytes]:
    """The same in pieces, so that a big letter can be written to a file without being held twice."""
    yield "\n".join((_HEAD, *_letter_header(letter), *_trace(letter), *_manifest(letter.attachments))).encode()
    inside = [attachment for attachment in letter.attachments if attachment.part is None]
    if inside:
        yield b"\n  <AttachmentEncoded>"
        for attachment in inside:
            yield from _encoded(attachment)
        yield b"\n  </AttachmentEncoded>"
    yield b"\n</edXML>\n"


def status_message(report: StatusReport) -> bytes:
    """A status message as unsigned edXML. Raises ``Refused`` for a character that XML 1.0 cannot carry."""
    inside = "        "
    lines = [
        *_party("From", report.reporter),
        *_reference(report.about),
        *_staff(report.staff, inside),
        *_leaf("StatusCode", report.code, inside),
        *_leaf("Description", report.description, inside),
        *_leaf("Timestamp", _moment(report.at), inside),
        "      </edXML:MessageHeader>",
        "    </edXML:edXMLHeader>",
        "  </edXML:edXMLEnvelope>",
        "</edXML>\n",
    ]
    return "\n".join((_HEAD, *lines)).encode()


def _letter_header(letter: Letter) -> Iterator[str]:
    inside = "        "
    yield from _party("From", letter.sender)
    for recipient in letter.recipients:
        yield from _party("To", recipient)
    yield from _leaf("DocumentId", letter.identifier, inside)
    yield from _group("Code", {"CodeNumber": letter.number, "CodeNotation": letter.notation})
    yield from _group("PromulgationInfo", {"Place": letter.place, "PromulgationDate": day_text(letter.promulgated)})
    yield from _group("DocumentType", {"Type": str(letter.type_code), "TypeDetail": "0", "TypeName": letter.type_name})
    yield from _leaf("Subject", letter.subject, inside)
    yield from _leaf("Content", letter.content, inside)
    if signatory := letter.signatory:
        fields = {"Competence": signatory.competence, "Position": signatory.position, "FullName": signatory.name}
        yield from _group("SignerInfo", fields)
    yield from _leaf("DueDate", day_text(letter.due) if letter.due else "", inside)
    yield from _other_info(letter)
    for answered in letter.answers:
        yield from _reference(answered)
    yield from _leaf("SteeringType", str(letter.steering), inside)
    yield from _list("ToPlaces", "Place", letter.to_places, inside)
    yield "      </edXML:MessageHeader>"


def _other_info(letter: Letter) -> Iterator[str]:
    inside = "          "
    yield "        <edXML:OtherInfo>"
    yield from _leaf("Priority", str(letter.priority), inside)
    yield from _leaf("SphereOfPromulgation", letter.sphere, inside)
    yield from _leaf("TyperNotation", letter.typist, inside)
    yield from _leaf("PromulgationAmount", str(letter.copies), inside)
    yield from _leaf("PageAmount", str(letter.pages), inside)
    yield from _list("Appendixes", "Appendix", letter.appendixes, inside)
    if letter.not_before:
        moment = clock.rfc3339(letter.not_before)
        yield f'{inside}<lt:NotBefore xmlns:lt="{LIENTHONG}">{moment}</lt:NotBefore>'
    yield "        </edXML:OtherInfo>"


def _trace(letter: Letter) -> Iterator[str]:
    business = letter.business
    inside = "          "
    yield "      <edXML:TraceHeaderList>"
    yield from _group("TraceHeader", {"OrganId": letter.sender.code, "Timestamp": _moment(letter.written_at)})
    yield "        <edXML:Bussiness>"
    yield from _leaf("BussinessDocType", str(business.type), inside)
    yield from _leaf("BussinessDocReason", business.reason, inside)
    yield from _document_info(business)
    yield from _leaf("DocumentId", business.document_id, inside)
    yield from _leaf("Paper", str(business.paper), inside)
    yield from _staff(business.staff, inside)
    yield from _replacements(business)
    yield "        </edXML:Bussiness>"
    yield "      </edXML:TraceHeaderList>"
    yield "    </edXML:edXMLHeader>"


def _document_info(business: Business) -> Iterator[str]:
    if not (business.document_changed or business.receivers):
        return
    inside = "            "
    yield "          <edXML:BussinessDocumentInfo>"
    yield from _leaf("DocumentInfo", str(int(business.document_changed)), inside)
    yield from _leaf("DocumentReceiver", str(int(bool(business.receivers))), inside)
    if business.receivers:
        yield inside + "<edXML:ReceiverList>"
        for code, change in business.receivers.items():
            yield from _group("Receiver", {"OrganId": code, "ReceiverType": str(change)}, inside + "  ")
        yield inside + "</edXML:ReceiverList>"
    yield "          </edXML:BussinessDocumentInfo>"


def _replacements(business: Business) -> Iterator[str]:
    if not business.replaces:
        return
    inside = "            "
    yield "          <edXML:ReplacementInfoList>"
    for document_id, organs in business.replaces.items():
        yield inside + "<edXML:ReplacementInfo>"
        yield from _leaf("DocumentId", document_id, inside + "  ")
        yield from _list("OrganIdList", "OrganId", organs, inside + "  ")
        yield inside + "</edXML:ReplacementInfo>"
    yield "          </edXML:ReplacementInfoList>"


def _manifest(attachments: Iterable[OutgoingAttachment]) -> Iterator[str]:
    yield "    <edXML:edXMLBody>"
    yield '      <edXML:edXMLManifest version="1.0">'
    for attachment in attachments:
        fields = {
            "ContentId": f"cid:{attachment.content_id}",
            "ContentType": attachment.media_type,
            "Description": attachment.description or attachment.name,
            "AttachmentName": attachment.name,
        }
        reference = list(_group("Reference", fields))
        yield from reference[:-1]
        yield from _binding(attachment.part)
        yield reference[-1]
    yield "      </edXML:edXMLManifest>"
    yield "    </edXML:edXMLBody>"
    yield "  </edXML:edXMLEnvelope>"


def _binding(part: Bound | None) -> Iterator[str]:
    if part is not None:
        digest = base64.b64encode(bytes.fromhex(part.sha256)).decode()
        for name, value in (("Digest", digest), ("Size", part.size)):
            yield f'          <lt:{name} xmlns:lt="{LIENTHONG}">{value}</lt:{name}>'


def _encoded(attachment: OutgoingAttachment) -> Iterator[bytes]:
    """One ``Attachment``: un-prefixed but for ``ContentTransferEncoded``, whose base64 is one line, as in the field."""
    inside = "\n      "
    yield (
        f"\n    <Attachment>{inside}<ContentId>{_text(f'cid:{attachment.content_id}')}</ContentId>"
        f"{inside}<AttachmentName>{_text(attachment.name)}</AttachmentName>"
        f"{inside}<Description>{_text(attachment.description or attachment.name)}</Description>"
        f"{inside}<ContentType>{_text(attachment.media_type)}</ContentType>"
        f'{inside}<edXML:ContentTransferEncoded xmlns:edXML="{NAMESPACE}">'
    ).encode()
    view = memoryview(attachment.content)
    for start in range(0, len(view), _BASE64_STEP):
        yield binascii.b2a_base64(view[start : start + _BASE64_STEP], newline=False)
    yield b"</edXML:ContentTransferEncoded>\n    </Attachment>"


def _party(tag: str, party: Party) -> Iterator[str]:
    fields = {
        "OrganId": party.code,
        "OrganizationInCharge": party.in_charge,
        "OrganName": party.name,
        "OrganAdd": party.address,
        "Email": party.email,
        "Telephone": party.telephone,
        "Fax": party.fax,
        "Website": party.website,
    }
    return _group(tag, fields)


def _reference(about: Reference) -> Iterator[str]:
    promulgated = day_text(about.promulgated) if about.promulgated else ""
    fields = {
        "OrganId": about.organ,
        "Code": about.code,
        "PromulgationDate": promulgated,
        "DocumentId": about.document_id,
    }
    return _group("ResponseFor", fields)


def _staff(staff: Staff | None, indent: str) -> Iterator[str]:
    if staff is None:
        return iter(())
    fields = {
        "Department": staff.department,
        "Staff": staff.name,
        "Mobile": staff.mobile,
        "Email": staff.email,
    }
    return _group("StaffInfo", fields, indent)


def _group(tag: str, fields: Mapping[str, str], indent: str = "        ") -> Iterator[str]:
    yield f"{indent}<edXML:{tag}>"
    for name, value in fields.items():
        yield from _leaf(name, value, indent + "  ")
    yield f"{indent}</edXML:{tag}>"


def _list(tag: str, item: str, values: Iterable[str], indent: str) -> Iterator[str]:
    entries = [line for value in values for line in _leaf(item, value, indent + "  ")]
    if entries:
        yield f"{indent}<edXML:{tag}>"
        yield from entries
        yield f"{indent}</edXML:{tag}>"


def _leaf(tag: str, value: str, indent: str) -> Iterator[str]:
    if value:
        yield f"{indent}<edXML:{tag}>{_text(value)}</edXML:{tag}>"


def _text(value: str) -> str:
    """Escape for XML 1.0 §2.4; a bare CR would be normalised to LF (§2.11), hence its reference."""
    if bad := _ILLEGAL.search(value):
        detail = f"XML 1.0 cannot carry U+{ord(bad.group()):04X}: character {bad.start()} of {value[:40]!r}"
        raise Refused("metadata-invalid", detail)
    return value.translate(_ESCAPES)


def _moment(moment: datetime) -> str:
    """``yyyy/MM/dd HH:mm:ss``, local: the format names no zone."""
    return moment.astimezone(clock.VIETNAM).strftime("%Y/%m/%d %H:%M:%S")


__all__ = [
    "ADMINISTRATIVE_TYPES",
    "NAMESPACE",
    "Business",
    "Letter",
    "OutgoingAttachment",
    "Party",
    "Reference",
    "Signatory",
    "Staff",
    "StatusReport",
    "document_message",
    "document_pieces",
    "status_message",
]
