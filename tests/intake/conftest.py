"""Both stores, empty; properties are run with patience."""

import tests.intake.patience  # noqa: F401 - loading it is what it is for
from tests.ledger.stage import (  # noqa: F401 - fixtures are found by their names here
    ledger,
    migrated_database,
    migrated_file,
    postgresql_store,
    sqlite_store,
    store,
)
