"""Check: name, declared type and octets of an attachment agree on what it is, and it is something that is accepted."""

from __future__ import annotations

from hub.inspection import archives, kinds, pdf_form
from hub.inspection.names import extension
from hub.validation.examination import Attachment, Document, Examination


async def check(exam: Examination) -> None:
    for attachment in exam.attachments:
        if attachment.settled:
            continue
        document = attachment.document
        found, changed = await exam.offload_by(document.size, _look, document)
        attachment.seen["kind"] = found
        if found == "program":
            exam.find("attachment-executable", f"{attachment.shown}: its octets are a program", attachment.location)
        else:
            _compare(exam, attachment, found, changed)


def _look(document: Document) -> tuple[str, str]:
    """The kind of the octets; and whether they went through text on the way, where a binary kind is expected."""
    with document.open() as content:
        found = archives.kind_of(content, document.size)
        expected = kinds.named(document.name)
        if not expected or kinds.holds(expected, found):
            return found, ""
        if found == "zip" and expected in archives.PACKAGES and archives.torn(content, document.size):
            return expected, ""  # what is wrong with it is for the archives check to say
        content.seek(0)
        return found, pdf_form.went_through_text(content.read(kinds.HEAD_OCTETS))


def _compare(exam: Examination, attachment: Attachment, found: str, changed: str) -> None:
    expected = kinds.named(attachment.name)
    shown = f"{attachment.shown}: {found or 'unknown octets'}"
    if changed:
        exam.apply("attachment.whole", f"{attachment.shown}: {changed}", attachment.location)
    elif expected == "pdf" and not found:
        exam.apply("attachment.whole", f"{attachment.shown}: no %PDF- near its start", attachment.location)
    elif expected and not kinds.holds(expected, found):
        # senders' software that says openly that it sends a ZIP, and keeps the name of what is in it
        packed = found == "zip" and kinds.declares(attachment.content_type, "zip")
        exam.apply(
            "attachment.packed" if packed else "attachment.kind",
            f"{shown}, but named .{extension(attachment.name)}",
            attachment.location,
        )
    elif not kinds.accepted(found) or (found in kinds.TEXTS and extension(attachment.name) and not expected):
        exam.apply("attachment.accepted", shown, attachment.location)
    wrapping = attachment.unwrapped is not None and not kinds.contradicts(attachment.content_type, "zip")
    if found and not wrapping and kinds.contradicts(attachment.content_type, found):
        exam.apply("attachment.declared-type", f"{shown}, declared {attachment.content_type}", attachment.location)
