"""Every "no" of the edge has one form, in two languages, and no input makes it fall."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.conftest import LARGEST
from tests.gateway.edge import Edge, problem
from tests.world import Office, World


@pytest.fixture(scope="module")
def office(world: World) -> Office:
    return world.office()


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/envelopes/", "/oauth2/", "/.well-known/none", "/v2/inbox"])
def test_an_address_that_does_not_exist_is_not_found(edge: Edge, path: str) -> None:
    problem(edge.get(path), "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/envelopes", "POST"),
        ("GET", "/v1/envelopes", "POST"),
        ("POST", "/v1/inbox", "GET"),
        ("GET", "/oauth2/token", "POST"),
        ("PUT", "/v1/statuses", "POST"),
        ("PATCH", "/v1/agencies", "GET"),
    ],
)
def test_another_method_is_refused_and_the_right_one_named(edge: Edge, method: str, path: str, allowed: str) -> None:
    answer = edge.call(method, path)
    problem(answer, "method-not-allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "vi"),
        ("vi", "vi"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("vi;q=0.1, en;q=0.9", "en"),
        ("en;q=0, vi", "vi"),
        ("fr", "vi"),
        ("*", "vi"),
        ("x" * 5000, "vi"),
        (";;,;q=zz", "vi"),
    ],
)
def test_a_problem_is_told_in_the_language_asked_for(edge: Edge, asked: str, language: str) -> None:
    problem(edge.get("/v1/nothing", headers={"Accept-Language": asked}), "not-found", language=language)


@pytest.mark.parametrize(
    ("media_type", "code"),
    [
        ("text/plain", "media-type-unsupported"),
        ("application/json", "media-type-unsupported"),
        ("", "media-type-unsupported"),
        ("multipart/form-data; boundary=x", "media-type-unsupported"),
    ],
)
def test_a_content_type_that_is_not_xml_is_refused(edge: Edge, office: Office, media_type: str, code: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    problem(edge.post("/v1/envelopes", by=office, content=b"<x/>", headers=headers), code)


def test_a_compressed_body_is_refused(edge: Edge, office: Office) -> None:
    headers = {"Content-Type": "application/xml", "Content-Encoding": "gzip"}
    problem(edge.post("/v1/envelopes", by=office, content=b"<x/>", headers=headers), "media-type-unsupported")


def chunks(octets: int) -> Iterator[bytes]:
    for _ in range(octets // 1000):
        yield b" " * 1000


@pytest.mark.parametrize("path", ["/v1/envelopes", "/v1/envelopes:check"])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_body_over_the_limit_is_refused(edge: Edge, office: Office, path: str, declared: bool) -> None:
    content: Any = b" " * (LARGEST + 1) if declared else chunks(LARGEST + 2000)
    problem(
        edge.post(path, by=office, content=content, headers={"Content-Type": "application/xml"}), "request-too-large"
    )


@pytest.mark.parametrize("authenticated", [True, False])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/v1/deliveries/x:settle", "application/json"),
        ("/v1/deliveries/x:refuse", "application/json"),
        ("/v1/statuses", "application/json"),
        ("/v1/statuses", "application/xml"),
        ("/oauth2/token", "application/x-www-form-urlencoded"),
        ("/v1/nothing", "application/json"),
    ],
)
def test_no_other_body_is_read_beyond_its_limit(
    edge: Edge, office: Office, path: str, media_type: str, declared: bool, authenticated: bool
) -> None:
    """Whoever calls: a stranger's gigabyte must not be read before the hub has asked who it is."""
    content: Any = b"1" * 2_000_000 if declared else chunks(2_000_000)
    by = office if authenticated else None
    answer = edge.post(path, by=by, content=content, headers={"Content-Type": media_type})
    assert answer.status_code in (401, 404, 413)
    problem(answer, answer.json()["code"])
    if authenticated and path != "/v1/nothing":
        assert answer.json()["code"] == "request-too-large"


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"null", ""),
        (b'{"delivery": 5, "code": "03"}', "/delivery"),
        (b'{"delivery": "x"}', "/code"),
        (b'{"delivery": "x", "code": "0003"}', "/code"),
        (b'{"delivery": "x", "code": "03", "at": "2026-11-20T10:00:00"}', "/at"),
        (b'{"delivery": "x", "code": "03", "unknown": 1}', "/unknown"),
        (b'{"delivery": "x", "code": "03", "description": "\xff"}', ""),
        (json.dumps({"delivery": "x", "code": "03", "description": "x" * 1001}).encode(), "/description"),
        (json.dumps({"delivery": "\x00", "code": "03"}).encode(), "/delivery"),
        (json.dumps({"delivery": "x", "code": "03", "description": "a\x00b"}).encode(), "/description"),
        (b'{"delivery": "\\ud800", "code": "03"}', ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_malformed_report_is_refused_and_the_field_named(
    edge: Edge, office: Office, body: bytes, location: str
) -> None:
    answer = edge.post("/v1/statuses", by=office, content=body, headers={"Content-Type": "application/json"})
    document = problem(answer, "request-invalid")
    assert location in document["findings"][0]["location"]


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("settle", {"lease": 5}),
        ("settle", {"lease": "x" * 65}),
        ("settle", {"unknown": True}),
        ("extend", {"seconds": 0}),
        ("extend", {"seconds": 86_401}),
        ("refuse", {"reason": "x" * 1001}),
        ("refuse", {"reason": "a\x00b"}),
        ("refuse", {"lease": "\x00", "reason": "x"}),
    ],
)
def test_a_malformed_end_of_a_lease_is_refused(edge: Edge, office: Office, verb: str, body: dict[str, object]) -> None:
    problem(edge.post(f"/v1/deliveries/x:{verb}", by=office, json=body), "request-invalid")


