"""Access tokens: good for their time, for this hub, and as nothing else than tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.gateway.tokens import REMEMBERED, Tokens
from hub.problems import Refused
from hub.signatures.jws import HubKey, b64url
from tests.gateway.edge import Edge, problem
from tests.world import Office, World

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def key() -> HubKey:
    return HubKey(Ed25519PrivateKey.generate())


async def code_of(tokens: Tokens, token: str) -> str:
    with pytest.raises(Refused) as refusal:
        await tokens.client_of(token)
    return refusal.value.code


@pytest.mark.parametrize("seen_before", [True, False])
async def test_a_token_is_good_until_its_last_second_and_not_after(key: HubKey, seen_before: bool) -> None:
    tokens = Tokens(key, 60)
    with time_machine.travel(START, tick=False) as clock:
        token = tokens.issue("sys-1")
        if seen_before:
            assert await tokens.client_of(token) == "sys-1"
        clock.shift(timedelta(seconds=59))
        assert await tokens.client_of(token) == "sys-1"
        clock.shift(timedelta(seconds=1))
        assert await code_of(tokens, token) == "token-invalid"


async def test_every_process_with_the_key_takes_the_token_and_no_other_does(key: HubKey) -> None:
    token = Tokens(key, 60).issue("sys-1")
    assert await Tokens(key, 60).client_of(token) == "sys-1"
    assert await code_of(Tokens(HubKey(Ed25519PrivateKey.generate()), 60), token) == "token-invalid"


async def test_a_receipt_is_no_token(key: HubKey) -> None:
    receipt = key.sign({"sub": "sys-1", "exp": 4_000_000_000})
    assert await code_of(Tokens(key, 60), receipt) == "token-invalid"


async def test_a_token_without_a_signature_or_with_a_changed_one_is_refused(key: HubKey) -> None:
    tokens = Tokens(key, 60)
    header, payload, signature = tokens.issue("sys-1").split(".")
    other = b64url(json.dumps({"sub": "sys-2", "exp": 4_000_000_000}).encode())
    none = b64url(json.dumps({"alg": "none", "typ": "at+jwt", "kid": key.kid}).encode())
    for forged in (
        f"{header}.{other}.{signature}", f"{none}.{other}.", f"{header}.{payload}.", f"{header}.{payload}",
        f"{header}.{payload}.{signature}.{signature}", f"{header}.{payload}.{signature[:-2]}", "..", "",
        f"{b64url(b'[' * 40_000)}.{payload}.{signature}", f"{b64url(b'[1]')}.{payload}.{signature}",
    ):  # fmt: skip
        assert await code_of(tokens, forged) == "token-invalid"


@pytest.mark.parametrize("claims", [{"sub": "sys-1"}, {"exp": 4_000_000_000}, {"sub": "sys-1", "exp": "soon"}, {}])
async def test_a_token_that_names_no_client_or_no_end_is_refused(key: HubKey, claims: dict[str, object]) -> None:
    assert await code_of(Tokens(key, 60), key.sign_token(claims)) == "token-invalid"


async def test_the_memory_of_seen_tokens_is_bounded(key: HubKey) -> None:
    tokens = Tokens(key, 60)
    for number in range(REMEMBERED):
        tokens._known[f"token {number}"] = ("sys", 0.0, 0.0)
    for number in range(3):
        await tokens.client_of(tokens.issue(f"sys-{number}"))
    assert len(tokens._known) == REMEMBERED


def test_a_running_hub_refuses_an_expired_token(edge: Edge, world: World) -> None:
    office: Office = world.office()
    key = HubKey.load_or_create(world.settings.hub_key_file)
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=61), tick=False):
        expired = Tokens(key, 60).issue(office.client_id)
    good = Tokens(key, 60).issue(office.client_id)
    assert edge.get("/v1/inbox", headers={"Authorization": f"Bearer {good}"}).status_code == 200
    problem(edge.get("/v1/inbox", headers={"Authorization": f"Bearer {expired}"}), "token-invalid")
    stranger = Tokens(key, 60).issue("sys-nobody")
    problem(edge.get("/v1/inbox", headers={"Authorization": f"Bearer {stranger}"}), "client-invalid")


def test_a_token_is_given_for_basic_credentials_and_for_a_form(edge: Edge, world: World) -> None:
    office = world.office()
    form = {"grant_type": "client_credentials"}
    for answer in (
        edge.post("/oauth2/token", data=form, auth=(office.client_id, office.secret)),
        edge.post("/oauth2/token", data={**form, "client_id": office.client_id, "client_secret": office.secret}),
    ):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert (body["token_type"], body["expires_in"]) == ("Bearer", world.settings.token_seconds)
        headers = {"Authorization": f"Bearer {body['access_token']}"}
        assert edge.get("/v1/inbox", headers=headers).status_code == 200
