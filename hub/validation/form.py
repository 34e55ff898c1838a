"""Check: one well-formed UTF-8 XML document within the limits, with edXML's root and nothing a signature cannot see."""

from __future__ import annotations

from typing import Any

from hub.envelope.hardening import Limits, parse
from hub.envelope.model import ReceivedEnvelope
from hub.envelope.names import ROOT
from hub.problems import Refused
from hub.validation.examination import Examination


async def check(exam: Examination) -> None:
    if not exam.received.size:
        raise Refused("request-empty")
    exam.root = await exam.offload(_parsed, exam.received, exam.policy.xml)
    if exam.root.tag != ROOT:
        raise Refused("edxml-root", str(exam.root.tag), "/")


def _parsed(received: ReceivedEnvelope, limits: Limits) -> Any:
    if received.file is None:
        return parse(received.body, limits)
    with received.file() as body:
        return parse(body, limits)
