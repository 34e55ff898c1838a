"""What a system with the channel ``push`` needs, checked when it is registered: an address, the form of bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hub.problems import Refused
from hub.registry.reach import Reach

CHOICES = {"body": ("document", "notice"), "signature": ("v1a", "v1")}
# the largest document, in octets; which of the system's keys sign, as "2,1" while the second replaces the first
SIZE, KEYS = "document_bytes", "keys"
_FORMS = {SIZE: r"[0-9]{1,10}", KEYS: r"[1-9][0-9]{0,3}(,[1-9][0-9]{0,3}){0,2}"}


def key_numbers(options: Mapping[str, Any]) -> tuple[int, ...]:
    """Which of a system's keys sign what is pushed to it, the current one first."""
    return tuple(int(number) for number in str(options.get(KEYS, "1")).split(","))


def check(url: str | None, options: Mapping[str, Any], reach: Reach) -> None:
    """The form of the URL, an address in it, and the options. Raises ``Refused('registry-invalid')``.

    Where a name leads is looked at whenever a connection is made: it may lead elsewhere by then.
    """
    try:
        reach.target(url or "")
    except ValueError as error:
        raise Refused("registry-invalid", str(error), "url") from error
    for name, value in options.items():
        if name in _FORMS:
            if not re.fullmatch(_FORMS[name], str(value), re.ASCII):
                raise Refused("registry-invalid", f"{value}: a number of octets, or numbers of keys as 2,1", name)
        elif name not in CHOICES:
            raise Refused("registry-invalid", f"{name}: one of {', '.join((*CHOICES, *_FORMS))}", "option")
        elif value not in CHOICES[name]:
            raise Refused("registry-invalid", f"{value}: one of {', '.join(CHOICES[name])}", name)
