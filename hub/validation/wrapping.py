"""Check: what a sender put into a ZIP of one ``<uuid>.<ext>`` is found in there; it is what later checks look at.

Real senders' software does that to most kinds of files and often declares the inner type (edXML 1.2). The attachment
travels on as it came; size and digest of both layers are kept.
"""

from __future__ import annotations

from pathlib import Path

from hub.inspection import archives
from hub.inspection.archives import Wrapped
from hub.inspection.inflating import Budget
from hub.inspection.names import Trouble
from hub.validation.examination import Attachment, Document, Examination
from hub.validation.troubles import note


async def check(exam: Examination) -> None:
    for attachment in exam.attachments:
        budget = Budget(attachment.size, exam.inflated)
        found = await exam.offload_by(attachment.size, _unwrap, attachment, budget, exam.policy.scratch)
        exam.inflated += budget.spent
        if isinstance(found, Trouble):
            attachment.settled = True
            attachment.seen["kind"] = "zip"
            note(exam, attachment, [found])
        elif found is not None:
            octets = found.octets
            attachment.unwrapped = Document(attachment.name, octets.size, octets.sha256, octets.open)
            attachment.seen["wrapped"] = {"name": found.name, "size": octets.size, "sha256": octets.sha256}


def _unwrap(attachment: Attachment, budget: Budget, scratch: Path | None) -> Wrapped | Trouble | None:
    with attachment.open() as content:
        if content.read(4) != b"PK\3\4":
            return None
        return archives.unwrap(content, attachment.name, budget, scratch)
