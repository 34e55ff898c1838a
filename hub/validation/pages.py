"""Check: PDFs can be read, and pages and appendices are as many as the letter says (clauses 1.11.5, 1.11.6).

``PageAmount`` counts the document's pages; whether appendices are among them is not settled, and they may lie in files
of their own. Fair is any sum from the first file on: the main document, with one appendix, with two, with all.
"""

from __future__ import annotations

import itertools

from hub.inspection import plain_pdf
from hub.inspection.inspector import Pdf
from hub.validation.examination import Attachment, Document, Examination
from hub.validation.metadata import location

AMOUNT = "OtherInfo/PageAmount"
APPENDIX = "OtherInfo/Appendixes/Appendix"
_RULES = {"encrypted": "attachment.open", "unreadable": "attachment.readable"}


# after as many files that cannot be read within the limits, no further one of the envelope is tried: others are waiting
GIVEN_UP_AFTER = 3


async def check(exam: Examination) -> None:
    given_up = 0
    for attachment in exam.attachments:
        if attachment.seen["kind"] == "pdf":
            given_up += await _read(exam, attachment, given_up < GIVEN_UP_AFTER) == "over-limits"
    _compare_pages(exam)
    appendices = len(exam.parsed.fields.get(APPENDIX, ()))
    beyond = len(exam.attachments) - 1
    if appendices and appendices != beyond:
        detail = f"{appendices} appendices, {beyond} attachments beyond the first"
        exam.apply("attachment.appendix-count", detail, location(exam, APPENDIX))


async def _read(exam: Examination, attachment: Attachment, ask: bool) -> str:
    told = Pdf("over-limits", detail="not tried, after others that could not be read within the limits")
    if ask:
        told = await _pages(exam, attachment.document)
    if told.outcome == "read":
        attachment.seen["pages"] = told.pages
    else:
        attachment.seen["inspection"] = told.outcome
        rule = _RULES.get(told.outcome, "attachment.inspected")
        exam.apply(rule, f"{attachment.shown}: {told.detail}", attachment.location)
    return told.outcome


async def _pages(exam: Examination, document: Document) -> Pdf:
    if document.size <= min(plain_pdf.LARGEST, exam.policy.inspector.largest):
        with document.open() as content:
            count = plain_pdf.pages(content.read())
        if count is not None:
            return Pdf("read", count)
    return await exam.policy.inspector.pages(document.sha256, document.size, document.open)


def _compare_pages(exam: Examination) -> None:
    declared = _declared(exam)
    counts = [attachment.seen.get("pages") for attachment in exam.attachments]
    if not declared or not counts or counts[0] is None:
        return  # nothing declared, or the main document has no pages that can be counted
    known = list(itertools.takewhile(lambda count: count is not None, counts))
    sums = list(itertools.accumulate(count for count in known if count is not None))
    more_may_follow = len(known) < len(counts) and declared > sums[-1]
    if declared not in sums and not more_may_follow:
        found = f"{sums[0]}" if len(sums) == 1 else f"{sums[0]} in the first file, {sums[-1]} in all"
        exam.apply("attachment.page-count", f"{declared} declared, {found} found", location(exam, AMOUNT))


def _declared(exam: Examination) -> int:
    """0 where nothing, nothing sensible or nothing at all is declared; the range is the metadata check's business."""
    for text, _ in exam.parsed.fields.get(AMOUNT, ()):
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
    return 0
