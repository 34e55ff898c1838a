"""Who signed a letter, as one sentence: by whom, when the hub accepted it, until when the certificate is valid, whether
it was revoked and by whose word of when.

What was settled after acceptance counts more than what was known then: a certificate that turned out to be revoked is
said first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import clock
from hub.dashboard import moments
from hub.dashboard.explanation import Json, is_pending
from hub.language import gettext
from hub.ledger.journey import Letter


@dataclass(frozen=True, slots=True)
class Sentence:
    """``tone`` is ok, warn or bad; ``shape`` names an icon."""

    shape: str
    tone: str
    text: str


def sentence(letter: Letter, signer: Json, facts: Sequence[Json]) -> Sentence:
    """``facts`` is how each certificate stands, as ``explanation.settled`` has it; the first is the signer's own."""
    if letter.is_trial:
        words = gettext("A test document that the hub itself made and signed; it is no letter of %(sender)s.")
        return Sentence("seal", "ok", words % {"sender": letter.sender_name})
    names = {
        "sender": letter.sender_name,
        "code": letter.sender_code,
        "at": f"{moments.local(letter.received_at):%H:%M %d/%m/%Y}",
    }
    parts = [gettext("Signed by %(sender)s (%(code)s), unchanged when the hub accepted it at %(at)s") % names]
    if signer.get("not_after"):
        parts.append(_validity(str(signer["not_after"]), letter.received_at))
    leaf = facts[0] if facts else {"status": signer.get("revocation") or ""}
    revoked = next((one for one in facts if one.get("status") == "revoked"), None)
    parts.append(_standing(revoked or leaf))
    text = ", ".join(part for part in parts if part) + "."
    if revoked is not None or leaf.get("status") == "revoked":
        return Sentence("cross", "bad", text)
    if is_pending(signer, list(facts)) or leaf.get("status") not in ("good", ""):
        return Sentence("hourglass", "warn", text)
    return Sentence("seal", "ok", text)


def _validity(not_after: str, accepted: datetime) -> str:
    try:
        end = clock.parse_rfc3339(not_after)
    except ValueError:
        return ""
    month = f"{moments.local(end):%m/%Y}"
    if end < accepted:
        return gettext("with a certificate that was valid until %(month)s only") % {"month": month}
    return gettext("certificate valid until %(month)s") % {"month": month}


def _standing(fact: Json) -> str:
    """``not revoked (CRL, 20 minutes old)``; empty when nothing is known of it."""
    status = fact.get("status")
    if status == "good":
        words = gettext("not revoked")
    elif status == "revoked":
        words = gettext("but revoked")
    elif status:
        words = gettext("not known yet whether it was revoked")
    else:
        return ""
    source = _source(fact)
    return f"{words} ({source})" if source else words


def _source(fact: Json) -> str:
    kind, seconds = str(fact.get("kind") or "").upper(), fact.get("age_seconds")
    if not kind or not isinstance(seconds, int | float):
        return kind
    return gettext("%(kind)s, %(age)s old") % {"kind": kind, "age": moments.age(timedelta(seconds=seconds))}
