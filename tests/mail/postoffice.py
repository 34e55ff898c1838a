"""A mail server on loopback (aiosmtpd), told how to answer, and the certificates that it shows."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Literal, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.mail import MailCarrier, Server
from tests.world import free_port

MAILBOX = "vanthu@h33.example"
LINK = re.compile(r"https://hub\.example/fetch/([0-9A-Za-z_-]{43})\s")
Opened = Callable[..., MailCarrier]
Security = Literal["starttls", "implicit", "none"]
USER, PASSWORD = "lienthong", "p@ss:word/ with spaces"


@dataclass(frozen=True)
class Certificates:
    """An authority, and a server's certificate of it for loopback. Files in PEM."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, directory: Path, name: str = "127.0.0.1", *, days: int = 1) -> Certificates:
        directory.mkdir(parents=True, exist_ok=True)
        root = ec.generate_private_key(ec.SECP256R1())
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail authority")])
        start = datetime.now(UTC) - timedelta(days=2)
        base = x509.CertificateBuilder().issuer_name(subject).not_valid_before(start)
        authority = (
            base.subject_name(subject)
            .public_key(root.public_key())
            .serial_number(1)
            .not_valid_after(start + timedelta(days=10))
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(root, hashes.SHA256())
        )
        leaf = (
            base.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .public_key(key.public_key())
            .serial_number(2)
            .not_valid_after(start + timedelta(days=2 + days))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), False)
            .sign(root, hashes.SHA256())
        )
        made = cls(directory / "ca.pem", directory / "server.pem", directory / "server.key")
        made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        made.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return made

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class Letter:
    """A mail as the server got it. ``tls``: whether the line was encrypted; ``options`` of MAIL and RCPT."""

    sender: str
    recipients: list[str]
    octets: bytes
    tls: bool
    options: list[str]

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.octets, policy=default)

    @property
    def text(self) -> str:
        body = self.message.get_body()
        assert body is not None
        return str(body.get_content())


@dataclass
class PostOffice:
    """``mail``, ``rcpt``, ``data``: answers given instead, one a mail, until they are used up.

    ``DROP`` ends the connection instead of answering; ``HANG`` says nothing for a long time.
    """

    DROP = "DROP"
    HANG = "HANG"
    certificates: Certificates
    security: Security = "starttls"
    login: bool = False
    size: int = 40_000_000
    letters: list[Letter] = field(default_factory=list)
    mail: list[str] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    _controller: Controller | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        context = self.certificates.context()
        more: dict[str, Any] = {"data_size_limit": self.size, "auth_required": self.login}
        if self.login:
            more["authenticator"] = lambda _s, _c, _e, _m, data: AuthResult(
                success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False
            )
        if self.security == "implicit":
            more["ssl_context"] = context
            more["auth_require_tls"] = False  # aiosmtpd looks for STARTTLS only
        elif self.security == "starttls":
            more |= {"tls_context": context, "require_starttls": True}
        self._controller = Controller(self, "127.0.0.1", self.port, **more)
        self._controller.start()

    def close(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def server(self, *, user: bool = False, **more: Any) -> Server:
        """The hub's way to this server."""
        scheme = "smtps" if self.security == "implicit" else "smtp"
        who = "lienthong:p%40ss%3Aword%2F%20with%20spaces@" if user else ""
        given = {"authorities": self.certificates.authority, "timeout": 5.0, "plain": self.security == "none", **more}
        return Server.of(f"{scheme}://{who}127.0.0.1:{self.port}", "hub@lienthong.example", **given)

    # what follows is called by aiosmtpd, by these names

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self._scripted(server, self.mail):
            return answer
        envelope.mail_from, envelope.mail_options = address, list(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self._scripted(server, self.rcpt):
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        answer = await self._scripted(server, self.data)
        if answer and not answer.startswith("+"):
            return answer
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.append(
            Letter(
                envelope.mail_from or "",
                envelope.rcpt_tos,
                content,
                session.ssl is not None or self.security == "implicit",
                [*envelope.mail_options, *envelope.rcpt_options],
            )
        )
        if answer == "+DROP":
            self._drop(server)
        return f"250 2.0.0 Ok: queued as {len(self.letters):06X}"

    async def _scripted(self, server: SMTP, script: list[str]) -> str:
        answer = script.pop(0) if script else ""
        if answer == self.DROP:
            self._drop(server)
            return "421 gone"
        if answer == self.HANG:
            await asyncio.sleep(30)
        return answer

    def _drop(self, server: SMTP) -> None:
        cast(asyncio.Transport, server.transport).abort()


def link_in(letter: Letter) -> str:
    """The token of the one link in a notice."""
    [token] = set(LINK.findall(letter.text))
    return str(token)
