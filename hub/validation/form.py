"""Check: one well-formed UTF-8 XML document within the limits, with edXML's root and nothing a signature cannot see."""

from __future__ import annotations

from hub.envelope.hardening import parse
from hub.envelope.names import ROOT
from hub.problems import Refused
from hub.validation.examination import Examination


async def check(exam: Examination) -> None:
    if not exam.received.body:
        raise Refused("request-empty")
    exam.root = await exam.offload(parse, exam.received.body, exam.policy.xml)
    if exam.root.tag != ROOT:
        raise Refused("edxml-root", str(exam.root.tag), "/")
