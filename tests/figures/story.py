"""A quarter of exchange made by chance: letters, and all that can become of them, in the order in which it happened."""

from __future__ import annotations

import hashlib
import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from hub.audit import Entry, Event
from hub.clock import VIETNAM
from hub.ledger import Ledger, Transaction, exchange_log, tables
from hub.receipts.business_status import may_follow

BEGIN = datetime(2026, 8, 20, 8, tzinfo=VIETNAM)
END = datetime(2026, 11, 22, 8, tzinfo=VIETNAM)
# code, parent
TREE = (("H33", None), ("H33.07", "H33"), ("H33.21", "H33"), ("H33.21.03", "H33.21"), ("G09", None))
OFFICES = [code for code, _ in TREE]
CODES = ("01", "02", "03", "04", "05", "06", "07", "15")


@dataclass
class Sent:
    """One delivery of the story."""

    id: str
    envelope_id: str
    sender: str
    recipient: str
    round: int
    confirm_by: datetime | None
    process_by: datetime | None
    state: str = "pending"
    status: str | None = None
    superseded_by: str | None = None


@dataclass
class Story:
    """``write`` puts it into a ledger: rows as they ended, entries in order."""

    seed: int
    letters: int = 60
    envelopes: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[Sent] = field(default_factory=list)
    events: list[tuple[datetime, int, Entry]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        for _ in range(self.letters):
            self._letter(self._between(BEGIN, END - timedelta(days=3)))
        for _ in range(25):
            at = self._between(BEGIN, END)
            code = self.chance.choice(("certificate-expired", "attachment-malware", "metadata-missing"))
            self._say(at, Event.ENVELOPE_REFUSED, agency_code=self.chance.choice((*OFFICES, "")), code=code)
            self._say(at, Event.PERSON_LOGIN_FAILED, actor="person:truc")
        self.events.sort(key=lambda one: one[:2])

    def write(self, ledger: Ledger) -> None:
        ledger.write_now(self._registry)
        ledger.write_now(self._rows)
        for start in range(0, len(self.events), 50):
            some = [entry for _, _, entry in self.events[start : start + 50]]
            ledger.write_now(exchange_log.append, some)

    def _between(self, first: datetime, last: datetime) -> datetime:
        return first + (last - first) * self.chance.random()

    def _id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128)))

    def _say(self, at: datetime, kind: Event, **values: Any) -> None:
        detail = values.pop("detail", {})
        self.events.append((at, len(self.events), Entry(kind, at, detail=detail, id=self._id(), **values)))

    def _of(self, one: Sent, at: datetime, event: Event, code: str = "", **detail: Any) -> None:
        about = {"agency_code": one.recipient, "envelope_id": one.envelope_id, "delivery_id": one.id, "code": code}
        self._say(at, event, detail={"recipient": one.recipient, **detail}, **about)

    def _letter(self, at: datetime) -> None:
        sender, *recipients = self.chance.sample(OFFICES, self.chance.randint(2, len(OFFICES)))
        identifier = self._id()
        business = self.chance.choice((0, 0, 0, 0, 1, 2, 3))
        signed = self.chance.random() < 0.8
        self.envelopes.append(
            {
                "id": identifier, "sender_code": sender, "sender_system_id": "s", "document_id": identifier,
                "business_type": business, "profile": "qcvn-102-2016", "number": "1", "notation": "UBND",
                "promulgated_on": at.date(), "document_type": "Công văn", "subject": "Về việc thử", "priority": 0,
                "sha256": hashlib.sha256(identifier.encode()).hexdigest(), "size": 1, "received_at": at,
                "details": {"signer": {"subject": "CN=a"} if signed else {}}, "paper": self.chance.choice((0, 1, None)),
            }
        )  # fmt: skip
        about = {"agency_code": sender, "envelope_id": identifier}
        self._say(at, Event.ENVELOPE_ACCEPTED, **about)
        if self.chance.random() < 0.2:
            self._say(at + timedelta(minutes=1), Event.ENVELOPE_REPEATED, **about)
        if signed and self.chance.random() < 0.1:
            code = self.chance.choice(("certificate-revoked", ""))
            self._say(at + timedelta(hours=5), Event.REVOCATION_SETTLED, code=code, **about)
        for code in recipients:
            self._course(self._delivery(identifier, sender, code, at, 1), at)

    def _delivery(self, envelope_id: str, sender: str, recipient: str, at: datetime, number: int) -> Sent:
        confirm = at + timedelta(hours=self.chance.choice((4, 24, 24 * 20)))
        process = self.chance.choice((None, at + timedelta(days=self.chance.randint(1, 40))))
        made = Sent(self._id(), envelope_id, sender, recipient, number, confirm, process)
        self.deliveries.append(made)
        return made

    def _course(self, one: Sent, at: datetime) -> None:
        """What becomes of a delivery, until the story ends or nothing more happens."""
        for _ in range(self.chance.randint(0, 9)):
            at += timedelta(hours=self.chance.expovariate(1 / 60))
            if at >= END:
                return
            if one.state == "pending":
                self._first(one, at)
            elif one.state == "settled":
                self._office(one, at)
            if one.state in ("dead", "refused", "settled") and self.chance.random() < 0.15:
                at += timedelta(hours=2)
                one = self._again(one, at)

    def _first(self, one: Sent, at: datetime) -> None:
        kind = self.chance.choices(("settled", "dead", "refused", "withdrawn"), (12, 1, 1, 1))[0]
        one.state = kind
        self._of(one, at, Event(f"delivery.{kind}"), "expired" if kind == "dead" else "")

    def _office(self, one: Sent, at: datetime) -> None:
        chance = self.chance.random()
        if chance < 0.05:
            self._of(one, at, Event.CHANGE_ASKED, kind="recall")
            one.status = "13"
        elif chance < 0.1 and one.status == "13":
            # an answer stands under the envelope that asked
            self._of(one, at, Event.CHANGE_ANSWERED, "15")
            *_, (_, _, entry) = self.events
            other = self.chance.choice(self.envelopes)["id"]
            self.events[-1] = (at, len(self.events) - 1, Entry(**_fields(entry) | {"envelope_id": other}))
            one.status = "15"
        else:
            code = self.chance.choice(CODES)
            self._of(one, at, Event.STATUS_RECEIVED, code)
            if one.status is None or one.status in may_follow(code):
                one.status = code

    def _again(self, one: Sent, at: datetime) -> Sent:
        new = self._delivery(one.envelope_id, one.sender, one.recipient, at, one.round + 1)
        one.superseded_by, new.status = new.id, one.status
        self._of(new, at, Event.DELIVERY_REPLAYED, previous=one.id)
        return new

    def _registry(self, transaction: Transaction) -> None:
        system = {"id": "s", "name": "s", "channel": "pull", "client_id": "s", "secret_sha256": "", "created_at": BEGIN}
        transaction.execute(insert(tables.system).values(system))
        for code, parent in TREE:
            of = {"name": f"Cơ quan {code}", "system_id": "s", "parent_code": parent, "level": code.count(".") + 1}
            transaction.execute(insert(tables.agency).values(code=code, changed_at=BEGIN, revision=1, **of))

    def _rows(self, transaction: Transaction) -> None:
        transaction.execute(insert(tables.envelope), self.envelopes)
        final = ("settled", "dead", "refused", "withdrawn")
        rows = [
            {
                "id": one.id, "envelope_id": one.envelope_id, "recipient_code": one.recipient, "system_id": "s",
                "state": one.state, "priority": 0, "since": BEGIN, "round": one.round, "confirm_by": one.confirm_by,
                "process_by": one.process_by, "status_code": one.status, "superseded_by": one.superseded_by,
                "closed_at": BEGIN if one.state in final else None,
            }
            for one in self.deliveries
        ]  # fmt: skip
        transaction.execute(insert(tables.delivery), rows)


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def misremember(transaction: Transaction, table: Any, month: str, **values: Any) -> None:
    """Make sums of a month wrong."""
    transaction.execute(update(table).where(table.c.month == month).values(**values))
