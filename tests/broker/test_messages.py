"""Reading and writing the claim check: exact, versioned, and clear about what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.broker import ClaimCheck
from hub.broker.messages import CLAIM_V1, CLAIMS_V1, MalformedMessageError, decode, encode

TEXT = st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable())

GOOD = {"delivery": "d", "envelope": "e", "system": "s", "recipient": "r", "priority": 0, "attempt": 1}


CLAIMS = st.builds(ClaimCheck, TEXT, TEXT, TEXT, TEXT, st.integers(0, 4), st.integers(1, 10**6), st.text("0123abc-"))


@given(st.lists(CLAIMS, min_size=1, max_size=5))
def test_every_claim_check_survives_the_wire(claims: list[ClaimCheck]) -> None:
    wire = encode(claims)
    assert wire.type == "lienthong.claims.v1"
    assert decode(wire.type, wire.body, wire.headers) == tuple(claims)


def test_the_trace_stands_in_the_headers_when_all_belong_to_it() -> None:
    one, other = ClaimCheck("d", "e", "s", "r", traceparent="00-a"), ClaimCheck("d", "e", "s", "r", traceparent="00-b")
    assert encode([one, one]).headers == {"traceparent": "00-a"}
    assert encode([one, other]).headers == {}


def test_a_message_of_the_version_before_is_read() -> None:
    claim = ClaimCheck("d", "e", "s", "r", 0, 1, "00-a")
    assert decode(CLAIM_V1, json.dumps(GOOD).encode(), {"traceparent": "00-a"}) == (claim,)


def test_unknown_members_of_a_later_minor_version_are_ignored() -> None:
    assert decode(CLAIM_V1, json.dumps({**GOOD, "added": 1}).encode(), None)[0].delivery_id == "d"
    several = {"claims": [{**GOOD, "added": 1}], "added": 1}
    assert decode(CLAIMS_V1, json.dumps(several).encode(), None)[0].delivery_id == "d"


@pytest.mark.parametrize(
    ("type_", "body", "complaint"),
    [
        ("lienthong.claim.v2", GOOD, "lienthong.claim.v2"),
        (None, GOOD, "None"),
        (CLAIM_V1, b"\xff", "not JSON"),
        (CLAIM_V1, b"{", "not JSON"),
        (CLAIM_V1, b"", "not JSON"),
        (CLAIM_V1, [1], "not a JSON object"),
        (CLAIM_V1, {**GOOD, "delivery": ""}, "delivery"),
        (CLAIM_V1, {**GOOD, "envelope": 7}, "envelope"),
        (CLAIM_V1, {**GOOD, "system": None}, "system"),
        (CLAIM_V1, {name: value for name, value in GOOD.items() if name != "recipient"}, "recipient"),
        (CLAIM_V1, {**GOOD, "priority": "high"}, "priority"),
        (CLAIM_V1, {**GOOD, "attempt": True}, "attempt"),
        (CLAIM_V1, {**GOOD, "attempt": -1}, "attempt"),
        (CLAIMS_V1, GOOD, "claims"),
        (CLAIMS_V1, {"claims": []}, "claims"),
        (CLAIMS_V1, {"claims": [GOOD, 1]}, "claims"),
        (CLAIMS_V1, {"claims": [GOOD, {**GOOD, "attempt": True}]}, "attempt"),
    ],
)
def test_a_malformed_message_is_refused_and_the_fault_is_named(type_: str | None, body: Any, complaint: str) -> None:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(MalformedMessageError, match=complaint):
        decode(type_, octets, {})
