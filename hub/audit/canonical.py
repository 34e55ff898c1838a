"""JSON in its one canonical form (RFC 8785): what is hashed must be the same octets wherever it is computed again."""

from __future__ import annotations

import json
import math
from typing import Any

# from here on neighbouring whole numbers are one IEEE 754 double (RFC 8785 §3.2.2.3)
_EXACT = 2**53
# writes what ``_is_plain`` lets through as ``_written`` does, at a tenth of its cost: almost every leaf is such a value
_PLAIN = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(value: Any) -> bytes:
    """UTF-8 octets of a JSON value. Raises ``ValueError`` for what JSON cannot say (NaN, a key that is no text)."""
    return (_PLAIN.encode(value) if _is_plain(value) else _written(value)).encode()


def _is_plain(value: Any) -> bool:
    """No number but small whole ones, and only ASCII keys, which every order sorts alike."""
    kind = type(value)
    if kind is dict:
        for key, inner in value.items():
            if type(key) is not str or not key.isascii() or not (type(inner) is str or _is_plain(inner)):
                return False
        return True
    if kind is int:
        return -_EXACT < int(value) < _EXACT
    return kind is str or kind is bool or value is None or (kind is list and all(map(_is_plain, value)))


def _written(value: Any) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case None | bool():
            return json.dumps(value)
        case int() if abs(value) < _EXACT:
            return str(value)
        case int() | float():
            return _number(float(value))
        case list() | tuple():
            return f"[{','.join(map(_written, value))}]"
        case dict() if all(isinstance(key, str) for key in value):
            # §3.2.3: by UTF-16 code units
            members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
            return "{" + ",".join(f"{_written(key)}:{_written(inner)}" for key, inner in members) + "}"
    raise ValueError(f"no JSON form for {type(value).__name__}")


def _number(value: float) -> str:
    """As ECMAScript writes it (ECMA-262 §6.1.6.1.20): the shortest digits, an exponent from 1e21 up and 1e-7 down."""
    if not math.isfinite(value):
        raise ValueError("no JSON form for NaN and infinity")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, given = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    exponent = int(given or 0) + len(whole)
    digits = whole + fraction
    exponent -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if 0 < exponent <= 21:
        shown = digits.ljust(exponent, "0") if len(digits) <= exponent else f"{digits[:exponent]}.{digits[exponent:]}"
    elif -6 < exponent <= 0:
        shown = f"0.{'0' * -exponent}{digits}"
    else:
        shown = f"{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e{exponent - 1:+d}"
    return sign + shown
