"""The OpenAPI document is valid and true: schemathesis asks everything it describes, and nothing makes the hub fall."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import APIOperation, Case, GenerationMode, HookContext
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

# imported here, not when first used: pytest rewrites it, and deep inside a test Python 3.11.2 breaks at that
from schemathesis.specs.openapi.schemas import OpenApiSchema

from hub.gateway import answers
from hub.ledger import rehearsals
from hub.problems import CATALOGUE
from hub.signatures import rehearsing
from tests.gateway.edge import Edge
from tests.world import Office, World, eventually

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    ignored_auth,
]
BOUNDED = hypothesis.settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub that does not wait: every long poll is answered at once."""
    environment = {"LIENTHONG_LONG_POLL_SECONDS": "0", "LIENTHONG_MAX_ENVELOPE_BYTES": "300000"}
    with World(tmp_path_factory.mktemp("fuzzed"), environment) as built:
        built.start("up")
        yield built


@pytest.fixture(scope="module")
def offices(fuzzed: World) -> tuple[Office, Office]:
    """Sender and recipient, served by one system: it may ask for everything of both."""
    sender = fuzzed.office()
    return sender, fuzzed.office(system=sender.system)


@pytest.fixture(scope="module")
def letters(offices: tuple[Office, Office]) -> list[bytes]:
    sender, recipient = offices
    return [sender.letter(recipient.code, document_id=str(number)) for number in range(3)]


@pytest.fixture(scope="module")
def known(offices: tuple[Office, Office], letters: list[bytes]) -> dict[str, list[str]]:
    """Identifiers of what is really there, so that not everything asked for is absent."""
    sender, recipient = offices
    shown = [sender.client.envelope(sender.client.post_envelope(letter)["id"]) for letter in letters]
    return {
        "envelope_id": [one["id"] for one in shown],
        "delivery_id": [row["delivery"] for one in shown for row in one["recipients"]],
        "content_id": [attachment["content_id"] for one in shown for attachment in one["attachments"]],
        "code": [sender.code, recipient.code],
        "name": ["qcvn-102-2016"],
        "place": ["0/000.p/1", "000.p/1"],
        "leaf_id": [one["id"] for one in sender.client.feed()["receipts"]],
    }


def damaged(letters: list[bytes]) -> st.SearchStrategy[bytes]:
    """A signed letter, whole or with a piece cut out, doubled or overwritten."""

    def damage(letter: bytes, at: int, length: int, instead: bytes) -> bytes:
        at %= len(letter)
        return letter[:at] + instead + letter[at + length :]

    return st.builds(
        damage, st.sampled_from(letters), st.integers(0, 20_000), st.integers(0, 500), st.binary(max_size=50)
    )


