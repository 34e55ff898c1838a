"""Both stores, empty and furnished."""

from tests.ledger.stage import (  # noqa: F401 - fixtures are found by their names here
    ledger,
    migrated_database,
    migrated_file,
    postgresql_store,
    sqlite_store,
    store,
)
