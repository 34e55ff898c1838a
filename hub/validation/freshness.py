"""Check: the sender's own time stamp is of these days, so that an old envelope cannot come as a new one.

The same document cannot come twice anyway (the ledger's key), and certificates are judged at the moment of receipt:
this check is about letters that were signed long ago and never sent.
"""

from __future__ import annotations

from datetime import timedelta

from hub.clock import VIETNAM
from hub.validation.examination import Examination
from hub.validation.metadata import location, moment

ELEMENT = "TraceHeaderList/TraceHeader/Timestamp"


async def check(exam: Examination) -> None:
    stamps = [moment(text) for text, _ in exam.parsed.fields.get(ELEMENT, ())]
    known = [stamp.replace(tzinfo=VIETNAM) for stamp in stamps if stamp is not None]
    if not known:
        return
    newest, received = max(known), exam.received.received_at
    rules = exam.policy.profile.rules
    if newest < received - timedelta(days=rules["timestamp.old"].parameters["days"]):
        exam.apply("timestamp.old", f"{newest:%Y-%m-%d %H:%M}", location(exam, ELEMENT))
    if newest > received + timedelta(hours=rules["timestamp.future"].parameters["hours"]):
        exam.apply("timestamp.future", f"{newest:%Y-%m-%d %H:%M}", location(exam, ELEMENT))
