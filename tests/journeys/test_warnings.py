"""A warning travels with the letter: in the answer, in the signed acknowledgement, and wherever the letter is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.client import CallRefused
from adapters.client.proof import verify_receipt
from hub import clock
from hub.ledger import overrides
from hub.registry.model import Override
from tests.world import Office, World, eventually


def taken(office: Office, body: bytes) -> dict[str, Any] | None:
    """The answer to a letter that is accepted; None while it is not, the registry's changes being a second old."""
    try:
        return dict(office.client.post_envelope(body))
    except CallRefused:
        return None


def refused(office: Office, body: bytes) -> dict[str, Any] | None:
    try:
        office.client.post_envelope(body)
    except CallRefused as refusal:
        return refusal.document
    return None


@pytest.fixture(scope="module")
def offices(world: World) -> tuple[Office, Office]:
    return world.office(), world.office()


def test_a_warning_reaches_answer_acknowledgement_and_letter(world: World, offices: tuple[Office, Office]) -> None:
    sender, recipient = offices
    answer = eventually(lambda: taken(sender, sender.letter(recipient.code, place="x" * 51, due=None)))
    told = [(one["code"], one["rule"]) for one in answer["warnings"]]
    assert ("metadata-too-long", "place.length") in told
    acknowledgement = verify_receipt(answer["acknowledgement"], sender.client.jwks())
    assert [(one["code"], one["rule"]) for one in acknowledgement["warnings"]] == told
    for office in (sender, recipient):
        shown = world.get(f"/v1/envelopes/{answer['id']}", office.client)
        assert [(one["code"], one["rule"]) for one in shown["warnings"]] == told


def test_the_same_thing_is_a_refusal_where_a_policy_says_so(world: World, offices: tuple[Office, Office]) -> None:
    sender, recipient = offices
    until = (clock.now() + timedelta(days=2)).date()
    world.ledger.write_now(overrides.put, Override(sender.code, "place.length", "refuse", until, "thử"), clock.now())
    problem = eventually(lambda: refused(sender, sender.letter(recipient.code, place="x" * 51)))
    assert [(one["code"], one["rule"]) for one in problem["findings"]] == [("metadata-too-long", "place.length")]
    assert problem["findings"][0]["location"].endswith("PromulgationInfo/Place")
    world.ledger.write_now(overrides.remove, sender.code, "place.length")
    eventually(lambda: taken(sender, sender.letter(recipient.code, place="x" * 51)))
