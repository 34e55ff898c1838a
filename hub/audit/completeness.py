"""Check, offline, that a list of letters from A to B in a time is complete: while ``verify_log`` shows every leaf.

The file holds all leaves of a stretch of the log, so none can be left out of it. A letter is in the list if and only if
its leaf ``envelope.accepted`` says sender, recipient and a time within. The first and the last entry of the stretch lie
outside the time by the margin. What this does not prove: that no entry was given a time that is wrong by more than the
margin when it was written, and sealed elsewhere; nor, where the stretch ends with the log, what is accepted later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hub.audit.canonical import canonical
from hub.audit.verify_log import Wrong

ACCEPTED = "envelope.accepted"
RECEIPT = "receipt.issued"
_TEXTS = ("from", "to", "since", "until")


@dataclass(slots=True)
class Answer:
    """What the leaves of one file answer. ``open_end``: the stretch ends where the log ended, inside time or margin."""

    sender: str
    recipient: str
    since: datetime
    until: datetime
    margin: timedelta
    claimed: list[str]
    recipients: Mapping[str, Any]
    found: list[str] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None
    open_end: bool = False

    @classmethod
    def of(cls, question: Any) -> Answer:
        """Raises ``ValueError`` for what is no question of this kind."""
        if not isinstance(question, dict) or not all(isinstance(question.get(name), str) for name in _TEXTS):
            raise ValueError("the question does not say from whom to whom, and when")
        matches, margin, lists = question.get("matches"), question.get("margin"), question.get("recipients", {})
        if not isinstance(matches, list) or type(margin) is not int or margin < 0 or not isinstance(lists, dict):
            raise ValueError("the question has no matches, or no margin")
        since, until = (datetime.fromisoformat(question[name]) for name in ("since", "until"))
        if since.tzinfo is None or until.tzinfo is None or since >= until:
            raise ValueError("the question's time is none")
        return cls(question["from"], question["to"], since, until, timedelta(seconds=margin), matches, lists)

    def add(self, leaf: Mapping[str, Any]) -> None:
        """Raises ``ValueError``."""
        if leaf["kind"] == RECEIPT:
            return
        at = datetime.fromisoformat(leaf["at"])
        self.first = self.first or at
        self.last = at
        asked = leaf["kind"] == ACCEPTED and leaf.get("agency") == self.sender and self.since <= at < self.until
        if asked and self.recipient in self._recipients(leaf):
            self.found.append(leaf["envelope"])

    def _recipients(self, leaf: Mapping[str, Any]) -> list[str]:
        """All of them: where the leaf had no room for all, the question brings the list whose digest the leaf has."""
        detail = leaf["detail"]
        cut = detail.get("shortened", {}).get("recipients")
        if cut is None:
            return list(detail.get("recipients", []))
        whole = self.recipients.get(leaf["envelope"])
        if not isinstance(whole, list) or hashlib.sha256(canonical(whole)).hexdigest() != cut["sha256"]:
            raise ValueError(f"the recipients of {leaf['envelope']} are not those that the leaf has the digest of")
        return whole

    def judge(self, header: Mapping[str, Any]) -> None:
        """Raises ``ValueError`` with what is not as the question says."""
        if self.found != self.claimed:
            lacking = [one for one in self.found if one not in self.claimed]
            more = [one for one in self.claimed if one not in self.found]
            raise ValueError(f"the list is not what the leaves say; lacking: {lacking[:5]}, too many: {more[:5]}")
        early = self.first is not None and self.first < self.since - self.margin
        if header["from"] > 0 and not early:
            raise ValueError("the stretch begins inside the time or its margin: there may be letters before it")
        late = self.last is not None and self.last >= self.until + self.margin
        if header["to"] < header["size"] and not late:
            raise ValueError("the stretch ends inside the time or its margin: there may be letters behind it")
        self.open_end = not late


class Completeness:
    """A ``verify_log.Watch`` for files that answer a question, and what they answered, by their first leaf."""

    def __init__(self) -> None:
        self.answers: dict[int, Answer] = {}

    def __call__(self, header: Mapping[str, Any], number: int, leaf: Mapping[str, Any]) -> None:
        if "question" not in header:
            return
        line = number - header["from"] + 2
        try:
            if number == header["from"]:
                self.answers[number] = Answer.of(header["question"])
            answer = self.answers[header["from"]]
            answer.add(leaf)
            if number == header["to"] - 1:
                line = 1
                answer.judge(header)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Wrong(f"{header['origin']} {header['from']}…{header['to'] - 1}", line, str(error)) from error
