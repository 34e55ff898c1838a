"""What is pushed is what the OpenAPI document says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from hub import clock, wiring
from hub.delivery.carrier import Failed
from hub.ledger.replays import Replayed
from hub.settings import Settings
from tests.delivery.parcels import parcel, receipt
from tests.push.conftest import Line
from tests.push.receiver import Push


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    hub = wiring.build(Settings(data_dir=Path(tmp_path_factory.mktemp("described"))))
    found: dict[str, Any] = hub.application.openapi()
    hub.ledger.close()
    return found


def hold(document: dict[str, Any], push: Push) -> None:
    """A push to its word: its headers, its media type, its body."""
    described = document["webhooks"][push.event]["post"]
    named = {one["name"].lower(): one["required"] for one in described["parameters"]}
    assert {name for name, required in named.items() if required} <= push.headers.keys()
    ours = {name for name in push.headers if name.startswith(("webhook-", "lienthong-"))}
    assert ours <= named.keys()
    content = described["requestBody"]["content"][push.headers["content-type"].partition(";")[0]]
    if push.headers["content-type"] == "application/json":
        Draft202012Validator({**content["schema"], "components": document["components"]}).validate(
            json.loads(push.body)
        )


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert document["webhooks"].keys() == {"delivery.document", "delivery.notice", "receipts"}


async def test_every_push_is_as_described(document: dict[str, Any], opened: Callable[..., Line]) -> None:
    line = opened()
    notice = line.registered(body="notice")
    more = {"round": 2, "previous_id": "v1", "replay": Replayed(clock.new_id(), "mất", clock.new_id()), "due_on": None}
    for one in (
        parcel(line.shelf, line.system),
        parcel(line.shelf, line.system, b"<edXML/>", (("a.pdf", b"%PDF"),), **more),
        parcel(line.shelf, notice),
        parcel(line.shelf, notice, **more),
    ):
        assert not isinstance(await line.carrier.carry(one), Failed)
    await line.carrier.tell(line.system, [receipt(1), receipt(2, envelope_id=None, delivery_id=None)])
    assert [push.event for push in line.receiver.pushes] == [
        *["delivery.document"] * 2, *["delivery.notice"] * 2, "receipts",
    ]  # fmt: skip
    for push in line.receiver.pushes:
        hold(document, push)
