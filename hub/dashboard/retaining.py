"""Holds and purges in the reader's words: how one stands, what a hold keeps, why letters past their time stay."""

from __future__ import annotations

from datetime import date

from hub.dashboard import moments
from hub.dashboard.wording import Tag
from hub.language import current, gettext, mark
from hub.ledger.holds import Scope
from hub.retention.policy import RetentionPolicy

_PURGES: dict[str, tuple[str, str, str]] = {
    "asked": ("hourglass", mark("Waits for a second person"), "warn"),
    "confirmed": ("half", mark("Being carried out"), "wait"),
    "done": ("check", mark("Purged"), "ok"),
    "declined": ("cross", mark("Declined"), "muted"),
}

_HOLDS: dict[str, tuple[str, str, str]] = {
    "standing": ("box", mark("Stands"), "act"),
    "lifting": ("hourglass", mark("To be lifted: waits for a second person"), "warn"),
    "lifted": ("back", mark("Lifted"), "muted"),
}

# why letters past their time stay, and why one is left out of a purge after all
_STAYS: dict[str, str] = {
    "held": mark("a legal hold"),
    "open": mark("not closed for a day"),
    "gone": mark("purged before"),
}

_SCOPE: dict[str, str] = {
    "envelope": mark("Envelope id"),
    "document_id": mark("Document id"),
    "sender": mark("Sender"),
    "recipient": mark("Recipient"),
    "since": mark("Accepted from"),
    "until": mark("Accepted until"),
}


def purge_state(state: str) -> Tag:
    shape, word, tone = _PURGES.get(state, ("dot", state, "muted"))
    return Tag(shape, gettext(word), tone)


def hold_state(state: str) -> Tag:
    shape, word, tone = _HOLDS.get(state, ("dot", state, "muted"))
    return Tag(shape, gettext(word), tone)


def stays(why: str) -> str:
    return gettext(_STAYS[why]) if why in _STAYS else why


def scope_words(scope: Scope) -> list[tuple[str, str]]:
    """What a hold keeps, as names and values."""
    found = []
    for name, label in _SCOPE.items():
        value = getattr(scope, name)
        if value:
            found.append((gettext(label), moments.day(value) if isinstance(value, date) else value))
    return found


def class_titles(policy: RetentionPolicy) -> dict[str, str]:
    """The classes of the policy in the reader's language, by their names."""
    return {one.name: one.title(current.get()) for one in policy.classes}