@pytest.fixture(scope="module")
def api(fuzzed: World, letters: list[bytes], known: dict[str, list[str]]) -> OpenApiSchema:
    loaded = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")

    @loaded.hook
    def before_generate_path_parameters(
        context: HookContext, strategy: st.SearchStrategy[dict[str, Any] | None]
    ) -> st.SearchStrategy[dict[str, Any] | None]:
        def real(parameters: dict[str, Any] | None) -> st.SearchStrategy[dict[str, Any] | None]:
            if not parameters:
                return st.just(parameters)
            return st.fixed_dictionaries({name: st.sampled_from(known.get(name, ["x"])) for name in parameters})

        return st.one_of(strategy, strategy.flatmap(real))

    @loaded.hook
    def before_generate_body(context: HookContext, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return (
            st.one_of(strategy, st.sampled_from(letters), damaged(letters))
            if "/envelopes" in context.operation.path
            else strategy
        )

    return loaded


def ask(operation: APIOperation, mode: GenerationMode, token: str) -> None:
    """Questions about one operation: such as it describes, or such as it does not."""

    @BOUNDED
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def asked(case: Case) -> None:
        answer = case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        if answer.status_code >= 400 and not (case.path == "/readyz" or answer.status_code == 503):
            kind = answer.headers["content-type"][0].partition(";")[0]
            assert kind == "application/problem+json", (answer.status_code, kind)
            assert CATALOGUE[answer.json()["code"]].status == answer.status_code

    asked()


def operations(api: OpenApiSchema, mode: GenerationMode, path: str = "") -> list[APIOperation]:
    """Those below ``path``; any text will do in a path, so that only queries and bodies can be asked wrongly."""
    found = [result.ok() for result in api.get_all_operations()]
    return [
        operation
        for operation in found
        if operation.path.startswith(path)
        and (mode is GenerationMode.POSITIVE or len(operation.query) or len(operation.body))
    ]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_question_of_a_system_makes_the_hub_fall(
    api: OpenApiSchema, offices: tuple[Office, Office], mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    load_all_checks()
    asked = operations(api, mode)
    assert len(asked) > 10
    for operation in asked:
        with subtests.test(operation.label):
            ask(operation, mode, offices[0].client.access_token())


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_question_of_an_auditor_makes_the_hub_fall(
    api: OpenApiSchema, fuzzed: World, mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    load_all_checks()
    paths = ("/v1/audit", "/v1/envelopes/", "/v1/log/tile/entries", "/v1/log/export")
    for operation in [one for path in paths for one in operations(api, mode, path)]:
        with subtests.test(operation.label):
            ask(operation, mode, fuzzed.auditor.access_token())


def test_the_hub_still_works_after_all_these_questions(offices: tuple[Office, Office]) -> None:
    sender, recipient = offices
    assert sender.client.post_envelope(sender.letter(recipient.code))["id"]


def test_the_description_is_valid_openapi_3_1(edge: Edge) -> None:
    document = edge.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_operation_of_systems_describes_its_refusals_as_problems(edge: Edge) -> None:
    document = edge.get("/openapi.json").json()
    described = 0
    for path, item in document["paths"].items():
        if not path.startswith(("/v1/", "/oauth2/")):
            continue
        for operation in item.values():
            refusals = [one for status, one in operation["responses"].items() if status == "default" or status >= "4"]
            described += len(refusals)
            for response in refusals:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, path
    assert described > 50
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == sorted(CATALOGUE)


class Described:
    """A client that holds every answer to the schema that the document gives for it."""

    def __init__(self, http: httpx.Client, document: dict[str, Any]) -> None:
        self._http = http
        self._document = document
        self.seen: set[str] = set()

    def call(self, method: str, template: str, by: Office | World, **more: Any) -> Any:
        token = (by.client if isinstance(by, Office) else by.auditor).access_token()
        path = template.format(**more.pop("named", {}))
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        answer = self._http.request(method, path, headers=headers, **more)
        operation = self._document["paths"][template.partition("?")[0]][method.lower()]
        schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        assert "$ref" in schema, (method, template, answer.status_code, answer.text)
        Draft202012Validator({**schema, "components": self._document["components"]}).validate(answer.json())
        self.seen.add(operation["operationId"])
        return answer.json()


def sent(described: Described, sender: Office, recipient: Office) -> str:
    """One letter, checked, submitted, submitted again and looked at; its envelope id."""
    letter, xml = sender.letter(recipient.code), {"Content-Type": "application/xml"}
    described.call("POST", "/v1/envelopes:check", sender, content=letter, headers=xml)
    made = described.call("POST", "/v1/envelopes", sender, content=letter, headers=xml)["id"]
    assert described.call("POST", "/v1/envelopes", sender, content=letter, headers=xml)["id"] == made
    described.call("GET", "/v1/envelopes/{envelope_id}", sender, named={"envelope_id": made})
    return str(made)


def taken(described: Described, recipient: Office, action: str, **body: str) -> str:
    """The next delivery of the inbox, closed or given back by ``action``; its id."""
    deliveries = eventually(lambda: described.call("GET", "/v1/inbox", recipient)["deliveries"])
    named = {"delivery_id": deliveries[0]["delivery"]}
    described.call("POST", "/v1/deliveries/{delivery_id}:extend", recipient, named=named)
    described.call("POST", f"/v1/deliveries/{{delivery_id}}:{action}", recipient, named=named, json=body)
    return str(named["delivery_id"])


def rehearsed(fuzzed: World, office: Office) -> dict[str, str]:
    """The answer to a challenge that a person asked for on the pages."""
    der = office.identity.certificate.public_bytes(Encoding.DER)
    asked = fuzzed.ledger.write_now(rehearsals.ask, office.code, der, "hub.test", "person:test")
    signature = rehearsing.sign(asked.challenge, office.identity.key, office.identity.certificate)
    return {"rehearsal": asked.id, "signature": base64.b64encode(signature).decode()}


def sealed(http: httpx.Client, by: Office, leaf_id: str) -> None:
    """Wait until the log has it."""
    headers = {"Authorization": f"Bearer {by.client.access_token()}"}
    eventually(lambda: http.get(f"/v1/log/proof/{leaf_id}", headers=headers).status_code == 200)


def test_the_answers_of_a_journey_are_as_described(fuzzed: World, offices: tuple[Office, Office]) -> None:
    sender, recipient = offices[0], fuzzed.office()
    with httpx.Client(base_url=fuzzed.url, timeout=30) as http:
        described = Described(http, http.get("/openapi.json").json())
        form = {"grant_type": "client_credentials", "client_id": sender.client_id, "client_secret": sender.secret}
        described.call("POST", "/oauth2/token", sender, data=form)
        envelope = {"envelope_id": sent(described, sender, recipient)}
        taken(described, recipient, "release")
        status = {"delivery": taken(described, recipient, "settle"), "code": "03", "description": "Đã vào sổ"}
        chased = {"delivery_id": status["delivery"]}
        described.call("POST", "/v1/deliveries/{delivery_id}:chase", sender, named=chased)
        described.call("GET", "/v1/deliveries/{delivery_id}", sender, named={"delivery_id": status["delivery"]})
        for _ in range(2):
            described.call("POST", "/v1/statuses", recipient, json=status)
        sent(described, sender, recipient)
        taken(described, recipient, "refuse", reason="Thiếu trang")
        described.call("GET", "/v1/envelopes/{envelope_id}", sender, named=envelope)
        described.call("GET", "/v1/envelopes/{envelope_id}/receipts", sender, named=envelope)
        described.call("GET", "/v1/envelopes/{envelope_id}/verification", recipient, named=envelope)
        for path in ("/v1/receipts", "/v1/agencies", "/v1/capabilities", "/v1/push/keys", "/.well-known/jwks.json"):
            described.call("GET", path, sender)
        described.call("GET", "/v1/agencies/{code}", sender, named={"code": sender.code})
        described.call("GET", "/v1/profiles/{name}", sender, named={"name": "qcvn-102-2016"})
        told = {"agency": sender.code, "category": "key", "description": "Mất thiết bị ký", "contact": "024 3123 4567"}
        made = [described.call("POST", "/v1/incidents", sender, json=told)["id"] for _ in range(2)]
        assert made[0] == made[1]
        described.call("GET", "/v1/incidents/{incident_id}", sender, named={"incident_id": made[0]})
        described.call("POST", "/v1/rehearsals", sender, json=rehearsed(fuzzed, sender))
        described.call("GET", "/v1/audit/entries", fuzzed)
        described.call("GET", "/v1/audit/messages", fuzzed)
        described.call("PUT", "/v1/audit/questions", fuzzed, json={"name": "đã gửi", "filters": {"from": "H01"}})
        described.call("GET", "/v1/audit/questions", fuzzed)
        described.call("GET", "/v1/log/consistency?old=1", sender)
        receipts = described.call("GET", "/v1/envelopes/{envelope_id}/receipts", sender, named=envelope)["receipts"]
        sealed(http, sender, receipts[0]["id"])
        described.call("GET", "/v1/log/proof/{leaf_id}", sender, named={"leaf_id": receipts[0]["id"]})
    assert described.seen == set(answers.GIVEN)
