"""What a system with the mail channel is registered with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hub.language import LANGUAGES
from hub.problems import Refused

POLICIES = ("notice", "document")
# RFC 5321 §4.1.2 without quoted words and address literals, which no official mailbox needs
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_WORD}(?:\.{_WORD})*@{_LABEL}(?:\.{_LABEL})+", re.ASCII)


def is_address(text: str) -> bool:
    """Whether mail may be sent to ``text``: one mailbox in ASCII, nothing else."""
    return _ADDRESS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class MailOptions:
    """``address``: the official mailbox. ``policy``: a notice with a link, or the document itself.

    ``language``: the one that stands first in a mail; both always stand in it.
    """

    address: str
    policy: str = "notice"
    language: str = "vi"

    @classmethod
    def of(cls, options: dict[str, Any]) -> MailOptions:
        """Raises ``Refused('registry-invalid')``."""
        unknown = sorted(set(options) - {"address", "policy", "language"})
        if unknown:
            raise Refused("registry-invalid", f"{unknown[0]}: mail knows address, policy, language", unknown[0])
        address = options.get("address", "")
        if not isinstance(address, str) or not is_address(address):
            raise Refused("registry-invalid", f"{address!r} is no mailbox", "address")
        policy, language = options.get("policy", "notice"), options.get("language", "vi")
        if policy not in POLICIES:
            raise Refused("registry-invalid", f"{policy}: one of {', '.join(POLICIES)}", "policy")
        if language not in LANGUAGES:
            raise Refused("registry-invalid", f"{language}: one of {', '.join(LANGUAGES)}", "language")
        return cls(address, policy, language)
