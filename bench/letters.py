"""Letters signed before the clock starts: a PKI, senders and recipients that any hub can be given.

Signed once and posted to every engine under test: each has its own ledger, so none is a duplicate there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from adapters.sandbox.documents import simple_pdf
from adapters.sandbox.pki import Pki
from hub.envelope.writing import Letter, OutgoingAttachment, Party, document_message
from hub.ledger import Ledger, Transaction, registration
from hub.signatures.sign import sign
from tests.world import x509_lists

SENDERS = tuple(f"B01.{number:02d}" for number in range(1, 5))
# a province: 26 agencies at 4 systems get most of the letters, a circular goes to 771 agencies at 24 systems
RECIPIENTS = tuple(f"B02.{number:03d}" for number in range(1, 772))
FEW = 26
SENDING_SYSTEM = "senders"
RECEIVING_SYSTEMS = tuple(f"recipients {number}" for number in range(24))
FEW_SYSTEMS = 4

# what a signed letter to one agency with an empty attachment takes: head, signature, two certificates
OVERHEAD = 5100
SHARED_FROM = b"ContentTransferEncoded"

# small letters have a document each, as real ones do; long ones share theirs, because thousands are held at once
SHARED_OCTETS = 64 * 1024

Body = tuple[bytes, bytes]  # head with the signature; the attachment's text, one object for all long letters of a kind


def _document(octets: int, number: int) -> bytes:
    """A PDF that makes a letter of about ``octets``; the smallest is a page of one line."""
    lot = random.Random(octets + number)
    lines = [lot.randbytes(30).hex() for _ in range(max(1, (octets - OVERHEAD) * 3 // 4 // 76))]
    return simple_pdf(f"Công văn {number}", [lines[first : first + 50] for first in range(0, len(lines), 50)])


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of letter: octets of a message to one recipient (about), and how many recipients."""

    octets: int
    fan_out: int

    @property
    def size(self) -> str:
        return f"{self.octets // 1024} KB" if self.octets < 1 << 20 else f"{self.octets >> 20} MB"

    @property
    def name(self) -> str:
        return f"{self.size} to {self.fan_out}"


SIZES = {"5k": 5 * 1024, "100k": 100 * 1024, "1m": 1 << 20, "10m": 10 << 20}
FAN_OUTS = (1, FEW, len(RECIPIENTS))
KINDS = tuple(Kind(octets, fan_out) for octets in SIZES.values() for fan_out in FAN_OUTS)
HEADLINE, FANNED = Kind(SIZES["5k"], 1), Kind(SIZES["5k"], FEW)


def system_of(recipient: str) -> str:
    """The recipients are spread over the receiving systems."""
    number = RECIPIENTS.index(recipient)
    if number < FEW:
        return RECEIVING_SYSTEMS[number % FEW_SYSTEMS]
    return RECEIVING_SYSTEMS[FEW_SYSTEMS + number % (len(RECEIVING_SYSTEMS) - FEW_SYSTEMS)]


def systems_of(kind: Kind) -> tuple[str, ...]:
    """The systems that letters of this kind go to."""
    return RECEIVING_SYSTEMS if kind.fan_out > FEW else RECEIVING_SYSTEMS[:FEW_SYSTEMS]


def _add_recipients(transaction: Transaction, codes: Sequence[str]) -> None:
    for code in codes:
        registration.add_agency(transaction, code, f"Cơ quan {code}", system_of(code))


@dataclass
class Stationery:
    """Keys and signed letters; ``register`` makes a hub know them. ``recipients``: a province, or its first few."""

    recipients: tuple[str, ...] = RECIPIENTS
    pki: Pki = field(default_factory=Pki.create)
    _signed: dict[Kind, list[Body]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.identities = {code: self.pki.issue(code, f"Cơ quan {code}") for code in SENDERS}

    def register(self, ledger: Ledger) -> dict[str, tuple[str, str]]:
        """Anchor, lists, systems and agencies; answers client id and secret by system."""
        write = ledger.write_now
        write(registration.add_anchor, self.pki.root.certificate)
        for crl in x509_lists(self.pki.crls_pem):
            write(registration.add_list, crl)
        names = (SENDING_SYSTEM, *RECEIVING_SYSTEMS)
        systems = {name: write(registration.add_system, name, "pull") for name in names}
        for code, identity in self.identities.items():
            write(registration.add_agency, code, identity.name, SENDING_SYSTEM, None, (), identity.certificate)
        write(_add_recipients, self.recipients)
        return systems

    def letters(self, kind: Kind, count: int) -> list[Body]:
        """``count`` different letters, signed now if they are not yet."""
        signed = self._signed.setdefault(kind, [])
        shared = _document(kind.octets, 0)
        while len(signed) < count:
            small = kind.octets < SHARED_OCTETS
            message = self._letter(kind, len(signed), _document(kind.octets, len(signed)) if small else shared)
            cut = message.index(SHARED_FROM)
            tail = signed[0][1] if signed and not small else message[cut:]
            assert message.endswith(tail), "long letters differ only before their attachment"
            signed.append((message[:cut], tail))
        return signed[:count]

    def forget(self, kind: Kind) -> None:
        """Long letters take much room; the next who asks for some gets them signed anew."""
        self._signed.pop(kind, None)

    def _letter(self, kind: Kind, number: int, content: bytes) -> bytes:
        identity = self.identities[SENDERS[number % len(SENDERS)]]
        among = self.recipients[: max(FEW, kind.fan_out)]
        chosen = (among[(number + step) % len(among)] for step in range(kind.fan_out))
        letter = Letter(
            sender=Party(identity.code, identity.name),
            recipients=tuple(Party(code) for code in chosen),
            number=str(number),
            notation="UBND-VP",
            promulgated=date(2026, 11, 20),
            subject="Về việc liên thông văn bản",
            document_id=f"bench-{kind.octets}-{kind.fan_out}-{number}",
            attachments=(OutgoingAttachment("van-ban.pdf", content, "application/pdf"),),
        )
        return sign(document_message(letter), identity.signer)
