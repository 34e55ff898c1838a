"""What a system with the channel ``push`` needs, checked when it is registered: an address, the form of bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hub.problems import Refused
from hub.registry.reach import Reach

CHOICES = {"body": ("document", "notice"), "signature": ("v1a", "v1")}
SIZE = "document_bytes"


def check(url: str | None, options: Mapping[str, Any], reach: Reach) -> None:
    """The form of the URL, an address in it, and the options. Raises ``Refused('registry-invalid')``.

    Where a name leads is looked at whenever a connection is made: it may lead elsewhere by then.
    """
    try:
        reach.target(url or "")
    except ValueError as error:
        raise Refused("registry-invalid", str(error), "url") from error
    for name, value in options.items():
        if name == SIZE:
            if not re.fullmatch(r"[0-9]{1,10}", str(value), re.ASCII):
                raise Refused("registry-invalid", f"{value}: a number of octets", name)
        elif name not in CHOICES:
            raise Refused("registry-invalid", f"{name}: one of {', '.join((*CHOICES, SIZE))}", "option")
        elif value not in CHOICES[name]:
            raise Refused("registry-invalid", f"{value}: one of {', '.join(CHOICES[name])}", name)
