"""The written contract: a sound AsyncAPI 3.0 document, and true to every message that the hub writes or reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from adapters.amqp import documents
from adapters.amqp.account import Account
from adapters.amqp.documents import About
from hub import clock
from hub.broker.port import Note, Said
from hub.broker.topology import RECEIPTS_EXCHANGE, agency
from hub.ledger import PayloadStore
from hub.ledger.receipts import ReceiptRecord
from hub.problems import Finding, Refused
from hub.receipts import business_status
from hub.registry.model import System
from tests.delivery.carriers import Rig, parcel

FILE = Path(__file__).parents[2] / "schemas" / "asyncapi.yaml"
TEXT = FILE.read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = yaml.safe_load(TEXT)
MESSAGES: dict[str, dict[str, Any]] = DOCUMENT["components"]["messages"]
SYSTEM = System("0190-h33", "hệ thống", "amqp", "sys-1", "", False, True)
HUB = "https://hub.test"


FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_rfc3339(value: object) -> bool:
    return not isinstance(value, str) or clock.parse_rfc3339(value) is not None


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/")]
    return resolved(found["$ref"]) if isinstance(found, dict) and "$ref" in found else found


def schema_of(message: str) -> Draft202012Validator:
    """What the payload of a message must be, by the document."""
    payload = MESSAGES[message]["payload"]
    return Draft202012Validator({**payload, "components": DOCUMENT["components"]}, format_checker=FORMATS)


def test_it_has_the_objects_that_asyncapi_3_demands() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"].keys() >= {"title", "version"}
    allowed = {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"}
    assert DOCUMENT.keys() <= allowed
    for server in DOCUMENT["servers"].values():
        assert server.keys() >= {"host", "protocol", "security"}
    for channel in DOCUMENT["channels"].values():
        names = {part.split("}")[0] for part in channel["address"].split("{")[1:]}
        assert channel["parameters"].keys() == names
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        own = resolved(operation["channel"]["$ref"])["messages"].values()
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
            assert resolved(message["$ref"]) in [resolved(one["$ref"]) for one in own]
    for scheme in DOCUMENT["components"]["securitySchemes"].values():
        assert scheme["type"] == "userPassword"


def test_every_reference_leads_somewhere_and_nothing_lies_unused() -> None:
    found = set(references(DOCUMENT))
    for reference in found:
        assert isinstance(resolved(reference), dict), reference
    for kind in ("messages", "schemas", "securitySchemes"):
        declared = {f"#/components/{kind}/{name}" for name in DOCUMENT["components"][kind]}
        assert declared <= found, "described and never used"


def test_every_schema_is_json_schema_and_every_example_keeps_to_it() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    shown = [(name, one["payload"]) for name, message in MESSAGES.items() for one in message.get("examples", ())]
    assert len(shown) >= 4
    for name, payload in shown:
        schema_of(name).validate(payload)


def test_names_of_queues_exchanges_and_types_are_those_of_the_program() -> None:
    own, said = DOCUMENT["channels"]["ownQueue"], DOCUMENT["channels"]["receipts"]
    assert own["address"].format(systemId=SYSTEM.id) == agency(SYSTEM.id).name == Account.of(SYSTEM, "/").queue
    assert own["bindings"]["amqp"]["queue"]["name"] == own["address"]
    assert said["bindings"]["amqp"]["exchange"]["name"] == RECEIPTS_EXCHANGE
    assert said["address"].format(clientId=SYSTEM.client_id) == Account.of(SYSTEM, "/").user
    types = {message["name"] for message in MESSAGES.values()}
    assert types == {value for name, value in vars(documents).items() if name.endswith("_V1")}
    assert {message["bindings"]["amqp"]["messageType"] for message in MESSAGES.values()} == types


def emitted(tmp_path: Path) -> Iterator[tuple[str, Note]]:
    """Every kind of message that the hub writes, by the functions that write them."""
    rig = Rig(None, SYSTEM, None, None, None)  # type: ignore[arg-type]  # only its system is looked at
    payloads = PayloadStore(tmp_path / "payloads")
    until = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
    plain = parcel(rig, payloads, b"<edXML/>")
    for one in (plain, replace(plain, delivery=replace(plain.delivery, due_on=until.date(), parts=2, priority=4))):
        yield "delivery", documents.claim_check(one, HUB, until)
    record = ReceiptRecord(
        1, 0, "r", "status", "status.received", "h33", "H33", None, None, "12", "G22", "H33", "03", "Đã", until, "a.b.c"
    )
    for note in documents.told([record, replace(record, id="s", envelope_id="e", delivery_id="d")], 500):
        yield "receipts", note
    refusal = Refused("x", findings=(Finding("reason-missing", "", "/reason"), Finding("request-invalid", "x", "y")))
    for about in (About("", ""), About("m", documents.STATUS_V1, "d")):
        yield "problem", documents.problem(refusal, about, HUB)


def test_every_message_of_the_hub_is_as_described_to_the_last_member(tmp_path: Path) -> None:
    seen = set()
    for name, note in emitted(tmp_path):
        body = json.loads(note.body)
        schema_of(name).validate(body)
        described = resolved(MESSAGES[name]["payload"]["$ref"])
        assert body.keys() == described["properties"].keys(), "described, and written, member for member"
        assert note.type == MESSAGES[name]["name"]
        assert note.message_id
        headers = resolved(MESSAGES[name]["headers"]["$ref"]) if "headers" in MESSAGES[name] else {}
        Draft202012Validator(headers).validate({"traceparent": note.traceparent} if note.traceparent else {})
        seen.add(name)
    hub_writes = DOCUMENT["channels"]["ownQueue"]["messages"]
    assert seen == set(hub_writes)


VALUES = st.one_of(
    st.none(), st.integers(), st.text(max_size=8), st.datetimes(timezones=st.just(UTC)).map(clock.rfc3339),
    st.sampled_from(["settled", "refused", "03", "16", "x" * 65, "x" * 1001, "0", "2026-11-22T10:00:00", "2026-11-22"]),
)  # fmt: skip
SAID = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("delivery", "result", "reason", "code", "description", "at", "more"), VALUES)
)
REALLY_SAID = st.one_of(
    SAID,
    st.fixed_dictionaries({"delivery": st.text("abc-", max_size=70), "result": st.sampled_from(["settled", "done"])}),
    st.fixed_dictionaries(
        {"delivery": st.just("d"), "code": st.sampled_from(["01", "06", "15", "16", "00", "17", "1", "001"])},
        optional={"at": VALUES},
    ),
)


@pytest.mark.parametrize("name", ["settlement", "status"])
def test_the_hub_reads_what_is_described_and_nothing_else(name: str) -> None:
    type_ = MESSAGES[name]["name"]
    agreed = {True: 0, False: 0}

    @given(REALLY_SAID)
    def same_judgement(body: dict[str, Any]) -> None:
        described = schema_of(name).is_valid(body)
        assert _read(type_, body) == described, body
        agreed[described] += 1

    same_judgement()
    assert min(agreed.values()) > 3, "both judgements were tried"


def _read(type_: str, body: dict[str, Any]) -> bool:
    """Whether the hub takes it so far, codes of statuses included, which are judged behind."""
    try:
        meant = documents.read(Said("sys-1", "sys-1", type_, json.dumps(body).encode(), ""))
    except Refused:
        return False
    return not isinstance(meant, documents.Status) or business_status.is_code(meant.code)
