"""What a check of a pack comes to: claims about members, each good, wrong or unproved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from hub.language import gettext, mark
from hub.problems import HubError

Standing = Literal["good", "unproved", "wrong"]

# what is claimed of a member, by a stable name
CLAIMS: dict[str, str] = {
    "container": mark("part of the container as the hub wrote it"),
    "listed": mark("listed, and as its digest says"),
    "list": mark("list of all members"),
    "seal": mark("sealed by the hub"),
    "record": mark("record of the hub's decision"),
    "signature": mark("signed by the sender, unchanged"),
    "revocation": mark("the signer's certificate was not revoked"),
    "certificate": mark("certificate or revocation answer that the decision names"),
    "attachment": mark("attachment bound by the sender's signature"),
    "receipt": mark("receipt signed by the hub, about this document"),
    "leaf": mark("leaf of the log, about this letter"),
    "proof": mark("proof that the leaf is in the log"),
    "checkpoint": mark("checkpoint signed by the log"),
    "consistency": mark("the log only grew"),
    "witness": mark("cosigned by an independent witness"),
    "stamp": mark("time stamp over the log"),
    "key": mark("public key for reading"),
}


# what readers of JSON, base64, certificates and XML raise for octets that somebody made up
_UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim about one member. ``detail``: why not, or what exactly."""

    member: str
    claim: str
    standing: Standing
    detail: str = ""

    @property
    def words(self) -> str:
        """The claim in the reader's language."""
        return gettext(CLAIMS[self.claim])


@dataclass
class Findings:
    """Claims in the order in which they were looked at."""

    found: list[Finding] = field(default_factory=list)

    def good(self, member: str, claim: str, detail: str = "") -> None:
        self.found.append(Finding(member, claim, "good", detail))

    def unproved(self, member: str, claim: str, detail: str) -> None:
        self.found.append(Finding(member, claim, "unproved", detail))

    def wrong(self, member: str, claim: str, detail: str) -> None:
        self.found.append(Finding(member, claim, "wrong", detail))

    def by(self, given: bool, member: str, claim: str, detail: str = "") -> None:
        """Good where the reader gave the key; else it only holds by a key that came with the pack."""
        if given:
            self.good(member, claim, detail)
        else:
            reason = "holds, but only by a key that came with the pack"
            self.unproved(member, claim, f"{reason}: {detail}" if detail else reason)

    @contextmanager
    def watching(self, member: str, claim: str) -> Iterator[None]:
        """Whatever cannot be read or does not hold within is a wrong claim, not the end of the check."""
        try:
            yield
        except HubError as error:
            self.wrong(member, claim, error.detail or error.code)
        except _UNREADABLE as error:
            self.wrong(member, claim, f"cannot be read: {str(error) or type(error).__name__}"[:300])

    @property
    def holds(self) -> bool:
        return all(one.standing != "wrong" for one in self.found)
