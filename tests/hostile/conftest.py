"""A hub of little patience, for clients that are slow, lie about lengths or speak no HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world import Office, World

LARGEST = 300_000
PAUSE, RATE = 1.0, 2_000


@pytest.fixture(scope="package")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub of little patience."""
    environment = {
        "LIENTHONG_MAX_ENVELOPE_BYTES": str(LARGEST),
        "LIENTHONG_HEAD_SECONDS": str(PAUSE),
        "LIENTHONG_BODY_PAUSE_SECONDS": str(PAUSE),
        "LIENTHONG_BODY_BYTES_PER_SECOND": str(RATE),
        "LIENTHONG_MAX_UPLOADS": "2",
    }
    with World(tmp_path_factory.mktemp("hasty"), environment) as built:
        built.start("up")
        yield built


@pytest.fixture(scope="package")
def office(hasty: World) -> Office:
    return hasty.office()
