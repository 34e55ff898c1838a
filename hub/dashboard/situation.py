"""The situation: is anything wrong, where, since when, whom does it touch.

The overview is read at most once in ``FRESH`` for each scope, however many people look; hours that are over are counted
once and remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from hub import clock
from hub.dashboard import moments, wording
from hub.language import gettext, ngettext
from hub.ledger import (
    Ledger,
    Transaction,
    condition,
    dead_letters,
    decisions,
    holds,
    overdue,
    overview,
    purges,
    replays,
)
from hub.ledger.condition import Condition
from hub.ledger.overview import Concern, Figures, Hour, Reason, SlowSystem

FRESH = 3.0
SCOPES = 256
DAY = timedelta(hours=24)
# a letter that was counted late (its transaction was slow) still finds its hour open
HOUR_CLOSES_AFTER = timedelta(minutes=2)
# nobody should wait longer than this without the overview saying so
LONG_IN_TRANSIT = timedelta(minutes=2)
LONG_WAIT = timedelta(minutes=30)
# a certificate with so many days left is trouble
SOON = 7
# a great backlog is not counted to its end
OVERDUE_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the overview shows, as read at ``at``."""

    at: datetime
    figures: Figures
    hours: list[Hour]
    refused: list[Concern]
    waiting: list[Concern]
    systems: list[SlowSystem]
    expiring: dict[int, int] = field(default_factory=dict)  # certificates by the days that they have left
    refusals: list[Reason] = field(default_factory=list)
    deferrals: list[Reason] = field(default_factory=list)
    overdue: int = 0
    dead: int = 0  # dead letters that nobody has sent again, whenever they were given up
    replays: int = 0  # waiting for a second person
    retention: int = 0  # purges, and holds to be lifted, that wait for one
    decisions: int = 0  # all that waits for one
    condition: Condition | None = None  # how the hub itself is: for those who run it

    @property
    def more_overdue(self) -> bool:
        """There are more than were counted."""
        return self.overdue >= OVERDUE_COUNTED


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence about the whole, and where to go. ``tone`` is ok, warn or bad; ``shape`` names an icon."""

    tone: Literal["ok", "warn", "bad"]
    shape: str
    title: str
    text: str
    link: str = ""
    action: str = ""


@dataclass(slots=True)
class _Remembered:
    read_at: float
    situation: Situation | None
    closed_hours: dict[datetime, Hour]


class Situations:
    """Reads and remembers. Scopes are agency codes; None is everything."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._remembered: OrderedDict[str | None, _Remembered] = OrderedDict()

    async def read(self, agency_code: str | None) -> Situation:
        """The situation, at most ``FRESH`` seconds old. Raises ``Deferred`` when the ledger does not answer."""
        kept = self._remembered.get(agency_code)
        if kept is not None and kept.situation is not None and clock.monotonic() - kept.read_at < FRESH:
            return kept.situation
        closed = dict(kept.closed_hours) if kept is not None else {}
        situation = await self._ledger.read(_read, clock.now(), agency_code, closed)
        self._remembered[agency_code] = _Remembered(clock.monotonic(), situation, closed)
        self._remembered.move_to_end(agency_code)
        while len(self._remembered) > SCOPES:
            self._remembered.popitem(last=False)
        return situation


def _read(transaction: Transaction, now: datetime, agency_code: str | None, closed: dict[datetime, Hour]) -> Situation:
    return Situation(
        at=now,
        figures=overview.figures(transaction, now - DAY, agency_code),
        hours=_hours(transaction, now, agency_code, closed),
        refused=overview.refused_deliveries(transaction, now - DAY, agency_code),
        waiting=overview.waiting_longest(transaction, now - LONG_WAIT, agency_code, limit=4),
        systems=overview.slowest_systems(transaction, agency_code),
        # whose they were could not be told: they concern those who see everything
        deferrals=[] if agency_code else overview.deferrals(transaction, now - DAY),
        refusals=overview.refusals(transaction, now - DAY, agency_code),
        expiring=condition.expiring(transaction, now, agency_code),
        overdue=overdue.count(transaction, now, agency_code, OVERDUE_COUNTED),
        dead=dead_letters.count(transaction, agency_code),
        replays=0 if agency_code else replays.waiting(transaction),
        retention=0 if agency_code else purges.waiting(transaction) + holds.waiting(transaction),
        decisions=0 if agency_code else decisions.number_waiting(transaction),
        condition=None if agency_code else condition.read(transaction, now),
    )


def _hours(
    transaction: Transaction, now: datetime, agency_code: str | None, closed: dict[datetime, Hour]
) -> list[Hour]:
    """The last 24 hours, the running one included. Hours that are over enter ``closed`` and are not counted again."""
    running = now.replace(minute=0, second=0, microsecond=0)
    starts = [running - timedelta(hours=back) for back in range(23, -1, -1)]
    missing = next(start for start in starts if start not in closed or start == running)
    counted = overview.per_hour(transaction, missing, now + timedelta(seconds=1), agency_code)
    hours = [closed.get(start) or counted.get(start, Hour(start, 0, 0)) for start in starts]
    for old in [start for start in closed if start < starts[0]]:
        del closed[old]
    for hour in hours:
        if hour.start + timedelta(hours=1) + HOUR_CLOSES_AFTER <= now:
            closed[hour.start] = hour
    return hours


