"""Which deliveries are to be sent again: the choice in an address or a form, and back into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from hub.clock import VIETNAM
from hub.dashboard import moments
from hub.delivery.replay import Plan
from hub.ledger.replays import Choice
from hub.problems import Refused

SHOWN = 200
TIMES = ("since", "until")
_TEXTS = ("sender", "recipient", "agency", "system", "state", "document_id", "envelope_id", "code")


def first_of(given: Mapping[str, Sequence[str]], name: str) -> str:
    """The first value of a field, stripped and cut to a sane length; empty when it is absent."""
    return next(iter(given.get(name, ())), "").strip().replace("\x00", "")[:1000]


def choice_in(given: Mapping[str, Sequence[str]]) -> Choice:
    """The choice that a form or an address names. Raises ``Refused('request-invalid')`` for a time that is none."""
    values: dict[str, Any] = {name: text[:200] for name in _TEXTS if (text := first_of(given, name))}
    for name in TIMES:
        if text := first_of(given, name):
            values[name] = _moment(text, name)
    deliveries = [one.strip() for one in given.get("delivery", ()) if one.strip()]
    return Choice(**values, deliveries=tuple(dict.fromkeys(one[:64] for one in deliveries)))


def _moment(text: str, name: str) -> datetime:
    """A time; without an offset, as the browser's field gives it, it is Vietnam's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("request-invalid", f"{text}: not a time", name) from error
    return moment.replace(tzinfo=moment.tzinfo or VIETNAM)


def fields_of(choice: Choice) -> list[tuple[str, str]]:
    """The choice as fields of a form."""
    fields = choice.json()
    named = [(name, str(value)) for name, value in fields.items() if name != "deliveries"]
    return named + [("delivery", one) for one in choice.deliveries]


def field_time(moment: datetime | None) -> str:
    """As a browser's field for a time has it, in Vietnam's time."""
    return "" if moment is None else f"{moments.local(moment):%Y-%m-%dT%H:%M}"


def rows_address(query: list[tuple[str, str]], start: int, plan: Plan | None) -> str:
    """Where the dry run's rows from ``start`` on are shown; empty when there are none."""
    if plan is None or start <= -SHOWN or start >= len(plan.candidates):
        return ""
    return "/replays/new?" + urlencode([*query, *([("from_row", str(start))] if start > 0 else [])])
