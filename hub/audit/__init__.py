"""Audit: every step as an entry of the append-only exchange log.

In charge of: the catalogue of events and the form of an entry. (Sealing into a Merkle tree attaches here: entries are
never changed, so leaf numbers will live beside them, not in them.)
Comes in: what happened, to what, by whom, when. Goes out: entries, which the ledger commits with the step itself.
"""

from hub.audit.events import EVENTS, Entry, Event

__all__ = ["EVENTS", "Entry", "Event"]
