"""A workshop in a running hub: attacks are posted there as a client of no manners would post them."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hub import clock
from hub.envelope.writing import document_message
from hub.ledger import agencies, registration, systems
from hub.ledger.agencies import NewAgency
from hub.signatures.sign import sign
from tests.hostile.forgery import RECIPIENT, SENDER, STRANGER, UNREGISTERED, Workshop, flawed_certificates
from tests.intake.register import letter
from tests.world import Office, World, x509_lists

SUSPENDED, ELSEWHERE = "H33.77", "H33.88"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Stage(Workshop):
    """A workshop in a running hub."""

    world: World
    office: Office
    recipients: dict[str, Office]
    jwks: dict[str, Any]
    honest_id: str

    def post(
        self, body: bytes | Iterator[bytes], headers: dict[str, str] | None = None, path: str = "/v1/envelopes"
    ) -> Answer:
        """One POST as a client of no manners would make it: nothing is checked, repeated or added."""
        ordinary = {"Authorization": f"Bearer {self.office.client.access_token()}", "Content-Type": "application/xml"}
        sent = {name: value for name, value in {**ordinary, **(headers or {})}.items() if value}
        connection = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=30)
        try:
            # a server may answer and close before everything was sent
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", path, body, sent, encode_chunked=not isinstance(body, bytes))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, json.loads(response.read()))
        finally:
            connection.close()

    def get(self, path: str, office: Office) -> bytes:
        """The octets at a path, as one of the offices gets them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {office.client.access_token()}"})
            response = connection.getresponse()
            assert response.status == 200, response.read()
            return response.read()
        finally:
            connection.close()

    def logged(self, code: str, since: str) -> list[dict[str, Any]]:
        return self.world.log_entries(kind="envelope.refused", code=code, since=since)


def set_up(world: World) -> Stage:
    """Register everybody in a running hub, and post the one honest letter that everything is compared with."""
    office = world.office(SENDER)
    recipients = {RECIPIENT: world.office(RECIPIENT), STRANGER: world.office(STRANGER)}
    other = world.office(ELSEWHERE)
    keys = [world.pki.issue(SENDER, "Khóa khác", key=kind) for kind in ("rsa2048", "p384")]
    flawed = flawed_certificates(world.pki)
    for crl in x509_lists(world.pki.issuing.crl_pem(issued=clock.now(), days=3650)):
        world.ledger.write_now(registration.add_list, crl)
    registered = (identity for name, identity in flawed.items() if name != UNREGISTERED)
    for identity in (*keys, *registered):
        world.ledger.write_now(registration.add_certificate, SENDER, identity.certificate)
    system = world.ledger.read_now(systems.by_name, other.system)
    suspended = NewAgency(SUSPENDED, "Cơ quan bị tạm dừng", system.id, active=False)
    world.ledger.write_now(agencies.add, suspended, clock.now())
    time.sleep(1.2)  # a running hub compares the registry's revision once a second
    accepted = office.client.post_envelope(sign(document_message(letter(SENDER, RECIPIENT)), office.identity.signer))
    return Stage(
        world.pki,
        office.identity,
        *keys,
        recipients[STRANGER].identity,
        flawed,
        world,
        office,
        recipients,
        office.client.jwks(),
        accepted["id"],
    )
