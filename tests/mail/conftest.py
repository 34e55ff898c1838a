"""A mail server, and both stores furnished with a system that takes its documents by mail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.mail import MailCarrier, Submission
from tests.delivery.parcels import Shelf
from tests.ledger.stage import (  # noqa: F401 - fixtures are found by their names here
    Stage,
    ledger,
    migrated_database,
    migrated_file,
    postgresql_store,
    sqlite_store,
    stage,
    store,
)
from tests.mail.postoffice import Certificates, Opened, PostOffice


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def office(certificates: Certificates) -> Iterator[PostOffice]:
    with PostOffice(certificates) as opened:
        yield opened


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture
async def opened(stage: Stage, office: PostOffice) -> AsyncIterator[Opened]:  # noqa: F811 - a fixture asks for another by its name
    made: list[MailCarrier] = []

    def one(*, largest: int = 1_000_000) -> MailCarrier:
        carrier = MailCarrier(
            stage.ledger,
            Submission(office.server()),
            "Trục thử",
            "https://hub.example",
            largest=largest,
            link_days=14,
        )
        made.append(carrier)
        return carrier

    yield one
    for carrier in made:
        await carrier.close()
