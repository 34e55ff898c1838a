"""Clients that lie about lengths, send more than they may or speak no HTTP: refused early, and readably."""

from __future__ import annotations

import time

import pytest

from tests.hostile.conftest import LARGEST
from tests.hostile.line import head, line
from tests.world import Office, World

pytestmark = pytest.mark.slow


def envelopes_accepted(world: World) -> int:
    return len(world.log_entries(kind="envelope.accepted"))


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
