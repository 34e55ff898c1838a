"""What is published: every key that ever signed, by its entry in the log; tokens by those that are not long retired."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub import clock, keyring
from hub.gateway.published_keys import FRESH_SECONDS, LOOK_AGAIN_SECONDS, PublishedKeys
from hub.gateway.tokens import BELIEVED_SECONDS, Tokens
from hub.ledger import Ledger, exchange_log, hub_keys
from hub.ledger.exchange_log import LogQuery
from hub.problems import Deferred, Misconfigured, Refused
from hub.settings import Settings
from hub.signatures.jws import HubKey

LIFE = 3600


def new_key() -> HubKey:
    return HubKey(Ed25519PrivateKey.generate())


def entries(ledger: Ledger) -> list[tuple[str, str, str]]:
    rows, _ = ledger.read_now(exchange_log.query, LogQuery(), None, 100)
    return [(row["kind"], row["actor"], row["detail"]["kid"]) for row in rows if row["kind"].startswith("registry.key")]


def test_of_processes_that_start_together_one_publishes_the_key(ledger: Ledger) -> None:
    key = new_key()
    with ThreadPoolExecutor(4) as pool:
        known = list(pool.map(lambda _: ledger.write_now(hub_keys.publish, "receipts", key.jwk, "hub"), range(8)))
    assert {one.jwk["x"] for one in known} == {key.jwk["x"]}
    assert entries(ledger) == [("registry.key_added", "hub", key.kid)]


def test_a_keys_life_is_told_by_the_log(ledger: Ledger) -> None:
    first, second, of_log = new_key(), new_key(), new_key()
    for purpose, key in (("receipts", first), ("receipts", second), ("log", of_log)):
        ledger.write_now(hub_keys.publish, purpose, key.jwk, "operator")
    ledger.write_now(hub_keys.rotate, "receipts", first.kid, second.kid, "operator")
    retired = ledger.write_now(hub_keys.retire, first.kid, "operator")
    assert retired.retired_at is not None
    assert [kind for kind, _, _ in entries(ledger)] == ["registry.key_added"] * 3 + [
        "registry.key_rotated",
        "registry.key_retired",
    ]
    assert {one.kid for one in ledger.read_now(hub_keys.every, "receipts")} == {first.kid, second.kid}
    assert [one.kid for one in ledger.read_now(hub_keys.every, "log")] == [of_log.kid]
    for refused in (
        lambda: ledger.write_now(hub_keys.retire, first.kid, "operator"),
        lambda: ledger.write_now(hub_keys.retire, "nobody", "operator"),
        lambda: ledger.write_now(hub_keys.publish, "log", second.jwk, "operator"),
    ):
        with pytest.raises(Refused):
            refused()
    assert len(entries(ledger)) == 5


def test_a_process_announces_its_keys_before_it_signs_and_none_starts_with_a_retired_one(
    ledger: Ledger, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    for _ in range(2):
        keyring.announce(settings, ledger)
    first = keyring.load_hub_key(settings).kid
    assert [one.purpose for one in ledger.read_now(hub_keys.every)] == ["receipts", "log"]
    assert entries(ledger)[0] == ("registry.key_added", "hub", first)
    assert len(entries(ledger)) == 2
    ledger.write_now(hub_keys.retire, first, "operator")
    with pytest.raises(Misconfigured, match="was retired"):
        keyring.announce(settings, ledger)


class Process:
    """One process of a hub: its own key, its view of the others."""

    def __init__(self, ledger: Ledger, key: HubKey) -> None:
        self.keys = PublishedKeys(key, lambda: ledger.read(hub_keys.every, "receipts"), LIFE)
        self.tokens = Tokens(key, LIFE, self.keys.verifying)


async def test_processes_with_different_keys_take_each_others_tokens(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a rotation goes through the hub: the newer key was published after the older process had looked."""
    older, newer = new_key(), new_key()
    await ledger.write(hub_keys.publish, "receipts", older.jwk, "hub")
    before = Process(ledger, older)
    assert await before.tokens.client_of(before.tokens.issue("a")) == "a"
    await ledger.write(hub_keys.publish, "receipts", newer.jwk, "hub")
    after = Process(ledger, newer)
    later = clock.monotonic() + LOOK_AGAIN_SECONDS
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert await before.tokens.client_of(after.tokens.issue("b")) == "b"
    assert await after.tokens.client_of(before.tokens.issue("c")) == "c"
    assert [one["kid"] for one in await after.keys.jwks()] == [older.kid, newer.kid]


async def test_a_retired_key_stays_published_and_its_tokens_run_out(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = new_key(), new_key()
    for key in (older, newer):
        await ledger.write(hub_keys.publish, "receipts", key.jwk, "hub")
    before, after = Process(ledger, older), Process(ledger, newer)
    long_token = older.sign_token({"sub": "thief", "exp": 4_000_000_000})
    assert await after.tokens.client_of(long_token) == "thief"
    retired = await ledger.write(hub_keys.retire, older.kid, "operator")
    assert retired.retired_at is not None
    passed = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: passed[0])
    passed[0] += FRESH_SECONDS
    with time_machine.travel(retired.retired_at + timedelta(seconds=LIFE - 1), tick=False) as moment:
        assert await after.tokens.client_of(long_token) == "thief"
        assert await after.tokens.client_of(before.tokens.issue("late")) == "late"
        moment.shift(timedelta(seconds=BELIEVED_SECONDS))
        for process in (before, after):
            with pytest.raises(Refused) as refused:
                await process.tokens.client_of(long_token)
            assert refused.value.code == "token-invalid"
    first, second = await after.keys.jwks()
    assert (first["kid"], first["retired_at"]) == (older.kid, clock.rfc3339(retired.retired_at))
    assert (second["kid"], "retired_at" in second) == (newer.kid, False)


async def test_a_strangers_names_of_keys_do_not_make_the_hub_look_each_time() -> None:
    asked = 0

    async def read() -> list[hub_keys.PublishedKey]:
        nonlocal asked
        asked += 1
        return []

    keys = PublishedKeys(new_key(), read, LIFE)
    tokens = Tokens(new_key(), LIFE, keys.verifying)
    for _ in range(50):
        with pytest.raises(Refused):
            await tokens.client_of(Tokens(new_key(), LIFE).issue("x"))
    assert asked < 5


async def test_without_the_ledger_the_last_known_keys_count(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    key, away = new_key(), False
    await ledger.write(hub_keys.publish, "receipts", key.jwk, "hub")

    async def read() -> list[hub_keys.PublishedKey]:
        if away:
            raise Deferred("ledger-unavailable", "", retry_after=5)
        return await ledger.read(hub_keys.every, "receipts")

    away = True
    keys = PublishedKeys(new_key(), read, LIFE)
    with pytest.raises(Deferred):
        await keys.jwks()
    away = False
    seen = await keys.jwks()
    away = True
    later = clock.monotonic() + FRESH_SECONDS
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert await keys.jwks() == seen
