"""A signed test event: the way to a system is tried without a document."""

from __future__ import annotations

import json

import pytest

from adapters.client import verify_webhook
from hub.delivery.connectivity import Probe
from tests.push.conftest import Line
from tests.push.receiver import Say


async def test_a_receiver_that_takes_the_test_event_works_and_can_verify_it(line: Line) -> None:
    assert isinstance(line.carrier, Probe)
    found = await line.carrier.probe(line.system)
    assert found.works
    assert f"127.0.0.1:{line.receiver.port}" in dict(found.findings)["Answer to a signed test event"]
    [push] = line.receiver.pushes
    assert verify_webhook(push.headers, push.body, line.keys().jwks) == push.id
    assert json.loads(push.body)["type"] == push.event == "hub.ping"


@pytest.mark.parametrize(("say", "reason"), [(Say(404, b"no such path"), "misconfigured"), (Say(410), "gone")])
async def test_a_receiver_that_does_not_take_it_says_why(line: Line, say: Say, reason: str) -> None:
    line.receiver.script = [say]
    found = await line.carrier.probe(line.system)
    assert not found.works
    assert dict(found.findings)["Reason"].startswith(reason)


async def test_an_address_that_is_not_allowed_is_not_reached(line: Line) -> None:
    found = await line.carrier.probe(line.registered("https://10.0.0.1/in"))
    assert dict(found.findings)["Reason"].startswith("address-forbidden")
