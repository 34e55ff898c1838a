"""The transparency log over HTTP: what everybody reads, what parties and auditors read, and proofs beside receipts."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from adapters.client import AsyncHubClient, verify_inclusion, verify_receipt
from hub import clock
from hub.audit import merkle, proof
from hub.audit.note import Checkpoint, NoteSigner, VerifierKey, opened
from hub.audit.tiles import Place, TilePlace, unbundled
from hub.gateway.tiles import KeptTiles
from hub.keyring import load_signing
from hub.ledger import exchange_log, log_tables
from hub.ledger.exchange_log import LogQuery
from hub.problems import Refused
from tests.gateway.edge import Edge, problem
from tests.world import Office, World, eventually


@pytest.fixture(scope="module")
def offices(world: World) -> tuple[Office, Office, Office]:
    """Sender, recipient, and a stranger."""
    return world.office(), world.office(), world.office()


@pytest.fixture(scope="module")
def sent(offices: tuple[Office, ...]) -> dict[str, Any]:
    sender, recipient, _ = offices
    return dict(sender.client.post_envelope(sender.letter(recipient.code)))


@pytest.fixture
def keys(edge: Edge) -> list[VerifierKey]:
    return [VerifierKey.parse(one) for one in edge.get("/v1/log/key").text.splitlines()]


def newest(edge: Edge, keys: list[VerifierKey], least: int = 1) -> Checkpoint:
    def look() -> Checkpoint | None:
        found = opened(edge.get("/v1/log/checkpoint").text, keys)
        return found if found.size >= least else None

    checkpoint: Checkpoint = eventually(look)
    return checkpoint


def read_by_auditors(world: World) -> list[dict[str, Any]]:
    """Details of the entries about auditors' questions; asked of the ledger, because asking the hub adds one."""
    entries, _ = world.ledger.read_now(exchange_log.query, LogQuery(kind="log.queried"), None, 1000)
    return [one["detail"] for one in entries]


