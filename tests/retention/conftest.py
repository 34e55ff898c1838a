"""Both stores with old letters whose octets really lie in a payload store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ledger.stage import (  # noqa: F401 - fixtures are found by their names here
    Stage,
    Store,
    ledger,
    migrated_database,
    migrated_file,
    postgresql_store,
    sqlite_store,
    stage,
    store,
)
from tests.retention.archive import Archive


@pytest.fixture
def shelf(sqlite_store: Store, tmp_path: Path) -> Archive:  # noqa: F811 - the fixture imported above
    """An empty archive over SQLite, for what no store makes a difference to."""
    made = Stage(sqlite_store.open())
    made.furnish()
    return Archive(made, tmp_path)


@pytest.fixture
def archive(stage: Stage, tmp_path: Path) -> Archive:  # noqa: F811 - the fixture imported above
    """An empty archive over each of the stores in turn."""
    return Archive(stage, tmp_path)
