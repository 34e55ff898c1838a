"""The HTTP contract: description, trace, conditional requests, who sees what, and waiting."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.edge import TRACEPARENT, Edge, problem
from tests.world import PDF, Office, World

METHODS = ("get", "post", "put", "delete", "patch")


@pytest.fixture(scope="module")
def offices(world: World) -> tuple[Office, Office, Office, Office]:
    """Sender, two recipients, and a stranger."""
    return world.office(), world.office(), world.office(), world.office()


@pytest.fixture(scope="module")
def letter(offices: tuple[Office, ...]) -> bytes:
    sender, one, other, _ = offices
    return sender.letter(one.code, other.code)


@pytest.fixture(scope="module")
def accepted(offices: tuple[Office, ...], letter: bytes) -> dict[str, Any]:
    return dict(offices[0].client.post_envelope(letter))


# ---------------------------------------------------------------- description


def test_the_description_is_openapi_3_1_and_describes_every_operation(edge: Edge) -> None:
    document = edge.get("/openapi.json").json()
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"] == "Liên Thông"
    assert document["info"]["version"]
    identifiers = []
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = item[method]
            identifiers.append(operation["operationId"])
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)
            assert operation["responses"], (method, path)
            named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), (method, path)
            if method == "post":
                assert operation["requestBody"]["content"], (method, path)
    assert len(identifiers) == len(set(identifiers))


def test_every_reference_in_the_description_resolves(edge: Edge) -> None:
    document = edge.get("/openapi.json").json()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                target: Any = document
                assert reference.startswith("#/"), reference
                for part in reference[2:].split("/"):
                    target = target[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)


def test_the_design_s_calls_are_all_described(edge: Edge) -> None:
    paths = edge.get("/openapi.json").json()["paths"]
    for method, path in (
        ("post", "/oauth2/token"),
        ("post", "/v1/envelopes"),
        ("post", "/v1/envelopes:check"),
        ("get", "/v1/envelopes/{envelope_id}"),
        ("get", "/v1/envelopes/{envelope_id}/content"),
        ("get", "/v1/envelopes/{envelope_id}/receipts"),
        ("get", "/v1/receipts"),
        ("get", "/v1/inbox"),
        ("post", "/v1/deliveries/{delivery_id}:settle"),
        ("post", "/v1/deliveries/{delivery_id}:release"),
        ("post", "/v1/deliveries/{delivery_id}:extend"),
        ("post", "/v1/deliveries/{delivery_id}:refuse"),
        ("post", "/v1/deliveries/{delivery_id}:chase"),
        ("post", "/v1/rehearsals"),
        ("post", "/v1/statuses"),
        ("get", "/v1/agencies"),
        ("get", "/v1/agencies/{code}"),
        ("get", "/v1/capabilities"),
        ("get", "/v1/audit/entries"),
        ("get", "/livez"),
        ("get", "/readyz"),
        ("get", "/metrics"),
    ):
        assert method in paths[path], path


def test_the_documentation_needs_no_other_host(edge: Edge) -> None:
    page = edge.get("/docs")
    assert page.status_code == 200
    seen = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(seen) >= 3
    for address in seen:
        assert address.startswith("/"), address
        found = edge.get(address)
        assert found.status_code == 200
        assert len(found.content) > 50
    for directive in page.headers["content-security-policy"].split(";"):
        assert "http" not in directive, directive
        assert "*" not in directive, directive


def test_the_contract_of_the_channel_amqp_is_served_beside_that_of_http(edge: Edge) -> None:
    served = edge.get("/asyncapi.yaml")
    assert served.status_code == 200
    assert served.headers["content-type"] == "application/yaml"
    assert served.content == (Path(__file__).parents[2] / "schemas" / "asyncapi.yaml").read_bytes()


def test_the_capabilities_state_the_limits_that_are_in_force(edge: Edge, world: World) -> None:
    said = edge.get("/v1/capabilities").json()
    assert said["limits"]["envelope_bytes"] == world.settings.max_envelope_bytes
    assert said["limits"]["lease_seconds"] == world.settings.lease_seconds
    assert said["signature"]["profile"] == "strict"
    assert said["channels"] == ["pull", "push", "mail", "folder"], "amqp needs RabbitMQ"
    assert len(said["signature"]["anchors"]) == 1


# ---------------------------------------------------------------- trace


def test_a_trace_is_adopted_and_given_back(edge: Edge) -> None:
    given = f"00-{'4b' * 16}-{'0a' * 8}-01"
    for path in ("/livez", "/v1/nothing", "/v1/inbox"):
        assert edge.get(path, headers={"traceparent": given}).headers["traceparent"] == given


@pytest.mark.parametrize(
    "given",
    ["", "x", f"00-{'0' * 32}-{'0a' * 8}-01", f"00-{'4b' * 16}-{'0' * 16}-01", f"ff-{'4b' * 16}-{'0a' * 8}-01",
     f"00-{'4B' * 16}-{'0A' * 8}-01"],
)  # fmt: skip
def test_a_trace_that_is_none_is_replaced_by_a_new_one(edge: Edge, given: str) -> None:
    made = edge.get("/livez", headers={"traceparent": given}).headers["traceparent"]
    assert TRACEPARENT.fullmatch(made)
    assert made != given


def test_two_requests_have_two_traces(edge: Edge) -> None:
    assert edge.get("/livez").headers["traceparent"] != edge.get("/livez").headers["traceparent"]


# ---------------------------------------------------------------- conditional requests


def test_content_is_the_original_octets_with_their_digest_and_is_not_sent_twice(
    edge: Edge, offices: tuple[Office, ...], letter: bytes, accepted: dict[str, Any]
) -> None:
    path = accepted["links"]["content"]
    first = edge.get(path, by=offices[1])
    assert first.content == letter
    assert first.headers["etag"] == f'"{hashlib.sha256(letter).hexdigest()}"'
    assert first.headers["content-type"] == "application/xml"
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = edge.get(path, by=offices[1], headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert edge.get(path, by=offices[1], headers={"If-None-Match": '"other"'}).content == letter


def test_a_long_document_is_streamed_whole_and_in_parts(edge: Edge, world: World, offices: tuple[Office, ...]) -> None:
    from hub.envelope.writing import OutgoingAttachment

    sender, one, *_ = offices
    body = PDF.replace(b"%%EOF", b"%" + b"0123456789" * 21_000 + b"\n%%EOF")
    long = sender.letter(one.code, attachments=(OutgoingAttachment("dài.pdf", body, "application/pdf"),))
    assert len(long) > 256 * 1024, "long enough to be read from its file"
    made = sender.client.post_envelope(long)
    assert edge.get(made["links"]["content"], by=one).content == long
    part = edge.get(made["links"]["content"], by=one, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, long[1000:2000])


def test_a_document_whose_file_is_damaged_is_not_handed_out(
    edge: Edge, world: World, offices: tuple[Office, ...]
) -> None:
    sender, one, *_ = offices
    made = sender.client.post_envelope(sender.letter(one.code))
    digest = made["sha256"]
    file = world.settings.data_dir / "payloads" / "sha256" / digest[:2] / digest
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    problem(edge.get(made["links"]["content"], by=one), "payload-unavailable")
    file.unlink()
    problem(edge.get(made["links"]["content"], by=one), "payload-unavailable")
    file.write_bytes(whole)
    assert edge.get(made["links"]["content"], by=one).content == whole


def test_the_directory_is_not_sent_again_until_it_changes(
    edge: Edge, world: World, offices: tuple[Office, ...]
) -> None:
    first = edge.get("/v1/agencies", by=offices[0])
    tag, position = first.headers["etag"], first.json()["next"]
    assert edge.get("/v1/agencies", by=offices[0], headers={"If-None-Match": tag}).status_code == 304
    assert edge.get(f"/v1/agencies?after={position}", by=offices[0]).json()["agencies"] == []
    new = world.office()
    changed = edge.get(f"/v1/agencies?after={position}", by=offices[0], headers={"If-None-Match": tag})
    assert [one["code"] for one in changed.json()["agencies"]] == [new.code]
    assert changed.headers["etag"] != tag


def test_an_agency_is_found_by_code_and_by_old_identifier(
    edge: Edge, world: World, offices: tuple[Office, ...]
) -> None:
    new = world.office(aliases=("000.00 cũ.H99",))
    for code in (new.code, "000.00 cũ.H99", "000.00%20c%C5%A9.H99"):
        found = edge.get(f"/v1/agencies/{code}", by=offices[0]).json()
        assert (found["code"], found["aliases"]) == (new.code, ["000.00 cũ.H99"])
    problem(edge.get("/v1/agencies/none", by=offices[0]), "not-found")


# ---------------------------------------------------------------- who sees what


def test_the_sender_sees_all_recipients_and_a_recipient_only_itself(
    edge: Edge, world: World, offices: tuple[Office, ...], accepted: dict[str, Any]
) -> None:
    sender, one, other, stranger = offices
    path = accepted["links"]["self"]
    seen = {
        office.code: {row["code"] for row in edge.get(path, by=office).json()["recipients"]}
        for office in (sender, one, other)
    }
    assert seen == {sender.code: {one.code, other.code}, one.code: {one.code}, other.code: {other.code}}
    for link in accepted["links"].values():
        problem(edge.get(link, by=stranger), "not-found")
    headers = {"Authorization": f"Bearer {world.auditor.access_token()}"}
    assert len(edge.get(path, headers=headers).json()["recipients"]) == 2


def test_what_is_not_there_reads_like_what_is_not_yours(
    edge: Edge, offices: tuple[Office, ...], accepted: dict[str, Any]
) -> None:
    hidden = problem(edge.get(accepted["links"]["self"], by=offices[3]), "not-found")
    absent = problem(edge.get("/v1/envelopes/" + "0" * 36, by=offices[3]), "not-found")
    assert hidden["title"] == absent["title"]
    assert hidden.keys() == absent.keys()


def test_a_recipient_is_not_shown_the_others_receipts(
    edge: Edge, offices: tuple[Office, ...], accepted: dict[str, Any]
) -> None:
    sender, one, *_ = offices
    assert edge.get(accepted["links"]["receipts"], by=one).json()["receipts"] == []
    assert edge.get(accepted["links"]["receipts"], by=sender).json()["receipts"][0]["event"] == "envelope.accepted"


def test_only_auditors_read_the_log_and_their_reading_is_in_it(
    edge: Edge, world: World, offices: tuple[Office, ...], accepted: dict[str, Any]
) -> None:
    problem(edge.get("/v1/audit/entries", by=offices[0]), "forbidden")
    problem(edge.get("/v1/audit/entries"), "authentication-required")
    found = world.log_entries(document_id=accepted["document_id"])
    assert {"envelope.accepted"} <= {entry["kind"] for entry in found}
    headers = {"Authorization": f"Bearer {world.auditor.access_token()}"}
    queries = edge.get("/v1/audit/entries?kind=log.queried&limit=1000", headers=headers).json()["entries"]
    assert any(entry["detail"]["filters"].get("document_id") == accepted["document_id"] for entry in queries)
    entry = next(entry for entry in found if entry["kind"] == "envelope.accepted")
    assert entry["agency"] == offices[0].code
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["at"])


@pytest.mark.parametrize("query", ["since=yesterday", "since=2026-11-20T00:00:00", "limit=1001", "after=zz"])
def test_a_wrong_filter_of_the_log_is_refused(edge: Edge, world: World, query: str) -> None:
    headers = {"Authorization": f"Bearer {world.auditor.access_token()}"}
    problem(edge.get(f"/v1/audit/entries?{query}", headers=headers), "request-invalid")


def test_the_log_is_read_by_cursor_without_a_gap(world: World, edge: Edge, accepted: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {world.auditor.access_token()}"}
    path = "/v1/audit/entries?kind=registry.agency_added&limit=3"
    seen: list[str] = []
    cursor = ""
    for _ in range(100):
        page = edge.get(f"{path}&after={cursor}", headers=headers).json()
        seen += [entry["agency"] for entry in page["entries"]]
        cursor = page["next"]
        if not page["entries"]:
            break
    assert seen == list(world.offices)


# ---------------------------------------------------------------- operations


def test_alive_ready_and_metrics_need_no_credentials_and_tell_nothing_about_agencies(
    edge: Edge, offices: tuple[Office, ...], accepted: dict[str, Any]
) -> None:
    assert edge.get("/livez").json() == {"status": "alive"}
    assert edge.get("/readyz").json() == {"status": "ready", "ledger": True, "schema": True, "broker": True}
    metrics = edge.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(metrics.text)}
    assert families["hub_envelopes_accepted"].samples[0].value >= 1
    assert families["hub_outbox_rows"].samples[0].value >= 0
    problems = {sample.labels["code"] for sample in families["hub_problems"].samples if "code" in sample.labels}
    assert "not-found" in problems
    for office in offices:
        assert office.code not in metrics.text
        assert office.client_id not in metrics.text


def test_the_keys_that_verify_receipts_are_public(edge: Edge) -> None:
    keys = edge.get("/.well-known/jwks.json").json()["keys"]
    assert [(key["kty"], key["crv"], key["use"]) for key in keys] == [("OKP", "Ed25519", "sig")]
    assert all("d" not in key for key in keys)
