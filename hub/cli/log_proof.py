"""Proofs of the transparency log on the command line: where they lie in files, and what they prove of a receipt."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def verifier_keys(given: Iterable[str]) -> list[str]:
    """Each is a verifier key (C2SP signed-note), or a file with some, one a line. Raises ``Refused`` for neither."""
    from hub.audit.note import VerifierKey
    from hub.problems import Refused

    keys = []
    for one in given:
        file = Path(one)
        keys += file.read_text(encoding="utf-8").split() if file.is_file() else [one]
    for key in keys:
        try:
            VerifierKey.parse(key)
        except ValueError as error:
            raise Refused("log-proof-invalid", f"{key}: {error}", "--log-key") from error
    return keys


def proof_in(content: str) -> str:
    """The proof (C2SP tlog-proof) in a file: bare, or in an answer of the hub that carries one."""
    if not content.lstrip().startswith("{"):
        return content
    answer = json.loads(content)
    return str(answer.get("proof") or (answer.get("log") or {}).get("proof", ""))


def included(jws: str, proof: str, keys: list[str], witnesses: list[str]) -> dict[str, Any]:
    """What the proof proves; all of the named witnesses must have cosigned. Raises ``Refused``: log-proof-invalid."""
    from adapters.client.proof import verify_inclusion

    found = verify_inclusion(jws, proof, keys, witnesses=witnesses, quorum=len(witnesses))
    size = found.checkpoint.size
    return {"origin": found.checkpoint.origin, "index": found.index, "size": size, "witnesses": found.witnesses}
