"""Why a hand-over failed: one row a code, and whether trying again may help.

Transient: the same octets may pass later. Permanent: they will not, somebody has to change something first; the
delivery becomes a dead letter at once, with its octets kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.language import mark


@dataclass(frozen=True, slots=True)
class Failure:
    """``of``: the whole system does not answer (counts for its breaker), or only this document was not taken."""

    code: str
    transient: bool
    of: Literal["system", "document"]
    text: str


_ROWS = (
    Failure("unreachable", True, "system", mark("The system could not be reached")),
    Failure("tls-failed", True, "system", mark("No trusted encrypted connection to the system was possible")),
    Failure("timed-out", True, "system", mark("The system did not answer in time")),
    Failure("busy", True, "system", mark("The system asked to come back later")),
    Failure("answer-error", True, "system", mark("The system answered with an error of its own")),
    Failure("answer-unclear", True, "system", mark("The system's answer could not be understood")),
    Failure("redirected", True, "system", mark("The system pointed to another address, which is not followed")),
    Failure("rejected", False, "document", mark("The system rejected the document")),
    Failure("too-large", False, "document", mark("The document is too large for this way of delivery")),
    Failure("gone", False, "system", mark("The system said that it is gone for good")),
    Failure("address-forbidden", True, "system", mark("The system's address is not allowed")),
    Failure("misconfigured", True, "system", mark("The system's channel is not set up completely")),
    Failure("octets-missing", True, "document", mark("The hub could not read the document's octets")),
    Failure("cut-short", True, "system", mark("The attempt was cut off before its outcome was known")),
    Failure("lapsed", True, "document", mark("The lease ended without settlement")),
    Failure("returned", True, "document", mark("The system gave the document back for later")),
    Failure("bounced", False, "document", mark("The mail came back as undeliverable")),
    Failure("expired", False, "document", mark("Its time was up before it could be handed over")),
    Failure("defect", True, "document", mark("A defect of the hub prevented the hand-over")),
)

FAILURES: dict[str, Failure] = {row.code: row for row in _ROWS}
