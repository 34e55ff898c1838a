"""The explain report: the same verdict as the real call, what is signed, by whom, and how to mend what is wrong."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from adapters.sandbox.pki import Flaw, Identity
from hub import clock
from hub.envelope.model import ReceivedEnvelope
from hub.problems import CATALOGUE
from hub.signatures.chain import TrustStore
from hub.validation import SEQUENCE, begin
from hub.validation.report import Language, explain
from tests.hostile.forgery import within
from tests.intake.register import Register, signed_letter

SENDER, RECIPIENT = "H33.02", "H33.90"


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.agency(RECIPIENT)
    return register


@pytest.fixture(scope="module")
def sender(register: Register) -> Identity:
    return register.identity(SENDER)


async def report(register: Register, body: bytes, spoken: Language = "en", system: str = "") -> dict[str, Any]:
    system = system or register.known[SENDER].system_id
    received = ReceivedEnvelope(body, hashlib.sha256(body).hexdigest(), system, clock.now())
    made = await explain(await begin(received, register.directory, register.policy), spoken)
    again: dict[str, Any] = json.loads(json.dumps(made))
    return again


async def test_an_honest_letter_is_explained_from_its_octets_to_the_anchor(
    register: Register, sender: Identity
) -> None:
    body = signed_letter(sender, RECIPIENT)
    made = await report(register, body)
    assert (made["verdict"], made["findings"]) == ("accepted", [])
    assert made["sha256"] == hashlib.sha256(body).hexdigest()
    signature = made["signature"]
    assert [signature[key] for key in ("outcome", "intact", "valid", "trusted")] == ["valid", True, True, True]
    assert 0 < signature["octets"] < len(body)
    assert [one["role"] for one in signature["chain"]] == ["signer", "authority", "anchor"]
    assert signature["signer"]["subject"] == signature["chain"][0]["subject"]
    assert [(row["number"], row["name"]) for row in made["checks"]] == [(row.number, row.name) for row in SEQUENCE]
    assert {row["outcome"] for row in made["checks"]} == {"passed"}
    assert made["document"]["recipients"] == [RECIPIENT]
    assert [one["content_id"] for one in made["attachments"]] == ["a1"]


async def test_a_changed_letter_is_not_intact_though_its_signature_value_holds(
    register: Register, sender: Identity
) -> None:
    body = within(signed_letter(sender, RECIPIENT), "liên thông", "liên thộng")
    made = await report(register, body)
    signature = made["signature"]
    assert [one["code"] for one in made["findings"]] == ["signature-digest"]
    assert [signature[key] for key in ("outcome", "intact", "valid")] == ["invalid", False, True]
    assert made["document"] is None, "nothing is read before the signature holds"
    assert [row["outcome"] for row in made["checks"][:3]] == ["passed", "failed", "skipped"]


async def test_a_stranger_s_letter_is_intact_and_valid_but_not_trusted(register: Register) -> None:
    stranger = Register().identity(SENDER)
    made = await report(register, signed_letter(stranger, RECIPIENT))
    signature = made["signature"]
    assert [signature[key] for key in ("outcome", "intact", "valid", "trusted")] == ["invalid", True, True, False]
    assert [one["code"] for one in made["findings"]] == ["certificate-untrusted"]


async def test_an_expired_certificate_leaves_the_question_of_integrity_answered(register: Register) -> None:
    identity = register.pki.issue(SENDER, "Hết hạn", flaw=Flaw.EXPIRED)
    signature = (await report(register, signed_letter(identity, RECIPIENT)))["signature"]
    assert [signature[key] for key in ("intact", "valid", "trusted")] == [True, True, False]


async def test_an_unsigned_letter_says_that_the_signature_is_absent(register: Register, sender: Identity) -> None:
    from hub.envelope.writing import document_message
    from tests.intake.register import letter

    made = await report(register, document_message(letter(SENDER, RECIPIENT)))
    assert (made["verdict"], made["signature"]) == ("refused", {"outcome": "absent"})


async def test_what_is_no_xml_has_no_signature_to_explain(register: Register, sender: Identity) -> None:
    made = await report(register, b"<edXML>")
    assert (made["verdict"], made["signature"]["outcome"]) == ("refused", "not-reached")
    assert made["findings"][0]["location"].startswith("line ")


async def test_without_an_anchor_the_verdict_is_deferred_and_says_when_to_come_again(sender: Identity) -> None:
    bare = Register()
    bare.store = TrustStore((), 1)
    identity = bare.identity(SENDER)
    bare.agency(RECIPIENT)
    made = await report(bare, signed_letter(identity, RECIPIENT))
    assert (made["verdict"], made["retry_after"]) == ("deferred", 300)
    assert [one["code"] for one in made["findings"]] == ["trust-unavailable"]
    assert [row["outcome"] for row in made["checks"][:3]] == ["passed", "deferred", "skipped"]


async def test_findings_and_warnings_come_with_remedy_place_and_clause_in_either_language(
    register: Register, sender: Identity
) -> None:
    body = signed_letter(sender, RECIPIENT, subject="x" * 501, place="y" * 51)
    for spoken in ("vi", "en"):
        made = await report(register, body, spoken)
        (finding,) = made["findings"]
        row = CATALOGUE["metadata-too-long"]
        assert (finding["title"], finding["remedy"]) == (row.title(spoken), row.remedy(spoken))
        assert (finding["rule"], finding["severity"], finding["clause"]) == ("subject.length", "refuse", "1.6")
        assert finding["location"].endswith("/MessageHeader/Subject")
        assert [(one["rule"], one["severity"]) for one in made["warnings"]] == [("place.length", "warn")]
