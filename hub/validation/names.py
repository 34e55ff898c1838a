"""Check: no attachment has a name that is dangerous to keep or that starts a program (both names of it, edXML 1.2)."""

from __future__ import annotations

from hub.inspection import names
from hub.validation.examination import Attachment, Examination


async def check(exam: Examination) -> None:
    listed = {entry.content_id: entry.name for entry in exam.parsed.manifest}
    for attachment in exam.attachments:
        for name in dict.fromkeys((attachment.name, listed.get(attachment.content_id, ""))):
            _check(exam, attachment, name)


def _check(exam: Examination, attachment: Attachment, name: str) -> None:
    for trait, reason in names.troubles(name):
        detail = f"{name!r}: {reason}"
        if trait == "name":
            exam.find("attachment-name", detail, attachment.location)
        elif trait == "executable":
            exam.find("attachment-executable", detail, attachment.location)
        else:
            exam.apply("attachment.name-plain", detail, attachment.location)
