"""A small archive of letters and entries with all that can be asked for, and what each question should find in it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from hub.language.folding import words_of
from hub.ledger import Ledger, tables
from hub.ledger.question_letters import STATES
from hub.ledger.questions import Question
from tests.dashboard.seeding import id_at

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
CODES = ("G22", "H33", "H33.01", "H40")
SUBJECTS = ("Kế hoạch chuyển đổi số", "Về việc đón đoàn", "Đề nghị (gấp): kế hoạch năm 2027", "50% kinh phí_dự phòng")
KINDS = ("delivery.ready", "delivery.settled", "status.received", "delivery.dead")


@dataclass
class Archive:
    """``letters``, ``deliveries`` and ``entries`` are rows by column, entries in commit order."""

    letters: dict[str, dict[str, Any]] = field(default_factory=dict)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    draw: random.Random = field(default_factory=lambda: random.Random(5))

    def letter(self, at: datetime) -> None:
        draw = self.draw
        sender, number = draw.choice(CODES), str(draw.randrange(1, 6))
        row: dict[str, Any] = {
            "id": id_at(at, draw), "sender_code": sender, "sender_system_id": "s", "number": number,
            "document_id": f"vb.{len(self.letters)}", "business_type": draw.choice((0, 0, 1)), "profile": "p",
            "notation": draw.choice(("QĐ-UBND", "TB")), "promulgated_on": date(2026, 5, 1), "due_on": None,
            "document_type": draw.choice(("Công văn", "Quyết định")), "subject": draw.choice(SUBJECTS), "priority": 0,
            "sha256": "0" * 64, "size": 1, "received_at": at, "details": {},
        }  # fmt: skip
        row["search"] = tables.search_text(number, row["notation"], row["document_id"], sender, row["subject"])
        self.letters[row["id"]] = row
        self.entry("envelope.accepted", at, sender, row)
        for code in draw.sample([one for one in CODES if one != sender], draw.randrange(1, 4)):
            self._delivery(row, code, at)

    def _delivery(self, letter: dict[str, Any], code: str, at: datetime) -> None:
        state = self.draw.choice(("ready", "settled", "settled", "refused", "dead", "withdrawn"))
        ended = state != "ready"
        self.deliveries.append(
            {
                "id": id_at(at, self.draw), "envelope_id": letter["id"], "recipient_code": code, "system_id": "s",
                "state": state, "priority": 0, "since": at, "available_at": None if ended else at,
                "closed_at": at if ended else None, "status_code": "03" if state == "settled" else None,
                "confirm_by": None if ended else at + timedelta(days=self.draw.choice((2, 60))), "round": 1,
            }
        )  # fmt: skip
        self.entry(self.draw.choice(KINDS), at + timedelta(hours=self.draw.randrange(30)), code, letter)

    def entry(self, kind: str, at: datetime, agency: str, letter: dict[str, Any] | None = None, code: str = "") -> None:
        draw = self.draw
        self.entries.append(
            {
                "id": id_at(at, draw), "tx": 0, "at": at, "kind": kind, "agency_code": agency, "delivery_id": "",
                "actor": draw.choice(("person:lan", "system-1", "courier")), "code": code, "detail": {"n": 1},
                "envelope_id": letter["id"] if letter else "", "document_id": letter["document_id"] if letter else "",
            }
        )  # fmt: skip

    def fill(self, letters: int) -> None:
        at = BEGIN
        for n in range(letters):
            at += timedelta(hours=self.draw.randrange(1, 12), microseconds=n)
            self.letter(at)
            if n % 7 == 0:
                self.entry(
                    "envelope.refused", at, self.draw.choice(CODES), code=self.draw.choice(("xml-dtd", "edxml-root"))
                )
        self.entries.sort(key=lambda row: row["at"])

    def store(self, ledger: Ledger) -> None:
        def write(transaction: Any) -> None:
            transaction.execute(insert(tables.envelope), list(self.letters.values()))
            transaction.execute(insert(tables.delivery), self.deliveries)
            transaction.execute(insert(tables.audit_entry), self.entries)

        ledger.write_now(write)

    # ---- what should be found

    def messages(self, asked: Question) -> list[tuple[str, str]]:
        """Envelope and recipient, newest first."""
        found = [
            (one["envelope_id"], one["recipient_code"])
            for one in self.deliveries
            if self._is_message(asked, self.letters[one["envelope_id"]], one)
        ]
        return sorted(found, reverse=True)

    def found_entries(self, asked: Question) -> list[str]:
        """Identifiers in commit order."""
        return [one["id"] for one in self.entries if self._is_entry(asked, one)]

    def _is_message(self, asked: Question, letter: dict[str, Any], delivery: dict[str, Any]) -> bool:
        logged = [
            one for one in self.entries
            if one["envelope_id"] == letter["id"] and _entry_is(Question(kind=asked.kind, actor=asked.actor), one)
        ]  # fmt: skip
        parties = {letter["sender_code"], delivery["recipient_code"]}
        return (
            _letter_is(asked, letter) and _delivery_is(asked, delivery) and bool(logged)
            and (not asked.agency or asked.direction in ("sent", "received") or asked.agency in parties)
            and asked.code in ("", delivery["status_code"])
            and asked.document_id in ("", letter["document_id"]) and asked.envelope in ("", letter["id"])
            and _in_time(asked, letter["received_at"])
        )  # fmt: skip

    def _is_entry(self, asked: Question, entry: dict[str, Any]) -> bool:
        own = _entry_is(asked, entry) and _in_time(asked, entry["at"])
        return own and (not asked.asks_of_letters or self._about(asked, entry))

    def _about(self, asked: Question, entry: dict[str, Any]) -> bool:
        letter = self.letters.get(entry["envelope_id"])
        if letter is None or not _letter_is(asked, letter):
            return False
        to = [one for one in self.deliveries if one["envelope_id"] == letter["id"] and _delivery_is(asked, one)]
        of_one = asked.recipient or asked.outcome not in ("", "accepted") or asked.direction == "received"
        if asked.agency and asked.direction == "either":
            received = any(one["recipient_code"] == asked.agency for one in to)
            return received or (letter["sender_code"] == asked.agency and (bool(to) or not of_one))
        return bool(to) or not of_one


def _in_time(asked: Question, at: datetime) -> bool:
    return (asked.since is None or at >= asked.since) and (asked.until is None or at < asked.until)


def _entry_is(asked: Question, entry: dict[str, Any]) -> bool:
    wanted = {
        "document_id": asked.document_id, "envelope_id": asked.envelope, "code": asked.code, "actor": asked.actor,
        "agency_code": "" if asked.direction else asked.agency,
        "kind": "envelope.refused" if asked.outcome == "refused" else "",
    }  # fmt: skip
    kind = entry["kind"]
    of_kind = asked.kind in ("", kind) or kind.startswith(f"{asked.kind}.")
    return of_kind and all(entry[name] == value for name, value in wanted.items() if value)


def _letter_is(asked: Question, letter: dict[str, Any]) -> bool:
    wanted = {
        "sender_code": asked.sender, "number": asked.number, "notation": asked.notation,
        "document_type": asked.document_type,
    }  # fmt: skip
    return (
        all(letter[name] == value for name, value in wanted.items() if value)
        and asked.business_type in (None, letter["business_type"])
        and set(words_of(asked.words)) <= set(words_of(letter["search"]))
        and not (asked.agency and asked.direction == "sent" and letter["sender_code"] != asked.agency)
    )


def _delivery_is(asked: Question, delivery: dict[str, Any]) -> bool:
    overdue = delivery["confirm_by"] is not None and delivery["confirm_by"] < datetime.now(UTC)
    states = STATES.get(asked.outcome)
    return (
        asked.recipient in ("", delivery["recipient_code"])
        and not (asked.agency and asked.direction == "received" and delivery["recipient_code"] != asked.agency)
        and (states is None or delivery["state"] in states)
        and (asked.outcome != "overdue" or overdue)
    )
