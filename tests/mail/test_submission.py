"""Handing one mail to a real mail server, over TLS or not at all, and what its answers mean."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.mail.server import Server
from adapters.mail.submission import Accepted, Outgoing, Submission
from hub.delivery.carrier import Failed
from hub.delivery.failures import FAILURES
from tests.mail.postoffice import Certificates, PostOffice
from tests.world import free_port

TOKEN = "0123456789abcdef" * 2
MAIL = Outgoing(
    f"bounce+{TOKEN}@lienthong.example", "vanthu@h33.example", b"Subject: x\r\n\r\n.dot\r\nb\xc3\xa0i\r\n", TOKEN
)


def sent(server: Server, mail: Outgoing = MAIL, seconds: float = 10) -> Accepted | Failed:
    async def once() -> Accepted | Failed:
        submission = Submission(server)
        try:
            return await submission.send(mail, seconds)
        finally:
            submission.close()

    return asyncio.run(once())


def failed(answer: Accepted | Failed, code: str) -> str:
    assert isinstance(answer, Failed), answer
    assert answer.code == code, answer
    return answer.detail


@pytest.mark.parametrize("security", ["starttls", "implicit"])
@pytest.mark.parametrize("login", [False, True])
def test_a_mail_is_handed_over_encrypted(certificates: Certificates, security: str, login: bool) -> None:
    with PostOffice(certificates, security, login=login) as office:  # type: ignore[arg-type]  # of the two above
        answer = sent(office.server(user=login))
    assert isinstance(answer, Accepted), answer
    assert answer.reply == "250 2.0.0 Ok: queued as 000001"
    [letter] = office.letters
    assert letter.tls
    assert (letter.sender, letter.recipients) == (MAIL.sender, ["vanthu@h33.example"])
    assert letter.octets == MAIL.octets


def test_without_tls_only_this_machine_is_spoken_to(certificates: Certificates) -> None:
    with PostOffice(certificates, "none") as office:
        assert isinstance(sent(office.server()), Accepted)
        assert not office.letters[0].tls
        assert "STARTTLS" in failed(sent(office.server(plain=False)), "tls-failed")
    with pytest.raises(ValueError, match="this machine"):
        Server.of("smtp://mail.example:25", "hub@lienthong.example", plain=True)
    assert len(office.letters) == 1


@pytest.mark.parametrize(
    "url", ["http://mail.example", "smtp://", "smtp://mail.example/path", "smtp://mail.example?a=b"]
)
def test_an_address_that_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        Server.of(url, "hub@lienthong.example")


@pytest.mark.parametrize("security", ["starttls", "implicit"])
@pytest.mark.parametrize("flaw", ["authority", "name", "expired"])
def test_a_certificate_that_does_not_prove_the_server_ends_it(tmp_path: Path, security: str, flaw: str) -> None:
    shown = Certificates.make(
        tmp_path / "shown", "127.0.0.2" if flaw == "name" else "127.0.0.1", days=-1 if flaw == "expired" else 1
    )
    trusted = Certificates.make(tmp_path / "trusted") if flaw == "authority" else shown
    with PostOffice(shown, security) as office:  # type: ignore[arg-type]  # of the two above
        failed(sent(office.server(authorities=trusted.authority)), "tls-failed")
    assert office.letters == []


@pytest.mark.parametrize(
    ("where", "answer", "code"),
    [
        ("rcpt", "550 5.1.1 no such mailbox", "rejected"),
        ("rcpt", "451 4.7.1 greylisted, come back later", "busy"),
        ("rcpt", "450 4.2.0 mailbox busy", "busy"),
        ("rcpt", "452 4.2.2 mailbox full", "busy"),
        ("rcpt", "454 4.7.0 something", "answer-error"),
        ("rcpt", "552 5.2.3 too long", "too-large"),
        ("rcpt", "999 what", "answer-unclear"),
        ("mail", "550 5.7.1 sender not allowed", "misconfigured"),
        ("mail", "451 4.3.0 queue broken", "busy"),
        ("mail", "552 5.3.4 message too big", "too-large"),
        ("data", "554 5.7.1 looks like spam", "rejected"),
        ("data", "451 4.3.0 try again", "busy"),
        ("data", "421 4.3.2 going down", "busy"),
        ("data", "552 5.3.4 too big", "too-large"),
        ("data", "554 5.3.4 too big", "too-large"),
        ("rcpt", PostOffice.DROP, "unreachable"),
        ("data", PostOffice.DROP, "cut-short"),
        ("data", "+DROP", "cut-short"),
    ],
)
def test_every_answer_has_its_failure(certificates: Certificates, where: str, answer: str, code: str) -> None:
    with PostOffice(certificates) as office:
        getattr(office, where).append(answer)
        detail = failed(sent(office.server()), code)
        assert FAILURES[code].transient == (code not in ("rejected", "too-large"))
        if answer[0].isdigit():
            assert answer in detail, "the server's own words are kept"
        assert isinstance(sent(office.server()), Accepted), "the next one goes through"


def test_a_wrong_password_is_the_hubs_own_trouble(certificates: Certificates) -> None:
    with PostOffice(certificates, login=True) as office:
        server = Server.of(
            f"smtp://lienthong:wrong@127.0.0.1:{office.port}",
            "hub@lienthong.example",
            authorities=certificates.authority,
        )
        assert "535" in failed(sent(server), "misconfigured")
        assert "wrong" not in repr(server)


def test_a_mail_over_the_servers_size_is_not_sent_at_all(certificates: Certificates) -> None:
    with PostOffice(certificates, size=100) as office:
        failed(sent(office.server(), Outgoing(MAIL.sender, MAIL.recipient, b"x" * 200, TOKEN)), "too-large")


def test_a_server_that_says_nothing_is_left_when_time_is_up(certificates: Certificates) -> None:
    with PostOffice(certificates) as office:
        office.data.append(PostOffice.HANG)
        assert "DATA" in failed(sent(office.server(), seconds=0.5), "timed-out")
        office.rcpt.append(PostOffice.HANG)
        failed(sent(office.server(timeout=0.4)), "timed-out")


def test_a_server_that_knows_delivery_reports_is_asked_for_them() -> None:
    heard: list[bytes] = []
    with listening(b"220 hi\r\n", b"250-hi\r\n250-SIZE 1000\r\n250 DSN\r\n", *[b"250 OK\r\n"] * 2, heard=heard) as port:
        sent(Server.of(f"smtp://127.0.0.1:{port}", "hub@lienthong.example", plain=True))
    lines = b"".join(heard).decode().splitlines()
    assert f"mail FROM:<{MAIL.sender}> SIZE={len(MAIL.octets)} RET=HDRS ENVID={TOKEN}" in lines
    assert "rcpt TO:<vanthu@h33.example> NOTIFY=FAILURE,DELAY" in lines


@contextmanager
def listening(*said: bytes, heard: list[bytes] | None = None) -> Iterator[int]:
    """A port where every connection is told these octets, each a moment after the one before, then closed."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def speak() -> None:
            connection, _address = listener.accept()
            with connection:
                for one in said:
                    connection.sendall(one)
                    connection.settimeout(0.2)
                    try:
                        octets = connection.recv(1000)
                    except OSError:
                        continue
                    if heard is not None:
                        heard.append(octets)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((), "unreachable"),
        ((b"220 hello\r\n",), "unreachable"),
        ((b"554 no service here\r\n",), "answer-error"),
        ((b"421 too busy\r\n",), "busy"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "answer-unclear"),
        ((b"x" * 20_000,), "answer-unclear"),
        ((b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"454 4.7.0 not now\r\n"), "tls-failed"),
        ((b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n"), "tls-failed"),
    ],
)
def test_what_is_no_mail_server_is_told_apart(said: tuple[bytes, ...], code: str) -> None:
    with listening(*said) as port:
        failed(sent(Server.of(f"smtp://127.0.0.1:{port}", "hub@lienthong.example", timeout=5)), code)


def test_nobody_listening_is_unreachable() -> None:
    failed(sent(Server.of(f"smtp://127.0.0.1:{free_port()}", "hub@lienthong.example")), "unreachable")
    failed(sent(Server.of("smtp://no-such-host.invalid", "hub@lienthong.example")), "unreachable")
