"""A day of exchange between eight agencies, written straight into the tables: what the pages show is then known."""

from __future__ import annotations

import hashlib
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from hub.clock import VIETNAM
from hub.ledger import Ledger, Transaction, migration, overrides, people, tables
from hub.registry.passwords import hash_password
from tests.dashboard.intake_story import exceptions, seen

PASSWORD = "đường-về-quê-xa"

AGENCIES = (
    ("G09", "Bộ Nội vụ", None, 1, "bnv"),
    ("H33", "Ủy ban nhân dân tỉnh Khánh Sơn", None, 1, "khanhson"),
    ("H33.01", "Văn phòng Ủy ban nhân dân tỉnh", "H33", 2, "khanhson"),
    ("H33.07", "Sở Y tế", "H33", 2, "soyte"),
    ("H33.12", "Sở Tài chính", "H33", 2, "sotaichinh"),
    ("H33.21", "Ủy ban nhân dân huyện An Phú", "H33", 3, "anphu"),
    ("H33.21.03", "Ủy ban nhân dân xã Hòa Tiến", "H33.21", 4, "anphu"),
    ("H33.21.04", "Ủy ban nhân dân xã Hòa Sơn", "H33.21", 4, "hoason"),
)

SUBJECTS = (
    ("Công văn", "UBND-VP", "V/v triển khai kết nối, liên thông phần mềm quản lý văn bản năm 2027"),
    ("Kế hoạch", "KH-SYT", "Kế hoạch tiêm chủng mở rộng quý I năm 2027 trên địa bàn tỉnh"),
    ("Quyết định", "QĐ-STC", "Về việc giao dự toán thu, chi ngân sách nhà nước năm 2027"),
    ("Thông báo", "TB-VP", "Kết luận của Chủ tịch Ủy ban nhân dân tỉnh tại phiên họp thường kỳ tháng 11"),
    ("Giấy mời", "GM-UBND", "Họp giao ban công tác cải cách hành chính"),
    ("Báo cáo", "BC-UBND", "Tình hình kinh tế - xã hội, quốc phòng - an ninh tháng 11"),
    ("Tờ trình", "TTr-STC", "Đề nghị phê duyệt danh mục mua sắm tập trung"),
)


def id_at(moment: datetime, seed: random.Random) -> str:
    """A UUIDv7 of that moment."""
    value = int(moment.timestamp() * 1000) << 80 | seed.getrandbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


