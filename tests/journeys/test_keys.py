"""A hub whose keys are replaced while it works, from a file to hardware: every receipt stays checkable."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.client import CallRefused, HubClient
from adapters.client.conversation import RetryPolicy
from adapters.client.proof import verify_receipt
from hub import clock, keyring
from hub.audit.note import Note
from hub.ledger import hub_keys, transparency
from hub.signatures.jws import kid_of
from tests.journeys.test_main_job import take_one
from tests.services import SoftHsm
from tests.world import Office, World, eventually


def exchanged(sender: Office, recipient: Office) -> list[str]:
    """A letter is sent, taken and settled; the receipts of both."""
    accepted = sender.client.post_envelope(sender.letter(recipient.code))
    delivery: dict[str, Any] = take_one(recipient)
    recipient.client.settle(str(delivery["delivery"]), delivery["lease"]["id"])
    receipts = [one["jws"] for one in sender.client.receipts(accepted["id"])]
    assert len(receipts) == 2
    return receipts


def replaced(world: World, purpose: keyring.Purpose, place: str) -> str:
    """What ``key prepare`` and ``key rotate`` do, here in this process; the new key's name."""
    from dataclasses import replace

    from hub.signatures.jws import jwk_of

    where, private = keyring.made(world.settings, purpose, place, "ES256" if place else None)
    jwk = jwk_of(private.public_key())
    world.ledger.write_now(hub_keys.publish, purpose.name, jwk, "operator")
    ring = replace(keyring.ring_of(world.settings, purpose), next=where)
    keyring.keep_ring(world.settings, purpose, ring.rotated())
    return jwk["kid"]


def newest_note(world: World) -> Note:
    found = world.ledger.read_now(transparency.newest)
    assert found is not None
    return Note.parse(found.note)


def test_a_rotation_from_a_file_to_hardware_loses_nobody(softhsm: SoftHsm, tmp_path_factory: Any) -> None:
    with World(tmp_path_factory.mktemp("keys")) as world:
        world.start()
        sender, recipient = world.office(), world.office()
        receipts = exchanged(sender, recipient)
        former = kid_of(receipts[0])
        (former_log,) = keyring.load_signing(world.settings).signers

        current = replaced(world, keyring.RECEIPTS, softhsm.uri("one", "journey"))
        replaced(world, keyring.LOG, "")
        eventually(lambda: {one["kid"] for one in sender.client.jwks()["keys"]} == {former, current}, seconds=60)
        assert {kid_of(one) for one in exchanged(sender, recipient)} == {former}, "running processes go on"
        assert not newest_note(world).signed_by(keyring.load_signing(world.settings).signers[0].log_key)

        assert world.stop() == {"up": 0}
        world.start()
        after = exchanged(sender, recipient)  # with the tokens that the former key signed
        assert {kid_of(one) for one in after} == {current}
        keys = sender.client.jwks()
        assert {one["kid"]: one["alg"] for one in keys["keys"]} == {former: "EdDSA", current: "ES256"}
        for one in (*receipts, *after):
            assert verify_receipt(one, keys)["event"] in ("envelope.accepted", "delivery.settled")
        signers = keyring.load_signing(world.settings).signers
        assert former_log.log_key in [one.log_key for one in signers]
        eventually(lambda: all(newest_note(world).signed_by(one.log_key) for one in signers), seconds=60)

        softhsm.pull()
        with HubClient(world.url, sender.client_id, sender.secret, policy=RetryPolicy(attempts=1)) as once:
            once.session.token, once.session.token_until = sender.client.session.token, float("inf")
            letter = sender.letter(recipient.code)
            with pytest.raises(CallRefused) as away:
                once.post_envelope(letter)
            assert (away.value.status, away.value.code) == (503, "key-unavailable")
        softhsm.put_back()
        accepted = sender.client.post_envelope(letter)  # repeats after the time in Retry-After
        assert verify_receipt(accepted["acknowledgement"], keys)["event"] == "envelope.accepted"

        retired = world.ledger.write_now(hub_keys.retire, former, "operator")
        assert retired.retired_at is not None

        def marked() -> Any:
            found = {one["kid"]: one for one in sender.client.jwks()["keys"]}
            return found[former].get("retired_at")

        assert eventually(marked, seconds=60) == clock.rfc3339(retired.retired_at)
