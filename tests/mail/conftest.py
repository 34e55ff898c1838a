"""A mail server, and both stores furnished with a system that takes its documents by mail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ledger.stage import (  # noqa: F401 - fixtures are found by their names here
    ledger,
    migrated_database,
    migrated_file,
    postgresql_store,
    sqlite_store,
    stage,
    store,
)
from tests.mail.postoffice import Certificates, PostOffice


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def office(certificates: Certificates) -> Iterator[PostOffice]:
    with PostOffice(certificates) as opened:
        yield opened
