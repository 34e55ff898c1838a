"""``up`` and the single roles: what they refuse to start, how they stop, and what they find again."""

from __future__ import annotations

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from adapters.client import HubClient, HubUnreachable
from adapters.sandbox.pki import private_pem
from hub import clock
from tests.cli.entry import run, running
from tests.services.processes import free_port
from tests.world import ROLES, Office, World, eventually

MISUSE = 2


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize("listen", ["0.0.0.0:8443", "[::]:8080"])
def test_plain_http_is_served_on_loopback_only(tmp_path: Path, listen: str) -> None:
    outcome = run("up", "--data", tmp_path / "data", "--listen", listen)
    assert outcome.code == MISUSE
    assert "plain-http-refused" in outcome.err
    assert listen in outcome.err
    assert not (tmp_path / "data" / "ledger.sqlite").exists(), "refused before anything was made"


def test_behind_a_declared_proxy_any_address_may_be_served(tmp_path: Path) -> None:
    port = free_port()
    with running(
        "up", "--data", tmp_path, "--listen", f"0.0.0.0:{port}", log=tmp_path / "log", LIENTHONG_BEHIND_PROXY="true"
    ) as hub:
        hub.wait_ready(f"http://127.0.0.1:{port}")
        assert hub.interrupt()[0] == 0


@pytest.mark.parametrize("role", ROLES)
def test_a_single_role_needs_the_production_engine(tmp_path: Path, role: str) -> None:
    outcome = run(role, "--data", tmp_path)
    assert outcome.code == MISUSE
    assert "role-needs-production" in outcome.err
    assert "LIENTHONG_DATABASE_URL" in outcome.err


def test_a_single_role_does_not_start_on_a_database_without_schema(tmp_path: Path, database_url: str) -> None:
    production = {"LIENTHONG_DATABASE_URL": database_url, "LIENTHONG_BROKER_URL": f"amqp://127.0.0.1:{free_port()}/"}
    outcome = run("relay", "--data", tmp_path, **production)
    assert outcome.code == MISUSE
    assert "schema-outdated" in outcome.err


def test_a_taken_address_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        outcome = run("up", "--data", tmp_path, "--listen", listen)
    assert outcome.code == MISUSE
    assert "LIENTHONG_LISTEN" in outcome.err
    assert listen in outcome.err


@pytest.mark.parametrize("file", ["hub key", "certificate"])
def test_a_key_that_cannot_be_read_is_a_wrong_setting(tmp_path: Path, address: str, file: str) -> None:
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no PEM")
    settings = {
        "hub key": {"LIENTHONG_HUB_KEY": str(garbage)},
        "certificate": {"LIENTHONG_TLS_CERTIFICATE": str(garbage), "LIENTHONG_TLS_KEY": str(garbage)},
    }[file]
    outcome = run("up", "--data", tmp_path, "--listen", address, **settings)
    assert outcome.code == MISUSE
    assert "settings-invalid" in outcome.err
    assert str(garbage) in outcome.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly_even_while_callers_wait(
    tmp_path: Path, address: str, number: signal.Signals
) -> None:
    with running("up", "--data", tmp_path, "--listen", address, log=tmp_path / "log") as hub:
        hub.wait_ready(f"http://{address}")
        system = run("system", "add", "s", "--data", tmp_path, "--json").json
        with HubClient(f"http://{address}", system["client_id"], system["client_secret"]) as client:
            client.inbox()
            with ThreadPoolExecutor(2) as pool:
                waiting = [pool.submit(client.inbox, 10, 60), pool.submit(client.feed, "", 60)]
                sleep(0.5)
                code, seconds = hub.interrupt(number)
                assert (code, seconds < 5) == (0, True), (code, seconds, hub.log)
                for one in waiting:
                    assert one.exception(60) is None or isinstance(one.exception(), HubUnreachable)
        assert "Traceback" not in hub.log


def test_a_second_start_with_the_same_data_loses_nothing(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.start("up")
        sender, recipient = world.office(), world.office()
        letters = [sender.letter(recipient.code) for _ in range(6)]
        accepted = [sender.client.post_envelope(letter) for letter in letters]
        taken = eventually(lambda: recipient.client.inbox(limit=2, wait=5))
        recipient.client.settle(taken[0]["delivery"])
        keys = sender.client.jwks()
        before = sender.client.receipts(taken[0]["envelope"])
        world.kill("up")
        world.start("up")
        assert sender.client.jwks() == keys, "receipts of yesterday verify with the keys of today"
        assert sender.client.receipts(taken[0]["envelope"]) == before
        again = [sender.client.post_envelope(letter)["acknowledgement"] for letter in letters]
        assert again == [one["acknowledgement"] for one in accepted]
        held = {one["delivery"] for one in taken}
        rest = take_all(recipient, 6 - len(held))
        assert not rest & held, "what is under a lease is not shown again before it runs out"
        if len(taken) == 2:
            recipient.client.settle(taken[1]["delivery"], taken[1]["lease"]["id"])
        assert world.stop() == {"up": 0}


def take_all(office: Office, count: int) -> set[str]:
    seen: set[str] = set()
    eventually(lambda: seen.update(one["delivery"] for one in office.client.inbox(wait=2)) or len(seen) == count)
    return seen


def test_logs_are_one_json_object_a_line_and_hold_no_secret(tmp_path: Path, address: str) -> None:
    settings = {"LIENTHONG_LOG_FORMAT": "json", "LIENTHONG_LOG_LEVEL": "debug"}
    with running("up", "--data", tmp_path, "--listen", address, log=tmp_path / "log", **settings) as hub:
        hub.wait_ready(f"http://{address}")
        system = run("system", "add", "s", "--data", tmp_path, "--json").json
        with HubClient(f"http://{address}", system["client_id"], system["client_secret"]) as client:
            client.inbox()
        assert hub.interrupt()[0] == 0
    lines = [line for line in hub.log.splitlines() if not line.startswith("http://")]
    for line in lines:
        assert "event" in json.loads(line), line
    assert system["client_secret"] not in hub.log


def test_https_is_served_with_a_certificate(tmp_path: Path) -> None:
    certificate, key = for_localhost()
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(key)
    settings = {"LIENTHONG_TLS_CERTIFICATE": str(tmp_path / "c.pem"), "LIENTHONG_TLS_KEY": str(tmp_path / "k.pem")}
    port = free_port()
    with running("up", "--data", tmp_path, "--listen", f"127.0.0.1:{port}", log=tmp_path / "log", **settings) as hub:
        with HubClient(f"https://localhost:{port}", ca_file=tmp_path / "c.pem") as client:
            eventually(lambda: _keys(client))
        assert hub.interrupt()[0] == 0


def for_localhost() -> tuple[bytes, bytes]:
    """A server's certificate that signs itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(hours=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), private_pem(key)


def _keys(client: HubClient) -> bool:
    try:
        return bool(client.jwks()["keys"])
    except HubUnreachable:
        return False
