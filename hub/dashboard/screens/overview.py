"""The overview: is anything wrong, where, since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import language
from hub.audit import Event
from hub.dashboard import sealing
from hub.dashboard.access import Right, Visitor, permitted
from hub.dashboard.chart import chart
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.engines import engines
from hub.dashboard.events import REVOKED, findings, sentence, who_sent
from hub.dashboard.situation import DAY, headline
from hub.ledger import journey, log_pages, log_troubles
from hub.ledger.journey import Entry, Names
from hub.ledger.log_pages import LogFilters
from hub.ledger.log_troubles import LogTrouble
from hub.problems import explain

REFUSALS_SHOWN = 4
REASONS = 5
ALERTS_SHOWN = 5
# what alerts the operator, and letters accepted before it became known that their signer was revoked
ALARMING = (
    LogFilters(kinds=(Event.OPERATOR_ALERTED,)),
    LogFilters(kinds=(Event.REVOCATION_SETTLED,), code=REVOKED),
)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that the operator must know at once; ``link`` leads to where it is told in full."""

    at: datetime
    title: str
    who: str
    document_id: str
    link: str


class OverviewScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/", self.overview, methods=["GET"])

    async def overview(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        if not permitted(visitor, Right.LETTERS):
            return RedirectResponse("/figures", 303)  # who may see no letters sees what they add up to
        situation = await self.desk.situations.read(visitor.own_agency)
        wanted = LogFilters(kind="envelope.refused", agency=visitor.own_agency or "")
        refused = await self.desk.ledger.read(log_pages.page, wanted, limit=REFUSALS_SHOWN)
        entries = [entry for entry in refused.entries if situation.at - entry.at <= DAY]
        rewritten = await self._rewritten(visitor)
        alerts = await self._alerts(visitor, situation.at)
        names = await self.desk.ledger.read(journey.names_of, [*entries, *alerts])
        profile = self.desk.context.policy.profile
        answers = await self.desk.engines.answers()
        calm_or_not = headline(situation, answers.get("broker", True) or situation.condition is None)
        values = {
            "situation": situation,
            "figures": situation.figures,
            "headline": sealing.rewritten(rewritten, "/log/proof") if rewritten else calm_or_not,
            "chart": chart(situation.hours),
            "own_agency": visitor.own_agency,
            "engines": engines(situation, answers, time_stamped=self.desk.context.time_stamped),
            "reasons": [(one, explain(one.code).title(language.current.get())) for one in situation.refusals[:REASONS]],
            "expiring": [(days, _days(days), count) for days, count in situation.expiring.items() if count],
            "refusals": [(entry, findings(entry, profile)[:1]) for entry in entries],
            "rewritten": rewritten,
            "alerts": [_alert(entry, names) for entry in alerts],
            "deferrals": [(one, explain(one.code).title(language.current.get())) for one in situation.deferrals],
            "scanned": self.desk.context.policy.scanner is not None,
            "names": names,
        }
        return self.desk.page(request, "overview/page.html", values, section="overview")

    async def _rewritten(self, visitor: Visitor) -> list[LogTrouble]:
        """Nothing on this page matters as much: this log, or one that the hub watches, is not what was signed."""
        if not visitor.reads_log:
            return []
        return [one for one in await self.desk.ledger.read(log_troubles.every) if one.kind == "rewritten"]

    async def _alerts(self, visitor: Visitor, now: datetime) -> list[Entry]:
        """The alerts of the last day, the newest first; they are the operator's, not an agency's."""
        if not visitor.reads_log:
            return []
        found: list[Entry] = []
        for wanted in ALARMING:
            page = await self.desk.ledger.read(log_pages.page, wanted, limit=ALERTS_SHOWN)
            found += [entry for entry in page.entries if now - entry.at <= DAY]
        return sorted(found, key=lambda entry: entry.at, reverse=True)[:ALERTS_SHOWN]


def _days(count: int) -> str:
    return language.ngettext("%(num)d day", "%(num)d days", count) % {"num": count}


def _alert(entry: Entry, names: Names) -> Alert:
    later = entry.kind == Event.REVOCATION_SETTLED
    title = sentence(entry, names) if later else explain(entry.code).title(language.current.get())
    accepted = f"/envelopes/{entry.envelope_id}"
    link = accepted if entry.envelope_id else with_query("/refusals", {"outcome": "refused", "code": entry.code})
    return Alert(entry.at, title, who_sent(entry, names), entry.document_id, link)
