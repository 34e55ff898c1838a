"""A simulated office's books (sổ văn bản), on disk, so that a stopped demo goes on where it was.

The outgoing book gives numbers that are never given twice; the incoming book knows what is being worked on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from adapters.client.profile import write_private


@dataclass(slots=True)
class Matter:
    """One taken delivery. ``steps`` are still to be reported: (seconds after the one before, code, description)."""

    delivery: str
    recipient: str
    sender: str
    document_id: str
    code: str
    steps: list[tuple[float, str, str]]


@dataclass(slots=True)
class Book:
    """``numbers``: last number by agency. ``cursor``: how far the receipts were read."""

    file: Path
    numbers: dict[str, int] = field(default_factory=dict)
    matters: dict[str, Matter] = field(default_factory=dict)
    cursor: str = ""

    @classmethod
    def open(cls, file: Path) -> Book:
        """The book in ``file``, an empty one when there is none. Raises ``ValueError`` for something else."""
        if not file.exists():
            return cls(file)
        kept = json.loads(file.read_text(encoding="utf-8"))
        matters = {
            row["delivery"]: Matter(**{**row, "steps": [tuple(s) for s in row["steps"]]}) for row in kept["matters"]
        }
        return cls(file, kept["numbers"], matters, kept["cursor"])

    def next_number(self, agency: str) -> int:
        """A fresh number, on disk before it is used."""
        number = self.numbers[agency] = self.numbers.get(agency, 0) + 1
        self.save()
        return number

    def save(self) -> None:
        rows = {
            "numbers": self.numbers,
            "matters": [asdict(matter) for matter in self.matters.values()],
            "cursor": self.cursor,
        }
        write_private(self.file, json.dumps(rows, ensure_ascii=False).encode())
