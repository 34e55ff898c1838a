"""Clients that dribble, lie about lengths or speak no HTTP: each is answered or cut off, and the hub goes on."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from hub.problems import CATALOGUE
from tests.world import Office, World

pytestmark = pytest.mark.slow
LARGEST = 300_000
PAUSE, RATE = 1.0, 2_000
JSON = "application/problem+json"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub of little patience."""
    environment = {
        "LIENTHONG_MAX_ENVELOPE_BYTES": str(LARGEST),
        "LIENTHONG_HEAD_SECONDS": str(PAUSE),
        "LIENTHONG_BODY_PAUSE_SECONDS": str(PAUSE),
        "LIENTHONG_BODY_BYTES_PER_SECOND": str(RATE),
    }
    with World(tmp_path_factory.mktemp("hasty"), environment) as built:
        built.start("up")
        yield built


@pytest.fixture(scope="module")
def office(hasty: World) -> Office:
    return hasty.office()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == JSON, self
        document: dict[str, Any] = json.loads(self.content)
        assert document["status"] == self.status == CATALOGUE[document["code"]].status
        assert document["type"] == f"/problems/{document['code']}"
        assert document["title"]
        assert document["remedy"]
        return document


class Line:
    """A bare connection: what is written goes out, what comes is read as answers."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def write(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def end(self) -> None:
        """No more from this side."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> Answer:
        status_line = self._file.readline()
        assert status_line.startswith(b"HTTP/1.1 "), status_line
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(status_line.split()[1]), headers, self._file.read(int(headers.get("content-length", "0"))))

    def is_closed(self) -> bool:
        """Whether the hub ends the connection without another word; waits for it."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def dribble(self, octet: bytes, every: float, seconds: float) -> None:
        """One piece after another until the hub has had enough."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.write(octet)
            except (BrokenPipeError, ConnectionResetError):
                return
            time.sleep(every)


@contextmanager
def line(world: World) -> Iterator[Line]:
    opened = Line(world.port)
    try:
        yield opened
    finally:
        opened.close()


def head(office: Office, *, path: str = "/v1/envelopes", kind: str = "application/xml", **fields: object) -> bytes:
    named = {
        "Host": "hub",
        "Authorization": f"Bearer {office.client.access_token()}",
        "Content-Type": kind,
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    ).encode()


def envelopes_accepted(world: World) -> int:
    return len(world.log_entries(kind="envelope.accepted"))


# ---------------------------------------------------------------- slow bodies

