"""Stores for what is published, and keys in hardware."""

from tests.ledger.stage import ledger, migrated_database, migrated_file, postgresql_store, sqlite_store, stage, store

__all__ = ["ledger", "migrated_database", "migrated_file", "postgresql_store", "sqlite_store", "stage", "store"]