def tiles(edge: Edge, level: int, first: int, count: int, size: int) -> list[bytes]:
    """``merkle.Nodes`` over tiles as a stranger fetches them."""
    number, at = divmod(first, 256)
    width = min(256, (size >> 8 * level) - 256 * number)
    answer = edge.get(f"/v1/log/tile/{TilePlace(level, Place(number, width)).path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert len(answer.content) == 32 * width
    return [answer.content[32 * one : 32 * one + 32] for one in range(at, at + count)]


def test_everybody_can_compute_the_signed_root_from_tiles_alone(
    edge: Edge, keys: list[VerifierKey], sent: dict[str, Any]
) -> None:
    answer = edge.get("/v1/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=2"
    checkpoint = newest(edge, keys, 3)
    assert merkle.root(checkpoint.size, lambda *at: tiles(edge, *at, checkpoint.size)) == checkpoint.root


def test_tiles_are_immutable_and_the_log_has_no_others(
    edge: Edge, keys: list[VerifierKey], sent: dict[str, Any]
) -> None:
    size = newest(edge, keys, 3).size
    assert "immutable" in edge.get("/v1/log/tile/0/000.p/2").headers["cache-control"]
    for path in ("0/x999/999", f"{(size.bit_length() + 7) // 8 + 1}/000", "64/000", "0/0", "0/000.p/0", "x", "0/-01"):
        problem(edge.get(f"/v1/log/tile/{path}"), "not-found")


def test_the_log_grows_consistently(edge: Edge, keys: list[VerifierKey], offices: tuple[Office, ...]) -> None:
    old = newest(edge, keys)
    offices[0].client.post_envelope(offices[0].letter(offices[1].code))
    new = newest(edge, keys, old.size + 2)
    answer = edge.get(f"/v1/log/consistency?old={old.size}&size={new.size}")
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in edge.get(f"/v1/log/consistency?old={old.size}").headers["cache-control"]
    path = [base64.b64decode(one) for one in answer.json()["proof"]]
    assert merkle.verify_consistency(old.size, old.root, new.size, new.root, path)
    problem(edge.get(f"/v1/log/consistency?old=1&size={2**62}"), "request-invalid")
    problem(edge.get("/v1/log/consistency?old=5&size=4"), "request-invalid")


def test_a_receipt_is_proved_offline_by_the_log_s_key_alone(
    keys: list[VerifierKey], offices: tuple[Office, ...], sent: dict[str, Any]
) -> None:
    sender, recipient, stranger = offices
    receipt = sender.client.receipts(sent["id"])[0]
    found = sender.client.proof(receipt["id"])
    trusted = [one.text for one in keys]
    proved = verify_inclusion(sent["acknowledgement"], found["proof"], trusted)
    assert (proved.index, proved.checkpoint.origin) == (found["index"], found["origin"])
    assert proof.verify(found["proof"], base64.b64decode(found["leaf"]), keys) == proved
    payload = verify_receipt(sent["acknowledgement"], sender.client.jwks())
    assert payload["log"]["origin"] == found["origin"]
    other = stranger.client.post_envelope(stranger.letter(recipient.code))["acknowledgement"]
    with pytest.raises(Refused) as refused:
        verify_inclusion(other, found["proof"], trusted)
    assert refused.value.code == "log-proof-invalid"
    for jws, text, by in (
        ("not a receipt", found["proof"], trusted),
        (sent["acknowledgement"], found["proof"], []),
        (sent["acknowledgement"], found["proof"], ["not a key"]),
        (sent["acknowledgement"], "not a proof", trusted),
    ):
        with pytest.raises(Refused, match="log-proof-invalid"):
            verify_inclusion(jws, text, by)


def test_a_proof_may_be_asked_for_against_a_later_checkpoint(
    edge: Edge, keys: list[VerifierKey], offices: tuple[Office, ...], sent: dict[str, Any]
) -> None:
    sender = offices[0]
    receipt = sender.client.receipts(sent["id"])[0]["id"]
    first = sender.client.proof(receipt)
    later = newest(edge, keys, newest(edge, keys, first["index"] + 1).size)
    found = sender.client.proof(receipt, later.size)
    assert opened(proof.Proof.parse(found["proof"]).checkpoint, keys) == later
    assert proof.verify(found["proof"], base64.b64decode(found["leaf"]), keys).index == first["index"]
    assert sender.client.proof(receipt) == first
    problem(edge.get(f"/v1/log/proof/{receipt}?size={2**62}", by=sender), "not-found")


def test_only_parties_and_auditors_get_a_proof(
    edge: Edge, world: World, offices: tuple[Office, ...], sent: dict[str, Any]
) -> None:
    sender, recipient, _ = offices
    receipt = sender.client.receipts(sent["id"])[0]["id"]
    eventually(lambda: recipient.client.inbox(limit=1))
    delivery = sent["recipients"][0]["delivery"]
    [ready] = [one for one in world.log_entries(kind="delivery.ready") if one["delivery"] == delivery]
    [accepted] = [one for one in world.log_entries(kind="envelope.accepted") if one["envelope"] == sent["id"]]
    for leaf, allowed in (
        (receipt, (sender,)),
        (ready["id"], (sender, recipient)),
        (accepted["id"], (sender,)),  # it names all recipients
    ):
        for office in offices:
            if office in allowed:
                assert office.client.proof(leaf)["id"] == leaf
            else:
                problem(edge.get(f"/v1/log/proof/{leaf}", by=office), "not-found")
        assert world.auditor.proof(leaf)["id"] == leaf
    problem(edge.get(f"/v1/log/proof/{clock.new_id()}", by=sender), "not-found")
    problem(edge.get(f"/v1/log/proof/{receipt}"), "authentication-required")
    assert [one["entries"] for one in read_by_auditors(world) if one["filters"].get("id") == receipt] == [1]


def test_auditors_get_the_entries_that_hash_to_the_leaves(
    edge: Edge, world: World, keys: list[VerifierKey], offices: tuple[Office, ...], sent: dict[str, Any]
) -> None:
    size = min(newest(edge, keys, 5).size, 255)
    path = f"/v1/log/tile/entries/{Place(0, size).path}"
    headers = {"Authorization": f"Bearer {world.auditor.access_token()}"}
    answer = edge.get(path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    entries = unbundled(answer.content)
    assert [merkle.leaf_hash(one) for one in entries] == tiles(edge, 0, 0, size, size)
    assert {json.loads(one)["kind"] for one in entries} >= {"receipt.issued", "envelope.accepted"}
    problem(edge.get(path, by=offices[0]), "forbidden")
    problem(edge.get(path), "authentication-required")
    problem(edge.get("/v1/log/tile/entries/x999/999", headers=headers), "not-found")
    problem(edge.get("/v1/log/tile/entries/0", headers=headers), "not-found")
    assert {"filters": {"leaves": f"0…{size - 1}"}, "entries": size} in read_by_auditors(world)


def test_receipts_come_with_their_proofs_once_they_are_sealed(
    edge: Edge, keys: list[VerifierKey], offices: tuple[Office, ...], sent: dict[str, Any]
) -> None:
    sender = offices[0]
    trusted = [one.text for one in keys]

    def proved(receipts: list[Any]) -> int:
        for one in receipts:
            if one["log"] is not None:
                assert verify_inclusion(one["jws"], one["log"]["proof"], trusted).index == one["log"]["index"]
        return len([one for one in receipts if one["log"] is not None])

    eventually(lambda: proved(sender.client.receipts(sent["id"], proofs=True)))
    eventually(lambda: proved(list(sender.client.feed(proofs=True)["receipts"])))
    assert "log" not in sender.client.receipts(sent["id"])[0]
    assert "log" not in sender.client.feed()["receipts"][0]


def test_the_tag_of_receipts_with_proofs_changes_when_they_are_sealed(edge: Edge, offices: tuple[Office, ...]) -> None:
    """Whenever the answer is the same, it is not sent again; when the proof has come, it is."""
    sender, recipient, _ = offices
    envelope = sender.client.post_envelope(sender.letter(recipient.code))["id"]
    for path in (f"/v1/envelopes/{envelope}/receipts?proofs=true", "/v1/receipts?proofs=true"):
        seen: dict[str, str] = {}

        def sealed(path: str = path, seen: dict[str, str] = seen) -> str | None:
            answer = edge.get(path, by=sender)
            body, tag = answer.text, answer.headers["etag"]
            assert seen.setdefault(body, tag) == tag
            assert len(set(seen.values())) == len(seen)
            return tag if '"log":null' not in body else None

        tag = eventually(sealed)
        assert edge.get(path, by=sender, headers={"If-None-Match": tag}).status_code == 304
        assert edge.get(path, by=sender, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_capabilities_name_the_log(edge: Edge, world: World, keys: list[VerifierKey]) -> None:
    told = edge.get("/v1/capabilities").json()["log"]
    signing = load_signing(world.settings)
    assert told == {"origin": signing.origin, "keys": [one.text for one in keys], "checkpoint": "/v1/log/checkpoint"}
    assert [one.log_key for one in signing.signers] == keys


def test_cosignatures_come_with_the_checkpoint_and_with_proofs(
    edge: Edge, world: World, keys: list[VerifierKey], offices: tuple[Office, ...], sent: dict[str, Any]
) -> None:
    sender = offices[0]
    witness = NoteSigner("witness.test", Ed25519PrivateKey.generate())
    receipt = sender.client.receipts(sent["id"])[0]
    found = sender.client.proof(receipt["id"])
    checkpoint = opened(proof.Proof.parse(found["proof"]).checkpoint, keys)
    row = {
        "size": checkpoint.size, "witness": witness.witness_key.text, "at": clock.now(),
        "line": witness.cosign(checkpoint.text, 1_800_000_000),
    }  # fmt: skip
    world.ledger.write_now(lambda transaction: transaction.execute(insert(log_tables.log_cosignature), row) and None)
    again = sender.client.proof(receipt["id"])
    trusted, watching = [one.text for one in keys], [witness.witness_key.text]
    proved = verify_inclusion(receipt["jws"], again["proof"], trusted, witnesses=watching, quorum=1)
    assert proved.witnesses == {"witness.test": 1_800_000_000}


def test_both_clients_read_the_log(world: World, keys: list[VerifierKey], offices: tuple[Office, ...]) -> None:
    sender = offices[0]
    assert opened(sender.client.checkpoint(), keys).size > 1

    async def read() -> None:
        async with AsyncHubClient(world.url, sender.client_id, sender.secret) as client:
            assert opened(await client.checkpoint(), keys).size > 1
            [receipt, *_] = (await client.feed(proofs=True))["receipts"]
            assert (await client.proof(receipt["id"]))["proof"]
            assert await client.receipts(receipt["envelope"], proofs=True)

    asyncio.run(read())


def test_only_so_many_full_tiles_are_kept_and_no_partial_one() -> None:
    kept = KeptTiles(2)
    full = [TilePlace(0, Place(number)) for number in range(3)]
    kept.keep(full[0], b"0")
    kept.keep(full[1], b"1")
    assert kept.find(full[0]) == b"0"
    kept.keep(full[2], b"2")
    kept.keep(TilePlace(0, Place(3, 7)), b"3")
    assert [kept.find(one) for one in full] == [b"0", None, b"2"]
    assert kept.find(TilePlace(0, Place(3, 7))) is None
