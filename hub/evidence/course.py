"""The course of a pack's letter: receipts, their leaves, proofs, the log's checkpoints, witnesses and time stamps."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from hub import clock
from hub.audit import proof as proofs
from hub.audit.canonical import canonical
from hub.audit.leaves import RECEIPT_ISSUED
from hub.audit.merkle import verify_consistency
from hub.audit.note import COSIGNATURE, ED25519, Checkpoint, Note, VerifierKey, opened
from hub.audit.witness import Submission
from hub.evidence.findings import Findings
from hub.evidence.names import (
    CHECKPOINT,
    COSIGNED,
    DECISION,
    JWKS,
    LOG_KEYS,
    PENDING,
    SEAL_CERTIFICATE,
    TSA_ANCHORS,
    WITNESS_KEYS,
    key_member,
)
from hub.evidence.public_keys import pem
from hub.evidence.responses import token_of
from hub.evidence.verifying import Opened, Trusted
from hub.signatures.jws import from_b64url, public_of
from hub.signatures.receipt_tokens import verify_receipt
from hub.signatures.timestamps import TimeTrust, checked

_SKEW = timedelta(minutes=5)


@dataclass
class _Log:
    """What the pack says of the log: its keys, the roots by size, who cosigned which size, the leaves by number."""

    keys: tuple[VerifierKey, ...]
    given: bool
    roots: dict[int, bytes] = field(default_factory=dict)
    linked: set[tuple[int, int]] = field(default_factory=set)
    cosigned: dict[str, int] = field(default_factory=dict)
    leaves: dict[int, datetime] = field(default_factory=dict)
    waiting: int = 0


def check(pack: Opened, trusted: Trusted, findings: Findings) -> None:
    """In the order in which each rests on the one before."""
    _check_copies(pack, findings)
    receipts = _check_receipts(pack, trusted, findings)
    keys = trusted.log_keys or _keys(pack, LOG_KEYS, ED25519, findings)
    log = _Log(keys, bool(trusted.log_keys))
    _check_leaves(pack, receipts, log, findings)
    _check_checkpoints(pack, log, findings)
    _check_growth(pack, log, findings)
    _check_witnesses(pack, trusted, log, findings)
    _check_stamps(pack, trusted, log, findings)


def _keys(pack: Opened, member: str, kind: int, findings: Findings) -> tuple[VerifierKey, ...]:
    if member not in pack.members:
        return ()
    with findings.watching(member, "key"):
        found = tuple(map(VerifierKey.parse, pack.read(member).decode().splitlines()))
        return tuple(one for one in found if one.kind == kind)
    return ()


def _check_copies(pack: Opened, findings: Findings) -> None:
    """The keys that ``openssl`` reads are those that everything else is checked by."""
    copies: dict[str, bytes] = {}
    with findings.watching(JWKS, "key"):
        for jwk in json.loads(pack.read(JWKS))["keys"]:
            copies[key_member(jwk["kid"])] = pem(public_of(jwk))
    for number, key in enumerate(_keys(pack, LOG_KEYS, ED25519, findings), 1):
        copies[f"keys/log-{number}.pem"] = pem(key.public)
    for member in pack.named("keys", ".pem"):
        if member == SEAL_CERTIFICATE:
            continue
        if copies.get(member) != pack.read(member):
            findings.wrong(member, "key", "not the key of this name")
        else:
            findings.good(member, "key")


def _check_receipts(pack: Opened, trusted: Trusted, findings: Findings) -> dict[str, str]:
    """Digests of the tokens that hold (of the compact JWS), and the member of each."""
    found: dict[str, str] = {}
    jwks: Mapping[str, Any] = json.loads(pack.read(JWKS)) if trusted.jwks is None else trusted.jwks
    kinds = []
    for member in pack.named("receipts", ".jws"):
        with findings.watching(member, "receipt"):
            jws = pack.read(member).decode("ascii")
            said = verify_receipt(jws, jwks)
            if jws != jws.strip():
                raise ValueError("something surrounds the token")
            _check_subject(pack, said)
            _check_copy(pack, member, jws, findings)
            findings.by(trusted.jwks is not None, member, "receipt", f"{said['event']}, {said['at']}")
            found[hashlib.sha256(jws.encode()).hexdigest()] = member
            kinds.append(said["event"])
            if said["event"] == "envelope.accepted" and said["at"] != pack.facts["decision"]["verified_at"]:
                findings.wrong(DECISION, "record", "another time of acceptance than the acknowledgement's")
    if kinds.count("envelope.accepted") != 1:
        findings.wrong(DECISION, "record", "not one acknowledgement of this document")
    return found


def _check_subject(pack: Opened, said: Mapping[str, Any]) -> None:
    envelope = pack.envelope
    for name, wanted in (("envelope_id", envelope["id"]), ("sha256", envelope["sha256"])):
        if said.get(name) != wanted:
            raise ValueError(f"it is about another document: {name} is {said.get(name)}")


def _check_copy(pack: Opened, member: str, jws: str, findings: Findings) -> None:
    """What people read is what the token says."""
    copy = f"{member.removesuffix('.jws')}.json"
    if copy not in pack.members or pack.read(copy) != from_b64url(jws.split(".")[1]):
        findings.wrong(copy, "receipt", "not what the .jws of this name says")


def _check_leaves(pack: Opened, receipts: Mapping[str, str], log: _Log, findings: Findings) -> None:
    unlogged = dict(receipts)
    for member in pack.named("log", ".leaf.json"):
        with findings.watching(member, "leaf"):
            octets = pack.read(member)
            leaf = json.loads(octets)
            if canonical(leaf) != octets:
                raise ValueError("not in canonical form (RFC 8785)")
            if leaf["envelope"] != pack.envelope["id"]:
                raise ValueError(f"about another envelope: {leaf['envelope']}")
            if leaf["kind"] == RECEIPT_ISSUED and unlogged.pop(leaf["jws_sha256"], None) is None:
                raise ValueError("no receipt in this pack has the digest that it names")
            findings.good(member, "leaf", f"{leaf.get('event', leaf['kind'])}, {leaf['at']}")
            _check_proof(pack, member, octets, clock.parse_rfc3339(leaf["at"]), log, findings)
    for member in unlogged.values():
        findings.wrong(member, "leaf", "no leaf of the log names this receipt")


def _check_proof(pack: Opened, leaf: str, octets: bytes, at: datetime, log: _Log, findings: Findings) -> None:
    member = f"{leaf.removesuffix('.leaf.json')}.tlog-proof"
    if member not in pack.members:
        log.waiting += 1
        findings.unproved(leaf, "proof", "not sealed yet when the pack was made")
        return
    with findings.watching(member, "proof"):
        text = pack.read(member).decode()
        included = proofs.verify(text, octets, log.keys)
        log.leaves[included.index] = at
        _remember(log, included.checkpoint)
        detail = f"leaf {included.index} of {included.checkpoint.size}"
        findings.by(log.given, member, "proof", detail)


def _remember(log: _Log, checkpoint: Checkpoint) -> None:
    """Raises ``ValueError``: two roots of one size are a forked log."""
    if log.roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
        raise ValueError(f"two different trees of {checkpoint.size} leaves were signed")


def _check_checkpoints(pack: Opened, log: _Log, findings: Findings) -> None:
    if CHECKPOINT not in pack.members and log.leaves:
        findings.wrong(CHECKPOINT, "checkpoint", "missing")
    for member in (CHECKPOINT, COSIGNED, *pack.named("timestamps", ".note")):
        if member not in pack.members:
            continue
        with findings.watching(member, "checkpoint"):
            checkpoint = opened(pack.read(member).decode(), log.keys)
            _remember(log, checkpoint)
            if checkpoint.origin != pack.facts["log"]:
                raise ValueError(f"of another log: {checkpoint.origin}")
            findings.by(log.given, member, "checkpoint", f"{checkpoint.origin}, {checkpoint.size} leaves")


def _check_growth(pack: Opened, log: _Log, findings: Findings) -> None:
    """Every tree begins with the one before it, so that all checkpoints are of one log."""
    for member in (name for name in pack.members if name.startswith("log/consistency-")):
        with findings.watching(member, "consistency"):
            offered = Submission.parse(pack.read(member))
            checkpoint = opened(offered.note, log.keys)
            _remember(log, checkpoint)
            root = log.roots.get(offered.old)
            if root is None:
                raise ValueError(f"no checkpoint of {offered.old} leaves is in this pack")
            if not verify_consistency(offered.old, root, checkpoint.size, checkpoint.root, offered.proof):
                raise ValueError(f"the tree of {checkpoint.size} does not begin with that of {offered.old}: rewritten")
            log.linked.add((offered.old, checkpoint.size))
            findings.by(log.given, member, "consistency", f"{offered.old} to {checkpoint.size}")
    for old, size in itertools.pairwise(sorted(log.roots)):
        if (old, size) not in log.linked:
            findings.wrong(CHECKPOINT, "consistency", f"nothing shows that {size} leaves begin with {old}")


def _check_witnesses(pack: Opened, trusted: Trusted, log: _Log, findings: Findings) -> None:
    packed = _keys(pack, WITNESS_KEYS, COSIGNATURE, findings)
    keys = trusted.witness_keys or packed
    ours = {(one.name, one.id) for one in (*log.keys, *_keys(pack, LOG_KEYS, ED25519, findings))}
    for member in pack.members:
        with findings.watching(member, "witness"):
            note = _note_in(pack, member)
            if note is not None:
                _check_cosignatures(note, log, ours, (*packed, *keys))
    last = max(log.leaves, default=-1)
    for key in keys:
        size = log.cosigned.get(key.text, 0)
        if size > last >= 0:
            findings.by(bool(trusted.witness_keys), WITNESS_KEYS, "witness", f"{key.name}: {size} leaves")
        else:
            findings.unproved(WITNESS_KEYS, "witness", f"{key.name}: cosigned {size} leaves, the last here is {last}")
    if not keys:
        findings.unproved(CHECKPOINT, "witness", "no witness has cosigned")


def _note_in(pack: Opened, member: str) -> Note | None:
    """The checkpoint that a member carries. Raises ``ValueError``."""
    if member.endswith(".tlog-proof"):
        return Note.parse(proofs.Proof.parse(pack.read(member).decode()).checkpoint)
    if member.startswith("log/consistency-"):
        return Note.parse(Submission.parse(pack.read(member)).note)
    return Note.parse(pack.read(member).decode()) if member in (CHECKPOINT, COSIGNED) else None


def _check_cosignatures(note: Note, log: _Log, ours: Set[tuple[str, bytes]], witnesses: Sequence[VerifierKey]) -> None:
    """Every line by a witness holds; which size it covers. Raises ``ValueError``."""
    size = Checkpoint.parse(note.text).size
    for name, identifier, _ in note.signatures:
        key = next((one for one in witnesses if (one.name, one.id) == (name, identifier)), None)
        if key is None:
            if (name, identifier) not in ours:
                raise ValueError(f"a signature by {name}, whose key is not here")
        elif not note.signed_by(key):
            raise ValueError(f"the cosignature of {name} does not verify")
        else:
            log.cosigned[key.text] = max(size, log.cosigned.get(key.text, 0))


def _check_stamps(pack: Opened, trusted: Trusted, log: _Log, findings: Findings) -> None:
    anchors = trusted.tsa_anchors
    if not anchors and TSA_ANCHORS in pack.members:
        with findings.watching(TSA_ANCHORS, "key"):
            anchors = tuple(x509.load_pem_x509_certificates(pack.read(TSA_ANCHORS)))
    reach = 0
    for member in pack.named("timestamps", ".tsr"):
        with findings.watching(member, "stamp"):
            if not anchors:
                findings.unproved(member, "stamp", "no anchor of the authority: give --tsa-anchor")
                continue
            note = pack.read(f"{member.rpartition('-')[0]}.note")
            stamp = checked(token_of(pack.read(member)), note, TimeTrust(anchors))
            size = Checkpoint.parse(Note.parse(note.decode()).text).size
            _check_order(log, size, stamp.at)
            reach = max(reach, size)
            detail = f"{stamp.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}, {size} leaves, {stamp.signer}"
            findings.by(bool(trusted.tsa_anchors), member, "stamp", detail)
    if log.waiting or not log.leaves or max(log.leaves) >= reach:
        words = f"no time stamp covers what lies behind leaf {reach - 1}" if reach else "no time stamp yet"
        findings.unproved(PENDING, "stamp", words)


def _check_order(log: _Log, size: int, stamped: datetime) -> None:
    """The hub may not say that something was later than an authority saw it. Raises ``ValueError``."""
    late = [number for number, at in log.leaves.items() if number < size and at > stamped + _SKEW]
    if late:
        raise ValueError(f"leaf {late[0]} says a time after this stamp, which covers it")
