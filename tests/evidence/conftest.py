"""One hub with a time-stamping authority and a witness, one without either; a pack of each, made once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.client import FilePart, beside
from adapters.sandbox.pki import Addresses, Pki
from adapters.sandbox.responder import Responder
from hub import keyring
from hub.audit.note import VerifierKey
from hub.envelope.writing import OutgoingAttachment
from hub.evidence.verifying import Trusted, verify
from tests.journeys.witnesses import WitnessProgram
from tests.ledger.stage import (  # noqa: F401 - fixtures are found by their names here
    ledger,
    migrated_database,
    migrated_file,
    postgresql_store,
    sqlite_store,
    stage,
    store,
)
from tests.services.issuer import Issuer, Reply
from tests.services.tsa import TimeAuthority, root
from tests.world import PDF, Office, World, eventually

MINUTES = 180
PART = b"so do nhieu trang\n" * 20_000


@dataclass
class Told:
    """A letter that went its way, its pack, and what a reader of the pack has from elsewhere."""

    world: World
    sender: Office
    recipient: Office
    other: Office
    envelope: str
    letter: bytes
    pack: Path
    trusted: Trusted
    tsa_root: Path | None = None
    witness: str = ""

    def again(self, target: Path) -> Path:
        """The sender's pack as it is by now."""
        self.sender.client.evidence(self.envelope, target)
        return target


def told(world: World, directory: Path) -> Told:
    """A letter to two agencies, with an attachment inside and one beside it: one takes it and reports, one does not."""
    sender, recipient, other = world.office(name="Sở Nội vụ"), world.office(name="UBND huyện"), world.office()
    file = directory / "Sơ đồ (bản 2).txt"
    file.write_bytes(PART)
    listed, part = beside(file, "text/plain")
    inside = OutgoingAttachment("van-ban.pdf", PDF, "application/pdf")
    letter = sender.letter(
        recipient.code, other.code, attachments=(inside, listed), subject="Về kế hoạch <2027> & dự án"
    )
    envelope = sender.client.post_envelope(letter, [FilePart(part.content_id, file, "text/plain")])["id"]
    (delivery,) = eventually(lambda: recipient.client.inbox(wait=5), MINUTES)
    recipient.client.settle(delivery["delivery"])
    recipient.client.report_status(delivery["delivery"], "03", "Đã tiếp nhận")
    with urlopen(f"{world.url}/.well-known/lienthong-evidence.pem", timeout=30) as answer:
        seal = x509.load_pem_x509_certificate(answer.read())
    trusted = Trusted(
        anchors=(world.pki.root.certificate,),
        log_keys=tuple(one.log_key for one in keyring.load_signing(world.settings).signers),
        jwks=sender.client.jwks(),
        seal=seal,
    )
    return Told(world, sender, recipient, other, envelope, letter, directory / "pack.asice", trusted)


@pytest.fixture(scope="package")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Its pack proves everything there is to prove."""
    directory = tmp_path_factory.mktemp("full")
    environment = {
        "LIENTHONG_TSA_EVERY_SECONDS": "1",
        "LIENTHONG_SEAL_EVERY_SECONDS": "0.2",
        "LIENTHONG_WITNESS_EVERY_SECONDS": "0.3",
    }
    with TimeAuthority(directory / "tsa", root()) as authority:
        environment |= {"LIENTHONG_TSA_URLS": authority.url, "LIENTHONG_TSA_CA_FILE": str(authority.root_file)}
        with World(directory / "hub", environment) as world:
            own = keyring.load_signing(world.settings).signers[0]
            with WitnessProgram(directory / "witness", [own.log_key.text]) as witness:
                world.environment["LIENTHONG_WITNESSES"] = witness.setting
                world.start("up")
                found = told(world, directory)
                found.tsa_root, found.witness = authority.root_file, witness.told["key"]
                key = VerifierKey.parse(found.witness)
                found.trusted = replace(found.trusted, witness_keys=(key,), tsa_anchors=(authority.root.certificate,))
                _until_proved(found)
                yield found


def _until_proved(found: Told) -> None:
    """The witness and the authority come a moment after the log is sealed."""
    deadline = time.monotonic() + MINUTES
    while not (report := verify(found.again(found.pack), found.trusted)).complete:
        assert time.monotonic() < deadline, [one for one in report.found if one.standing != "good"]
        time.sleep(0.5)


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A hub that nobody stamps and nobody witnesses; signers' certificates are asked about by OCSP."""
    directory = tmp_path_factory.mktemp("plain")
    with Issuer() as issuer:
        pki = Pki.create(
            root=Addresses(lists=(f"{issuer.url}/root",)), issuing=Addresses(responders=(f"{issuer.url}/o",))
        )
        with World(directory / "hub", {"LIENTHONG_SEAL_EVERY_SECONDS": "0.2"}, pki=pki, lists=False) as world:
            _open_up(issuer, world)
            world.start("up")
            found = told(world, directory)
            _until_sealed(found)
            yield found


def _open_up(issuer: Issuer, world: World) -> None:
    own = Responder.own(world.pki.issuing)

    def answer(body: bytes) -> Reply:
        issued = [one.identity.certificate for one in world.offices.values()]
        return Reply(own.respond(body, {one.serial_number: one for one in issued}))

    issuer.serve("/o", answer)
    issuer.serve("/root", world.pki.root.crl().public_bytes(Encoding.DER))


def _until_sealed(found: Told) -> None:
    deadline = time.monotonic() + MINUTES
    while True:
        report = verify(found.again(found.pack), found.trusted)
        if not any(one.claim == "proof" and one.standing != "good" for one in report.found):
            return
        assert time.monotonic() < deadline, report.found
        time.sleep(0.3)
