"""Identifiers of agencies: the 2016 form, the 2020 form, and the rule of thumb between them.

The registry is the authority; patterns only help to sort and to warn (real codes break every pattern).
Implements: QCVN 102:2016 §2 (13 characters), QĐ 20/2020/QĐ-TTg (at most 35 characters).
"""

from __future__ import annotations

import re

MAX_LENGTH = 35

_OLD = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z]{1,2}[0-9]{1,2}")
_NEW = re.compile(r"(?=.{3,35}$)[A-Z][0-9]{2}(\.[A-Z0-9]{1,4}){0,6}")


def is_2016(code: str) -> bool:
    return _OLD.fullmatch(code) is not None


def is_2020(code: str) -> bool:
    return _NEW.fullmatch(code) is not None


def guess_2020(code: str) -> str:
    """``000.00.15.H51`` → ``H51.15``: groups reversed, zero groups dropped. A guess, never used for routing."""
    if not is_2016(code):
        return code
    groups = code.split(".")[::-1]
    return ".".join(group for group in groups if group.strip("0"))
