"""Failures and replays in the reader's words: why a hand-over failed, why one is left out, how a replay stands."""

from __future__ import annotations

from hub.dashboard.wording import Tag
from hub.delivery.failures import FAILURES
from hub.language import gettext, mark

# what came of an attempt: shape, word, tone
_OUTCOMES: dict[str, tuple[str, str, str]] = {
    "delivered": ("dot", mark("Handed over"), "act"),
    "handed": ("half", mark("Put into its queue"), "wait"),
    "transient": ("hourglass", mark("Failed for now"), "warn"),
    "permanent": ("cross", mark("Failed for good"), "bad"),
    "lapsed": ("ring", mark("Came to nothing"), "warn"),
}

# why a chosen delivery is not sent again
_LEFT_OUT: dict[str, str] = {
    "under-way": mark("still under way"),
    "withdrawn": mark("withdrawn"),
    "recalled": mark("recalled by its sender"),
    "superseded": mark("sent again already"),
    "recipient-inactive": mark("the recipient is suspended"),
    "purged": mark("its content was purged"),
    "form-unsupported": mark("the recipient's system takes attachments inside only"),
}

_REPLAYS: dict[str, tuple[str, str, str]] = {
    "asked": ("hourglass", mark("Waits for a second person"), "warn"),
    "confirmed": ("check", mark("Confirmed"), "ok"),
    "declined": ("cross", mark("Declined"), "muted"),
}


def failure(code: str) -> str:
    """What a failure code means; one that is not in the table shows itself."""
    found = FAILURES.get(code)
    return code if found is None else gettext(found.text)


def failure_of(reason: str) -> tuple[str, str]:
    """A delivery's reason as words and what was seen: the hub keeps ``code: detail``, offices write what they like."""
    code, _, detail = reason.partition(":")
    return (failure(code), detail.strip()) if code in FAILURES else (reason, "")


def outcome(name: str) -> Tag:
    shape, word, tone = _OUTCOMES.get(name, ("dot", name, "muted"))
    return Tag(shape, gettext(word), tone)


def left_out(why: str) -> str:
    return gettext(_LEFT_OUT[why]) if why in _LEFT_OUT else why


def replay_state(state: str) -> Tag:
    shape, word, tone = _REPLAYS.get(state, ("dot", state, "muted"))
    return Tag(shape, gettext(word), tone)
