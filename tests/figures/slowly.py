"""The monthly figures by another way: month by month and agency by agency, from the entries of the log alone.

It knows nothing of cases or of what was counted before: every question goes through the whole log again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.clock import VIETNAM
from hub.ledger import Ledger, exchange_log
from hub.ledger.exchange_log import LogQuery
from tests.figures.story import TREE, Story

_RANK = {"01": 1, "03": 2, "04": 3, "05": 4, "06": 5, "02": 6, "13": 7, "15": 8, "16": 8}
_OVER = {"02", "06", "13", "15", "16"}
_ENDS = {"delivery.refused", "delivery.dead", "delivery.withdrawn"}


@dataclass
class Slowly:
    """``story`` tells deadlines, kinds of letters and the tree; what happened is read from the ledger's log."""

    story: Story
    ledger: Ledger

    def __post_init__(self) -> None:
        self.log, _ = self.ledger.read_now(exchange_log.query, LogQuery(), None, 1_000_000)
        self.letters = {one["id"]: one for one in self.story.envelopes}
        self.sent = {one.id: one for one in self.story.deliveries}

    def below(self, code: str, scope: str) -> set[str]:
        """The agencies of a scope; the hub's branch holds those that are in no register too."""
        if scope == "own":
            return {code}
        if not code:
            return {one for one, _ in TREE} | {""}
        found = {code}
        for one, parent in TREE:  # parents come first
            if parent in found:
                found.add(one)
        return found

    def measures(self, code: str, scope: str, month: str) -> dict[str, int]:
        whose, counts = self.below(code, scope), dict[str, int]()

        def add(name: str, number: int = 1) -> None:
            counts[name] = counts.get(name, 0) + number

        for entry in self.log:
            if entry["kind"] == "envelope.refused" and entry["agency_code"] in whose and _month(entry["at"]) == month:
                add("refused")
            if entry["kind"] == "envelope.accepted" and entry["agency_code"] in whose and _month(entry["at"]) == month:
                self._sent(entry["envelope_id"], add)
        for pair, entries in self._pairs(whose).items():
            if self.letters[pair[0]]["business_type"] in (0, 3):
                self._received(self.letters[pair[0]], entries, month, add)
        if number := self.overdue_change(whose, month):
            add("overdue", number)
        return {name: number for name, number in counts.items() if number}

    def _sent(self, envelope_id: str, add: Any) -> None:
        letter = self.letters[envelope_id]
        if letter["business_type"] not in (0, 3):
            return
        revoked = any(
            one["kind"] == "revocation.settled" and one["code"] and one["envelope_id"] == envelope_id
            for one in self.log
        )
        _kinds("sent", letter, add, signed=not revoked)
        add("addressed", sum(one.envelope_id == envelope_id and one.round == 1 for one in self.sent.values()))

    def _pairs(self, whose: set[str]) -> dict[tuple[str, str], list[dict[str, Any]]]:
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for one in self.sent.values():
            if one.recipient in whose:
                found[one.envelope_id, one.recipient] = []
        for entry in self.log:
            meant = self.sent.get(entry["delivery_id"])
            if meant is not None and meant.recipient in whose:
                found[meant.envelope_id, meant.recipient].append(entry)
        return found

    def _received(self, letter: dict[str, Any], entries: list[dict[str, Any]], month: str, add: Any) -> None:
        taken = [one for one in entries if one["kind"] == "delivery.settled"]
        if taken and _month(taken[0]["at"]) == month:
            _kinds("received", letter, add)
        for place, one in enumerate(entries):
            before = [other for other in entries[:place] if other["kind"] == "status.received"]
            here = _month(one["at"]) == month
            if here and one["kind"] in ("delivery.refused", "delivery.dead", "delivery.withdrawn"):
                names = {"delivery.refused": "returned", "delivery.dead": "undelivered"}
                add(names.get(one["kind"], "withdrawn"))
            if not here or one["kind"] != "status.received":
                continue
            current = self._current(entries[:place], letter)
            if current.status is None and current.waiting:
                add("confirmed_on_time" if one["at"] <= current.confirm_by else "confirmed_late")
            if one["code"] in ("03", "04", "05", "06") and not any(
                other["code"] in ("03", "04", "05", "06") for other in before
            ):
                add("accepted")
            if one["code"] == "06" and not any(other["code"] == "06" for other in before):
                add("finished")
                if current.process_by is not None:
                    add("finished_on_time" if one["at"] <= current.process_by else "finished_late")
            if one["code"] == "02" and current.status != "02":
                add("returned")

    def _current(self, entries: list[dict[str, Any]], letter: dict[str, Any]) -> Now:
        """How a letter stands at a recipient after these entries."""
        now = Now()
        for entry in entries:
            one = self.sent[entry["delivery_id"]]
            if now.confirm_by is None or entry["kind"] == "delivery.replayed":
                now.confirm_by, now.process_by = one.confirm_by, one.process_by
            if entry["kind"] == "delivery.replayed":
                now.waiting = True
            if entry["kind"] in _ENDS:
                now.waiting = False
            if entry["kind"] == "change.asked":
                now.status = "13"
            if entry["kind"] == "change.answered":
                now.status = entry["code"]
            if entry["kind"] == "status.received":
                better = _RANK.get(entry["code"], 0) >= _RANK.get(now.status or "", 0)
                now.status = entry["code"] if better or now.status is None else now.status
        return now

    def overdue(self, whose: set[str], moment: datetime) -> int:
        """How many letters were overdue at a moment: each looked at as it stood then."""
        count = 0
        for (envelope_id, recipient), entries in self._pairs(whose).items():
            letter = self.letters[envelope_id]
            if letter["received_at"] >= moment:
                continue
            now = self._current([one for one in entries if one["at"] < moment], letter)
            if now.confirm_by is None:
                [first] = [
                    one
                    for one in self.sent.values()
                    if (one.envelope_id, one.recipient, one.round) == (envelope_id, recipient, 1)
                ]
                now.confirm_by, now.process_by = first.confirm_by, first.process_by
            by = now.confirm_by if now.status is None else None if now.status in _OVER else now.process_by
            count += now.waiting and by is not None and by < moment
        return count

    def overdue_change(self, whose: set[str], month: str) -> int:
        year, number = map(int, month.split("-"))
        since = datetime(year, number, 1, tzinfo=VIETNAM)
        until = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=VIETNAM)
        return self.overdue(whose, until) - self.overdue(whose, since)

    def spans(self, code: str, scope: str, month: str, span: str) -> list[float]:
        """The seconds that each took, in order."""
        whose, found = self.below(code, scope), []
        for (envelope_id, _), entries in self._pairs(whose).items():
            letter = self.letters[envelope_id]
            if letter["business_type"] in (0, 3):
                first = next((one for one in entries if _meant(one, span)), None)
                if first is not None and _month(first["at"]) == month:
                    found.append((first["at"] - letter["received_at"]).total_seconds())
        return sorted(found)


@dataclass
class Now:
    status: str | None = None
    waiting: bool = True
    confirm_by: datetime | None = None
    process_by: datetime | None = None


def nearest_rank(values: list[float], share: float) -> float:
    return values[max(0, math.ceil(share * len(values)) - 1)]


def _meant(entry: dict[str, Any], span: str) -> bool:
    if span == "arrive":
        return bool(entry["kind"] == "delivery.settled")
    codes = ("06",) if span == "finish" else ("03", "04", "05", "06")
    return entry["kind"] == "status.received" and entry["code"] in codes


def _kinds(what: str, letter: dict[str, Any], add: Any, *, signed: bool = True) -> None:
    add(what)
    if signed and letter["details"]["signer"]:
        add(f"{what}_signed")
    if letter["paper"] is not None:
        add(f"{what}_paper" if letter["paper"] == 1 else f"{what}_electronic")


def _month(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%Y-%m}"
