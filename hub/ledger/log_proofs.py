"""What others take out of the transparency log: checkpoints with their cosignatures, leaves, proofs as text."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from hub.audit import merkle
from hub.audit.leaves import entry_leaf, receipt_leaf
from hub.audit.note import ED25519, VerifierKey
from hub.audit.proof import Proof
from hub.ledger import hub_keys, transparency
from hub.ledger.engine import Transaction
from hub.ledger.log_tables import log_checkpoint, log_cosignature, log_leaf
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import audit_entry, delivery, envelope, receipt
from hub.ledger.transparency import CheckpointRecord, Proved, Tree
from hub.signatures.jws import public_of


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A leaf's octets and the proof (C2SP tlog-proof) that it is number ``index`` of the log."""

    index: int
    leaf: bytes
    proof: str

    def shown(self) -> dict[str, Any]:
        """As JSON: ``leaf`` in base64."""
        return {"index": self.index, "leaf": base64.b64encode(self.leaf).decode(), "proof": self.proof}


def cosigned(transaction: Transaction, checkpoint: CheckpointRecord) -> str:
    """The checkpoint as a note with the lines of all witnesses that cosigned it so far."""
    return checkpoint.note + _lines(transaction, [checkpoint.size]).get(checkpoint.size, "")


def _lines(transaction: Transaction, sizes: Iterable[int]) -> dict[int, str]:
    column = log_cosignature.c
    wanted = select(column.size, column.line).where(column.size.in_(set(sizes))).order_by(column.at, column.witness)
    found: dict[int, str] = {}
    for size, line in transaction.execute(wanted):
        found[size] = found.get(size, "") + line
    return found


def verifier_keys(transaction: Transaction, origin: str) -> list[str]:
    """Every key that ever signed checkpoints of this log (C2SP signed-note), the oldest first."""
    keys = (public_of(one.jwk) for one in hub_keys.every(transaction, "log"))
    return [VerifierKey(origin, ED25519, key).text for key in keys if isinstance(key, Ed25519PublicKey)]


def signed_at(transaction: Transaction, size: int) -> CheckpointRecord | None:
    """The checkpoint of exactly that size, if one was signed."""
    column = log_checkpoint.c
    row = transaction.execute(
        select(column.size, column.root, column.note, column.at).where(column.size == size)
    ).one_or_none()
    return None if row is None else CheckpointRecord(*row)


def leaves(transaction: Transaction, identifiers: Sequence[str]) -> dict[str, bytes]:
    """The octets of leaves as they stand in the ledger now, by the identifiers of entries and receipts."""
    wanted, found = list(identifiers), dict[str, bytes]()
    for table, leaf_of in ((audit_entry, entry_leaf), (receipt, receipt_leaf)):
        rows = transaction.execute(select(table).where(table.c.id.in_(wanted)))
        names = tuple(rows.keys())
        found |= {row.id: leaf_of(dict(zip(names, row, strict=True))) for row in rows}
    return found


def inclusions(transaction: Transaction, identifiers: Sequence[str]) -> dict[str, Inclusion]:
    """Each against the first checkpoint that covers it; without what is not sealed yet."""
    proved = transparency.proofs(transaction, identifiers)
    octets = leaves(transaction, list(proved))
    lines = _lines(transaction, (one.checkpoint.size for one in proved.values()))
    return {name: _inclusion(proved[name], octets[name], lines) for name in octets}


def inclusion_at(transaction: Transaction, identifier: str, size: int) -> Inclusion | None:
    """Against the checkpoint of that size; None when none of that size was signed, or it does not cover the leaf."""
    checkpoint = signed_at(transaction, size)
    number = transparency.numbers_of(transaction, [identifier]).get(identifier)
    octets = leaves(transaction, [identifier]).get(identifier)
    if checkpoint is None or number is None or octets is None or number >= size:
        return None
    path = merkle.inclusion_proof(number, size, Tree(transaction, size))
    return _inclusion(Proved(number, checkpoint, path), octets, _lines(transaction, [size]))


def _inclusion(proved: Proved, leaf: bytes, lines: Mapping[int, str]) -> Inclusion:
    note = proved.checkpoint.note + lines.get(proved.checkpoint.size, "")
    return Inclusion(proved.number, leaf, Proof(proved.number, tuple(proved.path), note).text)


def entries(transaction: Transaction, first: int, count: int) -> list[bytes] | None:
    """The octets of leaves by number; None when the tree does not have them all."""
    column = log_leaf.c
    wanted = select(column.id).where(column.number >= first, column.number < first + count).order_by(column.number)
    names = list(transaction.execute(wanted).scalars())
    octets = leaves(transaction, names)
    return [octets[one] for one in names] if len(octets) == count else None


def known(transaction: Transaction, identifier: str, system_id: str | None) -> bool:
    """Whether there is such an entry or receipt, and the system is a party to it. ``system_id`` None: any will do.

    A receipt is for one system. An entry is for whoever caused it, for the letter's sender, and for a recipient where
    it is about its own delivery: whom else a letter went to is the sender's to tell.
    """
    mine: list[Any] = [receipt.c.id == identifier]
    if system_id is not None:
        mine.append(receipt.c.audience_system_id == system_id)
    if transaction.execute(select(receipt.c.id).where(*mine)).first() is not None:
        return True
    about = select(audit_entry.c.actor, audit_entry.c.envelope_id, audit_entry.c.delivery_id)
    row = transaction.execute(about.where(audit_entry.c.id == identifier)).first()
    if row is None or system_id is None:
        return row is not None
    return row.actor == system_id or _is_party(transaction, row.envelope_id, row.delivery_id, system_id)


def _is_party(transaction: Transaction, envelope_id: str, delivery_id: str, system_id: str) -> bool:
    sent = select(envelope.c.id).where(envelope.c.id == envelope_id, envelope.c.sender_system_id == system_id)
    taken = select(delivery.c.id).where(delivery.c.id == delivery_id, delivery.c.system_id == system_id, TO_RECIPIENT)
    return any(transaction.execute(one).first() is not None for one in (sent, taken))
