"""The agencies of the trial: eight on four levels under real identifiers, and two for the user's own hands.

Identifiers are those of Quyết định 20/2020/QĐ-TTg; the aliases are the older forms of QCVN 102:2016 that are still met.
Three simulated document systems serve the eight; each practice agency has a system of its own that nobody simulates.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrialAgency:
    """``notation`` is what stands in the numbers of its letters; ``office`` the unit that drafts them."""

    code: str
    name: str
    system: str
    notation: str
    office: str
    place: str
    head: str

    @property
    def parent(self) -> str | None:
        """The agency above within the trial; a province has none here."""
        return self.code.rpartition(".")[0] or None

    @property
    def alias(self) -> str:
        """The 13-character form of 2016: unit, level 3, level 2, then the level-1 code."""
        first, *rest = self.code.split(".")
        second, third = [*rest, "00", "00"][:2]
        return f"000.{third}.{second}.{first}"


SIMULATED: tuple[TrialAgency, ...] = (
    TrialAgency("G09", "Bộ Nội vụ", "bo-noi-vu", "BNV", "VP", "Hà Nội", "Bộ trưởng"),
    TrialAgency("H33", "UBND tỉnh Kiên Giang", "tinh-kien-giang", "UBND", "TH", "Kiên Giang", "Chủ tịch"),
    TrialAgency("H33.02", "Sở Nội vụ tỉnh Kiên Giang", "tinh-kien-giang", "SNV", "VP", "Kiên Giang", "Giám đốc"),
    TrialAgency("H33.07", "Sở Tài chính tỉnh Kiên Giang", "tinh-kien-giang", "STC", "NS", "Kiên Giang", "Giám đốc"),
    TrialAgency("H33.12", "Sở Y tế tỉnh Kiên Giang", "tinh-kien-giang", "SYT", "NVY", "Kiên Giang", "Giám đốc"),
    TrialAgency("H33.40", "UBND huyện Châu Thành", "huyen-chau-thanh", "UBND", "VP", "Châu Thành", "Chủ tịch"),
    TrialAgency("H33.40.01", "UBND xã Mong Thọ", "huyen-chau-thanh", "UBND", "VHXH", "Mong Thọ", "Chủ tịch"),
    TrialAgency("H33.40.02", "UBND xã Giục Tượng", "huyen-chau-thanh", "UBND", "ĐCXD", "Giục Tượng", "Chủ tịch"),
)

PRACTICE: tuple[TrialAgency, ...] = (
    TrialAgency("H33.90", "Đơn vị thử nghiệm A", "don-vi-a", "ĐVA", "VP", "Kiên Giang", "Thủ trưởng"),
    TrialAgency("H33.91", "Đơn vị thử nghiệm B", "don-vi-b", "ĐVB", "VP", "Kiên Giang", "Thủ trưởng"),
)

ALL = SIMULATED + PRACTICE
