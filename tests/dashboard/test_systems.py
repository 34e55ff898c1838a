"""Systems: registered, looked at, changed by two people; their channel tried with and without a document."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from cryptography import x509
from signxml.verifier import SignatureConfiguration, XMLVerifier
from sqlalchemy import select

from adapters.folder import FolderCarrier
from hub import clock
from hub.audit import Event
from hub.broker import MemoryBroker
from hub.delivery.carriage import Carriage
from hub.delivery.courier import Courier
from hub.delivery.inbox import Inbox
from hub.delivery.lease import Leases
from hub.envelope.hardening import parse
from hub.envelope.reading import read_document
from hub.evidence.seal import Seal
from hub.ledger import PayloadStore, Transaction, carriage, exchange_log, registration, system_state, systems, tables
from hub.ledger.exchange_log import LogQuery
from hub.ledger.trials import Trial, latest
from hub.problems import Refused
from hub.receipts.signing import ReceiptSigner
from hub.registry.folder import Root
from hub.registry.model import System
from hub.routing.relay import Relay
from hub.signatures.chain import TrustStore
from hub.signatures.jws import HubKey
from hub.signatures.verify import verify
from tests.broker.recorder import eventually
from tests.dashboard.registry_site import Registry

STRICT = SignatureConfiguration(location=".//")


def known(registry: Registry, name: str) -> System:
    found = registry.ledger.read_now(systems.by_name, name)
    assert found is not None
    return found


def foldered(registry: Registry, name: str, code: str) -> System:
    """A system with a folder of its own and one agency."""
    (registry.directory / name).mkdir()

    def add(transaction: Transaction) -> None:
        options = {"folder": name}
        registration.add_system(transaction, name, "folder", options=options, folders=Root(registry.directory))
        registration.add_agency(transaction, code, f"Cơ quan {code}", name)

    registry.ledger.write_now(add)
    return known(registry, name)


def test_a_system_is_registered_and_its_secret_is_shown_once(registry: Registry) -> None:
    first = registry.of["first"]
    assert "What is posted" in first.get("/systems/new?channel=push").text
    form = {"channel": "push", "name": "cong-thu", "url": "http://192.0.2.1/x"}
    refused = first.post("/systems", data=form)
    assert refused.status_code == 422
    assert 'value="http://192.0.2.1/x"' in refused.text
    made = first.post("/systems", data=form | {"url": "http://127.0.0.1:9/x", "body": "notice"})
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    secret = re.search(r"client_secret</dt><dd[^>]*>([^<]+)<", made.text)
    assert secret is not None
    system = known(registry, "cong-thu")
    assert (system.url, system.options) == ("http://127.0.0.1:9/x", {"body": "notice"})
    assert secret[1] not in first.get(f"/systems/{system.id}").text
    assert "cong-thu" in first.get("/systems?q=cong").text
    assert registry.of["watch"].get(f"/systems/{system.id}").status_code == 200


def test_another_address_waits_for_a_second_person(registry: Registry) -> None:
    first, second = registry.of["first"], registry.of["second"]

    def add(transaction: Transaction) -> None:
        options = {"address": "vanthu@xa.example.vn", "policy": "document"}
        registration.add_system(transaction, "hop-thu", "mail", options=options)

    registry.ledger.write_now(add)
    system = known(registry, "hop-thu")
    form = {"address": "vanthu@phuong.example.vn", "policy": "", "language": "", "reason": "đổi hộp thư"}
    wrong = first.post(f"/systems/{system.id}/change", data=form | {"address": "nobody"})
    assert wrong.status_code == 422
    address = first.post(f"/systems/{system.id}/change", data=form).headers["location"]
    assert known(registry, "hop-thu").options == system.options
    assert address in first.get(f"/systems/{system.id}").text
    shown = second.get(address).text
    assert "vanthu@xa.example.vn → vanthu@phuong.example.vn" in shown
    assert second.post(f"{address}/confirm").status_code == 303
    assert known(registry, "hop-thu").options == {"address": "vanthu@phuong.example.vn"}


def test_a_system_that_is_left_alone_says_why_and_is_tried_again(registry: Registry) -> None:
    now = clock.now()
    failed = (7, now + timedelta(minutes=5), "unreachable", "connection refused", now)
    registry.ledger.write_now(carriage.note_failure, "system-khanhson", *failed)
    watch = registry.of["watch"]
    assert "Left alone for a while" in watch.get("/systems").text
    page = watch.get("/systems/system-khanhson").text
    assert "connection refused" in page
    assert watch.post("/systems/system-khanhson/enable").status_code == 303
    assert "connection refused" not in watch.get("/systems/system-khanhson").text


def test_a_channel_is_tried_without_a_document_and_the_log_knows(registry: Registry) -> None:
    system = foldered(registry, "thu-muc", "X1")
    watch, page = registry.of["watch"], f"/systems/{system.id}"
    assert watch.post(f"{page}/test").headers["location"] == f"{page}#tried"
    assert "was written and removed" in watch.get(page).text
    assert list((registry.directory / "thu-muc").iterdir()) == []
    (registry.directory / "thu-muc").rmdir()
    watch.post(f"{page}/test")
    assert "Does not work" in watch.get(page).text
    # a system that comes for its documents is judged by when it came
    watch.post("/systems/system-hoason/test")
    assert "It never came" in watch.get("/systems/system-hoason").text
    registry.ledger.write_now(system_state.saw, "system-hoason", "inbox_at", clock.now())
    watch.post("/systems/system-hoason/test")
    assert "It never came" not in watch.get("/systems/system-hoason").text
    entries, _ = registry.ledger.read_now(exchange_log.query, LogQuery(kind=Event.SYSTEM_TESTED.value), None, 100)
    works = [(one["detail"]["name"], one["detail"]["works"], one["actor"]) for one in entries]
    by = "person:watch"
    assert works == [("thu-muc", True, by), ("thu-muc", False, by), ("hoason", False, by), ("hoason", True, by)]


async def carried(registry: Registry, system: System) -> Trial:
    """The roles relay and deliver at work until the test document has arrived."""
    ledger, broker = registry.ledger, MemoryBroker()
    await broker.open()
    signer = ReceiptSigner(HubKey.load_or_create(registry.directory / "hub.key"), "hub.test", "hub.test/log")
    carriers = {"folder": FolderCarrier(registry.directory)}
    carrying = Carriage(ledger, signer, carriers, PayloadStore(registry.directory / "payloads").path)
    leases = Leases(ledger, signer)
    courier = Courier(ledger, broker, Inbox(ledger, leases.arrived, carrying.arrived), carrying)

    async def settled() -> bool:
        return (await ledger.read(latest, system.id))[0].state == "settled"

    await courier.step()
    await Relay(ledger, broker, 30).step()
    try:
        await eventually(settled, 60)
    finally:
        await carrying.close()
        await broker.close()
    return (await ledger.read(latest, system.id))[0]


def test_a_test_document_goes_the_way_of_letters_and_counts_for_nothing(registry: Registry) -> None:
    system = foldered(registry, "tu-thu", "X2")
    watch, page = registry.of["watch"], f"/systems/{system.id}"
    assert watch.post(f"{page}/trial", data={"agency": "H33.07"}).status_code == 404  # another system's
    assert watch.post(f"{page}/trial", data={"agency": "X2"}).headers["location"] == f"{page}#trials"
    assert "On its way" in watch.get(page).text
    trial = asyncio.run(carried(registry, system))
    shown = watch.get(page).text
    assert "Arrived" in shown
    assert f"/envelopes/{trial.envelope_id}" in shown
    octets = (registry.directory / "tu-thu" / trial.delivery_id / "letter.edxml").read_bytes()
    root = parse(octets)
    letter = read_document(root)
    assert letter.subject.startswith("THƯ THỬ / TEST")
    assert letter.sender.code == letter.recipients[0].code == "X2"
    # the hub's own key signed it, and nobody's anchor leads to that
    sealed = x509.load_pem_x509_certificate((registry.directory / "evidence.pem").read_bytes())
    assert XMLVerifier().verify(octets, x509_cert=sealed, expect_config=STRICT)
    with pytest.raises(Refused, match="certificate"):
        verify(root, TrustStore((Seal.create("hub.other", clock.now()).certificate,), 1), clock.now())
    page_of_letter = watch.get(f"/envelopes/{trial.envelope_id}").text
    assert "A test document that the hub itself made and signed" in page_of_letter
    stood = registry.ledger.read_now(_stood, trial)
    assert stood == {"chase_at": None, "confirm_by": None, "process_by": None, "kinds": ["delivery"], "audience": [""]}
    events, _ = registry.ledger.read_now(exchange_log.query, LogQuery(envelope_id=trial.envelope_id), None, 50)
    kinds = [one["kind"] for one in events]
    assert Event.TRIAL_SENT in kinds
    assert Event.DELIVERY_SETTLED in kinds
    assert Event.ENVELOPE_ACCEPTED not in kinds


def _stood(transaction: Transaction, trial: Trial) -> dict[str, object]:
    columns = tables.delivery.c
    row = transaction.execute(
        select(columns.chase_at, columns.confirm_by, columns.process_by).where(columns.id == trial.delivery_id)
    ).one()
    receipts = transaction.execute(
        select(tables.receipt.c.kind, tables.receipt.c.audience_system_id).where(
            tables.receipt.c.envelope_id == trial.envelope_id
        )
    ).all()
    return {**row._mapping, "kinds": [one.kind for one in receipts], "audience": [one[1] for one in receipts]}
