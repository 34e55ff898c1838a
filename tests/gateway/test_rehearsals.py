"""A next key shown to sign by the agency's own system, and a client secret changed while the system goes on."""

from __future__ import annotations

import contextvars
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.client import CallRefused, HubClient
from adapters.client.profile import Profile, write_private
from hub.cli import main
from hub.ledger import certificates, credentials, rehearsals
from hub.ledger.certificates import Rehearsal
from hub.problems import Refused
from hub.signatures import rehearsing
from tests.gateway.edge import Edge, problem
from tests.world import Office, World, eventually


def asked(world: World, office: Office) -> Rehearsal:
    der = office.identity.certificate.public_bytes(Encoding.DER)
    return world.ledger.write_now(rehearsals.ask, office.code, der, "hub.test", "person:quan")


def test_the_agency_s_tool_signs_the_challenge_and_brings_it_to_the_hub(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office = world.office(key="rsa2048")
    one = asked(world, office)
    key, certificate, challenge = (tmp_path / name for name in ("key.pem", "cert.pem", "challenge.txt"))
    write_private(key, office.identity.key_pem)
    certificate.write_bytes(office.identity.chain_pem)
    challenge.write_bytes(one.challenge.encode())
    account = Profile(world.url, office.client_id, office.secret, office.code, office.code, key, certificate)
    account.save(tmp_path / "agency.toml")
    command = ["rehearse", str(challenge), "--key", str(key), "--certificate", str(certificate), "--json"]
    monkeypatch.setattr(sys, "argv", ["lienthong", *command, "--as", str(tmp_path / "agency.toml")])
    with pytest.raises(SystemExit) as ended:
        contextvars.copy_context().run(main)
    assert (ended.value.code or 0, '"outcome": "passed"' in capsys.readouterr().out) == (0, True)
    assert (tmp_path / "challenge.txt.sig").stat().st_size == 256
    [kept] = world.ledger.read_now(certificates.rehearsals, office.code)
    assert (kept.state, kept.tries) == ("passed", 1)
    [entry] = [row for row in world.log_entries(kind="registry.rehearsed") if row["agency"] == office.code]
    assert entry["detail"]["outcome"] == "passed"


def test_only_the_agency_s_own_system_answers_and_a_wrong_signature_is_kept_as_a_failure(world: World) -> None:
    office, stranger = world.office(), world.office()
    one = asked(world, office)
    right = rehearsing.sign(one.challenge, office.identity.key, office.identity.certificate)
    for client, signature, code in (
        (stranger.client, right, "not-found"),
        (office.client, right[:-1] + bytes([right[-1] ^ 1]), "rehearsal-failed"),
        (office.client, b"", "rehearsal-failed"),
    ):
        with pytest.raises(CallRefused) as refused:
            client.rehearse(one.id, signature)
        assert refused.value.code == code
    [kept] = world.ledger.read_now(certificates.rehearsals, office.code)
    assert (kept.state, kept.tries) == ("failed", 2)
    assert office.client.rehearse(one.id, right)["outcome"] == "passed"
    with pytest.raises(CallRefused, match="rehearsal-over"):
        office.client.rehearse(one.id, right)


@pytest.mark.parametrize("signature", ["***", "chữ ký"])
def test_what_is_no_base64_is_said_to_be_none(world: World, edge: Edge, signature: str) -> None:
    body = {"rehearsal": "x", "signature": signature}
    answer = edge.post("/v1/rehearsals", by=world.office(), json=body)
    assert problem(answer, "request-invalid")["findings"][0]["location"] == "/signature"


def test_nothing_but_a_challenge_for_this_certificate_is_signed(world: World) -> None:
    office, other = world.office(), world.office()
    text = asked(world, office).challenge
    changed = (
        text.replace("\n", "\r\n"),
        text + "more: 1\n",
        text.rstrip("\n"),
        "<edXML/>",
        text.replace("until", "u"),
    )
    for wrong in changed:
        with pytest.raises(Refused, match="rehearsal-invalid"):
            rehearsing.sign(wrong, office.identity.key, office.identity.certificate)
    with pytest.raises(Refused, match="another certificate"):
        rehearsing.sign(text, other.identity.key, other.identity.certificate)


def test_both_secrets_get_tokens_until_the_one_before_is_ended(world: World, edge: Edge) -> None:
    office = world.office()

    def status(secret: str) -> int:
        form = {"grant_type": "client_credentials", "client_id": office.client_id, "client_secret": secret}
        return edge.post("/oauth2/token", data=form).status_code

    assert status(office.secret) == 200
    rotated = world.ledger.write_now(credentials.rotate, office.system, timedelta(hours=1), actor="person:quan")
    assert rotated.client_id == office.client_id
    eventually(lambda: status(rotated.secret) == 200)
    assert status(office.secret) == 200
    assert HubClient(world.url, office.client_id, rotated.secret).access_token()
    world.ledger.write_now(credentials.end_former, office.system)
    eventually(lambda: status(office.secret) == 401)
    assert status(rotated.secret) == 200
    newest = world.ledger.write_now(credentials.rotate, office.system, timedelta(0))
    eventually(lambda: status(rotated.secret) == 401)
    assert status(newest.secret) == 200
    with pytest.raises(Refused, match="secret-changed"):
        world.ledger.write_now(credentials.rotate, office.system, timedelta(0), seen="0" * 16)
    with pytest.raises(Refused, match="registry-invalid"):
        world.ledger.write_now(credentials.rotate, office.system, timedelta(days=8))
