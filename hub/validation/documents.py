"""Check: every PDF is whole, and no octet of it was lost on the way (ISO 32000-1 §7.5). Without parsing it."""

from __future__ import annotations

from hub.inspection import pdf_form
from hub.inspection.pdf_form import PdfForm
from hub.validation.examination import Document, Examination


async def check(exam: Examination) -> None:
    for attachment in exam.attachments:
        if attachment.seen["kind"] != "pdf":
            continue
        form = await exam.offload_by(attachment.document.size, _look, attachment.document)
        attachment.signed = form.signed
        if form.damage:
            exam.apply("attachment.whole", f"{attachment.shown}: {form.damage}", attachment.location)


def _look(document: Document) -> PdfForm:
    with document.open() as content:
        return pdf_form.examine(content, document.size)
