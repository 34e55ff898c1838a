"""A whole hub in its own processes, with a PKI and agencies made to order: what journeys, crash tests and benches use.

Importable by ``bench``. Registration goes through the same functions as the command line.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from cryptography import x509

from adapters.client import HubClient
from adapters.sandbox.documents import simple_pdf
from adapters.sandbox.pki import Identity, KeyKind, Pki
from hub import wiring
from hub.envelope.writing import (
    Business,
    Letter,
    OutgoingAttachment,
    Party,
    Reference,
    StatusReport,
    document_message,
    status_message,
)
from hub.ledger import Ledger, migration, registration
from hub.settings import Settings
from hub.signatures.sign import sign
from tests.rights import as_application

ROLES = ("serve", "relay", "deliver", "sweep")
PDF = simple_pdf("Công văn", [["Một trang"]])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Office:
    """An agency with its key and its system's connection."""

    code: str
    identity: Identity
    client: HubClient
    system: str
    client_id: str
    secret: str

    def letter(
        self,
        *recipients: str,
        subject: str = "Về việc liên thông văn bản",
        document_id: str = "",
        number: str = "",
        business: Business | None = None,
        priority: int = 0,
        attachments: tuple[OutgoingAttachment, ...] | None = None,
        **more: Any,
    ) -> bytes:
        """A signed envelope from this agency."""
        return self.sign(
            document_message(
                Letter(
                    sender=Party(self.code, self.identity.name),
                    recipients=tuple(Party(code) for code in recipients),
                    number=number or str(uuid.uuid4().int % 10**9),
                    notation="UBND-VP",
                    promulgated=date(2026, 11, 20),
                    subject=subject,
                    document_id=document_id or str(uuid.uuid4()),
                    business=business or Business(),
                    priority=priority,
                    attachments=(OutgoingAttachment("van-ban.pdf", PDF, "application/pdf"),)
                    if attachments is None
                    else attachments,
                    **more,
                )
            )
        )

    def sign(self, message: bytes) -> bytes:
        return sign(message, self.identity.signer)

    def status(self, code: str, organ: str, document_id: str, description: str = "", *, signed: bool = True) -> bytes:
        """An edXML status message from this agency about a document of ``organ``."""
        report = StatusReport(Party(self.code), Reference(organ, document_id), code, description)
        message = status_message(report)
        return self.sign(message) if signed else message


@dataclass
class World:
    """``environment`` chooses the engine; without database and broker it is the embedded one.

    The database is given by its owner's address: he upgrades it, and all of the hub runs under its own role.
    """

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    offices: dict[str, Office] = field(default_factory=dict)
    systems: dict[str, tuple[str, str]] = field(default_factory=dict)
    pki: Pki = field(default_factory=Pki.create)
    lists: bool = True  # revocation lists are configured

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if owned := self.environment.get("LIENTHONG_DATABASE_URL"):
            self.environment = {**self.environment, "LIENTHONG_DATABASE_URL": as_application(owned)}
        self.settings = Settings(
            data_dir=self.directory / "data",
            listen=f"127.0.0.1:{self.port}",
            **{name.removeprefix("LIENTHONG_").lower(): value for name, value in self.environment.items()},  # type: ignore[arg-type]  # texts are what the environment has too
        )
        self.ledger: Ledger = wiring.open_ledger(self.settings)
        migration.upgrade(self.ledger)
        self.ledger.write_now(registration.add_anchor, self.pki.root.certificate)
        for crl in x509_lists(self.pki.crls_pem) if self.lists else []:
            self.ledger.write_now(registration.add_list, crl)
        self.auditor = HubClient(
            self.url, *self.ledger.write_now(registration.add_system, "auditor", "pull", auditor=True)
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.stop()
        for office in self.offices.values():
            office.client.close()
        self.auditor.close()
        self.ledger.close()

    def start(self, *roles: str, wait: bool = True) -> None:
        """Start roles as processes: ``up``, or any of ``ROLES``; waits until the server is ready."""
        for role in roles or ("up",):
            log = (self.directory / f"{role}.log").open("ab")
            self.processes[role] = subprocess.Popen(
                [sys.executable, "-m", "hub", role, "--data", str(self.settings.data_dir)],
                env={
                    **{key: value for key, value in os.environ.items() if not key.startswith("LIENTHONG_")},
                    **self.environment,
                    "LIENTHONG_LISTEN": self.settings.listen,
                    "LIENTHONG_LOG_FORMAT": "json",
                },
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
            log.close()
        if wait and set(roles or ("up",)) & {"up", "serve"}:
            self.wait_ready()

    def wait_ready(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urlopen(f"{self.url}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (HTTPError, URLError, OSError) as error:
                if time.monotonic() > deadline or any(one.poll() is not None for one in self.processes.values()):
                    raise AssertionError(f"the hub is not ready: {error}\n{self.logs()}") from error
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(f"== {file.name}\n{file.read_text()[-4000:]}" for file in self.directory.glob("*.log"))

    def kill(self, role: str) -> None:
        """SIGKILL: nothing can be tidied up."""
        process = self.processes.pop(role)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> dict[str, int]:
        """SIGINT to all, as Ctrl-C does; their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        codes = {}
        for role, process in self.processes.items():
            try:
                codes[role] = process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[role] = process.wait()
        self.processes.clear()
        return codes

    def system(self, name: str) -> tuple[str, str]:
        if name not in self.systems:
            self.systems[name] = self.ledger.write_now(registration.add_system, name, "pull")
        return self.systems[name]

    def office(
        self, code: str = "", *, system: str = "", aliases: Sequence[str] = (), key: KeyKind = "p256", name: str = ""
    ) -> Office:
        """A new agency with a registered certificate, served by a system of its own unless one is named."""
        code = code or f"T{uuid.uuid4().int % 100:02d}.{uuid.uuid4().hex[:8].upper()}"
        system = system or f"system of {code}"
        client_id, secret = self.system(system)
        identity = self.pki.issue(code, name or f"Cơ quan {code}", key=key)
        self.ledger.write_now(registration.add_agency, code, identity.name, system, None, aliases, identity.certificate)
        client = HubClient(self.url, client_id, secret)
        self.offices[code] = Office(code, identity, client, system, client_id, secret)
        return self.offices[code]

    def log_entries(self, **filters: str) -> list[dict[str, Any]]:
        """The exchange log as an auditor sees it, all pages."""
        from urllib.parse import urlencode

        entries: list[dict[str, Any]] = []
        after = ""
        while True:
            path = "/v1/audit/entries?" + urlencode({**filters, "after": after, "limit": "1000"})
            page = self.get(path, self.auditor)
            entries += page["entries"]
            if not page["entries"]:
                return entries
            after = page["next"]

    def get(self, path: str, client: HubClient) -> Any:
        import json
        from urllib.request import Request

        request = Request(self.url + path, headers={"Authorization": f"Bearer {client.access_token()}"})
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


def x509_lists(pem: bytes) -> list[x509.CertificateRevocationList]:
    end = b"-----END X509 CRL-----\n"
    return [x509.load_pem_x509_crl(part + end) for part in pem.split(end) if part.strip()]


def eventually(look: Any, seconds: float = 15, every: float = 0.05) -> Any:
    """The first truthy answer of ``look``; fails with the last one when time runs out."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"did not come true within {seconds} s: {answer!r}"
        time.sleep(every)
