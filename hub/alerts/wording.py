"""Alerts in words: what, whom it touches, what to do. For pages, mails, webhooks and the command line alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub import clock
from hub.alerts.kinds import EXPIRED, KINDS, Kind
from hub.alerts.watches import EXPIRED_STEP
from hub.language import Language, gettext, mark
from hub.ledger.alerts import AlertRecord
from hub.problems import explain

CATEGORIES: dict[str, str] = {
    "account": mark("an account or a secret in wrong hands"),
    "key": mark("a signing key lost or in wrong hands"),
    "malware": mark("malware in the agency's network"),
    "leak": mark("documents seen by people who must not"),
    "forgery": mark("forged letters in the agency's name"),
    "outage": mark("an attack that keeps the agency from working"),
    "other": mark("something else"),
}
_REASONS: dict[str, str] = {
    "raised": mark("New"),
    "worse": mark("Worse"),
    "again": mark("Still open, and nobody has acknowledged it"),
    "ended": mark("Over"),
}
_UNKNOWN = Kind(1, None, "%(kind)s", "", "")
_MEBI, _GIBI = 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class Spoken:
    """``reason``: what was found, in the words of whoever found it; may be empty. ``place``: a path of the pages."""

    title: str
    touches: str
    remedy: str
    reason: str
    place: str


def spoken(record: AlertRecord, language: Language) -> Spoken:
    """An alert in one of our languages; a kind of another version of the hub shows its name."""
    kind = KINDS.get(record.kind, _UNKNOWN)
    values = defaultdict(str, _values(record, language))
    title = EXPIRED if record.kind == "certificate" and record.step >= EXPIRED_STEP else kind.title

    def said(text: str) -> str:
        return gettext(text, language) % values if text else ""

    return Spoken(said(title), said(kind.touches), said(kind.remedy), _reason(record.detail), kind.place % values)


def category(name: str, language: Language | None = None) -> str:
    """A category of incidents."""
    text = CATEGORIES.get(name, name)
    return gettext(text) if language is None else gettext(text, language)


def reason(name: str, language: Language | None = None) -> str:
    """Why a notice is sent."""
    text = _REASONS.get(name, name)
    return gettext(text) if language is None else gettext(text, language)


def moment(at: datetime) -> str:
    return f"{at.astimezone(clock.VIETNAM):%H:%M %d/%m/%Y}"


def _values(record: AlertRecord, language: Language) -> dict[str, str]:
    values = {"kind": record.kind, **{name: _value(name, value, language) for name, value in record.detail.items()}}
    values["count"] = _number(record.count)
    if record.kind == "log-rewritten" and not values.get("log"):
        values["log"] = gettext(mark("of this hub"), language)
    if code := str(record.detail.get("code", "")):
        values["problem"], values["problem_remedy"] = explain(code).title(language), explain(code).remedy(language)
    return values


def _value(name: str, value: Any, language: Language) -> str:
    if name.endswith("_at"):
        return moment(clock.parse_rfc3339(value))
    if name == "ends_on":
        return f"{clock.parse_rfc3339(value).astimezone(clock.VIETNAM):%d/%m/%Y}"
    if name == "category":
        return category(value, language)
    if name == "free":
        return f"{value // _GIBI} GiB" if value >= _GIBI else f"{value // _MEBI} MiB"
    return _number(value) if isinstance(value, int) else str(value)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _reason(detail: Mapping[str, Any]) -> str:
    found = detail.get("reason", "")
    return found if isinstance(found, str) else ""
