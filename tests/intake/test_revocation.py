"""Revocation in the sequence: who is asked about, what is refused, deferred, or accepted with a warning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from adapters.sandbox.pki import Addresses, Flaw, Identity, Pki
from adapters.sandbox.responder import Responder
from hub import clock
from hub.envelope.writing import Party, Reference, StatusReport, status_message
from hub.problems import Deferred, Finding, Refused
from hub.registry.model import Override
from hub.signatures.chain import TrustStore, common_name
from hub.signatures.revocation.http import HttpFetch
from hub.signatures.revocation.judging import Revocation
from hub.signatures.sign import sign
from hub.validation import Declined, VerifiedEnvelope, begin, judge_status
from hub.validation.examination import Policy
from hub.validation.report import explain
from tests.intake.register import Register, signed_letter
from tests.intake.test_sequence import received
from tests.services.issuer import Issuer, Reply
from tests.signatures.revocations import loaded

SENDER, RECIPIENT = "H33.02", "H33.90"
Choice = Literal["defer", "pending"]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


@pytest.fixture
async def fetch() -> AsyncIterator[HttpFetch]:
    made = HttpFetch(1.0)
    yield made
    await made.close()


def registered(
    issuer: Issuer, fetch: HttpFetch, unavailable: Choice = "defer", unsourced: Choice = "pending"
) -> tuple[Register, Identity]:
    """A registered sender whose certificate names a responder; the root's list is configured."""
    pki = Pki.create(issuing=Addresses(responders=(issuer.url + "/ocsp",)))
    judge = Revocation(fetch=fetch, unavailable=unavailable, unsourced=unsourced)
    register = Register(pki=pki, policy=Policy(revocation=judge))
    assert register.store is not None
    register.store = replace(register.store, lists=loaded(pki.root.crl()))
    register.agency(RECIPIENT)
    return register, register.identity(SENDER)


def warnings(envelope: VerifiedEnvelope) -> list[Finding]:
    """Without the one that says that this register scans nothing."""
    return [one for one in envelope.warnings if one.code != "malware-not-scanned"]


def serve(issuer: Issuer, register: Register, *known: Identity) -> None:
    own = Responder.own(register.pki.issuing)
    by_serial = {one.certificate.serial_number: one.certificate for one in known}
    issuer.serve("/ocsp", lambda body: Reply(own.respond(body, by_serial)))


async def test_a_good_answer_is_told_with_its_source_and_age(issuer: Issuer, fetch: HttpFetch) -> None:
    register, sender = registered(issuer, fetch)
    serve(issuer, register, sender)
    envelope = await register.accepted(signed_letter(sender, RECIPIENT), SENDER)
    signer = envelope.signer
    assert signer.revocation == "good"
    assert warnings(envelope) == []
    leaf, issuing = signer.revocations
    assert (leaf["status"], leaf["kind"], leaf["source"]) == ("good", "ocsp", issuer.url + "/ocsp")
    assert (issuing["status"], issuing["kind"], issuing["source"]) == ("good", "crl", "configured")
    assert 290 <= leaf["age_seconds"] <= 330, "the sandbox's answers are five minutes old"
    assert len(leaf["sha256"]) == 64
    assert signer.chain == (leaf["certificate_sha256"], issuing["certificate_sha256"], issuing["issuer_sha256"])


async def test_a_revoked_signer_is_refused_with_when_why_and_by_whom(issuer: Issuer, fetch: HttpFetch) -> None:
    register, sender = registered(issuer, fetch)
    register.pki.issuing.revoke(sender.certificate, clock.now() - timedelta(days=2))
    serve(issuer, register, sender)
    [finding] = await register.findings(signed_letter(sender, RECIPIENT), SENDER)
    assert finding.code == "certificate-revoked"
    for words in (f"Cơ quan {SENDER}", f"{clock.now() - timedelta(days=2):%Y-%m-%d}", "unspecified", issuer.url):
        assert words in finding.detail
    assert finding.location.endswith("X509Data")


