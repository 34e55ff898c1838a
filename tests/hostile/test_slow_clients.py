"""Clients that dribble or stand still, in the head or in the body: each is answered and cut off, the hub goes on."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from tests.hostile.conftest import LARGEST, PAUSE
from tests.hostile.line import Line, head, line
from tests.world import Office, World, eventually

pytestmark = pytest.mark.slow

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


@contextmanager
def uploading(world: World, office: Office) -> Iterator[Line]:
    """A large body on its way: it comes steadily until the block ends, and then whole."""
    length, begun, enough = LARGEST, LARGEST - 20_000, threading.Event()

    def trickle(client: Line) -> int:
        sent = begun
        while not enough.wait(PAUSE / 10) and sent < length - 1:
            client.write(b" ")
            sent += 1
        return sent

    with line(world) as client, ThreadPoolExecutor(1) as side:
        client.write(head(office, Content_Length=length) + b" " * begun)
        sent = side.submit(trickle, client)
        try:
            yield client
        finally:
            enough.set()
            client.write(b" " * (length - sent.result()))
        assert client.answer().problem["code"] == "xml-malformed", "judged when it was whole"


def uploads(world: World) -> int:
    """How many large bodies the hub knows to be coming."""
    with urlopen(f"{world.url}/metrics", timeout=10) as answer:
        return int(float(re.findall(r"^hub_uploads (\S+)$", answer.read().decode(), re.MULTILINE)[0]))


def test_one_system_may_not_send_many_large_bodies_at_once_and_holds_up_no_other(hasty: World, office: Office) -> None:
    other = hasty.office()
    whole = b" " * LARGEST
    with uploading(hasty, office), uploading(hasty, office):
        eventually(lambda: uploads(hasty) == 2)
        with line(hasty) as client:
            client.write(head(office, Content_Length=LARGEST) + whole)
            refused = client.answer()
            assert refused.problem["code"] == "upload-limit"
            assert int(refused.headers["retry-after"]) > 0
        assert office.client.post_envelope(office.letter(other.code))["id"], "short ones are not counted"
        with line(hasty) as client:
            client.write(head(other, Content_Length=LARGEST) + whole)
            assert client.answer().problem["code"] == "xml-malformed", "another system has a count of its own"
    assert eventually(lambda: uploads(hasty) == 0)


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
