"""The ring: which key of a purpose signs now, which comes next, which is still to be heard beside it.

It is a file beside the keys and not in the ledger: whoever can write the ledger must not choose what is loaded and
signs. Places are paths or PKCS#11 URIs; a file beside the ring stands with its name only, so that both may move.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hub.problems import Misconfigured
from hub.signatures.keys import files


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one purpose. ``configured``: what the setting said when this was written; empty for its default."""

    configured: str
    signs: str
    next: str | None = None
    former: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every place, the one that signs first."""
        return (self.signs, *self.former, *([self.next] if self.next is not None else []))

    def rotated(self) -> Ring:
        """The next key signs, the one so far is a former one. Without a next one nothing changes."""
        if self.next is None:
            return self
        return Ring(self.configured, self.next, None, (self.signs, *self.former))

    def without(self, place: str) -> Ring:
        """The same without a former or next key."""
        rest = tuple(one for one in self.former if one != place)
        return replace(self, next=None if self.next == place else self.next, former=rest)


def read(file: Path, purpose: str, configured: str, default: str) -> Ring:
    """The ring of a purpose. A setting that says something else than when the ring was written is believed instead.

    Raises ``Misconfigured`` for a file that cannot be read.
    """
    found = _content(file).get(purpose)
    try:
        if found is not None and found["configured"] == configured:
            return Ring(configured, found["signs"], found["next"], tuple(found["former"]))
    except (KeyError, TypeError) as error:
        raise _damaged(file, error) from error
    return Ring(configured, configured or default)


def write(file: Path, purpose: str, ring: Ring) -> None:
    """Keep it. Raises ``Misconfigured``."""
    content = _content(file) | {purpose: asdict(ring)}
    try:
        files.replace(file, json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")
    except OSError as error:
        raise _damaged(file, error) from error


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from error
    if not isinstance(content, dict):
        raise _damaged(file, ValueError("not an object"))
    return content


def _damaged(file: Path, error: Exception) -> Misconfigured:
    return Misconfigured("settings-invalid", f"{file}: {error}", "LIENTHONG_DATA_DIR")