async def test_without_a_fresh_answer_the_sender_is_asked_to_repeat(issuer: Issuer, fetch: HttpFetch) -> None:
    register, sender = registered(issuer, fetch)
    with pytest.raises(Deferred) as deferral:
        await register.judge(signed_letter(sender, RECIPIENT), SENDER)
    assert deferral.value.code == "revocation-unavailable"
    assert 0 < deferral.value.retry_after <= 30
    assert "404" in deferral.value.detail


async def test_where_the_operator_chose_so_it_is_accepted_as_pending_and_says_so(
    issuer: Issuer, fetch: HttpFetch
) -> None:
    register, sender = registered(issuer, fetch, unavailable="pending")
    envelope = await register.accepted(signed_letter(sender, RECIPIENT), SENDER)
    assert envelope.signer.revocation == "pending"
    assert [one["status"] for one in envelope.signer.revocations] == ["pending", "good"]
    [warning] = warnings(envelope)
    assert warning.code == "revocation-pending"
    assert "404" in warning.detail


@pytest.mark.parametrize("unsourced", ["pending", "defer"])
async def test_without_any_source_the_policy_decides_and_nothing_is_silently_valid(unsourced: Choice) -> None:
    register = Register(policy=Policy(revocation=Revocation(unsourced=unsourced)))
    assert register.store is not None
    register.store = TrustStore(register.store.anchors, register.store.revision)  # `trust add` without a list
    register.agency(RECIPIENT)
    body = signed_letter(register.identity(SENDER), RECIPIENT)
    if unsourced == "defer":
        with pytest.raises(Deferred, match="revocation-unavailable"):
            await register.judge(body, SENDER)
        return
    envelope = await register.accepted(body, SENDER)
    assert envelope.signer.revocation == "pending"
    assert [one.code for one in warnings(envelope)] == ["revocation-pending"] * 2


async def test_nothing_a_strangers_certificate_names_is_fetched(issuer: Issuer, fetch: HttpFetch) -> None:
    """Neither one under another anchor, nor a good one that no agency registered, nor another agency's."""
    register, sender = registered(issuer, fetch)
    stranger = Pki.create(issuing=register.pki.issuing.addresses).issue(SENDER, "Kẻ lạ")
    unregistered = register.pki.issue(SENDER, "Chưa đăng ký")
    neighbour = register.identity("H33.03")
    expired = register.identity(SENDER, flaw=Flaw.EXPIRED)
    expected = {
        stranger.code + "1": (stranger, "certificate-untrusted"),
        "2": (unregistered, "certificate-unregistered"),
        "3": (replace(neighbour, code=SENDER), "certificate-other-agency"),
        "4": (expired, "certificate-expired"),
    }
    for identity, code in expected.values():
        assert await register.codes(signed_letter(identity, RECIPIENT), SENDER) == [code]
    assert issuer.asked == {}
    serve(issuer, register, sender)
    assert await register.codes(signed_letter(sender, RECIPIENT), SENDER) == []
    assert issuer.asked == {"/ocsp": 1}


async def test_a_wave_of_letters_asks_once_and_from_then_on_not_at_all(issuer: Issuer, fetch: HttpFetch) -> None:
    register, sender = registered(issuer, fetch)
    serve(issuer, register, sender)
    bodies = [signed_letter(sender, RECIPIENT) for _ in range(10)]
    for _ in range(3):
        verdicts = await asyncio.gather(*(register.judge(body, SENDER) for body in bodies))
        assert not [one for one in verdicts if isinstance(one, Declined)]
    assert issuer.asked == {"/ocsp": 1}


