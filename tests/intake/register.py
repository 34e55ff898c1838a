"""A registry held in memory behind the real cached directory, and agencies that sign: judging needs nothing more.

Importable by every test that asks for a verdict without a running hub.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from adapters.sandbox.documents import simple_pdf
from adapters.sandbox.pki import Identity, KeyKind, Pki
from hub import clock
from hub.envelope.model import ReceivedEnvelope
from hub.envelope.writing import Letter, OutgoingAttachment, Party, document_message
from hub.problems import Finding
from hub.registry.directory import Directory
from hub.registry.model import Agency, Override, System
from hub.signatures.chain import RevocationList, TrustStore
from hub.signatures.sign import sign
from hub.validation import Accepted, Declined, VerifiedEnvelope, judge
from hub.validation.examination import Policy

PDF = simple_pdf("Công văn", [["Một trang"]])


@dataclass
class Register:
    """Agencies, certificates and trust; implements ``DirectorySource``. One system serves each agency."""

    pki: Pki = field(default_factory=Pki.create)
    policy: Policy = field(default_factory=Policy)
    known: dict[str, Agency] = field(default_factory=dict)
    certificates: dict[str, set[str]] = field(default_factory=dict)
    store: TrustStore | None = None
    changes: int = 1
    exceptions: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        yesterday = clock.now() - timedelta(days=1)  # tests judge by moments that they took when they were loaded
        lists = (self.pki.root.crl(issued=yesterday, days=3650), self.pki.issuing.crl(issued=yesterday, days=3650))
        self.store = TrustStore(
            (self.pki.root.certificate,),
            uuid.uuid4().int >> 65,  # paths are cached for the process: every register has a revision of its own
            tuple(RevocationList.load(crl.public_bytes(Encoding.DER)) for crl in lists),
        )
        self.directory = Directory(self)

    def agency(self, code: str, *, aliases: Sequence[str] = (), active: bool = True, system: str = "") -> Agency:
        agency = Agency(code, f"Cơ quan {code}", system or f"system of {code}", "pull", active)
        for name in (code, *aliases):
            self.known[name] = agency
        return agency

    def identity(self, code: str, key: KeyKind = "p256", **more: Any) -> Identity:
        """A signing agency: registered, with a registered certificate."""
        if code not in self.known:
            self.agency(code)
        identity = self.pki.issue(code, f"Cơ quan {code}", key=key, **more)
        self.certify(code, identity)
        return identity

    def certify(self, code: str, identity: Identity) -> None:
        sha256 = hashlib.sha256(identity.certificate.public_bytes(Encoding.DER)).hexdigest()
        self.certificates.setdefault(sha256, set()).add(code)

    async def revision(self) -> int:
        return self.changes

    async def agencies(self, codes: list[str]) -> dict[str, Agency]:
        return {code: self.known[code] for code in codes if code in self.known}

    async def holders(self, sha256: str) -> frozenset[str]:
        return frozenset(self.certificates.get(sha256, ()))

    async def system_by_client(self, client_id: str) -> System | None:
        return None

    async def trust(self) -> TrustStore:
        assert self.store is not None
        return self.store

    async def overrides(self) -> tuple[Override, ...]:
        return self.exceptions

    async def judge(self, body: bytes, sender: str, *, at: datetime | None = None) -> Accepted | Declined:
        """The verdict on octets that the system of ``sender`` brought."""
        system = self.known[sender].system_id
        sha256 = hashlib.sha256(body).hexdigest()
        received = ReceivedEnvelope(body, sha256, system, at or clock.now())
        return await judge(received, self.directory, self.policy)

    async def findings(self, body: bytes, sender: str, *, at: datetime | None = None) -> tuple[Finding, ...]:
        """What is wrong; empty when the envelope is accepted."""
        verdict = await self.judge(body, sender, at=at)
        return verdict.findings if isinstance(verdict, Declined) else ()

    async def codes(self, body: bytes, sender: str) -> list[str]:
        return [finding.code for finding in await self.findings(body, sender)]

    async def accepted(self, body: bytes, sender: str) -> VerifiedEnvelope:
        verdict = await self.judge(body, sender)
        assert isinstance(verdict, Accepted), verdict
        return verdict.envelope


def letter(sender: str, *recipients: str, **changes: Any) -> Letter:
    """A letter that lacks nothing."""
    whole = Letter(
        sender=Party(sender, f"Cơ quan {sender}"),
        recipients=tuple(Party(code) for code in recipients),
        number="128",
        notation="UBND-VP",
        promulgated=date(2026, 11, 20),
        subject="Về việc liên thông văn bản",
        attachments=(OutgoingAttachment("van-ban.pdf", PDF, "application/pdf", content_id="a1"),),
        due=date(2026, 12, 1),
        priority=1,
        place="Rạch Giá",
    )
    return replace(whole, **changes)


def signed_letter(identity: Identity, *recipients: str, **changes: Any) -> bytes:
    return sign(document_message(letter(identity.code, *recipients, **changes)), identity.signer)