def test_a_refusal_without_a_reason_is_refused_before_anything_is_looked_up(edge: Edge, office: Office) -> None:
    for body in ({}, {"reason": "  "}):
        problem(edge.post("/v1/deliveries/x:refuse", by=office, json=body), "reason-missing")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=x", "wait=-1", "wait=61", "lease=0", "lease=86401", "limit=9999999999999999999",
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_by_name(edge: Edge, office: Office, query: str) -> None:
    document = problem(edge.get(f"/v1/inbox?{query}", by=office), "request-invalid")
    assert document["findings"][0]["location"] == f"/query/{query.partition('=')[0]}"


@pytest.mark.parametrize("path", ["/v1/receipts", "/v1/agencies"])
@pytest.mark.parametrize("cursor", ["x", "1", "-", "²-1", "٣-1", "9999999999999999999-H33", "-1-2"])
def test_a_cursor_nobody_gave_out_is_refused(edge: Edge, office: Office, path: str, cursor: str) -> None:
    answer = edge.get(f"{path}?after={cursor}", by=office)
    document = problem(answer, "request-invalid")
    assert document["findings"][0]["location"] == "after"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/agencies/%00",
        "/v1/agencies?q=%00",
        "/v1/agencies/a%00b",
        "/v1/envelopes/%00",
        "/v1/envelopes/%00/content",
        "/v1/envelopes/%00/receipts",
        "/v1/envelopes/%FF%FE",
        "/v1/agencies/..%2f..%2fetc",
        "/v1/agencies?q=%25%5C%27%22",
        "/v1/envelopes/" + "x" * 4000,
    ],
)
def test_strange_identifiers_are_refused_and_never_break_the_hub(edge: Edge, office: Office, path: str) -> None:
    answer = edge.get(path, by=office)
    assert answer.status_code in (200, 404, 422), answer.text
    if answer.status_code != 200:
        problem(answer, answer.json()["code"])


@pytest.mark.parametrize("verb", ["settle", "release", "extend", "refuse"])
def test_closing_with_a_strange_identifier_is_not_found(edge: Edge, office: Office, verb: str) -> None:
    for identifier in ("%00", "%FF", "a%00b", "'", "x" * 3000):
        answer = edge.post(
            f"/v1/deliveries/{identifier}:{verb}", by=office, json={"reason": "x"} if verb == "refuse" else {}
        )
        assert answer.status_code in (404, 422), answer.text


@pytest.mark.parametrize(
    ("headers", "form", "code"),
    [
        ({}, {}, "grant-unsupported"),
        ({}, {"grant_type": "password"}, "grant-unsupported"),
        ({}, {"grant_type": "client_credentials"}, "client-invalid"),
        ({}, {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, "client-invalid"),
        ({}, {"grant_type": "client_credentials", "client_id": "\x00", "client_secret": "y"}, "client-invalid"),
        ({"Authorization": "Basic !!!"}, {"grant_type": "client_credentials"}, "client-invalid"),
        ({"Authorization": "Basic \xe9\xe9"}, {"grant_type": "client_credentials"}, "client-invalid"),
        (
            {"Authorization": "Basic " + base64.b64encode(b"\x00:\x00").decode()},
            {"grant_type": "client_credentials"},
            "client-invalid",
        ),
    ],
)
def test_wrong_credentials_get_a_problem_and_oauths_own_error_name(
    edge: Edge, headers: dict[str, str], form: dict[str, str], code: str
) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    document = problem(edge.post("/oauth2/token", data=form or {"x": "y"}, headers=raw), code)
    assert (
        document["error"] == {"grant-unsupported": "unsupported_grant_type", "client-invalid": "invalid_client"}[code]
    )


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "authentication-required"),
        ("", "authentication-required"),
        ("Bearer", "authentication-required"),
        ("Basic eDp5", "authentication-required"),
        ("Bearer x", "token-invalid"),
        ("Bearer a.b.c", "token-invalid"),
        ("Bearer é.ü.ß", "token-invalid"),
        ("Bearer " + "a" * 5000, "token-invalid"),
    ],
)
def test_who_does_not_say_who_he_is_is_told_how(edge: Edge, authorization: str | None, code: str) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answer = edge.get("/v1/inbox", headers=headers)
    problem(answer, code)
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_person_with_a_browser_gets_a_page_where_a_system_gets_a_problem(edge: Edge) -> None:
    page = edge.get("/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (404, "text/html")
    problem(edge.get("/v1/nothing", headers={"Accept": "text/html"}), "not-found")
    problem(edge.get("/nothing"), "not-found")