async def test_a_signed_status_is_asked_about_as_well(issuer: Issuer, fetch: HttpFetch) -> None:
    register, sender = registered(issuer, fetch)
    report = status_message(StatusReport(Party(SENDER), Reference(RECIPIENT, "1"), "03", "Đã vào sổ"))
    body = received(sign(report, sender.signer), f"system of {SENDER}")
    with pytest.raises(Deferred, match="revocation-unavailable"):
        await judge_status(body, register.directory, register.policy)
    register.policy = replace(register.policy, revocation=Revocation(fetch=fetch))
    register.pki.issuing.revoke(sender.certificate)
    serve(issuer, register, sender)
    with pytest.raises(Refused, match="certificate-revoked"):
        await judge_status(body, register.directory, register.policy)


async def test_two_certificates_of_an_agency_overlap_and_both_sign(issuer: Issuer, fetch: HttpFetch) -> None:
    """A rollover: the new certificate is registered before the old one is given up; revoking that hurts only it."""
    register, old = registered(issuer, fetch)
    new = register.identity(SENDER)
    assert old.certificate != new.certificate
    serve(issuer, register, old, new)
    for identity in (old, new):
        envelope = await register.accepted(signed_letter(identity, RECIPIENT), SENDER)
        assert envelope.sender.code == SENDER
        assert envelope.signer.serial == f"{identity.certificate.serial_number:x}"
    register.pki.issuing.revoke(old.certificate)
    register.policy = replace(register.policy, revocation=Revocation(fetch=fetch))
    assert await register.codes(signed_letter(old, RECIPIENT), SENDER) == ["certificate-revoked"]
    assert await register.codes(signed_letter(new, RECIPIENT), SENDER) == []


RULES = {Flaw.WRONG_USAGE: "certificate.usage", Flaw.TLS_ONLY: "certificate.purpose"}


@pytest.mark.parametrize("flaw", RULES)
async def test_an_old_fashioned_certificate_passes_by_policy_until_the_day_and_no_longer(flaw: Flaw) -> None:
    register = Register()
    register.agency(RECIPIENT)
    identity = register.identity(SENDER, flaw=flaw)
    body, today = signed_letter(identity, RECIPIENT), clock.now().astimezone(clock.VIETNAM).date()
    assert await register.codes(body, SENDER) == ["certificate-usage"]
    for until, codes in ((today, []), (today - timedelta(days=1), ["certificate-usage"])):
        register.exceptions = (Override(SENDER, RULES[flaw], "warn", until),)
        register.directory = type(register.directory)(register)
        assert await register.codes(body, SENDER) == codes
    register.exceptions = (Override(SENDER, RULES[flaw], "warn", today),)
    register.directory = type(register.directory)(register)
    envelope = await register.accepted(body, SENDER)
    assert [(one.code, one.rule) for one in warnings(envelope)] == [("certificate-usage", RULES[flaw])]


async def test_the_report_tells_how_every_certificate_stands_whatever_the_verdict(
    issuer: Issuer, fetch: HttpFetch
) -> None:
    register, sender = registered(issuer, fetch)
    body = signed_letter(sender, RECIPIENT)

    async def explained() -> tuple[str, list[tuple[str, str]], str]:
        received_ = received(body, f"system of {SENDER}")
        made = await explain(await begin(received_, register.directory, register.policy), "vi")
        rows = [(one["certificate"], one["status"]) for one in made["signature"]["revocation"]]
        return made["verdict"], rows, made["signature"]["signer"]["revocation"]

    agency, authority = f"Cơ quan {SENDER}", common_name(register.pki.issuing.certificate)
    assert await explained() == ("deferred", [(agency, "pending"), (authority, "good")], "pending")
    serve(issuer, register, sender)
    register.policy = replace(register.policy, revocation=Revocation(fetch=fetch))
    assert await explained() == ("accepted", [(agency, "good"), (authority, "good")], "good")
    register.pki.issuing.revoke(sender.certificate)
    register.policy = replace(register.policy, revocation=Revocation(fetch=fetch))
    assert await explained() == ("refused", [(agency, "revoked"), (authority, "good")], "revoked")
