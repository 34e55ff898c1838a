"""The agencies' own books, kept without trusting the hub, and the counts that come of comparing both."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from adapters.client.replies import Acceptance


class Books:
    """What senders were promised and recipients were shown; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent: dict[str, str] = {}  # document id → SHA-256
        self.accepted: dict[str, Acceptance] = {}  # document id → first answer
        self.shown: Counter[str] = Counter()  # delivery → times
        self.intact: set[str] = set()  # deliveries whose content had the sent digest
        self.settled: dict[str, float] = {}  # delivery → when the answer came
        self.after_settlement: list[str] = []
        self.wrong: list[str] = []

    @property
    def progress(self) -> int:
        with self._lock:
            return len(self.accepted) + len(self.settled)

    def promise(self, document_id: str, answer: Acceptance) -> None:
        with self._lock:
            first = self.accepted.setdefault(document_id, answer)
            if first["acknowledgement"] != answer["acknowledgement"]:
                self.wrong.append(f"{document_id}: two different acknowledgements")

    def show(self, deliveries: Iterable[str], asked_at: float) -> None:
        """An inbox answered; ``asked_at`` is when the question went out."""
        with self._lock:
            for delivery in deliveries:
                self.shown[delivery] += 1
                if self.settled.get(delivery, asked_at) < asked_at:
                    self.after_settlement.append(delivery)

    def receive(self, delivery: str, document_id: str, digest: str) -> None:
        with self._lock:
            if self.sent.get(document_id) == digest:
                self.intact.add(delivery)
            else:
                self.wrong.append(f"{delivery}: {document_id} came with the digest {digest}")

    def close(self, delivery: str) -> None:
        with self._lock:
            self.settled.setdefault(delivery, time.monotonic())

    def expected(self) -> dict[str, str]:
        """Every delivery that was promised, with its envelope."""
        with self._lock:
            return {one["delivery"]: answer["id"] for answer in self.accepted.values() for one in answer["recipients"]}


@dataclass
class Tally:
    """The counts of one scenario. The last ones must be zero."""

    sent: int = 0
    accepted: int = 0
    deliveries_expected: int = 0
    delivered_intact: int = 0
    settled: int = 0
    repeated_publications: int = 0
    shown_again_before_settlement: int = 0
    not_delivered: int = 0
    not_settled: int = 0
    shown_after_settlement: int = 0
    acknowledged_but_not_in_the_log: int = 0
    wrong: int = 0
    remarks: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def verify(self) -> None:
        """Raises ``AssertionError`` when a promise was broken."""
        assert self.accepted == self.sent, self
        assert self.deliveries_expected > 0, self
        assert self.delivered_intact == self.settled == self.deliveries_expected, self
        broken = {
            name: getattr(self, name)
            for name in (
                "not_delivered",
                "not_settled",
                "shown_after_settlement",
                "acknowledged_but_not_in_the_log",
                "wrong",
            )
        }
        assert not any(broken.values()), (broken, self.remarks)


def tally(books: Books, log: list[dict[str, Any]], states: Mapping[str, str]) -> Tally:
    """Compare the books with the exchange log (commit order) and the senders' view of every delivery."""
    expected = books.expected()
    logged = {entry["envelope"] for entry in log if entry["kind"] == "envelope.accepted"}
    publications = Counter(entry["delivery"] for entry in log if entry["kind"] == "delivery.published")
    missing = [one["id"] for one in books.accepted.values() if one["id"] not in logged]
    undelivered = [delivery for delivery in expected if delivery not in books.intact]
    unsettled = [delivery for delivery in expected if states.get(delivery) != "settled"]
    late = [*books.after_settlement, *_leased_after_settlement(log)]
    twice = _accepted_twice(log)
    return Tally(
        sent=len(books.sent),
        accepted=len({one["acknowledgement"] for one in books.accepted.values()}),
        deliveries_expected=len(expected),
        delivered_intact=len(books.intact & expected.keys()),
        settled=len(expected) - len(unsettled),
        repeated_publications=sum(count - 1 for count in publications.values()),
        shown_again_before_settlement=sum(count - 1 for count in books.shown.values()) - len(books.after_settlement),
        not_delivered=len(undelivered),
        not_settled=len(unsettled),
        shown_after_settlement=len(late),
        acknowledged_but_not_in_the_log=len(missing),
        wrong=len(books.wrong) + len(twice),
        remarks=[*books.wrong, *twice, *(f"{one}: shown after its settlement" for one in late), *missing][:20],
    )


def _leased_after_settlement(log: list[dict[str, Any]]) -> list[str]:
    settled: set[str] = set()
    late = []
    for entry in log:
        if entry["kind"] == "delivery.settled":
            if entry["delivery"] in settled:
                late.append(entry["delivery"])
            settled.add(entry["delivery"])
        elif entry["kind"] == "delivery.leased" and entry["delivery"] in settled:
            late.append(entry["delivery"])
    return late


def _accepted_twice(log: list[dict[str, Any]]) -> list[str]:
    accepted: dict[str, set[str]] = defaultdict(set)
    for entry in log:
        if entry["kind"] == "envelope.accepted":
            accepted[entry["document_id"]].add(entry["envelope"])
    return [f"{document}: {len(ids)} envelopes" for document, ids in accepted.items() if len(ids) > 1]
