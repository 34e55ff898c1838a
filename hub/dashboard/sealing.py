"""One sentence about the transparency log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.dashboard.situation import Headline
from hub.dashboard.wording import number
from hub.language import gettext
from hub.ledger.log_state import Progress
from hub.ledger.log_troubles import LogTrouble

# the sealer works once a second: what waits for so long is no longer a moment
LONG_BEHIND = 30.0


def headline(found: Progress, now: datetime) -> Headline:
    """Is it whole, is it up to date, do those outside still watch it."""
    if found.rewritten:
        return rewritten(found.rewritten)
    sealed = gettext("Sealed: {count} entries and receipts.").format(count=number(found.size))
    if found.seconds_behind(now) > LONG_BEHIND:
        words = gettext("Receipts are signed and kept, but their proofs wait: look whether the role sweep runs.")
        return Headline("warn", "hourglass", gettext("Sealing is behind"), f"{sealed} {words}")
    if found.troubles:
        words = gettext("Somebody outside who signs for the log is not heard; below is who.")
        return Headline("warn", "hourglass", gettext("The log is sound"), f"{sealed} {words}")
    return Headline("ok", "check", gettext("The log is sound"), sealed)


def rewritten(troubles: Sequence[LogTrouble], link: str = "") -> Headline:
    """The worst that can be said of this hub, or of a log that it watches. ``link`` leads to the page of the log."""
    action = gettext("Look at the log now") if link else ""
    if all(one.subject for one in troubles):
        title = gettext("A log that this hub watches may have been rewritten")
        words = gettext(
            "Another hub's log signed what does not continue what was cosigned here. Both checkpoints are kept: tell "
            "whoever runs that hub, and an auditor. This hub's own log is not meant."
        )
        return Headline("bad", "refusals", title, words, link, action)
    words = gettext("Somebody changed what was sealed. Keep every receipt, checkpoint and backup, and tell an auditor.")
    return Headline("bad", "refusals", gettext("The log was rewritten"), words, link, action)
