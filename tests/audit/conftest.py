"""Stores for the rooms behind the log."""

from tests.ledger.stage import ledger, migrated_database, migrated_file, postgresql_store, sqlite_store, stage, store

__all__ = ["ledger", "migrated_database", "migrated_file", "postgresql_store", "sqlite_store", "stage", "store"]
