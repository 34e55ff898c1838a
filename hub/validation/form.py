"""Check: one well-formed UTF-8 XML document within the limits, with edXML's root and nothing a signature cannot see."""

from __future__ import annotations

from hub.envelope.hardening import Limits, parse
from hub.envelope.long_texts import LongDocument, parse_long
from hub.envelope.model import ReceivedEnvelope
from hub.envelope.names import ROOT
from hub.problems import Refused
from hub.validation.examination import Examination


async def check(exam: Examination) -> None:
    if not exam.received.size:
        raise Refused("request-empty")
    document = await exam.offload(_parsed, exam.received, exam.policy.xml)
    exam.root, exam.texts = document.root, document.texts
    if exam.root.tag != ROOT:
        raise Refused("edxml-root", str(exam.root.tag), "/")


def _parsed(received: ReceivedEnvelope, limits: Limits) -> LongDocument:
    if received.file is None:
        return LongDocument(parse(received.body, limits), ())
    return parse_long(received.file, limits)
