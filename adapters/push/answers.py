"""What a receiver's answer means. Only its status counts; its words are kept for people.

2xx                 it has the body; whatever else the answer holds
3xx                 not followed: the address of a system is changed in the registry
400, 415, 422       it rejects this document; repeating would not help
401, 403, 404, 405  its side is not set up, which somebody will mend
410                 it is gone: the system is disabled
413                 too large for it
429, 503            it asks to come back later
408, 425, 5xx       trouble of its own
other               not understood
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hub.delivery.carrier import Failed

WORDS = 500
LONGEST_WAIT = 86_400.0

_CODES = {
    **dict.fromkeys((400, 415, 422), "rejected"),
    **dict.fromkeys((401, 403, 404, 405), "misconfigured"),
    **dict.fromkeys((408, 425), "answer-error"),
    410: "gone",
    413: "too-large",
    429: "busy",
    503: "busy",
}
_FAMILIES = {3: "redirected", 5: "answer-error"}


def failure(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> Failed:
    """What an answer that is no 2xx means. ``headers`` are found without regard to case; ``at`` is now."""
    code = _CODES.get(status) or _FAMILIES.get(status // 100, "answer-unclear")
    text = words(body)
    detail = f"HTTP {status}: {text}" if text else f"HTTP {status}"
    return Failed(code, detail, retry_after(headers.get("retry-after", ""), at), disable=status == 410)


def retry_after(value: str, at: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for (RFC 9110 §10.2.3), a day at most; None when it asks for no wait."""
    value = value.strip()
    if re.fullmatch(r"[0-9]+", value, re.ASCII):
        seconds = float(value.lstrip("0")[:6] or 0)  # six digits are more than a day already
        return min(seconds, LONGEST_WAIT) or None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000", and dates without a zone
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - at).total_seconds()), LONGEST_WAIT) or None


def words(body: bytes) -> str:
    """The beginning of an answer as one printable line: it is shown to senders and operators."""
    text = body.decode("utf-8", "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:WORDS]