ROUTES = {
    "an envelope": ("/v1/envelopes", "application/xml"),
    "an envelope in parts": ("/v1/envelopes", 'multipart/related; type="application/xml"; boundary=b'),
    "a check": ("/v1/envelopes:check", "application/xml"),
    "a status in JSON": ("/v1/statuses", "application/json"),
    "a form": ("/oauth2/token", "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("piece", [b"", b"x"], ids=["stands still", "dribbles"])
def test_a_body_that_is_too_slow_is_refused_and_the_connection_closed(
    hasty: World, office: Office, route: str, piece: bytes
) -> None:
    path, kind = ROUTES[route]
    with line(hasty) as client:
        client.write(head(office, path=path, kind=kind, Content_Length=5_000) + b"<edXML")
        client.dribble(piece, 0.1, PAUSE * 1.5)
        answer = client.answer()
        assert answer.problem["code"] == "request-timeout"
        assert answer.headers["connection"] == "close"
        client.end()
        assert client.is_closed()


def test_a_body_in_chunks_that_dribbles_is_refused_too(hasty: World, office: Office) -> None:
    with line(hasty) as client:
        client.write(head(office, Transfer_Encoding="chunked"))
        client.dribble(b"1\r\nx\r\n", 0.1, PAUSE * 1.5)
        assert client.answer().problem["code"] == "request-timeout"


def test_a_body_that_comes_slowly_but_steadily_is_accepted(hasty: World, office: Office) -> None:
    letter = office.letter(hasty.office().code)
    pieces = [letter[at : at + 1_000] for at in range(0, len(letter), 1_000)]
    assert len(pieces) * 0.4 > 2 * PAUSE, "longer in all than a pause may be"
    with line(hasty) as client:
        client.write(head(office, Content_Length=len(letter)))
        for piece in pieces:
            client.write(piece)
            time.sleep(0.4)
        assert client.answer().status == 201


def test_a_slow_submission_is_in_the_exchange_log(hasty: World, office: Office) -> None:
    before = len(hasty.log_entries(kind="envelope.refused", code="request-timeout"))
    with line(hasty) as client:
        client.write(head(office, Content_Length=5_000))
        client.answer()
    assert len(hasty.log_entries(kind="envelope.refused", code="request-timeout")) == before + 1


def test_many_that_stand_still_hold_nobody_up(hasty: World, office: Office) -> None:
    waiting = [Line(hasty.port) for _ in range(100)]
    try:
        for client in waiting:
            client.write(head(office, Content_Length=5_000) + b"<")
        assert office.client.post_envelope(office.letter(hasty.office().code))["id"]
        assert {client.answer().status for client in waiting} == {408}
    finally:
        for client in waiting:
            client.close()


# ---------------------------------------------------------------- slow and endless heads


@pytest.mark.parametrize(
    "begun", [b"G", b"POST /v1/envelopes", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nHost: h\r\nX-A: "]
)
def test_a_head_that_does_not_come_is_refused(hasty: World, begun: bytes) -> None:
    with line(hasty) as client:
        client.write(begun)
        assert client.answer().problem["code"] == "request-timeout"
        assert client.is_closed()


@pytest.mark.parametrize("piece", [b"X-A: b\r\n", b"x"])
def test_a_head_that_dribbles_is_refused(hasty: World, piece: bytes) -> None:
    with line(hasty) as client:
        client.write(b"GET /livez HTTP/1.1\r\n")
        client.dribble(piece, 0.1, PAUSE * 1.5)
        assert client.answer().problem["code"] == "request-timeout"


@pytest.mark.parametrize("piece", [b"", b"\r\n"], ids=["silence", "empty lines"])
def test_a_connection_on_which_nothing_is_asked_is_closed(hasty: World, piece: bytes) -> None:
    with line(hasty) as client:
        client.dribble(piece, 0.1, PAUSE * 1.5)
        assert client.is_closed()


def test_a_second_request_must_not_be_slower_than_a_first(hasty: World) -> None:
    with line(hasty) as client:
        client.write(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.answer().status == 200
        time.sleep(PAUSE * 1.5)
        client.write(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.answer().status == 200, "a pause between requests is none within one"
        client.write(b"GET /livez HTT")
        assert client.answer().problem["code"] == "request-timeout"


@pytest.mark.parametrize(
    "fields",
    [b"X-A: b\r\n" * 202, b"X-A: " + b"b" * 600_000 + b"\r\n", b"X-" + b"a" * 600_000 + b": b\r\n"],
    ids=["many fields", "a long value", "a long name"],
)
def test_an_endless_head_is_refused(hasty: World, fields: bytes) -> None:
    with line(hasty) as client:
        client.write(b"GET /livez HTTP/1.1\r\n" + fields)
        assert client.answer().problem["code"] == "request-head-too-large"
        assert client.is_closed()


def test_two_hundred_fields_are_not_too_many(hasty: World) -> None:
    with line(hasty) as client:
        client.write(b"GET /livez HTTP/1.1\r\n" + b"X-A: b\r\n" * 199 + b"Host: h\r\n\r\n")
        assert client.answer().status == 200


# ---------------------------------------------------------------- lengths


def test_what_is_declared_too_large_is_refused_before_it_is_sent(hasty: World, office: Office) -> None:
    with line(hasty) as client:
        client.write(head(office, Content_Length=LARGEST + 1))
        answer = client.answer()
        assert answer.problem["code"] == "request-too-large"
        assert answer.headers["connection"] == "close"


def test_who_asks_before_sending_is_not_told_to_go_on(hasty: World, office: Office) -> None:
    with line(hasty) as client:
        client.write(head(office, Content_Length=LARGEST + 1, Expect="100-continue"))
        assert client.answer().status == 413
        client.end()
        assert client.is_closed()


def test_who_asks_and_may_is_told_to_go_on(hasty: World, office: Office) -> None:
    letter = office.letter(hasty.office().code)
    with line(hasty) as client:
        client.write(head(office, Content_Length=len(letter), Expect="100-continue"))
        assert client.answer().status == 100
        client.write(letter)
        assert client.answer().status == 201


def test_who_sends_on_after_a_refusal_can_still_read_it(hasty: World, office: Office) -> None:
    with line(hasty) as client:
        client.write(head(office, Content_Length=20 * LARGEST))
        client.write(b"x" * 20 * LARGEST)
        assert client.answer().problem["code"] == "request-too-large"
        assert client.is_closed()


def test_chunks_that_come_to_too_much_are_refused_before_their_end(hasty: World, office: Office) -> None:
    with line(hasty) as client:
        client.write(head(office, Transfer_Encoding="chunked"))
        for _ in range(LARGEST // 50_000 + 1):
            client.write(b"c350\r\n" + b"x" * 50_000 + b"\r\n")
        assert client.answer().problem["code"] == "request-too-large"


def test_a_body_shorter_than_declared_is_not_accepted(hasty: World, office: Office) -> None:
    letter = office.letter(hasty.office().code)
    before = envelopes_accepted(hasty)
    with line(hasty) as client:
        client.write(head(office, Content_Length=len(letter) + 1) + letter)
        client.end()
        assert client.is_closed()
    assert envelopes_accepted(hasty) == before
    assert office.client.post_envelope(letter)["document_id"]


def test_what_follows_a_body_is_no_part_of_it(hasty: World, office: Office) -> None:
    letter = office.letter(hasty.office().code)
    with line(hasty) as client:
        client.write(head(office, Content_Length=len(letter)) + letter + b"\0\1\2 rubbish \r\n\r\n")
        assert client.answer().status == 201
        assert client.is_closed()


def test_an_unread_body_that_is_there_leaves_the_connection_usable(hasty: World) -> None:
    body = b"x" * 10_000
    with line(hasty) as client:
        for _ in range(3):
            client.write(b"POST /v1/envelopes HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n" + body)
            time.sleep(0.05)
            assert client.answer().problem["code"] == "authentication-required"


# ---------------------------------------------------------------- no HTTP

MALFORMED = {
    "random octets": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a method that is none": b"FETCH /livez HTTP/1.1\r\nHost: h\r\n\r\n",
    "a path outside ASCII": "GET /vạn-bản HTTP/1.1\r\nHost: h\r\n\r\n".encode(),
    "NUL in a field": b"GET /livez HTTP/1.1\r\nHost: h\r\nX-A: a\0b\r\n\r\n",
    "two lengths": b"POST /v1/envelopes HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunks": (
        b"POST /v1/envelopes HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunks in disguise": b"POST /v1/envelopes HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n",
    "a negative length": b"POST /v1/envelopes HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    "a space before the colon": b"GET /livez HTTP/1.1\r\nHost : h\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_http_is_refused_and_the_connection_closed(hasty: World, case: str) -> None:
    with line(hasty) as client:
        client.write(MALFORMED[case])
        assert client.answer().problem["code"] == "request-malformed"
        assert client.is_closed()


def test_rubbish_behind_a_request_does_not_answer_for_it(hasty: World, office: Office) -> None:
    waiting = (
        f"GET /v1/inbox?wait=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {office.client.access_token()}\r\n\r\n"
    ).encode()
    with line(hasty) as client:
        client.write(waiting + b"\0\1\2 rubbish")
        time.sleep(0.1)
        assert client.answer().status == 200
        assert client.is_closed()


def test_requests_sent_at_once_are_answered_in_order(hasty: World) -> None:
    with line(hasty) as client:
        client.write(
            b"".join(b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n" % path for path in (b"livez", b"nothing", b"livez"))
        )
        assert [client.answer().status for _ in range(3)] == [200, 404, 200]


def test_a_broken_chunk_is_refused(hasty: World, office: Office) -> None:
    with line(hasty) as client:
        client.write(head(office, Transfer_Encoding="chunked") + b"zz\r\nabc")
        assert client.answer().problem["code"] == "request-malformed"
        assert client.is_closed()
