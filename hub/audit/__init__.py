"""Audit: every step as an entry of the append-only exchange log, and the proof that the log was not rewritten.

In charge of: the catalogue of events, the canonical form of an entry, the Merkle tree over all of them, checkpoints.
Comes in: what happened, to what, by whom, when. Goes out: entries, which the ledger commits with the step itself;
leaves, signed checkpoints, proofs. All but the sealer is pure; the ledger keeps the tree.
"""

from hub.audit.events import EVENTS, Entry, Event

__all__ = ["EVENTS", "Entry", "Event"]
