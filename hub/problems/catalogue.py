"""The catalogue: one row for each code, as data in ``catalogue.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which the hub says no. ``status`` is the HTTP status; ``remedy`` says how to mend it."""

    code: str
    status: int
    retryable: bool
    title_en: str
    title_vi: str
    remedy_en: str
    remedy_vi: str

    def title(self, language: Literal["vi", "en"]) -> str:
        return self.title_vi if language == "vi" else self.title_en

    def remedy(self, language: Literal["vi", "en"]) -> str:
        return self.remedy_vi if language == "vi" else self.remedy_en


def _read() -> dict[str, Problem]:
    rows = tomllib.loads((Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8"))
    return {
        code: Problem(
            code=code,
            status=row["status"],
            retryable=row.get("retryable", False),
            title_en=row["en"],
            title_vi=row["vi"],
            remedy_en=row["remedy_en"],
            remedy_vi=row["remedy_vi"],
        )
        for code, row in rows.items()
    }


CATALOGUE: dict[str, Problem] = _read()


def explain(code: str) -> Problem:
    """The row of a code; an unknown one is a defect of the hub and reads as ``hub-internal``."""
    return CATALOGUE.get(code) or CATALOGUE["hub-internal"]
