"""The port to duty contacts: people at an agency who are told when its office lets a document lie."""

from __future__ import annotations

from typing import Protocol


class DutyMail(Protocol):
    """Mail to one duty contact."""

    async def send(self, to: str, subject: str, text: str) -> bool:
        """Whether a mail server took it; False (already logged) means: try again at a later look."""
