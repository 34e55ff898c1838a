"""What validation makes of what inspection has seen: a refusal that nothing softens, or a rule of the profile."""

from __future__ import annotations

from collections.abc import Iterable

from hub.inspection.names import Trait, Trouble
from hub.validation.examination import Attachment, Examination

_REFUSED: dict[Trait, str] = {
    "bomb": "attachment-bomb",
    "path": "attachment-archive-path",
    "executable": "attachment-executable",
}
_RULES: dict[Trait, str] = {
    "damaged": "attachment.whole",
    "encrypted": "attachment.open",
    "macros": "attachment.macros",
    "opaque": "attachment.inspected",
}


def note(exam: Examination, attachment: Attachment, troubles: Iterable[Trouble]) -> None:
    """Find or apply each of them, and keep as a fact that something could not be looked into."""
    for trait, reason in troubles:
        detail = f"{attachment.shown}: {reason}"
        if trait in _REFUSED:
            exam.find(_REFUSED[trait], detail, attachment.location)
        else:
            exam.apply(_RULES[trait], detail, attachment.location)
        if trait in ("opaque", "encrypted"):
            attachment.seen["inspection"] = trait
