"""Between which times a letter came into the log, in words: what time-stamping authorities certify, or since when one
is waited for."""

from __future__ import annotations

from urllib.parse import urlsplit

from hub.dashboard.moments import exact
from hub.language import gettext as _
from hub.ledger.timestamps import Bounds


def spoken(bounds: Bounds, expected: bool) -> str:
    """Empty when there is no stamp and none is ``expected``, because no authority is configured."""
    before = "" if bounds.not_before is None else exact(bounds.not_before)
    if bounds.not_after is not None:
        names = {"from": before, "until": exact(bounds.not_after), "who": urlsplit(bounds.authority).hostname or ""}
        if before:
            return _("in the log at %(until)s at the latest, certified by %(who)s; at the earliest %(from)s") % names
        return _("in the log at %(until)s at the latest, certified by %(who)s") % names
    if not expected:
        return ""
    if bounds.sealed_at is None:
        return _("pending: the log is about to be sealed")
    names = {"from": before, "since": exact(bounds.sealed_at)}
    if before:
        return _("pending since %(since)s; in the log at the earliest %(from)s") % names
    return _("pending since %(since)s") % names
