"""A furnished store, and a mail server that takes alerts."""

from __future__ import annotations

from collections.abc import Iterator

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
from tests.mail.postoffice import Certificates, PostOffice


@pytest.fixture
def plain(sqlite_store: Store) -> Stage:  # noqa: F811 - a fixture asks for another by its name
    """A furnished store where it makes no difference which."""
    made = Stage(sqlite_store.open())
    made.furnish()
    return made


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def office(certificates: Certificates) -> Iterator[PostOffice]:
    with PostOffice(certificates) as opened:
        yield opened