def headline(situation: Situation, broker_answers: bool = True) -> Headline:
    """Trouble replaces the calm line: what, since when, whom it touches, what to do. The worst comes first."""
    figures = situation.figures
    return (
        _unconnected(broker_answers)
        or _stuck(situation)
        or _given_up(figures)
        or _alarmed(situation)
        or _slow(situation)
        or _late(situation)
        or _refused(figures)
        or _ending(situation)
        or Headline("ok", "check", gettext("Everything flows"), _calm(figures))
    )


def _calm(figures: Figures) -> str:
    if not figures.waiting and not figures.in_transit:
        return gettext("Nothing is waiting.")
    open_now = figures.waiting + figures.in_transit
    return ngettext(
        "%(count)s delivery is under way, none for long.",
        "%(count)s deliveries are under way, none for long.",
        open_now,
    ) % {"count": wording.number(open_now)}


def _stuck(situation: Situation) -> Headline | None:
    since = situation.figures.in_transit_since
    if since is None or situation.at - since < LONG_IN_TRANSIT:
        return None
    count = situation.figures.in_transit
    text = ngettext(
        "%(count)s delivery has not left the hub, the oldest for %(age)s. Recipients do not see it yet; nothing is "
        "lost. Check the roles relay and deliver, and the message broker.",
        "%(count)s deliveries have not left the hub, the oldest for %(age)s. Recipients do not see them yet; nothing "
        "is lost. Check the roles relay and deliver, and the message broker.",
        count,
    ) % {"count": wording.number(count), "age": moments.age(situation.at - since)}
    return Headline(
        "bad", "hourglass", gettext("Letters are not moving"), text, "/envelopes?state=open", gettext("See what waits")
    )


def _unconnected(broker_answers: bool) -> Headline | None:
    if broker_answers:
        return None
    text = gettext("Letters are accepted and kept; they go on when it answers again. Look whether it runs.")
    return Headline("bad", "hourglass", gettext("The message broker does not answer"), text)


def _alarmed(situation: Situation) -> Headline | None:
    """What waits, is overdue or ends soon has a sentence of its own here: only the gravest alerts come before it."""
    count = 0 if situation.condition is None else situation.condition.alerts.bad
    if not count:
        return None
    title = ngettext("%(count)s serious alert", "%(count)s serious alerts", count) % {"count": wording.number(count)}
    text = gettext("Nobody has taken note so far. Each alert says what to do.")
    return Headline("bad", "refusals", title, text, "/alerts", gettext("See them"))


def _ending(situation: Situation) -> Headline | None:
    count = sum(number for days, number in situation.expiring.items() if days <= SOON)
    if not count:
        return None
    title = ngettext(
        "%(count)s certificate ends within seven days", "%(count)s certificates end within seven days", count
    ) % {"count": wording.number(count)}
    text = gettext("What is signed with it afterwards is refused. The agency needs a new one registered before.")
    link, action = ("/certificates", gettext("See which")) if situation.condition is not None else ("", "")
    return Headline("warn", "seal", title, text, link, action)


def _given_up(figures: Figures) -> Headline | None:
    if not figures.dead:
        return None
    text = ngettext(
        "%(count)s delivery was given up in the last 24 hours. The recipient does not have the letter.",
        "%(count)s deliveries were given up in the last 24 hours. The recipients do not have the letters.",
        figures.dead,
    ) % {"count": wording.number(figures.dead)}
    return Headline(
        "bad", "box", gettext("Some letters could not be delivered"), text, "/dead-letters", gettext("See them")
    )


def _slow(situation: Situation) -> Headline | None:
    slow = [system for system in situation.systems if situation.at - system.oldest >= LONG_WAIT]
    if not slow:
        return None
    first = slow[0]
    values = {
        "system": first.name,
        "count": wording.number(first.waiting),
        "age": moments.age(situation.at - first.oldest),
    }
    text = (
        ngettext(
            "%(count)s letter is waiting, the oldest for %(age)s. Call whoever runs that system.",
            "%(count)s letters are waiting, the oldest for %(age)s. Call whoever runs that system.",
            first.waiting,
        )
        % values
    )
    title = gettext("%(system)s is not taking its letters") % values
    if len(slow) > 1:
        title = gettext("Some systems are not taking their letters: %(systems)s") % {
            "systems": ", ".join(system.name for system in slow)
        }
        text = gettext("The oldest letter has waited for %(age)s. Call whoever runs these systems.") % values
    return Headline("warn", "hourglass", title, text, "/envelopes?state=open", gettext("See what waits"))


def _late(situation: Situation) -> Headline | None:
    if not situation.overdue:
        return None
    text = ngettext(
        "%(count)s delivery was not confirmed or not finished in time. The recipient was reminded, the sender told.",
        "%(count)s deliveries were not confirmed or not finished in time. Recipients were reminded, the senders told.",
        situation.overdue,
    ) % {"count": wording.number(situation.overdue)}
    return Headline("warn", "hourglass", gettext("Letters are overdue"), text, "/overdue", gettext("See them"))


def _refused(figures: Figures) -> Headline | None:
    if not figures.refused_deliveries:
        return None
    text = ngettext(
        "%(count)s delivery was refused in the last 24 hours. The sender has been told and must act.",
        "%(count)s deliveries were refused in the last 24 hours. The senders have been told and must act.",
        figures.refused_deliveries,
    ) % {"count": wording.number(figures.refused_deliveries)}
    return Headline(
        "warn", "cross", gettext("Recipients refused letters"), text, "/envelopes?state=refused", gettext("See them")
    )
