"""How long an entry may become: C2SP tlog-tiles gives an entry's length in 16 bits, so that none exceeds 65,535 octets.

What is longer is shortened where the entry is made, and says so: the number of what it had and its digest stay.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hub.audit.canonical import canonical

# six texts of which each character may take six octets in JSON, and the detail, stay below 65,535 together
TEXT_CHARACTERS = 500
DETAIL_OCTETS = 44_000
_REMARK_OCTETS = 200
_MOST_CUT = 8


def text(value: str) -> str:
    """Cut at ``TEXT_CHARACTERS``: a part of what came may stand in it, of any length."""
    return value if len(value) <= TEXT_CHARACTERS else f"{value[: TEXT_CHARACTERS - 1]}…"


def detail(value: dict[str, Any]) -> dict[str, Any]:
    """JSON of at most ``DETAIL_OCTETS``; the largest members are cut first. Where that is not enough, all is left out.

    ``shortened`` names each of them: ``of``, how many items or characters it had, and ``sha256`` of the canonical JSON
    of the whole.
    """
    if _octets(value) <= DETAIL_OCTETS:
        return value
    made, remarks = dict(value), dict[str, Any]()
    for name in sorted(value, key=lambda one: _octets(value[one]), reverse=True)[:_MOST_CUT]:
        whole = value[name]
        remarks[text(name)] = {
            "of": len(whole) if isinstance(whole, list | str) else 1,
            "sha256": hashlib.sha256(canonical(whole)).hexdigest(),
        }
        over = _octets({**made, "shortened": remarks}) - DETAIL_OCTETS
        made[name] = _cut(whole, max(0, _octets(whole) - over - _REMARK_OCTETS))
        if _octets({**made, "shortened": remarks}) <= DETAIL_OCTETS:
            return {**made, "shortened": remarks}
    return {"shortened": {"": {"of": len(value), "sha256": hashlib.sha256(canonical(value)).hexdigest()}}}


def _cut(value: Any, room: int) -> Any:
    if isinstance(value, str):
        return value[: room // 6]
    if not isinstance(value, list):
        return None
    kept, used = [], 2
    for item in value:
        used += _octets(item) + 2
        if used > room:
            break
        kept.append(item)
    return kept


def _octets(value: Any) -> int:
    """Never less than the canonical form takes: with spaces, and with escapes for all that is not ASCII."""
    return len(json.dumps(value))
