"""Ledger: what the hub remembers, and the only truth about it.

In charge of: tables, transactions, one file per noun with its statements, read models, and the payload store.
Comes in: plain values and frozen records. Goes out: frozen records; SQLAlchemy does not leave this room.
Everything a step decides is committed in one transaction together with its entry in the exchange log.
Two stores behind one set of statements: SQLite (embedded) and PostgreSQL (production).
"""

from hub.ledger import audit_tables, delivery_tables, identity_tables, log_tables, people_tables, revocation_tables
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.payloads import PayloadStore, PayloadWriter

__all__ = [
    "Ledger",
    "PayloadStore",
    "PayloadWriter",
    "Transaction",
    "audit_tables",
    "delivery_tables",
    "identity_tables",
    "log_tables",
    "people_tables",
    "revocation_tables",
]
