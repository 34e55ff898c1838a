"""The client against a real HTTP server on loopback that answers by a script, and its proofs and profiles."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from adapters.client import AsyncHubClient, CallRefused, HubClient, HubUnreachable, Profile, RetryPolicy, verify_receipt
from adapters.client.profile import write_private
from adapters.sandbox.pki import Pki
from hub.problems import Misconfigured, Refused

QUICK = RetryPolicy(attempts=4, first=0.01, cap=0.02)
Answer = tuple[int, dict[str, str], Any]


class Peer(ThreadingHTTPServer):
    """Gives tokens; answers everything else from ``script``; None in it drops the connection without an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Answer | None] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.tokens = 0
        self.expires_in = 3600

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Peer

    def do_GET(self) -> None:
        self.handle_call()

    def do_POST(self) -> None:
        self.handle_call()

    def handle_call(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/oauth2/token":
            self.server.tokens += 1
            expected = "Basic " + base64.b64encode(b"sys:s%2Fecret").decode()
            if self.headers["Authorization"] != expected or body != b"grant_type=client_credentials":
                self.reply(401, {}, {"code": "client-invalid", "title": "no"})
                return
            self.reply(200, {}, {"access_token": f"t{self.server.tokens}", "expires_in": self.server.expires_in})
            return
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        answer = self.server.script.pop(0)
        if answer is None:
            self.close_connection = True
            self.connection.close()
            return
        self.reply(*answer)

    def reply(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test output clean."""


@pytest.fixture
def peer() -> Iterator[Peer]:
    server = Peer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(peer: Peer) -> Iterator[HubClient]:
    with HubClient(peer.url, "sys", "s/ecret", policy=QUICK) as made:
        yield made


def test_a_token_is_fetched_once_and_renewed_when_the_hub_no_longer_knows_it(peer: Peer, client: HubClient) -> None:
    deliveries = (200, {}, {"deliveries": []})
    peer.script = [deliveries, deliveries, (401, {}, {"code": "token-invalid"}), deliveries]
    for _ in range(3):
        assert client.inbox(limit=5, wait=0, lease=60) == []
    assert peer.tokens == 2
    assert [headers["Authorization"] for _, _, headers, _ in peer.seen] == [
        "Bearer t1",
        "Bearer t1",
        "Bearer t1",
        "Bearer t2",
    ]
    assert peer.seen[0][1] == "/v1/inbox?limit=5&wait=0&lease=60"


def test_a_token_about_to_run_out_is_not_used(peer: Peer, client: HubClient) -> None:
    peer.expires_in = 10  # less than the reserve
    peer.script = [(200, {}, {"deliveries": []})] * 2
    client.inbox()
    client.inbox()
    assert peer.tokens == 2


def test_a_wrong_secret_is_refused_with_the_hubs_code(peer: Peer) -> None:
    with HubClient(peer.url, "sys", "wrong", policy=QUICK) as client, pytest.raises(CallRefused) as caught:
        client.inbox()
    assert (caught.value.code, caught.value.status) == ("client-invalid", 401)


def test_posting_an_envelope_survives_a_lost_answer_and_a_busy_hub(peer: Peer, client: HubClient) -> None:
    peer.script = [None, (503, {"Retry-After": "0"}, {"code": "ledger-unavailable"}), (201, {}, {"id": "e1"})]
    assert client.post_envelope(b"<edXML/>")["id"] == "e1"
    assert [(method, path, body) for method, path, _, body in peer.seen] == [("POST", "/v1/envelopes", b"<edXML/>")] * 3
    assert peer.seen[0][2]["Content-Type"] == "application/xml"


def test_settling_is_repeated_with_the_same_lease(peer: Peer, client: HubClient) -> None:
    peer.script = [None, (503, {"Retry-After": "0"}, {}), (200, {}, {"delivery": "d1", "state": "settled"})]
    assert client.settle("d1", "lease-1")["state"] == "settled"
    assert [json.loads(body) for _, _, _, body in peer.seen] == [{"lease": "lease-1"}] * 3


def test_a_body_that_came_too_slowly_is_sent_again(peer: Peer, client: HubClient) -> None:
    peer.script = [(408, {}, {"code": "request-timeout"}), (201, {}, {"id": "e1"})]
    assert client.post_envelope(b"<edXML/>")["id"] == "e1"
    assert len(peer.seen) == 2


def test_retry_after_is_obeyed(peer: Peer, client: HubClient) -> None:
    peer.script = [(503, {"Retry-After": "1"}, {}), (200, {}, {"deliveries": []})]
    started = time.monotonic()
    client.inbox()
    assert time.monotonic() - started >= 1.0


def test_trying_ends(peer: Peer, client: HubClient) -> None:
    peer.script = [(503, {"Retry-After": "0"}, {"code": "ledger-unavailable", "detail": "no disk"})] * 9
    with pytest.raises(CallRefused) as caught:
        client.inbox()
    assert caught.value.code == "ledger-unavailable"
    assert len(peer.seen) == QUICK.attempts


def test_nobody_listening_is_unreachable() -> None:
    with HubClient("http://127.0.0.1:9", "sys", "x", policy=QUICK) as client, pytest.raises(HubUnreachable):
        client.inbox()


def test_a_refusal_keeps_its_findings_and_the_signed_proof(peer: Peer, client: HubClient) -> None:
    finding = {"code": "recipient-unknown", "detail": "H99", "location": "/edXML/…/To[1]"}
    problem = {"code": "recipient-unknown", "title": "Không rõ nơi nhận", "detail": "H99", "findings": [finding]}
    peer.script = [(422, {}, {**problem, "refusal": "a.b.c", "trace_id": "t"})]
    with pytest.raises(CallRefused) as caught:
        client.post_envelope(b"<edXML/>")
    error = caught.value
    assert error.findings[0].location == "/edXML/…/To[1]"
    assert (error.refusal, error.trace_id, error.status) == ("a.b.c", "t", 422)
    assert len(peer.seen) == 1


def test_an_error_page_of_a_proxy_is_still_told(peer: Peer, client: HubClient) -> None:
    peer.script = [(404, {}, b"<html>not here</html>")]
    with pytest.raises(CallRefused, match="not here"):
        client.envelope("x/../y")
    assert peer.seen[0][1] == "/v1/envelopes/x%2F..%2Fy"


async def test_the_async_client_holds_the_same_conversations(peer: Peer) -> None:
    peer.script = [None, (200, {}, {"receipts": [], "next": "c"})]
    async with AsyncHubClient(peer.url, "sys", "s/ecret", policy=QUICK) as client:
        assert await client.feed(after="b") == {"receipts": [], "next": "c"}
    assert [path for _, path, _, _ in peer.seen] == ["/v1/receipts?wait=0&limit=100&after=b"] * 2


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: dict[str, Any], payload: dict[str, Any]) -> str:
    header = {"typ": "lienthong-receipt+jws", **header}
    return f"{encode(json.dumps(header).encode())}.{encode(json.dumps(payload).encode())}"


def ed25519_receipt(key: Ed25519PrivateKey, payload: dict[str, Any], kid: str = "k1", alg: str = "EdDSA") -> str:
    signed = compact({"alg": alg, "kid": kid}, payload)
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def ed25519_jwk(key: Ed25519PrivateKey, kid: str = "k1") -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(key.public_key().public_bytes_raw())}


def test_a_receipt_is_proved_by_the_published_key_only() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    jwks = {"keys": [ed25519_jwk(other, "k0"), ed25519_jwk(key)]}
    receipt = ed25519_receipt(key, {"sha256": "ab"})
    assert verify_receipt(receipt, jwks) == {"sha256": "ab"}
    head, _, signature = receipt.split(".")
    forged = f"{head}.{encode(b'{}')}.{signature}"
    none = compact({"alg": "none", "kid": "k1"}, {"sha256": "ab"}) + "."
    wrong_key = ed25519_receipt(other, {"sha256": "ab"})
    unknown = ed25519_receipt(key, {}, kid="k9")
    token = compact({"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"}, {})
    token = f"{token}.{encode(key.sign(token.encode()))}"
    for bad in (forged, none, token, wrong_key, unknown, "a.b", "", "...", ed25519_receipt(key, {}, alg="ES256")):
        with pytest.raises(Refused, match="signature-invalid"):
            verify_receipt(bad, jwks)


def test_an_es256_receipt_is_proved_too() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": encode(numbers.x.to_bytes(32)), "y": encode(numbers.y.to_bytes(32))}
    signed = compact({"alg": "ES256"}, {"n": 1})
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    assert verify_receipt(f"{signed}.{encode(r.to_bytes(32) + s.to_bytes(32))}", {"keys": [jwk]}) == {"n": 1}
    with pytest.raises(Refused):
        verify_receipt(f"{signed}.{encode(s.to_bytes(32) + r.to_bytes(32))}", {"keys": [jwk]})


def test_a_profile_comes_back_as_it_was_saved_and_is_private(tmp_path: Path) -> None:
    identity = Pki.create().issue("H33.90", 'Đơn vị "A" \\ thử')
    write_private(tmp_path / "keys" / "a.key", identity.key_pem)
    write_private(tmp_path / "keys" / "a.pem", identity.chain_pem)
    profile = Profile(
        hub="http://127.0.0.1:8080",
        client_id="practice-a",
        client_secret="s3",
        agency=identity.code,
        name=identity.name,
        key=tmp_path / "keys" / "a.key",
        certificates=tmp_path / "keys" / "a.pem",
    )
    file = tmp_path / "profiles" / "a.toml"
    profile.save(file)
    assert file.stat().st_mode & 0o777 == 0o600
    loaded = Profile.load(file)
    assert (loaded.name, loaded.client_secret, loaded.agency) == (identity.name, "s3", "H33.90")
    assert loaded.signer().chain == identity.chain
    file.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        Profile.load(file)


def test_a_wrong_profile_names_everything_that_is_missing(tmp_path: Path) -> None:
    write_private(tmp_path / "p.toml", b'hub = "http://x"\nagency = 3\n')
    with pytest.raises(Misconfigured) as caught:
        Profile.load(tmp_path / "p.toml")
    assert {finding.detail.split()[0] for finding in caught.value.findings} == {
        "client_id",
        "client_secret",
        "agency",
        "name",
        "key",
        "certificates",
    }
