"""What proves the course of a letter, as members: receipts, leaves of the log and their proofs, keys, time stamps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.audit.note import ED25519, Note, VerifierKey
from hub.audit.proof import Proof
from hub.audit.witness import Submission
from hub.clock import rfc3339
from hub.evidence.container import Draft
from hub.evidence.names import (
    CHECKPOINT,
    COSIGNED,
    JWKS,
    LOG_KEYS,
    PENDING,
    SEAL_CERTIFICATE,
    TSA_ANCHORS,
    WITNESS_KEYS,
    key_member,
)
from hub.evidence.public_keys import pem
from hub.evidence.records import json_octets
from hub.evidence.responses import response
from hub.ledger.case import Case, Leaf, Stamp
from hub.ledger.transparency import CheckpointRecord
from hub.signatures.jws import from_b64url, public_of


@dataclass(frozen=True)
class Published:
    """What this hub publishes: its receipt keys (JWK), its log's keys, the anchors of time stamps in PEM."""

    hub: str
    origin: str
    jwks: Sequence[Mapping[str, Any]]
    log_keys: Sequence[VerifierKey]
    tsa_anchors: bytes = b""


def add_receipts(draft: Draft, case: Case) -> dict[str, str]:
    """Every receipt and, beside it, what it says. The member of each receipt, by its identifier."""
    members: dict[str, str] = {}
    receipts = sorted((leaf for leaf in case.leaves if leaf.jws), key=lambda leaf: (leaf.at, leaf.id))
    width = _width(receipts)
    for number, leaf in enumerate(receipts, 1):
        name = f"receipts/{number:0{width}}-{leaf.kind}"
        draft.add(f"{name}.jws", leaf.jws.encode())
        draft.add(f"{name}.json", from_b64url(leaf.jws.split(".")[1]))
        members[leaf.id] = f"{name}.jws"
    return members


def _width(rows: Sequence[Any]) -> int:
    return max(2, len(str(len(rows))))


def add_log(draft: Draft, case: Case) -> list[tuple[str, Leaf]]:
    """Leaves with their proofs, the newest checkpoint, and that each tree begins with the one before it."""
    named: list[tuple[str, Leaf]] = []
    width = _width(case.leaves)
    for number, leaf in enumerate(case.leaves, 1):
        name = f"log/{number:0{width}}"
        draft.add(f"{name}.leaf.json", leaf.octets)
        named.append((f"{name}.leaf.json", leaf))
        proved = case.proofs.get(leaf.id)
        if proved is not None:
            note = cosigned(case, proved.checkpoint)
            draft.add(f"{name}.tlog-proof", Proof(proved.number, tuple(proved.path), note).text.encode())
    for member, size in checkpoints(case):
        draft.add(member, cosigned(case, case.checkpoints[size]).encode())
    for one in case.consistency:
        submission = Submission(one.old, one.path, cosigned(case, case.checkpoints[one.size]))
        draft.add(f"log/consistency-{one.old}-{one.size}.txt", submission.body)
    return named


def checkpoints(case: Case) -> list[tuple[str, int]]:
    """The newest checkpoint and, where that has none yet, the newest with a witness's cosignature."""
    if not case.checkpoints:
        return []
    found = [(CHECKPOINT, max(case.checkpoints))]
    if case.cosignatures and max(case.cosignatures) != found[0][1]:
        found.append((COSIGNED, max(case.cosignatures)))
    return found


def cosigned(case: Case, checkpoint: CheckpointRecord) -> str:
    """The note with the lines of its witnesses."""
    return checkpoint.note + "".join(line for _, line in case.cosignatures.get(checkpoint.size, ()))


