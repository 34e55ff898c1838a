"""What an issuer's word says about a certificate, whatever form it came in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

# clocks of authorities run a little ahead; an answer from further in the future is not used
SKEW = timedelta(minutes=5)
HOLD = x509.ReasonFlags.certificate_hold.value
# what the library raises, beside ValueError, for octets that are not what they should be
UNREADABLE = (
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    OverflowError,
    TypeError,
)
STRONG_HASHES = frozenset({"sha256", "sha384", "sha512"})


@dataclass(frozen=True, slots=True)
class Revoked:
    """When and why; the reason is RFC 5280's name, ``unspecified`` when the issuer gives none."""

    at: datetime
    reason: str


class Answer(Protocol):
    """A list or an OCSP answer whose signature holds. ``next_update`` is where its issuer's promise ends."""

    @property
    def kind(self) -> str: ...
    @property
    def der(self) -> bytes: ...
    @property
    def sha256(self) -> str: ...
    @property
    def this_update(self) -> datetime: ...
    @property
    def next_update(self) -> datetime: ...

    def revoked(self, serial: int) -> Revoked | None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """An answer and where it came from: an address, or ``configured``."""

    answer: Answer
    source: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """The outcome: revoked, good by a fresh answer, or neither; ``by`` is the answer that decided, if one did."""

    revoked: Revoked | None
    fresh: bool
    by: Held | None


def is_fresh(answer: Answer, at: datetime, max_age: timedelta | None) -> bool:
    """Whether the answer may still be relied on at ``at``."""
    begun = answer.this_update <= at + SKEW
    return begun and at <= answer.next_update and (max_age is None or at - answer.this_update <= max_age)


def weigh(found: Iterable[Held], serial: int, at: datetime, max_age: timedelta | None) -> Weighed:
    """What the answers come to. A revocation is final whoever of them says so, even an old one (RFC 5280 §5.3.1);

    only a hold can end, so there the newest answer decides. Good needs a fresh answer.
    """
    newest_first = sorted(found, key=lambda one: one.answer.this_update, reverse=True)
    begun = [held for held in newest_first if held.answer.this_update <= at + SKEW]
    for held in newest_first:
        revoked = held.answer.revoked(serial)
        if revoked is not None and (revoked.reason != HOLD or held is next(iter(begun), None)):
            return Weighed(revoked, is_fresh(held.answer, at, max_age), held)
    for held in begun:
        if held.answer.revoked(serial) is None and is_fresh(held.answer, at, max_age):
            return Weighed(None, True, held)
    return Weighed(None, False, newest_first[0] if newest_first else None)