@dataclass
class Seeder:
    """Writes letters and what became of them. ``now`` is the moment that the story has reached."""

    now: datetime
    random: random.Random = field(default_factory=lambda: random.Random(102))
    number: int = 400
    entries: list[dict[str, Any]] = field(default_factory=list)

    def registry(self, transaction: Transaction) -> None:
        at = self.now - timedelta(days=90)
        systems = sorted({system for *_rest, system in AGENCIES})
        transaction.execute(
            insert(tables.system),
            [
                {
                    "id": f"system-{name}",
                    "name": name,
                    "channel": "pull",
                    "client_id": name,
                    "secret_sha256": hashlib.sha256(name.encode()).hexdigest(),
                    "created_at": at,
                }
                for name in systems
            ],
        )
        transaction.execute(
            insert(tables.agency),
            [
                {
                    "code": code,
                    "name": name,
                    "system_id": f"system-{system}",
                    "parent_code": parent,
                    "level": level,
                    "changed_at": at,
                    "revision": 1,
                }
                for code, name, parent, level, system in AGENCIES
            ],
        )

        transaction.execute(insert(tables.agency_alias).values(alias="000.00.07.H33", code="H33.07", added_at=at))

    def people(self, transaction: Transaction) -> None:
        hashed = hash_password(PASSWORD)
        at = self.now - timedelta(days=30)
        people.add_person(transaction, "truc", "Trực vận hành", ("operator",), hashed, None, at)
        people.add_person(transaction, "kiemtoan", "Kiểm toán viên", ("auditor",), hashed, None, at)
        people.add_person(transaction, "vanthu", "Văn thư Sở Y tế", ("clerk",), hashed, "H33.07", at)

    def entry(self, kind: str, at: datetime, **values: Any) -> None:
        at = min(at, self.now)
        row = {"id": id_at(at, self.random), "tx": 0, "at": at, "kind": kind, "detail": {}, "actor": ""}
        blank = dict.fromkeys(("agency_code", "envelope_id", "delivery_id", "document_id", "code"), "")
        self.entries.append(row | blank | values)

    def write_log(self, transaction: Transaction) -> None:
        """The entries in the order in which they happened."""
        if self.entries:
            transaction.execute(insert(tables.audit_entry), sorted(self.entries, key=lambda row: row["at"]))

    def letter(
        self,
        transaction: Transaction,
        received_at: datetime,
        sender: str,
        recipients: dict[str, str],
        kind: int = 0,
        **given: Any,
    ) -> str:
        """A letter and its deliveries. ``recipients`` maps codes to a state, or to a business status."""
        values = self._head(received_at, sender, kind) | given
        identifier: str = values["id"]
        transaction.execute(insert(tables.envelope).values(**values))
        self.entry(
            "envelope.accepted",
            received_at,
            actor=f"system-{self.system_of(sender)}",
            agency_code=sender,
            envelope_id=identifier,
            document_id=values["document_id"],
        )
        for code, outcome in recipients.items():
            self.delivery(transaction, identifier, values["document_id"], received_at, code, outcome)
        return identifier

    def _head(self, received_at: datetime, sender: str, kind: int) -> dict[str, Any]:
        document_type, notation, subject = SUBJECTS[kind % len(SUBJECTS)]
        self.number += 1
        identifier = id_at(received_at, self.random)
        size = self.random.randrange(20_000, 3_000_000)
        return {
            "id": identifier,
            "sender_code": sender,
            "sender_system_id": f"system-{self.system_of(sender)}",
            "document_id": f"{sender},{received_at:%Y/%m/%d},{self.number}/{notation}",
            "business_type": 0,
            "profile": "qcvn-102-2016",
            "number": str(self.number),
            "notation": notation,
            "promulgated_on": received_at.date(),
            "document_type": document_type,
            "subject": subject,
            "priority": 0,
            "due_on": None,
            "sha256": hashlib.sha256(identifier.encode()).hexdigest(),
            "size": size + 9000,
            "received_at": received_at,
            "details": self._details(sender, f"{self.number}_{notation}.signed.pdf", size),
            "traceparent": "",
            "edition": "",
        }

    def _details(self, sender: str, file: str, size: int) -> dict[str, Any]:
        name = next(name for code, name, *_rest in AGENCIES if code == sender)
        attachment = {"content_id": "1", "name": file, "content_type": "application/pdf", "size": size}
        return {
            "signer": {
                "subject": f"CN={name}, O={name}, C=VN",
                "issuer": "CN=Tổ chức chứng thực thử nghiệm, C=VN",
                "serial": "5f3a90c12be4",
                "not_after": "2028-03-01T00:00:00Z",
                "algorithm": "ECDSA-P256-SHA256",
                "revocation": "good",
            },
            "attachments": [attachment | {"sha256": hashlib.sha256(file.encode()).hexdigest()}],
            "warnings": [],
            "head": {"place": "Khánh Sơn", "signer_position": "CHÁNH VĂN PHÒNG", "signer_name": "(đã ký số)"},
            "response_for": [],
        }

    def delivery(
        self, transaction: Transaction, envelope_id: str, document_id: str, received: datetime, code: str, outcome: str
    ) -> None:
        status = outcome if outcome.isdigit() else None
        state = "settled" if status else outcome
        identifier = id_at(received, self.random)
        steps = {
            "pending": [],
            "published": ["published"],
            "ready": ["published", "ready"],
            "leased": ["published", "ready", "leased"],
            "settled": ["published", "ready", "leased", "settled"],
            "refused": ["published", "ready", "leased", "refused"],
            "dead": ["published", "republished"],
            "withdrawn": [],
        }[state]
        at = received
        reason = "Văn bản gửi nhầm nơi nhận, đề nghị gửi Sở Tài chính." if state == "refused" else ""
        final = state in tables.FINAL
        shared = {"envelope_id": envelope_id, "document_id": document_id, "delivery_id": identifier}
        rows = []
        for step in steps:
            at += timedelta(milliseconds=self.random.randrange(60, 900))
            rows.append((f"delivery.{step}", at, reason if step == "refused" else ""))
        transaction.execute(
            insert(tables.delivery).values(
                id=identifier,
                envelope_id=envelope_id,
                recipient_code=code,
                system_id=f"system-{self.system_of(code)}",
                state=state,
                priority=0,
                since=at,
                available_at=at if state in tables.TAKEABLE else None,
                lease_id=str(uuid.UUID(int=7)) if state == "leased" else None,
                attempts=1 if "leased" in steps else 0,
                reason=reason,
                closed_at=at if final else None,
                status_code=status,
                status_description="Văn thư vào sổ văn bản đến." if status == "03" else "",
                status_at=min(self.now, at + timedelta(minutes=4)) if status else None,
            )
        )
        for kind, moment, why in rows:
            detail = {"recipient": code, "system": f"system-{self.system_of(code)}"} | ({"reason": why} if why else {})
            self.entry(kind, moment, actor="relay", agency_code=code, detail=detail, **shared)
        if status:
            for known in ("01", "03", "05", "06"):
                if known <= status:
                    at += timedelta(minutes=2)
                    detail = {"recipient": code}
                    actor = f"system-{self.system_of(code)}"
                    values = shared | {"agency_code": code, "code": known, "detail": detail, "actor": actor}
                    self.entry("status.received", at, **values)

    def refusal(self, at: datetime, sender: str, code: str, detail: str, where: str) -> None:
        self.entry(
            "envelope.refused",
            at,
            actor=f"system-{self.system_of(sender)}",
            agency_code=sender,
            document_id=f"{sender},{at:%Y/%m/%d},77/CV",
            code=code,
            detail={
                "findings": [{"code": code, "detail": detail, "location": where}],
                "sha256": hashlib.sha256(detail.encode()).hexdigest(),
                "size": 48_213,
            },
        )

    def system_of(self, code: str) -> str:
        return next(system for known, *_rest, system in AGENCIES if known == code)

    def day(self, transaction: Transaction) -> str:
        """The last 24 hours, busy in office hours; returns the identifier of a letter with many fates."""
        codes = [code for code, *_rest in AGENCIES]
        for back in range(24 * 60, 0, -4):
            at = self.now - timedelta(minutes=back, seconds=self.random.randrange(60))
            hour = (at + timedelta(hours=7)).hour
            busy = {7: 2, 8: 5, 9: 6, 10: 5, 11: 3, 13: 3, 14: 6, 15: 5, 16: 4, 17: 1}.get(hour, 0.25)
            for _turn in range(int(busy * self.random.random() + self.random.random() * 0.6)):
                sender, *others = self.random.sample(codes, self.random.randrange(2, 6))
                outcomes = {code: self.random.choice(("01", "03", "03", "05", "06", "settled")) for code in others}
                self.letter(transaction, at, sender, outcomes, kind=self.random.randrange(len(SUBJECTS)))
        self.letter(transaction, self.now - timedelta(minutes=3), "H33", {"H33.21": "leased", "H33.07": "03"}, kind=4)
        self.letter(transaction, self.now - timedelta(seconds=20), "G09", {"H33": "published"}, kind=0)
        return self.letter(
            transaction,
            self.now - timedelta(minutes=50),
            "H33",
            {"H33.01": "06", "H33.07": "03", "H33.12": "05", "H33.21": "01", "G09": "settled"},
            kind=0,
            priority=2,
            due_on=date(2026, 12, 15),
        )

    def trouble(self, transaction: Transaction) -> str:
        """A system that takes nothing, a refused delivery and refused submissions; returns the refused letter."""
        for back in range(14):
            at = self.now - timedelta(hours=2, minutes=5) + timedelta(minutes=back * 7)
            self.letter(transaction, at, "H33", {"H33.21.04": "ready", "H33.12": "03"}, kind=back)
        refused = self.letter(
            transaction,
            self.now - timedelta(hours=1),
            "H33",
            {"H33.07": "refused", "H33.12": "06", "H33.21.04": "ready", "H33.21": "dead", "H33.21.03": "02"},
            kind=2,
            priority=1,
        )
        at = self.now - timedelta(minutes=25)
        self.refusal(at, "H33.12", "certificate-expired", "hết hạn 2026-11-01T00:00:00Z", "//ds:X509Data")
        self.refusal(at, "G09", "recipient-unknown", "000.00.99.H33", "//To[2]/OrganId")
        self.refusal(
            self.now - timedelta(minutes=4),
            "H33.07",
            "signature-digest",
            "",
            "//ds:Reference/ds:DigestValue",
        )
        return refused

    def intake(self, transaction: Transaction) -> str:
        """What the intake saw: malware and a secret, deferrals, exceptions, and a letter accepted with warnings."""
        malware = f"H33.21,{self.now:%Y/%m/%d},14/UBND"
        at = self.now - timedelta(minutes=12)
        shared = {
            "actor": "system-anphu",
            "agency_code": "H33.21",
            "document_id": malware,
            "code": "attachment-malware",
        }
        found = [
            {"code": "attachment-malware", "detail": "du-toan.docx: Test.Signature", "location": "//Reference[1]"},
            {
                "code": "metadata-too-long",
                "detail": "Subject: 612 of 500 characters",
                "location": "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Subject",
                "rule": "subject.length",
            },
        ]
        self.entry("envelope.refused", at, detail={"findings": found, "size": 81_234}, **shared)
        self.entry("operator.alerted", at, detail={"system": "system-anphu"}, **shared)
        self.entry("operator.alerted", self.now - timedelta(hours=30), agency_code="H33.12", code="secret-document")
        for minutes in (20, 21, 27):
            detail = {"sha256": "b" * 64, "size": 4711, "detail": "no fresh list of the authority"}
            self.entry(
                "envelope.deferred",
                self.now - timedelta(minutes=minutes),
                actor="system-soyte",
                code="trust-unavailable",
                detail=detail,
            )
        for override in exceptions(self.now.astimezone(VIETNAM).date()):
            overrides.put(transaction, override, self.now)
        details = self._details("H33.12", "van-ban.pdf", 120_000)
        return self.letter(
            transaction,
            self.now - timedelta(minutes=5),
            "H33.12",
            {"H33.07": "ready"},
            kind=2,
            details=seen(details),
        )

    def settled(self, transaction: Transaction) -> str:
        """A letter of whose signer it became known after acceptance that the certificate had been revoked."""
        facts = seen(self._details("H33.12", "van-ban.pdf", 90_000))
        letter = self.letter(
            transaction, self.now - timedelta(hours=1), "H33.12", {"H33.07": "03"}, kind=5, details=facts
        )
        [standing] = facts["signer"]["revocations"]
        known = {"status": "revoked", "reason": "2026-11-19 08:00 UTC, key_compromise", "age_seconds": 60}
        known |= {"revoked_before_acceptance": True}
        self.entry(
            "revocation.settled",
            self.now - timedelta(minutes=2),
            actor="sweep",
            agency_code="H33.12",
            envelope_id=letter,
            code="certificate-revoked",
            detail=standing | known,
        )
        return letter


def seed(ledger: Ledger, *stories: str, now: datetime | None = None) -> dict[str, str]:
    """Make the tables and tell ``day``, ``trouble``, … where asked; the identifiers that they return."""
    if ledger.dialect == "postgresql":
        migration.upgrade(ledger)  # months of the log are made there
    else:
        tables.metadata.create_all(ledger.engine)
    seeder = Seeder(now or datetime.now(UTC))

    def write(transaction: Transaction) -> dict[str, str]:
        seeder.registry(transaction)
        seeder.people(transaction)
        told = {story: getattr(seeder, story)(transaction) for story in stories}
        seeder.write_log(transaction)
        return told

    return ledger.write_now(write)
