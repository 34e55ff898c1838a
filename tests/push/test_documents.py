"""What is pushed: octets untouched, metadata beside them, notices, receipts, and the signature over all of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.client import ContentFiles, verify_webhook
from hub import clock
from hub.delivery.carrier import Delivered, Failed, Handed
from hub.delivery.failures import FAILURES
from hub.ledger import PayloadStore
from hub.ledger.replays import Replayed
from hub.problems import Refused
from hub.signatures.jws import HubKey, from_b64url
from hub.signatures.webhooks import WebhookKeys, opening
from tests.delivery.carriers import Rig, check_contract
from tests.delivery.parcels import parcel, receipt
from tests.push.conftest import Line, failed
from tests.push.receiver import Push, Say

LARGE = b"<edXML>" + os.urandom(3_000_000) + b"</edXML>"


async def test_the_channel_keeps_the_contract_of_all_carriers(line: Line, tmp_path: Path) -> None:
    async def arrived() -> dict[str, str]:
        return line.receiver.held()

    async def break_down() -> None:
        line.receiver.close()

    async def mend() -> None:
        line.receiver.open()

    await check_contract(Rig(line.carrier, line.system, arrived, break_down, mend), PayloadStore(tmp_path / "payloads"))


@pytest.mark.parametrize("body", [b"<edXML/>", LARGE], ids=["kept", "read-again"])
async def test_the_document_is_the_body_and_its_metadata_are_headers(line: Line, body: bytes) -> None:
    one = parcel(
        line.shelf, line.system, body, document_id="H33,2026/11/22,7816/VPCP-TTĐT", priority=3, business_type=1
    )
    assert await line.carrier.carry(one) == Delivered(
        {"form": "delivery.document", "status": 204, "peer": f"127.0.0.1:{line.receiver.port}"}
    )
    (push,) = line.receiver.pushes
    assert push.body == body
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    wanted = {
        "content-type": "application/xml",
        "content-length": str(len(body)),
        "lienthong-event": "delivery.document",
        "lienthong-delivery": one.delivery.id,
        "lienthong-envelope": one.delivery.envelope_id,
        "lienthong-sender": "G22",
        "lienthong-recipient": "H33",
        "lienthong-document-id": "H33,2026/11/22,7816/VPCP-TT%C4%90T",
        "lienthong-priority": "3",
        "lienthong-business-type": "1",
        "lienthong-attempt": "1",
        "lienthong-arrival": "1",
        "lienthong-round": "1",
        "lienthong-replay": None,
        "lienthong-previous": None,
        "repr-digest": f"sha-256=:{digest}:",
        "traceparent": one.traceparent,
        "webhook-id": one.delivery.id,
        "accept-encoding": "identity",
    }
    assert {name: push.headers.get(name) for name in wanted} == wanted


async def test_a_document_sent_once_more_says_so(line: Line) -> None:
    replay = Replayed(clock.new_id(), "Cơ quan báo mất", clock.new_id())
    one = parcel(line.shelf, line.system, round=2, replay=replay, previous_id="v1")
    await line.carrier.carry(one)
    (push,) = line.receiver.pushes
    assert push.headers["lienthong-round"] == "2"
    assert push.headers["lienthong-replay"] == replay.id
    assert unquote(push.headers["lienthong-replay-reason"]) == "Cơ quan báo mất"
    assert push.headers["lienthong-previous"] == "v1"


async def test_a_document_with_parts_is_pushed_with_them(line: Line, tmp_path: Path) -> None:
    one = parcel(line.shelf, line.system, b"<edXML>root</edXML>", (("a.pdf", b"%PDF-a"), ("b.pdf", LARGE)))
    assert isinstance(await line.carrier.carry(one), Delivered)
    (push,) = line.receiver.pushes
    received = ContentFiles(tmp_path)
    received.begin(push.headers)
    received.write(push.body)
    received.end()
    assert received.document.sha256 == one.delivery.sha256
    assert {name: part.sha256 for name, part in received.parts.items()} == {p.content_id: p.sha256 for p in one.parts}
    assert verify_webhook(push.headers, push.body, line.keys().shown("v1a")) == one.delivery.id


def openssl_verifies(public: Ed25519PublicKey, signature: bytes, signed: bytes, directory: Path) -> bool:
    files = {name: directory / name for name in ("key", "signature", "signed")}
    files["key"].write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    files["signature"].write_bytes(signature)
    files["signed"].write_bytes(signed)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", files["key"], "-rawin", "-in", files["signed"]]
    return subprocess.run([*command, "-sigfile", files["signature"]], capture_output=True, check=False).returncode == 0


async def test_openssl_verifies_the_signature_with_a_key_from_the_jwks(line: Line, tmp_path: Path) -> None:
    await line.push(LARGE)
    (push,) = line.receiver.pushes
    (jwk,) = line.keys().jwks["keys"]
    public = Ed25519PublicKey.from_public_bytes(from_b64url(jwk["x"]))
    scheme, _, value = push.headers["webhook-signature"].partition(",")
    signed = f"{push.id}.{push.headers['webhook-timestamp']}.".encode() + push.body
    assert scheme == "v1a"
    assert openssl_verifies(public, base64.b64decode(value), signed, tmp_path)
    assert not openssl_verifies(public, base64.b64decode(value), signed + b" ", tmp_path)
    assert line.keys().shown("v1a") == [f"whpk_{base64.b64encode(from_b64url(jwk['x'])).decode()}"]


async def test_a_system_may_ask_for_hmac(line: Line) -> None:
    system = line.registered(signature="v1")
    await line.push(to=system)
    (push,) = line.receiver.pushes
    (secret,) = line.keys(system).shown("v1")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{push.id}.{push.headers['webhook-timestamp']}.".encode() + push.body
    value = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert push.headers["webhook-signature"] == f"v1,{value}"
    assert verify_webhook(push.headers, push.body, secret) == push.id


async def test_while_the_hubs_key_is_replaced_both_keys_sign(opened: Callable[..., Line], key: HubKey) -> None:
    older = HubKey(Ed25519PrivateKey.generate())
    line = opened(keys=(key, older))
    for scheme in ("v1a", "v1"):
        system = line.registered(signature=scheme)
        await line.push(to=system)
        push = line.receiver.pushes[-1]
        assert len(push.headers["webhook-signature"].split(" ")) == 2
        for one in (key, older):
            (shown,) = Line(line.receiver, line.shelf, one, line.carrier).keys(system).shown(scheme)
            assert verify_webhook(push.headers, push.body, shown) == push.id


async def test_what_was_pushed_to_one_system_does_not_verify_at_another(line: Line) -> None:
    other = line.registered()
    await line.push()
    (push,) = line.receiver.pushes
    assert verify_webhook(push.headers, push.body, line.keys().jwks) == push.id
    for keys in (line.keys(other).jwks, line.keys(other).shown("v1a"), f"whpk_{line.key.jwk['x']}="):
        with pytest.raises(Refused, match="signature-invalid"):
            verify_webhook(push.headers, push.body, keys)


async def test_a_repeat_has_the_same_identifier_and_a_time_of_its_own(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = parcel(line.shelf, line.system)
    line.receiver.script = [Say(500)]
    failed(await line.carrier.carry(one), "answer-error")
    later = clock.now() + timedelta(seconds=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert isinstance(await line.carrier.carry(one), Delivered)
    first, second = line.receiver.pushes
    assert first.id == second.id == one.delivery.id
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 4
    for push in (first, second):
        verify_webhook(push.headers, push.body, line.keys().shown("v1a"))


ALTERATIONS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "another id": lambda headers: headers | {"webhook-id": clock.new_id()},
    "an id with a full stop": lambda headers: headers | {"webhook-id": headers["webhook-id"] + ".1"},
    "another time": lambda headers: headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)},
    "no time": lambda headers: headers | {"webhook-timestamp": "now"},
    "a wide digit": lambda headers: headers | {"webhook-timestamp": headers["webhook-timestamp"].replace("1", "١")},
    "no signature": lambda headers: {name: value for name, value in headers.items() if name != "webhook-signature"},
    "an empty signature": lambda headers: headers | {"webhook-signature": ""},
    "the other scheme": lambda headers: headers | {"webhook-signature": "v1," + headers["webhook-signature"][4:]},
    "no base64": lambda headers: headers | {"webhook-signature": "v1a,***"},
    "another signature": lambda headers: headers | {"webhook-signature": "v1a," + base64.b64encode(b"x" * 64).decode()},
    "too short": lambda headers: headers | {"webhook-signature": "v1a,AAAA"},
}


@pytest.mark.parametrize("alteration", ALTERATIONS.values(), ids=ALTERATIONS)
async def test_an_altered_push_does_not_verify(
    line: Line, alteration: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    await line.push()
    (push,) = line.receiver.pushes
    verify_webhook(push.headers, push.body, line.keys().jwks)
    with pytest.raises(Refused, match="signature-invalid"):
        verify_webhook(alteration(push.headers), push.body, line.keys().jwks)


async def test_another_body_an_old_push_and_a_strange_key_do_not_verify(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.push()
    (push,) = line.receiver.pushes
    (key,) = line.keys().shown("v1a")
    assert verify_webhook({name.title(): value for name, value in push.headers.items()}, push.body, [key]) == push.id
    with pytest.raises(Refused):
        verify_webhook(push.headers, push.body + b" ", key)
    for strange in ("whpk_AAAA", "whsec_AAAA", "secret", "whpk_***", {"keys": []}, [], {"keys": [{"kty": "RSA"}]}):
        with pytest.raises(Refused):
            verify_webhook(push.headers, push.body, strange)
    for minutes in (-6, 6):
        moment = clock.now() + timedelta(minutes=minutes)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda moment=moment: moment)
            with pytest.raises(Refused, match="too old or too new"):
                verify_webhook(push.headers, push.body, key)


def test_an_identifier_with_a_full_stop_is_never_signed() -> None:
    with pytest.raises(ValueError, match="two ways"):
        opening("a.b", 1)


def noticed(push: Push) -> dict[str, object]:
    assert push.event == "delivery.notice"
    assert push.headers["content-type"] == "application/json"
    said = json.loads(push.body)
    assert said.keys() == {"type", "timestamp", "data"}
    assert said["type"] == push.event
    data: dict[str, object] = said["data"]
    return data


@pytest.mark.parametrize(
    ("options", "body", "event"),
    [
        ({}, b"x" * 4096, "delivery.document"),
        ({}, b"x" * 4097, "delivery.notice"),
        ({"body": "notice"}, b"x", "delivery.notice"),
        ({"document_bytes": "100"}, b"x" * 100, "delivery.document"),
        ({"document_bytes": "100"}, b"x" * 101, "delivery.notice"),
        ({"document_bytes": "99999"}, b"x" * 4097, "delivery.notice"),
    ],
)
async def test_a_document_above_the_limit_goes_as_a_notice(
    opened: Callable[..., Line], options: dict[str, str], body: bytes, event: str
) -> None:
    line = opened(document_bytes=4096)
    outcome = await line.push(body, to=line.registered(**options))
    assert isinstance(outcome, Handed if event == "delivery.notice" else Delivered), outcome
    assert [push.event for push in line.receiver.pushes] == [event]


async def test_a_notice_says_where_the_octets_are_and_how_to_settle(opened: Callable[..., Line]) -> None:
    line = opened(notice_seconds=120.0)
    system = line.registered(body="notice")
    one = parcel(line.shelf, system, subject="Về việc “liên thông”", due_on=None)
    before = clock.now()
    outcome = await line.carrier.carry(one)
    assert isinstance(outcome, Handed)
    assert before + timedelta(seconds=120) <= outcome.until <= clock.now() + timedelta(seconds=120)
    (push,) = line.receiver.pushes
    data = noticed(push)
    assert data["links"] == {
        "content": f"https://hub.test/v1/envelopes/{one.delivery.envelope_id}/content",
        **{
            verb: f"https://hub.test/v1/deliveries/{one.delivery.id}:{verb}"
            for verb in ("settle", "release", "extend", "refuse")
        },
    }
    wanted = {
        "delivery": one.delivery.id,
        "recipient": "H33",
        "sha256": one.delivery.sha256,
        "subject": one.delivery.subject,
    }
    assert {name: data[name] for name in wanted} == wanted
    assert verify_webhook(push.headers, push.body, line.keys(system).jwks) == one.delivery.id


async def test_a_gigabyte_is_noticed_without_being_read(line: Line) -> None:
    size = 1 << 30
    sha256 = "ab" * 32
    with (line.shelf.directory / sha256).open("wb") as sparse:
        sparse.truncate(size)
    one = parcel(line.shelf, line.system, sha256=sha256, size=size)
    tracemalloc.start()
    assert isinstance(await line.carrier.carry(one), Handed)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


async def test_signing_and_sending_hold_one_body_at_most(line: Line) -> None:
    body = b"<edXML>" + os.urandom(12_000_000) + b"</edXML>"
    one = parcel(line.shelf, line.system, body)
    received: list[int] = []
    line.receiver.otherwise = lambda _push: received.append(tracemalloc.get_traced_memory()[1]) or Say()  # type: ignore[func-returns-value]
    tracemalloc.start()
    assert isinstance(await line.carrier.carry(one), Delivered)
    tracemalloc.stop()
    # the receiver lives in this process: one body of its own, and pieces
    assert received[0] < 2.6 * len(body)


async def test_receipts_come_in_order_as_the_feed_shows_them(line: Line) -> None:
    at = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
    records = [receipt(number, at=at, description=f"số {number}") for number in range(1, 4)]
    assert await line.carrier.tell(line.system, records) == Delivered()
    (push,) = line.receiver.pushes
    assert (push.event, push.id) == ("receipts", records[-1].id)
    said = json.loads(push.body)
    assert (said["type"], said["timestamp"]) == ("receipts", "2026-11-22T01:02:03.000000Z")
    assert [one["id"] for one in said["receipts"]] == [one.id for one in records]
    assert said["receipts"][0].keys() == {
        "id", "kind", "event", "code", "description", "envelope", "document_id", "sender", "recipient", "delivery",
        "at", "jws",
    }  # fmt: skip
    assert verify_webhook(push.headers, push.body, line.keys().jwks) == push.id


async def test_large_receipts_come_in_several_bodies_and_again_after_a_failure(line: Line) -> None:
    records = [receipt(number, jws="x" * 100_000) for number in range(1, 8)]
    line.receiver.script = [Say(), Say(500)]
    failed(await line.carrier.tell(line.system, records), "answer-error")
    assert await line.carrier.tell(line.system, records) == Delivered()
    told = [[one["id"] for one in json.loads(push.body)["receipts"]] for push in line.receiver.pushes]
    assert max(len(push.body) for push in line.receiver.pushes) < 300_000
    assert told[0] == told[2]
    assert [one for batch in told[2:] for one in batch] == [one.id for one in records]
    assert line.receiver.pushes[0].id == line.receiver.pushes[2].id


@pytest.mark.parametrize("damage", ["other octets", "shorter", "gone"])
@pytest.mark.parametrize("beside", [False, True])
async def test_damaged_octets_never_leave_the_hub(line: Line, damage: str, beside: bool) -> None:
    one = parcel(line.shelf, line.system, b"<edXML>root</edXML>", (("a.pdf", LARGE),))
    file = line.shelf.directory / (one.parts[0].sha256 if beside else one.delivery.sha256)
    octets = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(octets[:-1] if damage == "shorter" else octets[:-1] + b"!")
    outcome = failed(await line.carrier.carry(one), "octets-missing")
    assert FAILURES[outcome.code].transient
    assert str(line.shelf.directory) not in outcome.detail
    assert (line.receiver.pushes, line.receiver.connections) == ([], 0)


async def test_octets_that_vanish_while_they_are_sent_end_the_request_unfinished(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed and read once, then damaged: the receiver never gets a whole body."""
    one = parcel(line.shelf, line.system, LARGE)
    send = line.carrier._connections.send

    async def damaged(*args: object) -> object:
        (line.shelf.directory / one.delivery.sha256).write_bytes(b"!" * len(LARGE))
        return await send(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(line.carrier._connections, "send", damaged)
    outcome = await line.carrier.carry(one)
    assert isinstance(outcome, Failed)
    assert outcome.code == "octets-missing"
    assert all(len(push.body) < len(LARGE) for push in line.receiver.pushes)


def test_every_system_has_keys_of_its_own_and_keeps_them(key: HubKey) -> None:
    def shown(system_id: str) -> list[str]:
        keys = WebhookKeys([key], system_id)
        return [
            *keys.shown("v1a"),
            *keys.shown("v1"),
            f"whpk_{base64.b64encode(key.public.public_bytes_raw()).decode()}",
        ]

    assert shown("a") == shown("a")
    assert len({*shown("a"), *shown("b")}) == 5


@pytest.mark.parametrize("scheme", ["v1", "v1a"])
def test_the_published_vectors_of_the_standard_verify(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that other implementations of Standard Webhooks test themselves with."""
    seed = base64.b64decode("VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=")
    public = base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()
    key, value = {
        "v1": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        "v1a": (
            f"whpk_{public}",
            "tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==",
        ),
    }[scheme]
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(1614265330, UTC))
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"v9,AAAA {scheme},{value}",
    }
    assert verify_webhook(headers, b'{"test": 2432232314}', key) == headers["webhook-id"]
    with pytest.raises(Refused):
        verify_webhook(headers, b'{"test": 2432232315}', key)
