"""Check: signed by profile ``strict``, with a certificate that leads to a configured anchor."""

from __future__ import annotations

from hub.signatures.verify import verify
from hub.validation.decoding import Decoding
from hub.validation.examination import Examination


async def check(exam: Examination) -> None:
    trust = await exam.directory.trust()
    decoding = Decoding(exam.texts, exam.policy)
    exam.signed = await exam.offload(verify, exam.root, trust, exam.received.received_at, exam.texts, decoding.take)
    exam.inside = decoding.finish()
