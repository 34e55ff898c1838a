"""Validation: is this envelope what a named agency signed, whole, and addressed to agencies that exist?

In charge of: the ordered checks (``sequence.py`` is the table that reads aloud) and the verdict.
Comes in: ``ReceivedEnvelope``, the directory, the caller. Goes out: ``Accepted`` with a ``VerifiedEnvelope``,
``Declined`` with findings; ``Deferred`` is raised when the hub cannot tell now.
Only this room can make a ``VerifiedEnvelope``, and it holds what the signature covers, not what arrived beside it.
"""

from hub.validation.sequence import SEQUENCE, begin, claimed_key, judge, judge_status
from hub.validation.verdict import Accepted, Declined, Verdict, VerifiedEnvelope, VerifiedStatus

__all__ = [
    "SEQUENCE",
    "Accepted",
    "Declined",
    "Verdict",
    "VerifiedEnvelope",
    "VerifiedStatus",
    "begin",
    "claimed_key",
    "judge",
    "judge_status",
]
