"""What a verdict rests on is handed to those who may see the letter, and openssl repeats the verdict from it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.gateway.edge import Edge, problem
from tests.world import Office, World


@pytest.fixture
def sender(world: World) -> Office:
    return world.office()


@pytest.fixture
def recipient(world: World) -> Office:
    return world.office()


def verification(edge: Edge, envelope: str, by: Office) -> dict[str, Any]:
    found: dict[str, Any] = edge.get(f"/v1/envelopes/{envelope}/verification", by=by).json()
    return found


def test_openssl_repeats_the_verdict_from_what_is_handed_out(
    edge: Edge, sender: Office, recipient: Office, tmp_path: Path
) -> None:
    envelope = sender.client.post_envelope(sender.letter(recipient.code))["id"]
    found = verification(edge, envelope, recipient)
    by_role: dict[str, list[bytes]] = {}
    for piece in found["evidence"]:
        octets = base64.b64decode(piece["der"])
        assert hashlib.sha256(octets).hexdigest() == piece["sha256"]
        by_role.setdefault(piece["role"], []).append(octets)
    files = {role: tmp_path / f"{role}.pem" for role in by_role}
    for role, pieces in by_role.items():
        load = x509.load_der_x509_crl if role == "revocation" else x509.load_der_x509_certificate
        files[role].write_bytes(b"".join(load(one).public_bytes(Encoding.PEM) for one in pieces))
    command = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", files["anchor"],
               "-untrusted", files["authority"], "-CRLfile", files["revocation"], files["signer"]]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    assert found["signer"]["subject"] == sender.identity.name


def test_the_sender_sees_it_and_a_stranger_does_not(
    edge: Edge, world: World, sender: Office, recipient: Office
) -> None:
    envelope = sender.client.post_envelope(sender.letter(recipient.code))["id"]
    assert verification(edge, envelope, sender) == verification(edge, envelope, recipient)
    problem(edge.get(f"/v1/envelopes/{envelope}/verification", by=world.office()), "not-found")
    problem(edge.get("/v1/envelopes/none/verification", by=sender), "not-found")
