"""A defect of the hub itself: told as one, without what it was about; that is in the program's log only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from hub import wiring
from hub.settings import Settings

SECRET = "password=hunter2 in /var/lib/hub"


@pytest.fixture
async def defective(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The real application, with one more route: it fails in a way that nobody foresaw."""
    hub = wiring.build(Settings(data_dir=tmp_path))

    @hub.application.get("/v1/defect")
    async def defect() -> None:
        raise ZeroDivisionError(SECRET)

    transport = httpx.ASGITransport(hub.application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client
    hub.ledger.close()


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_what_nobody_foresaw_is_a_problem_too_and_tells_nothing_of_the_inside(
    defective: httpx.AsyncClient, language: str
) -> None:
    answer = await defective.get("/v1/defect", headers={"Accept-Language": language})
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert len(answer.json()["trace_id"]) == 32
    document = answer.json()
    assert (document["code"], document["retryable"]) == ("hub-internal", True)
    assert document["detail"] == document["title"]


async def test_the_rest_goes_on(defective: httpx.AsyncClient) -> None:
    await defective.get("/v1/defect")
    assert (await defective.get("/livez")).status_code == 200
