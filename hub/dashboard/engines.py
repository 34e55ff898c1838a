"""The engines behind the hub, as the overview shows them: does each answer, and when was each role last at work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import clock
from hub.dashboard import moments
from hub.dashboard.situation import LONG_IN_TRANSIT, Situation
from hub.dashboard.wording import Tag
from hub.language import gettext, mark
from hub.ledger.condition import Condition
from hub.problems import Deferred

# an engine that takes longer to say that it is there is not well
PATIENCE = 3.0
FRESH = 10.0
# roles look once in a few seconds: one that was not seen for so long has stopped
LONG_UNSEEN = timedelta(minutes=2)

Probe = Callable[[], Awaitable[bool]]
_SCANNER = mark("Malware scanner")
_NAMES = {"broker": mark("Message broker"), "scanner": _SCANNER}


@dataclass(frozen=True, slots=True)
class Engine:
    """``text`` says more where the tag is not enough."""

    name: str
    tag: Tag
    text: str = ""


class Engines:
    """Asks the engines, at most once in ``FRESH`` seconds however many people look."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._asked_at = float("-inf")
        self._answers: dict[str, bool] = {}

    async def answers(self) -> Mapping[str, bool]:
        """Which of the engines answer."""
        if clock.monotonic() - self._asked_at >= FRESH:
            found = await asyncio.gather(*(_answers(probe) for probe in self._probes.values()))
            self._answers, self._asked_at = dict(zip(self._probes, found, strict=True)), clock.monotonic()
        return self._answers


async def _answers(probe: Probe) -> bool:
    try:
        return await asyncio.wait_for(probe(), PATIENCE)
    except (TimeoutError, Deferred, OSError):
        return False  # that is the answer


def engines(situation: Situation, answers: Mapping[str, bool], *, time_stamped: bool) -> list[Engine]:
    """Every engine and role in one list. The database answered, or there would be no situation."""
    condition = situation.condition
    if condition is None:
        return []
    found = [Engine(gettext("Database"), _well(gettext("answers")))]
    found += [_probed(gettext(name), answers[key]) for key, name in _NAMES.items() if key in answers]
    if "scanner" not in answers:
        found.append(Engine(gettext(_SCANNER), Tag("ring", gettext("not set up"), "muted")))
    found.append(_stamping(condition, situation.at, time_stamped))
    found += [_relay(situation, condition), _sweep(situation, condition)]
    return found


def _well(word: str) -> Tag:
    return Tag("check", word, "ok")


def _probed(name: str, answers: bool) -> Engine:
    return Engine(name, _well(gettext("answers")) if answers else Tag("cross", gettext("does not answer"), "bad"))


def _stamping(condition: Condition, now: datetime, time_stamped: bool) -> Engine:
    name = gettext("Time stamping")
    if not time_stamped:
        return Engine(name, Tag("ring", gettext("not set up"), "muted"))
    trouble = next((one for one in condition.log.troubles if one.kind == "timestamp"), None)
    if trouble is not None:
        since = gettext("no stamp for %(age)s") % {"age": moments.age(now - trouble.since)}
        return Engine(name, Tag("hourglass", since, "warn"), trouble.subject)
    if not condition.stamped:
        return Engine(name, Tag("hourglass", gettext("no stamp so far"), "wait"))
    newest = max(at for _, at in condition.stamped)
    return Engine(name, _well(gettext("stamped %(age)s ago") % {"age": moments.age(now - newest)}))


def _relay(situation: Situation, condition: Condition) -> Engine:
    """Nobody reports to be at work: what has lain for long tells."""
    name, since = gettext("Relay and delivery"), situation.figures.in_transit_since
    lain = max((situation.at - one for one in (since, condition.unsent_since) if one is not None), default=timedelta())
    if lain < LONG_IN_TRANSIT:
        return Engine(name, _well(gettext("nothing lies")))
    word = gettext("nothing moved for %(age)s") % {"age": moments.age(lain)}
    return Engine(name, Tag("cross", word, "bad"), gettext("Look whether the roles relay and deliver run."))


def _sweep(situation: Situation, condition: Condition) -> Engine:
    name = gettext("Upkeep and sealing")
    seen = max((at for at in (condition.swept_at, condition.log.sealed_at) if at is not None), default=None)
    if seen is None:
        return Engine(name, Tag("hourglass", gettext("not seen so far"), "wait"))
    age = gettext("seen %(age)s ago") % {"age": moments.age(situation.at - seen)}
    if situation.at - seen < LONG_UNSEEN or (condition.log.behind == 0 and condition.swept_at is None):
        return Engine(name, _well(age))
    return Engine(name, Tag("hourglass", age, "warn"), gettext("Look whether the role sweep runs."))
