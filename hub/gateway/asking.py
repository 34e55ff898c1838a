"""The parameters of an auditor's question, the same for every list, file and proof under ``/v1/audit``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from hub import clock
from hub.audit import Entry, Event
from hub.ledger.questions import DIRECTIONS, LONGEST, OUTCOMES, Question

Text = Annotated[str | None, Query(max_length=LONGEST)]
Moment = Annotated[str | None, Query(max_length=40)]
_BEGIN = "inclusive; a time (RFC 3339), or a day (Vietnam's)"
_END = "exclusive; a time (RFC 3339), or a day (Vietnam's) with its end"


def question(
    since: Annotated[Moment, Query(description=_BEGIN)] = None,
    until: Annotated[Moment, Query(description=_END)] = None,
    agency: Annotated[Text, Query(description="an entry's agency; a letter's sender or recipient")] = None,
    direction: Annotated[Text, Query(description=f"seen from `agency`: {', '.join(DIRECTIONS)}")] = None,
    sender: Annotated[Text, Query(alias="from", description="the letter's sender")] = None,
    recipient: Annotated[Text, Query(alias="to", description="a recipient of the letter")] = None,
    document_id: Text = None,
    number: Text = None,
    notation: Text = None,
    words: Annotated[Text, Query(description="all of them, with or without diacritics")] = None,
    document_type: Text = None,
    business_type: Annotated[Text, Query(description="0 new, 1 recall, 2 update, 3 replacement")] = None,
    outcome: Annotated[Text, Query(description=", ".join(OUTCOMES))] = None,
    code: Annotated[Text, Query(description="an entry's code; a refusal's; a recipient's business status")] = None,
    actor: Annotated[Text, Query(description="a system's identifier, or `person:` and the login")] = None,
    kind: Annotated[Text, Query(description="of an entry, or its first part: `delivery.dead`, `delivery`")] = None,
    envelope: Text = None,
) -> Question:
    given = {
        "since": since, "until": until, "agency": agency, "direction": direction, "from": sender, "to": recipient,
        "document_id": document_id, "number": number, "notation": notation, "words": words,
        "document_type": document_type, "business_type": business_type, "outcome": outcome, "code": code,
        "actor": actor, "kind": kind, "envelope": envelope,
    }  # fmt: skip
    return Question.of(given)


Asked = Annotated[Question, Depends(question)]


def queried(actor: str, what: str, asked: Question, count: int) -> Entry:
    """That a page was read, for the log."""
    detail = {"what": what, "filters": asked.filters(), "entries": count}
    return Entry(Event.LOG_QUERIED, clock.now(), actor=actor, detail=detail)
