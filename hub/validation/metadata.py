"""Check: the required metadata is there and has allowed values (edXML 1.2; Thông tư 01/2019/TT-BNV)."""

from __future__ import annotations

from hub.envelope.model import ParsedEnvelope, parse_edxml_date
from hub.validation.examination import Examination

HEADER = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/"
TRACE = "/edXML/edXMLEnvelope/edXMLHeader/TraceHeaderList/"

# element, attribute of the parsed envelope, greatest length in characters (edXML 1.2; document ids: one column seen)
REQUIRED: tuple[tuple[str, str, int], ...] = (
    ("DocumentId", "document_id", 200),
    ("Code/CodeNumber", "number", 11),
    ("Code/CodeNotation", "notation", 30),
    ("PromulgationInfo/PromulgationDate", "promulgation_date", 10),
    ("DocumentType", "document_type", 100),
    ("Subject", "subject", 500),
)


async def check(exam: Examination) -> None:
    content = exam.parsed
    for element, attribute, longest in REQUIRED:
        value: str = getattr(content, attribute)
        if not value:
            exam.find("metadata-missing", element, HEADER + element)
        elif len(value) > longest:
            exam.find("metadata-too-long", f"{element}: {len(value)} of {longest} characters", HEADER + element)
    _dates(exam, content)
    business = _whole_number(exam, content.business_type, 3, TRACE + "Bussiness/BussinessDocType")
    priority = _whole_number(exam, content.priority, 4, HEADER + "OtherInfo/Priority")
    exam.business_type, exam.priority = business, priority


def _dates(exam: Examination, content: ParsedEnvelope) -> None:
    element = "PromulgationInfo/PromulgationDate"
    if content.promulgation_date:
        exam.promulgated_on = parse_edxml_date(content.promulgation_date)
        if exam.promulgated_on is None:
            exam.find("metadata-invalid", f"{content.promulgation_date} is not a date yyyy/MM/dd", HEADER + element)
    if content.due_date:
        exam.due_on = parse_edxml_date(content.due_date)
        if exam.due_on is None:
            exam.find("metadata-invalid", f"{content.due_date} is not a date yyyy/MM/dd", HEADER + "DueDate")


def _whole_number(exam: Examination, text: str, greatest: int, location: str) -> int:
    if len(text) == 1 and text.isascii() and text.isdigit() and int(text) <= greatest:
        return int(text)
    exam.find("metadata-invalid", f"{text!r} is not a number from 0 to {greatest}", location)
    return 0
