"""Receivers over TLS: the name of the URL at the checked address, and every certificate that is not to be trusted."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.push import PushCarrier, PushPolicy
from hub import wiring
from hub.cli.outward import examine
from hub.delivery.carrier import Delivered
from hub.problems import Misconfigured
from hub.settings import Settings
from hub.signatures.jws import HubKey
from tests.push.authority import Authority
from tests.push.conftest import BRIEF, Line, failed
from tests.push.receiver import Receiver

HOST = "receiver.h33.example"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


async def loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_the_name_is_proved_at_the_checked_address(opened: Callable[..., Line], authority: Authority) -> None:
    line = opened(resolve=loopback, ca_file=authority.file)
    with Receiver(*authority.issue(HOST)) as receiver:
        system = line.registered(receiver.url(HOST))
        assert isinstance(await line.push(to=system), Delivered)
        assert isinstance(await line.push(to=system), Delivered)
        assert [push.headers["host"] for push in receiver.pushes] == [f"{HOST}:{receiver.port}"] * 2
        assert receiver.connections == 1


@pytest.mark.parametrize(
    ("issued", "trusted", "said"),
    [
        ({"host": "other.h33.example"}, True, "not valid for"),
        ({"host": HOST, "since": -10}, True, "expired"),
        ({"host": HOST, "since": 5}, True, "not yet valid"),
        ({"host": HOST}, False, "certificate"),
    ],
    ids=["another-name", "expired", "not-yet", "unknown-authority"],
)
async def test_a_certificate_that_proves_nothing_ends_the_attempt(
    opened: Callable[..., Line], authority: Authority, issued: dict[str, object], trusted: bool, said: str
) -> None:
    line = opened(resolve=loopback, ca_file=authority.file if trusted else None)
    with Receiver(*authority.issue(**issued)) as receiver:  # type: ignore[arg-type]  # arguments by name
        outcome = failed(await line.push(to=line.registered(receiver.url(HOST))), "tls-failed")
        assert said in outcome.detail.lower()
        assert receiver.pushes == []


async def test_a_server_without_tls_is_not_spoken_to_in_clear(line: Line) -> None:
    failed(await line.push(to=line.registered(line.receiver.url().replace("http://", "https://"))), "tls-failed")
    assert line.receiver.pushes == []


async def test_a_server_that_never_ends_its_handshake_times_out(opened: Callable[..., Line]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        accepted: list[socket.socket] = []
        threading.Thread(target=lambda: accepted.append(silent.accept()[0]), daemon=True).start()
        line = opened(resolve=loopback, timeout=BRIEF)
        failed(await line.push(to=line.registered(f"https://{HOST}:{silent.getsockname()[1]}/")), "timed-out")
        for one in accepted:
            one.close()


def test_a_file_that_holds_no_authorities_is_said_when_the_carrier_is_made(tmp_path: Path, key: HubKey) -> None:
    file = tmp_path / "no.pem"
    for content in (None, b"nothing"):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(OSError, match=r"\w"):
            PushCarrier(PushPolicy("https://hub.test", ca_file=file), (key,))


def test_a_hub_whose_authorities_cannot_be_read_says_which_setting_is_wrong(
    tmp_path: Path, authority: Authority
) -> None:
    (tmp_path / "no.pem").write_bytes(b"nothing")
    for file, good in ((authority.file, True), (tmp_path / "no.pem", False), (tmp_path / "none.pem", False)):
        settings = Settings(data_dir=tmp_path / "data", push_ca_file=file)
        checks = {name: (right, words) for name, right, words in asyncio.run(examine(settings))}
        right, words = checks["authorities of receivers"]
        assert (right, str(file) in words) == (good, True)
        if not good:
            with pytest.raises(Misconfigured) as refused:
                wiring.build(settings)
            assert refused.value.findings[0].location == "LIENTHONG_PUSH_CA_FILE"
