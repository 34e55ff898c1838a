"""Who may be registered with the channel amqp, and what is kept of the password."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from hub.ledger import Ledger, reconfiguring, registration, systems
from hub.ledger.exchange_log import LogQuery, query
from hub.problems import Refused
from hub.registry.amqp import PASSWORD_HASH, hashed, public
from tests.ledger.stage import Store


@pytest.fixture
def production(postgresql_store: Store) -> Ledger:
    return postgresql_store.open()


def refusal(ledger: Ledger, options: dict[str, Any]) -> str:
    with pytest.raises(Refused) as refused:
        ledger.write_now(registration.add_system, "new", "amqp", options=options)
    return refused.value.code


def test_the_embedded_engine_does_not_offer_the_channel(sqlite_store: Store) -> None:
    assert refusal(sqlite_store.open(), {PASSWORD_HASH: hashed("x")}) == "channel-not-offered"


@pytest.mark.services
@pytest.mark.parametrize("wrong", ["", "x", "not base64!", base64.b64encode(b"short").decode(), None, 7])
def test_a_system_without_a_password_is_refused(production: Ledger, wrong: object) -> None:
    assert refusal(production, {PASSWORD_HASH: wrong}) == "registry-invalid"
    assert production.read_now(systems.by_name, "new") is None


@pytest.mark.services
def test_what_is_registered_can_be_rotated_and_not_broken(production: Ledger) -> None:
    first, second = hashed("first"), hashed("second")
    production.write_now(registration.add_system, "new", "amqp", options={PASSWORD_HASH: first})
    changed = production.write_now(reconfiguring.change, "new", None, {PASSWORD_HASH: second})
    assert changed.options == {PASSWORD_HASH: second}
    for broken in ("", "x"):
        with pytest.raises(Refused):
            production.write_now(reconfiguring.change, "new", None, {PASSWORD_HASH: broken})
    assert public(changed.options) == {}
    entries, _ = production.read_now(query, LogQuery(kind="registry.system_changed"), None, 10)
    assert second not in str(entries), "the log names the option, not its value"


def test_the_hash_is_as_rabbitmq_keeps_it_and_salted() -> None:
    octets = base64.b64decode(hashed("geheim"))
    assert octets[4:] == hashlib.sha256(octets[:4] + b"geheim").digest()
    assert hashed("geheim") != hashed("geheim")
