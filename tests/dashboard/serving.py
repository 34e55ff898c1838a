"""A real server on loopback with the pages alone, judging by a register of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from adapters.folder import FolderCarrier
from hub.audit.note import NoteSigner
from hub.dashboard import DashboardContext, Registering, fetch_pages, pages, problem_pages
from hub.delivery.connectivity import Connectivity
from hub.delivery.links import Links
from hub.delivery.replay import Replays
from hub.delivery.trials import Trials
from hub.evidence.handing import Evidence
from hub.evidence.proving import Published
from hub.evidence.seal import Seal
from hub.intake import Intake
from hub.ledger import Ledger, PayloadStore, exchange_log
from hub.receipts import deadline_policy
from hub.receipts.asking import Chases
from hub.receipts.signing import ReceiptSigner
from hub.registry.folder import Root
from hub.registry.openid import IdentityProvider
from hub.registry.reach import Reach
from hub.registry.second_factor import Vault
from hub.signatures.jws import HubKey
from hub.signatures.sign import Signer
from tests.intake.register import Register

LARGEST_ENVELOPE = 2_000_000


def dashboard_over(ledger: Ledger, directory: Path, register: Register, address: str, largest: int) -> DashboardContext:
    """The pages' context with the real intake behind it; ``register`` is whom that knows and trusts."""
    signer = ReceiptSigner(HubKey.load_or_create(directory / "hub.key"), "hub.test", "hub.test/log")
    return DashboardContext(
        ledger,
        exchange_log.append,
        policy=register.policy,
        payloads=PayloadStore(directory / "payloads"),
        explain=Intake(ledger, register.directory, signer, register.policy).check,
        chases=Chases(ledger, signer, deadline_policy.load()),
        replays=Replays(signer, deadline_policy.load()),
        evidence=evidence_over(ledger, directory, signer),
        largest_envelope=largest,
        vault=Vault(signer.key),
        registering=registering_over(ledger, directory, signer),
        hub_name="hub.test",
        base_url=address,
    )


def registering_over(ledger: Ledger, directory: Path, signer: ReceiptSigner) -> Registering:
    """Trying systems as the hub does, over this ledger; nothing relays what is sent."""
    seal = Seal.load_or_create(directory / "evidence.pem", signer.hub)
    author = Signer(seal.key, (seal.certificate,))
    trials = Trials(ledger, PayloadStore(directory / "payloads"), author, signer.hub)
    folders = {"folder": FolderCarrier(directory)}
    reach = Reach.of("127.0.0.0/8", plain_http=True)
    return Registering(
        trials, Connectivity(ledger, folders), ("pull", "push", "mail", "folder"), reach, Root(directory)
    )


def evidence_over(ledger: Ledger, directory: Path, signer: ReceiptSigner) -> Evidence:
    """Who hands packs out, with keys in ``directory``."""
    log = NoteSigner(signer.log, Ed25519PrivateKey.generate()).log_key
    published = Published(signer.hub, signer.log, [signer.key.jwk], [log])
    payloads = PayloadStore(directory / "payloads")
    seal = Seal.load_or_create(directory / "evidence.pem", signer.hub)
    return Evidence(ledger, payloads.path, published, seal, (), payloads.incoming)


@contextlib.contextmanager
def served(
    ledger: Ledger,
    directory: Path,
    register: Register | None = None,
    largest: int = LARGEST_ENVELOPE,
    openid: Callable[[str], IdentityProvider] | None = None,
) -> Iterator[str]:
    """The address of the pages over this ledger; the server stops at the end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        context = dashboard_over(ledger, directory, register or Register(), address, largest)
        if openid is not None:
            context = dataclasses.replace(context, openid=openid(address))
        app = FastAPI(openapi_url=None)
        app.include_router(pages(context))
        app.include_router(problem_pages(context))
        signer = ReceiptSigner(HubKey.load_or_create(directory / "hub.key"), "hub.test", "hub.test/log")
        app.include_router(fetch_pages(context, Links(ledger, signer)))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not start")
            time.sleep(0.02)
        try:
            yield address
        finally:
            context.live.close()
            server.should_exit = True
            thread.join(10)
