"""A time-stamping authority: ``openssl ts -reply`` behind a small HTTP server, with a root of its own."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from hub import clock
from tests.services.issuer import Issuer, Reply

POLICY, OTHER_POLICY = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"
REPLY = "application/timestamp-reply"
_CONFIGURATION = """\
[tsa]
default_tsa = authority
[authority]
serial = {directory}/serial
crypto_device = builtin
signer_cert = {directory}/signer.pem
signer_key = {directory}/signer.key
signer_digest = sha256
default_policy = {policy}
other_policies = {other}
digests = sha256, sha384
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def root(above: Certificate | None = None) -> Certificate:
    """An authority over others: its own anchor, or below one."""
    name = "Time root" if above is None else "Time issuer"
    return _issue(name, above, x509.BasicConstraints(True, None), None, True, timedelta(days=-1), timedelta(days=30))


def signer(
    above: Certificate,
    purposes: tuple[ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
    valid: tuple[timedelta, timedelta] = (timedelta(days=-1), timedelta(days=20)),
) -> Certificate:
    """What an authority signs with; as RFC 3161 §2.3 wants it unless told otherwise."""
    usage = x509.ExtendedKeyUsage(purposes) if purposes else None
    return _issue("Time authority", above, x509.BasicConstraints(False, None), usage, critical, *valid)


def _issue(
    name: str,
    above: Certificate | None,
    basic: x509.BasicConstraints,
    purposes: x509.ExtendedKeyUsage | None,
    critical: bool,
    begin: timedelta,
    end: timedelta,
) -> Certificate:
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuing = (subject, key) if above is None else (above.certificate.subject, above.key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(basic, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key()), critical=False)
        .add_extension(_usage(basic.ca), critical=True)
    )
    if purposes is not None:
        builder = builder.add_extension(purposes, critical=critical)
    return Certificate(key, builder.sign(issuing, hashes.SHA256()))


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)


class TimeAuthority:
    """``openssl ts -reply`` with an own key. ``down`` makes its server answer 503."""

    def __init__(self, directory: Path, above: Certificate, own: Certificate | None = None) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.root, self.own = above, own or signer(above)
        self.root_file = directory / "root.pem"
        self.root_file.write_bytes(above.pem)
        (directory / "signer.pem").write_bytes(self.own.pem)
        (directory / "signer.key").write_bytes(self.own.key_pem)
        (directory / "serial").write_text("01\n")
        text = _CONFIGURATION.format(directory=directory, policy=POLICY, other=OTHER_POLICY)
        (directory / "tsa.cnf").write_text(text)
        self.down = False
        self.answered = 0
        self._server = Issuer()
        self.url = self._server.serve("/tsa", self._reply)

    def reply(self, question: bytes) -> bytes:
        """What OpenSSL answers to a request."""
        query = self.directory / f"{clock.new_id()}.tsq"
        query.write_bytes(question)
        command = ["openssl", "ts", "-reply", "-config", str(self.directory / "tsa.cnf"), "-queryfile", str(query)]
        answer = query.with_suffix(".tsr")
        subprocess.run([*command, "-out", str(answer)], check=True, capture_output=True, cwd=self.directory)
        return answer.read_bytes()

    def _reply(self, body: bytes) -> Reply:
        if self.down:
            return Reply(status=503)
        reply = Reply(self.reply(body), headers={"Content-Type": REPLY})
        self.answered += 1
        return reply

    def verify(self, token: bytes, message: bytes) -> str:
        """What ``openssl ts -verify`` says about a token; "Verification: OK" when it holds."""
        token_file, message_file = self.directory / "token.der", self.directory / "message"
        token_file.write_bytes(token)
        message_file.write_bytes(message)
        command = ["openssl", "ts", "-verify", "-token_in", "-in", str(token_file), "-data", str(message_file)]
        told = subprocess.run([*command, "-CAfile", str(self.root_file)], capture_output=True, text=True, check=False)
        return told.stdout + told.stderr

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
