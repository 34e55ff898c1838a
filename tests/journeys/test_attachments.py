"""What is in attachments, through a running hub: facts and warnings for the sender, untouched for the recipient."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from adapters.client.proof import verify_receipt
from hub.envelope.writing import OutgoingAttachment
from tests.gateway.edge import Edge, problem
from tests.inspection import samples
from tests.world import Office, World, eventually


@pytest.fixture(scope="module", params=["embedded", "postgresql"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    environment: dict[str, str] = {}
    if request.param == "postgresql":
        environment["LIENTHONG_DATABASE_URL"] = request.getfixturevalue("postgresql").create_database("attachments")
        environment["LIENTHONG_BROKER_URL"] = request.getfixturevalue("rabbitmq").create_vhost("attachments")
    with World(tmp_path_factory.mktemp(request.param), environment) as built:
        built.start("up")
        yield built


@pytest.fixture(scope="module")
def offices(hub: World) -> tuple[Office, Office]:
    return hub.office(), hub.office()


@pytest.fixture
def edge(hub: World) -> Iterator[Edge]:
    with httpx.Client(base_url=hub.url, timeout=30) as client:
        yield Edge(client)


def post(edge: Edge, office: Office, body: bytes) -> httpx.Response:
    return edge.post("/v1/envelopes", by=office, content=body, headers={"Content-Type": "application/xml"})


def workers(hub: World) -> list[int]:
    """The processes that the hub reads PDFs with."""
    parent = hub.processes["up"].pid
    children = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for file in children for child in file.read_text().split() if reads_pdfs(child)]


def reads_pdfs(process: str | int) -> bool:
    try:
        return b"hub.inspection.worker" in Path(f"/proc/{process}/cmdline").read_bytes()
    except FileNotFoundError:
        return False  # it ended


def test_a_wrapped_signed_document_travels_untouched_and_is_told_about(
    edge: Edge, offices: tuple[Office, Office]
) -> None:
    sender, recipient = offices
    document = samples.signed_pdf(samples.pdf(3), sender.identity)
    body = sender.letter(
        recipient.code,
        pages=2,
        attachments=(OutgoingAttachment("Công văn.pdf", samples.wrapped(document, "pdf"), "application/pdf"),),
    )
    made = post(edge, sender, body)
    assert made.status_code == 201
    warned = {one["code"]: one["detail"] for one in made.json()["warnings"]}
    assert warned["attachment-page-count"] == "2 declared, 3 found"
    receipt = verify_receipt(made.json()["acknowledgement"], edge.get("/.well-known/jwks.json").json())
    assert "attachment-page-count" in {one["code"] for one in receipt["warnings"]}
    [facts] = edge.get(made.headers["location"], by=sender).json()["attachments"]
    assert (facts["kind"], facts["pages"], facts["wrapped"]["size"]) == ("pdf", 3, len(document))
    [signature] = facts["signatures"]
    assert (signature["signer"], signature["valid"], signature["trusted"]) == (sender.identity.name, True, True)
    [item] = recipient.client.inbox(wait=10)
    assert recipient.client.content(item["envelope"]) == body


def test_a_document_that_lost_octets_on_the_way_is_refused_in_vietnamese(
    edge: Edge, offices: tuple[Office, Office]
) -> None:
    sender, recipient = offices
    lost = samples.through_utf8(samples.binary_pdf())
    body = sender.letter(recipient.code, attachments=(OutgoingAttachment("Công văn.pdf", lost, "application/pdf"),))
    refused = problem(post(edge, sender, body), "attachment-damaged")
    assert "EF BF BD" in refused["findings"][0]["detail"]


def test_processes_end_with_the_hub_however_it_ends(hub: World, edge: Edge, offices: tuple[Office, Office]) -> None:
    sender, recipient = offices
    signed = samples.signed_pdf(samples.pdf(), sender.identity)  # not plain: a process has to read it
    attached = (OutgoingAttachment("Công văn.pdf", signed, "application/pdf"),)
    for number, end in enumerate((signal.SIGINT, signal.SIGKILL)):
        if number:
            hub.start("up")
        letter = sender.letter(recipient.code, document_id=f"before the end {number}", attachments=attached)
        made = post(edge, sender, letter)
        assert made.status_code == 201
        running = workers(hub)
        assert running
        process = hub.processes.pop("up")
        os.kill(process.pid, end)
        process.wait()
        eventually(lambda seen=running: not [one for one in seen if reads_pdfs(one)] or None)
