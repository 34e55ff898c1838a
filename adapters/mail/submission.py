"""One mail to one mailbox over SMTP: whether a server took it, or which failure that was.

The conversation runs in a thread of its own; whoever waits for it may give up at any time, which cuts the connection.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from adapters.mail.server import Server
from hub.delivery.carrier import Failed

LONGEST_REPLY = 300
TRANSIENT_BUSY = (421, 450, 451, 452)  # greylisting, a full queue, a mailbox in use
_TOO_LARGE = (552, 523)
THREADS = 8
QUIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """``sender`` and ``recipient`` of the envelope (RFC 5321 §2.3.1); ``octets`` with CRLF, seven bits a line.

    ``envelope_id`` comes back in a bounce (RFC 3461 §4.4).
    """

    sender: str
    recipient: str
    octets: bytes
    envelope_id: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took responsibility (RFC 5321 §6.1), in these words."""

    server: str
    reply: str


class _Answer(Exception):
    """A reply that ends the conversation."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.code)
        self.failed = failed


class Submission:
    """Hands mail to one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._threads = ThreadPoolExecutor(THREADS, "smtp")

    async def send(self, mail: Outgoing, seconds: float) -> Accepted | Failed:
        """Try once, for ``seconds`` at most."""
        session = _Session(self.server)
        work = asyncio.get_running_loop().run_in_executor(self._threads, session.run, mail)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(work)
        except TimeoutError:
            return session.accepted or Failed("timed-out", f"{session.stage}: no end after {seconds:.0f} s")
        finally:
            session.cut()

    async def probe(self, recipient: str = "") -> Failed | None:
        """Whether the server lets the hub in: connection, TLS, login. None when it does.

        ``recipient``: also whether it would take mail for this mailbox; nothing is sent (RFC 5321 §4.1.1.5, RSET).
        """
        session = _Session(self.server)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, session.probe, recipient)
        finally:
            session.cut()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Session:
    """``stage`` says how far it came, for the words of a failure."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.stage = "connecting"
        self.accepted: Accepted | None = None
        self._smtp: smtplib.SMTP | None = None
        self._cut = False

    def cut(self) -> None:
        """End a conversation that nobody waits for any more; does nothing to one that has ended."""
        self._cut = True
        sock = None if self._smtp is None else self._smtp.sock
        if sock is not None:
            with suppress(OSError):  # it has ended by itself
                sock.shutdown(socket.SHUT_RDWR)  # close() alone does not wake the thread that reads

    def run(self, mail: Outgoing) -> Accepted | Failed:
        return self._guarded(lambda smtp: self._transact(smtp, mail))

    def probe(self, recipient: str) -> Failed | None:
        found = self._guarded(lambda smtp: self._ask(smtp, recipient))
        return found if isinstance(found, Failed) else None

    def _guarded(self, work: Callable[[smtplib.SMTP], Accepted]) -> Accepted | Failed:
        try:
            with self._connected() as smtp:
                self._enter(smtp)
                return work(smtp)
        except _Answer as answer:
            return answer.failed
        except (OSError, ValueError) as error:  # smtplib's own errors are OSError too; ValueError: words it cannot read
            return self._failure(error)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self.server
        if server.security == "implicit":
            self._smtp = smtplib.SMTP_SSL(
                server.host, server.port, server.domain, timeout=server.timeout, context=server.context()
            )
        else:
            self._smtp = smtplib.SMTP(server.host, server.port, server.domain, timeout=server.timeout)
        try:
            yield self._smtp
            with suppress(OSError):  # the mail is out of our hands already
                if self._smtp.sock is not None:
                    self._smtp.sock.settimeout(QUIT_SECONDS)
                self._smtp.quit()
        finally:
            self._smtp.close()

    def _enter(self, smtp: smtplib.SMTP) -> None:
        self._expect("greeting", smtp.ehlo())
        if self.server.security == "starttls":
            self.stage = "STARTTLS"
            if not smtp.has_extn("starttls"):
                raise _Answer(Failed("tls-failed", f"{self.server.name} offers no STARTTLS"))
            smtp.starttls(context=self.server.context())
            self._expect("greeting", smtp.ehlo())
        if self.server.user:
            self.stage = "logging in"
            smtp.login(self.server.user, self.server.password)

    def _transact(self, smtp: smtplib.SMTP, mail: Outgoing) -> Accepted:
        size = smtp.esmtp_features.get("size", "")
        if size.isdigit() and 0 < int(size) < len(mail.octets):  # RFC 1870 §4
            raise _Answer(Failed("too-large", f"{len(mail.octets)} octets; {self.server.name} takes {size}"))
        sender, recipient = [], []
        if size:
            sender.append(f"SIZE={len(mail.octets)}")
        if smtp.has_extn("dsn"):  # RFC 3461 §4: only the head of the mail comes back
            sender += ["RET=HDRS", f"ENVID={mail.envelope_id}"]
            recipient += ["NOTIFY=FAILURE,DELAY"]
        self._expect("MAIL FROM", smtp.mail(mail.sender, sender), ours=True)
        self._expect("RCPT TO", smtp.rcpt(mail.recipient, recipient))
        self.stage = "DATA"
        code, reply = smtp.data(mail.octets)
        self._expect("DATA", (code, reply))
        self.accepted = Accepted(self.server.name, _words(code, reply))
        return self.accepted

    def _ask(self, smtp: smtplib.SMTP, recipient: str) -> Accepted:
        if recipient:
            self._expect("MAIL FROM", smtp.mail(self.server.sender), ours=True)
            self._expect("RCPT TO", smtp.rcpt(recipient))
            smtp.rset()
        return Accepted(self.server.name, "")

    def _expect(self, stage: str, answer: tuple[int, bytes], *, ours: bool = False) -> None:
        """Go on after a 2xx. ``ours``: a refusal for good is about the hub, not about this document."""
        if self._cut:
            raise TimeoutError
        code, reply = answer
        self.stage = stage
        if 200 <= code < 300:
            return
        words = f"{stage}: {_words(code, reply)}"
        if code in _TOO_LARGE or b"5.3.4" in reply[:20]:
            raise _Answer(Failed("too-large", words))
        if code in TRANSIENT_BUSY:
            raise _Answer(Failed("busy", words))
        if 500 <= code < 600 and stage in ("RCPT TO", "DATA"):
            raise _Answer(Failed("rejected", words))
        if ours and 500 <= code < 600:
            raise _Answer(Failed("misconfigured", words))
        raise _Answer(Failed("answer-error" if 400 <= code < 600 else "answer-unclear", words))

    def _failure(self, error: OSError | ValueError) -> Failed:
        words = f"{self.stage}: {_plain(str(error))}"
        chain = (error, error.__cause__, error.__context__)
        if any(isinstance(one, TimeoutError) for one in chain):
            return Failed("timed-out", words)
        if self.stage == "STARTTLS" or any(isinstance(one, ssl.SSLError) for one in chain):
            return Failed("tls-failed", words)
        match error:
            case smtplib.SMTPAuthenticationError() | smtplib.SMTPNotSupportedError():
                return Failed("misconfigured", words)
            case smtplib.SMTPConnectError() | smtplib.SMTPDataError():  # the greeting, or DATA itself, was a refusal
                return self._refused(self.stage, error)
            case smtplib.SMTPServerDisconnected() if self.stage == "DATA":
                return Failed("cut-short", "DATA: the connection ended, and the mail may have arrived")
            case smtplib.SMTPResponseException() | ValueError():
                return Failed("answer-unclear", words)
        return Failed("unreachable", words)

    def _refused(self, stage: str, error: smtplib.SMTPResponseException) -> Failed:
        reply = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
        try:
            self._expect(stage, (error.smtp_code, reply))
        except _Answer as answer:
            return answer.failed
        return Failed("answer-unclear", f"{stage}: {_words(error.smtp_code, reply)}")


def _words(code: int, reply: bytes) -> str:
    return f"{code} {_plain(reply.decode('utf-8', 'replace'))}"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)[:LONGEST_REPLY]
