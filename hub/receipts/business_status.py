"""Business status codes: who may report them, which is the current one, which delivery they mean. Pure.

Skipping and repeating states is normal (receivers send 03 and 05 back to back, never send 04, or only 06), so every
code is kept for a known pair and the current one is derived by rank (edXML 1.4).
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.envelope.model import BusinessType
from hub.ledger.correlation import Correlated

ARRIVED, REFUSED, ACCEPTED, ASSIGNED, IN_PROCESS, FINISHED = "01", "02", "03", "04", "05", "06"
TAKE_BACK, AGREED, DECLINED = "13", "15", "16"

# 02 ends the ordinary line; 13, 15 and 16 are a conversation of their own about recall or update, newest last
_RANK = {
    ARRIVED: 1,
    ACCEPTED: 2,
    ASSIGNED: 3,
    IN_PROCESS: 4,
    FINISHED: 5,
    REFUSED: 6,
    TAKE_BACK: 7,
    AGREED: 8,
    DECLINED: 8,
}
KNOWN = frozenset(_RANK)


def is_code(text: str) -> bool:
    """Two digits from 01 to 16; codes without a known meaning (07–12, 14) are stored, not refused."""
    return len(text) == 2 and text.isascii() and text.isdigit() and 1 <= int(text) <= 16


def may_follow(code: str) -> tuple[str, ...]:
    """The current codes that ``code`` replaces. Unknown codes never become current once a known one is."""
    rank = _RANK.get(code, 0)
    return tuple(sorted(other for other in _all() if _RANK.get(other, 0) <= rank and other != code))


def _all() -> list[str]:
    return [f"{number:02d}" for number in range(1, 17)]


def from_sender(code: str) -> bool:
    """Whether the original sender reports this code; every other one comes from the recipient."""
    return code == TAKE_BACK


def choose(code: str, candidates: Sequence[Correlated]) -> Correlated | None:
    """Among deliveries of the same document (newest first) the one that ``code`` is about.

    15 and 16 are about the recall or update, 13 takes back whatever brought the document, all others are about the
    document itself; where none of the kind exists, any is meant (real senders repeat the original's id in a recall,
    edXML 1.2, clause 2.2.4).
    """
    if code in (AGREED, DECLINED):
        preferred = [one for one in candidates if one.business_type != BusinessType.NEW]
    elif code == TAKE_BACK:
        preferred = [one for one in candidates if one.business_type != BusinessType.RECALL]
    else:
        preferred = [one for one in candidates if one.business_type == BusinessType.NEW]
    return next(iter(preferred or candidates), None)
