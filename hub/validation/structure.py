"""Check: the signed content has the structure of a document message. From here on only signed content is read."""

from __future__ import annotations

from hub.envelope.reading import read_document
from hub.validation.examination import Examination


async def check(exam: Examination) -> None:
    assert exam.signed is not None, "the signature check runs before"
    exam.content = await exam.offload(read_document, exam.signed.root)
