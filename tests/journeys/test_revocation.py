"""Revocation in running hubs: an issuer that is away, comes back, revokes; a verdict repeated from what was kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.client.proof import verify_receipt
from adapters.sandbox.pki import Addresses, Identity, Pki
from adapters.sandbox.responder import Responder
from hub import clock
from hub.envelope.hardening import parse
from hub.ledger import evidence, registration
from hub.ledger.evidence import Piece
from hub.signatures.chain import TrustStore
from hub.signatures.revocation.repeating import repeat
from hub.signatures.verify import verify
from tests.cli.command import lienthong
from tests.services.issuer import Issuer, Reply
from tests.signatures.revocations import DAY, HOUR, der, epoch, openssl
from tests.world import Office, World, eventually

ENGINES = ("embedded", "postgresql")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "embedded":
        return {}
    database, broker = request.getfixturevalue("database_url"), request.getfixturevalue("broker_url")
    return {"LIENTHONG_DATABASE_URL": database, "LIENTHONG_BROKER_URL": broker}


def hub(directory: Path, issuer: Issuer, engine: dict[str, str], **settings: str) -> World:
    """A running hub whose issuing authority names a responder for its agencies; the root names its list."""
    pki = Pki.create(
        root=Addresses(lists=(issuer.url + "/root.crl",)), issuing=Addresses(responders=(issuer.url + "/ocsp",))
    )
    environment = {**engine, "LIENTHONG_SWEEP_EVERY_SECONDS": "0.3", **settings}
    world = World(directory, environment, pki=pki, lists=False)
    world.start("up")
    return world


def open_up(issuer: Issuer, pki: Pki, *known: Identity) -> None:
    """From now on the issuer answers."""
    own = Responder.own(pki.issuing)
    by_serial = {one.certificate.serial_number: one.certificate for one in known}
    issuer.serve("/ocsp", lambda body: Reply(own.respond(body, by_serial)))
    issuer.serve("/root.crl", lambda _body: Reply(der(pki.root.crl())))


def post(world: World, office: Office, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """One POST, no second try."""
    headers = {"Authorization": f"Bearer {office.client.access_token()}", "Content-Type": "application/xml"}
    try:
        with urlopen(Request(world.url + "/v1/envelopes", body, headers), timeout=30) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read())
    except HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read())


def test_an_issuer_that_is_away_defers_and_back_again_everything_is_accepted_and_can_be_repeated_years_later(
    issuer: Issuer, engine: dict[str, str], tmp_path: Path
) -> None:
    with hub(tmp_path / "hub", issuer, engine) as world:
        sender, recipient = world.office(), world.office()
        letter = sender.letter(recipient.code)
        status, headers, problem = post(world, sender, letter)
        assert (status, problem["code"], problem["retryable"]) == (503, "revocation-unavailable", True)
        assert 0 < int(headers["retry-after"]) <= 30
        assert [one["code"] for one in world.log_entries(kind="envelope.deferred")] == ["revocation-unavailable"]
        assert world.log_entries(kind="envelope.accepted") == []

        open_up(issuer, world.pki, sender.identity)
        world.stop()
        world.start("up")  # nothing is remembered of the failure, as if its time had passed
        status, _, accepted = post(world, sender, letter)
        assert (status, [one["code"] for one in accepted["warnings"]]) == (201, ["malware-not-scanned"])
        pieces = world.ledger.read_now(evidence.of_envelope, accepted["id"])
        received_at = datetime.fromisoformat(accepted["received_at"])
        repeat_with_our_own_code(letter, pieces, received_at)
        repeat_with_openssl(tmp_path, pieces, received_at)
        repeat_with_the_command_line(tmp_path, letter, pieces, received_at)

        asked = dict(issuer.asked)
        assert post(world, sender, sender.letter(recipient.code))[0] == 201
        assert issuer.asked == asked, "what is known is not asked for again"


def repeat_with_our_own_code(letter: bytes, pieces: list[Piece], at: datetime) -> None:
    """Offline: the stored octets, the anchor, the list and the OCSP answer."""
    ders = {role: [one.der for one in pieces if one.role == role] for role in ("signer", "authority", "anchor")}
    assert [len(found) for found in ders.values()] == [1, 1, 1]
    anchor = x509.load_der_x509_certificate(ders["anchor"][0])
    lists, answers = ([one.der for one in pieces if one.kind == kind] for kind in ("crl", "ocsp"))
    assert (len(lists), len(answers)) == (1, 1)
    signed = verify(parse(letter), TrustStore((anchor,), -1), at)
    assert signed.path.leaf == x509.load_der_x509_certificate(ders["signer"][0])
    assert [one.status for one in repeat(signed.path, lists, answers, at)] == ["good", "good"]
    assert [one.status for one in repeat(signed.path, lists, [], at)] == ["unsourced", "good"]
    assert [one.status for one in repeat(signed.path, lists, answers, at + 30 * DAY)] == ["unknown", "unknown"]
    assert [one.status for one in repeat(signed.path, lists, answers, at - HOUR)] == ["unknown", "unknown"]


def repeat_with_openssl(directory: Path, pieces: list[Piece], at: datetime) -> None:
    """The same by another implementation, as of the moment of receipt."""
    for one in pieces:
        if one.kind == "certificate":
            content = x509.load_der_x509_certificate(one.der).public_bytes(Encoding.PEM)
        elif one.kind == "crl":
            content = x509.load_der_x509_crl(one.der).public_bytes(Encoding.PEM)
        else:
            content = one.der
        (directory / one.role).with_suffix(f".{one.kind}").write_bytes(content)
    status, said = openssl(
        directory, "verify", "-attime", epoch(at), "-crl_check_all", "-CAfile", "anchor.certificate",
        "-CRLfile", "revocation.crl", "authority.certificate",
    )  # fmt: skip
    assert status == 0, said
    status, said = openssl(
        directory, "verify", "-attime", epoch(at), "-x509_strict", "-CAfile", "anchor.certificate",
        "-untrusted", "authority.certificate", "signer.certificate",
    )  # fmt: skip
    assert status == 0, said
    chain = (directory / "anchor.certificate").read_bytes() + (directory / "authority.certificate").read_bytes()
    (directory / "chain.pem").write_bytes(chain)
    status, said = openssl(
        directory, "ocsp", "-respin", "revocation.ocsp", "-CAfile", "chain.pem", "-issuer", "authority.certificate",
        "-cert", "signer.certificate", "-no_nonce", "-attime", epoch(at),
    )  # fmt: skip
    assert (status, "Response verify OK" in said, "signer.certificate: good" in said) == (0, True, True), said


def repeat_with_the_command_line(directory: Path, letter: bytes, pieces: list[Piece], at: datetime) -> None:
    (directory / "letter.edxml").write_bytes(letter)
    moment = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    given = ("--anchor", directory / "anchor.certificate", "--at", moment, "--json")
    lists, answers = ("--crl", directory / "revocation.crl"), ("--ocsp", directory / "revocation.ocsp")
    known = lienthong("verify", directory / "letter.edxml", *given, *lists, *answers)
    assert (known.code, known.json["revocation"]) == (0, "good"), known
    unknown = lienthong("verify", directory / "letter.edxml", *given, *lists)
    assert (unknown.code, unknown.json["revocation"]) == (0, "pending")


@pytest.mark.parametrize("revoked", [False, True])
def test_accepted_as_pending_it_is_said_in_the_acknowledgement_and_settled_when_the_issuer_answers(
    issuer: Issuer, engine: dict[str, str], tmp_path: Path, revoked: bool
) -> None:
    with hub(tmp_path / "hub", issuer, engine, LIENTHONG_REVOCATION="pending") as world:
        sender, recipient = world.office(), world.office()
        status, _, accepted = post(world, sender, sender.letter(recipient.code))
        assert status == 201
        payload = verify_receipt(accepted["acknowledgement"], sender.client.jwks())
        for warnings in (accepted["warnings"], payload["warnings"]):
            assert [one["code"] for one in warnings].count("revocation-pending") == 2, "the leaf and its authority"
        assert world.log_entries(kind="revocation.settled") == []

        if revoked:
            world.pki.issuing.revoke(sender.identity.certificate, clock.now() - DAY)
        open_up(issuer, world.pki, sender.identity)
        world.stop()
        world.start("up")
        entries = eventually(lambda: (found := world.log_entries(kind="revocation.settled"))[1:] and found)
        assert {one["envelope"] for one in entries} == {accepted["id"]}
        statuses = sorted(one["detail"]["status"] for one in entries)
        assert statuses == (["good", "revoked"] if revoked else ["good", "good"])
        if revoked:
            [entry] = [one for one in entries if one["code"] == "certificate-revoked"]
            assert entry["detail"]["revoked_before_acceptance"] is True
            assert post(world, sender, sender.letter(recipient.code))[2]["code"] == "certificate-revoked"
        roles = [one.role for one in world.ledger.read_now(evidence.of_envelope, accepted["id"])]
        assert roles == ["signer", "authority", "anchor", "settlement", "settlement"]


def test_a_revocation_is_noticed_by_renewal_before_the_answer_ends(
    issuer: Issuer, engine: dict[str, str], tmp_path: Path
) -> None:
    with hub(tmp_path / "hub", issuer, engine, LIENTHONG_REVOCATION_REFRESH_SECONDS="1") as world:
        sender, recipient = world.office(), world.office()
        open_up(issuer, world.pki, sender.identity)
        assert post(world, sender, sender.letter(recipient.code))[0] == 201
        asked = issuer.asked["/ocsp"]
        eventually(lambda: issuer.asked["/ocsp"] > asked)
        assert post(world, sender, sender.letter(recipient.code))[0] == 201
        world.pki.issuing.revoke(sender.identity.certificate)
        refused = eventually(lambda: (said := post(world, sender, sender.letter(recipient.code)))[0] == 422 and said)
        assert refused[2]["code"] == "certificate-revoked"


def test_a_list_handed_to_the_running_hub_settles_what_had_no_source(engine: dict[str, str], tmp_path: Path) -> None:
    environment = {**engine, "LIENTHONG_SWEEP_EVERY_SECONDS": "0.3"}
    with World(tmp_path / "hub", environment, lists=False) as world:
        world.start("up")
        sender, recipient = world.office(), world.office()
        status, _, accepted = post(world, sender, sender.letter(recipient.code))
        assert (status, "revocation-pending" in {one["code"] for one in accepted["warnings"]}) == (201, True)
        for authority in (world.pki.root, world.pki.issuing):
            assert world.ledger.write_now(registration.add_list, authority.crl()).verified, "the letter brought it"
        entries = eventually(lambda: (found := world.log_entries(kind="revocation.settled"))[1:] and found, 45)
        assert {(one["envelope"], one["detail"]["status"]) for one in entries} == {(accepted["id"], "good")}
        headers = {"Authorization": f"Bearer {recipient.client.access_token()}"}
        with urlopen(
            Request(f"{world.url}/v1/envelopes/{accepted['id']}/verification", headers=headers), timeout=30
        ) as reply:
            answer = json.loads(reply.read())
        assert answer["signer"]["revocation"] == "pending", "as it was when the letter came"
        told = {one["certificate_sha256"]: one["status"] for one in answer["settlements"]}
        assert told == dict.fromkeys(answer["signer"]["chain"][:-1], "good")
