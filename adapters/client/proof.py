"""Checking what the hub signed, without trusting the hub.

Receipts against its published keys (JWS, RFC 7515), and their place in the log against the log's (C2SP tlog-proof).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from hub.audit import proof as log_proof
from hub.audit.leaves import leaf_of_receipt
from hub.audit.note import VerifierKey
from hub.audit.proof import Included
from hub.problems import Refused
from hub.signatures.receipt_tokens import TYPE, verify_receipt

__all__ = ["TYPE", "Included", "verify_inclusion", "verify_receipt"]


def verify_inclusion(
    jws: str, proof: str, keys: Sequence[str], *, witnesses: Sequence[str] = (), quorum: int = 0
) -> Included:
    """That this very receipt is in the log whose key is one of ``keys``. Needs no hub and no network.

    ``keys`` and ``witnesses`` are verifier keys (C2SP signed-note) that the caller got another way than from the hub
    that is being checked; ``quorum`` of the witnesses must have cosigned. What the leaf is follows from the receipt.
    Its own signature is ``verify_receipt``'s business. Raises ``Refused``: ``log-proof-invalid``.
    """
    jws = jws.strip()
    try:
        body = jws.split(".")[1]
        payload = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        leaf = leaf_of_receipt(jws, payload)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise Refused("log-proof-invalid", "not a receipt: a compact JWS with the members of one") from error
    try:
        trusted, watching = (list(map(VerifierKey.parse, given)) for given in (keys, witnesses))
        found = log_proof.verify(proof, leaf, trusted, watching, quorum)
    except ValueError as error:
        raise Refused("log-proof-invalid", str(error)) from error
    promised = payload.get("log", {}).get("origin", found.checkpoint.origin)
    if promised != found.checkpoint.origin:
        raise Refused("log-proof-invalid", f"the receipt names the log {promised}, not {found.checkpoint.origin}")
    return found