def add_keys(draft: Draft, case: Case, published: Published, seal_pem: bytes) -> None:
    """Public keys. What is verified by them is as good as one's reason to believe that they are the hub's."""
    keys = {str(one["kid"]): dict(one) for one in published.jwks}
    keys |= {str(one.jwk["kid"]): one.jwk for one in case.keys if one.purpose == "receipts"}
    signed_by = {_kid(leaf.jws) for leaf in case.leaves if leaf.jws}
    draft.add(JWKS, json_octets({"keys": list(keys.values())}))
    for kid in sorted(signed_by & keys.keys()):
        draft.add(key_member(kid), pem(public_of(keys[kid])))
    log_keys = log_keys_of(case, published)
    draft.add(LOG_KEYS, "".join(f"{one.text}\n" for one in log_keys).encode())
    for number, one in enumerate(log_keys, 1):
        draft.add(f"keys/log-{number}.pem", pem(one.public))
    witnesses = sorted({witness for rows in case.cosignatures.values() for witness, _ in rows})
    if witnesses:
        draft.add(WITNESS_KEYS, "".join(f"{one}\n" for one in witnesses).encode())
    draft.add(SEAL_CERTIFICATE, seal_pem)


def _kid(jws: str) -> str:
    return str(json.loads(from_b64url(jws.split(".")[0]))["kid"])


def algorithm_of(jws: str) -> tuple[str, str]:
    """Algorithm and key identifier that a token names."""
    header = json.loads(from_b64url(jws.split(".")[0]))
    return str(header["alg"]), str(header["kid"])


def log_keys_of(case: Case, published: Published) -> list[VerifierKey]:
    """The keys that signed the checkpoints of this pack, those of today first."""
    kept = [
        VerifierKey(published.origin, ED25519, key)
        for one in case.keys
        if one.purpose == "log" and isinstance(key := public_of(one.jwk), Ed25519PublicKey)
    ]
    known = {one.text: one for one in (*published.log_keys, *kept)}
    notes = [Note.parse(one.note) for one in case.checkpoints.values()]
    used = [one for one in known.values() if any(note.signed_by(one) for note in notes)]
    return used or list(known.values())[:1]


def add_stamps(draft: Draft, case: Case, published: Published) -> list[tuple[str, str, Stamp]]:
    """Time stamps with the notes they cover, as (response, note, stamp); else what is known until one is there."""
    named: list[tuple[str, str, Stamp]] = []
    for stamp in case.stamps:
        size = stamp.checkpoint.size
        note = f"timestamps/{size}.note"
        number = 1 + sum(1 for _, member, _ in named if member == note)
        if number == 1:
            draft.add(note, stamp.checkpoint.note.encode())
        draft.add(f"timestamps/{size}-{number}.tsr", response(stamp.token))
        named.append((f"timestamps/{size}-{number}.tsr", note, stamp))
    if case.stamps and published.tsa_anchors:
        draft.add(TSA_ANCHORS, published.tsa_anchors)
    waiting = unstamped(case)
    if waiting:
        draft.add(PENDING, _pending(case, waiting).encode())
    return named


def unstamped(case: Case) -> list[Leaf]:
    """Leaves of which no time stamp says by when they were there."""
    reach = max((one.checkpoint.size for one in case.stamps), default=0)
    return [leaf for leaf in case.leaves if leaf.id not in case.proofs or case.proofs[leaf.id].number >= reach]


def _pending(case: Case, waiting: Sequence[Leaf]) -> str:
    """Between when and when, as far as anything says so; the hub's own times are only the hub's word."""
    first = min((case.proofs[leaf.id].number for leaf in waiting if leaf.id in case.proofs), default=None)
    before = [one.stamped_at for one in case.stamps if first is not None and one.checkpoint.size <= first]
    lines = [
        "Chưa có dấu thời gian độc lập cho các bản ghi dưới đây. / No independent time stamp covers these records yet.",
        f"dấu thời gian trước đó / the time stamp before: {rfc3339(max(before)) if before else '-'}",
        "không muộn hơn / no later than: đang chờ / pending",
        "",
        *(f"{leaf.id}  {leaf.kind}  {rfc3339(leaf.at)} (theo hub / by the hub's clock)" for leaf in waiting),
    ]
    return "\n".join(lines) + "\n"
