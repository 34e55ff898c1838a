"""What an auditor asks of the log and of the letters: one value for the API, the pages and the command line.

Two lists answer it: *entries* of the exchange log (``question_entries``) and *messages*, one for each envelope and
recipient (``question_messages``). A field that is empty asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hub.clock import VIETNAM, parse_rfc3339, rfc3339
from hub.language.folding import words_of
from hub.problems import Refused

LONGEST = 200
MOST_WORDS = 20
DIRECTIONS = ("sent", "received", "either")
# letters "from" an agency "to" another: names outside, for fields that cannot be called so here
NAMES = {"sender": "from", "recipient": "to"}
# accepted: whatever became of it; refused: by the hub; declined: by its recipient
OUTCOMES = ("accepted", "waiting", "delivered", "declined", "dead", "withdrawn", "overdue", "refused")


@dataclass(frozen=True, slots=True)
class Question:
    """``since`` is inclusive, ``until`` exclusive; entries are of the moment they say, messages of their acceptance.

    ``agency`` alone is, of entries, the agency an entry names and, of messages, sender or recipient. With a
    ``direction`` it is the letter's sender, recipient or either. ``words`` are words of number, notation, document id,
    sender's code and subject, all of which must be there, with or without diacritics. ``code`` is an entry's code; of
    messages the refusal's code or the recipient's business status.
    """

    since: datetime | None = None
    until: datetime | None = None
    agency: str = ""
    direction: str = ""
    sender: str = ""
    recipient: str = ""
    document_id: str = ""
    number: str = ""
    notation: str = ""
    words: str = ""
    document_type: str = ""
    business_type: int | None = None
    outcome: str = ""
    code: str = ""
    actor: str = ""
    kind: str = ""
    envelope: str = ""

    @property
    def asks_of_letters(self) -> bool:
        """Whether anything is asked that an entry does not say itself. A refusal has no letter behind it."""
        of_letter = (self.sender, self.recipient, self.number, self.notation, self.words, self.document_type)
        outcome = self.outcome not in ("", "refused")
        return any(of_letter) or self.business_type is not None or outcome or bool(self.agency and self.direction)

    def filters(self) -> dict[str, str]:
        """What is asked for, as text by name: for the log, an address, a saved question. ``of`` reads it again."""
        found: dict[str, str] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and value != "":
                name = NAMES.get(one.name, one.name)
                found[name] = rfc3339(value) if isinstance(value, datetime) else str(value)
        return found

    @classmethod
    def of(cls, given: Mapping[str, str | None]) -> Question:
        """A question from text by name. A time is RFC 3339, or a day: Vietnam's, ``until`` with that day's end.

        Unknown names are passed over. Raises ``Refused('request-invalid')`` naming the field.
        """
        values: dict[str, Any] = {}
        for one in fields(cls):
            name = NAMES.get(one.name, one.name)
            text = (given.get(name) or "").strip()
            if text:
                values[one.name] = _value(name, text)
        asked = cls(**values)
        if asked.since is not None and asked.until is not None and asked.since >= asked.until:
            raise Refused("request-invalid", "it ends before it begins", "until")
        return asked


def _value(name: str, text: str) -> Any:
    if len(text) > LONGEST or "\0" in text:
        raise Refused("request-invalid", f"at most {LONGEST} characters, no NUL", name)
    if name in ("since", "until"):
        return _moment(name, text)
    if name == "business_type":
        if text not in ("0", "1", "2", "3"):
            raise Refused("request-invalid", "0, 1, 2 or 3", name)
        return int(text)
    choices = {"direction": DIRECTIONS, "outcome": OUTCOMES}.get(name)
    if choices is not None and text not in choices:
        raise Refused("request-invalid", f"one of {', '.join(choices)}", name)
    if name == "words" and not 0 < len(words_of(text)) <= MOST_WORDS:
        raise Refused("request-invalid", f"1 to {MOST_WORDS} words", name)
    return text


def _moment(name: str, text: str) -> datetime:
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text) + timedelta(days=name == "until")
            moment = datetime.combine(day, time(), VIETNAM)
        else:
            moment = parse_rfc3339(text)
        if not 1970 < moment.year < 2200:
            raise ValueError("no such year")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("request-invalid", "a time (RFC 3339) or a day", name) from error
