"""The hour of a scheduled letter: ``NotBefore`` in our own namespace inside ``OtherInfo``, so that it is signed.

edXML has the priority 4 (hỏa tốc hẹn giờ) and no element for the hour.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from hub.clock import parse_rfc3339
from hub.envelope.model import Priority
from hub.validation.examination import Examination

PLACE = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/OtherInfo/NotBefore"
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def judge(exam: Examination) -> None:
    """Note the hour in ``exam.not_before``, or what is wrong with it."""
    text = exam.parsed.not_before
    if not text:
        return
    at = _moment(text)
    if at is None:
        exam.apply("not-before.moment", f"{text[:40]} is not a time of RFC 3339", PLACE)
        return
    if exam.priority != Priority.SCHEDULED_EXPRESS:
        exam.apply("not-before.priority", f"priority {exam.priority}", PLACE)
        return
    days = exam.policy.profile.rules["not-before.soon"].parameters["days"]
    if at > exam.received.received_at + timedelta(days=days):
        exam.apply("not-before.soon", f"{text} is more than {days} days ahead", PLACE)
    exam.not_before = at


def _moment(text: str) -> datetime | None:
    if _RFC3339.fullmatch(text) is None:
        return None
    try:
        return parse_rfc3339(text.upper())
    except (ValueError, OverflowError):
        return None
