"""What the tests of revocation have in common: links, lists with anything in them, and openssl as a second opinion."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import strategies as st

from adapters.sandbox.pki import Authority, Identity, Pki
from hub import clock
from hub.signatures.chain import Link, TrustStore, verify_path
from hub.signatures.chain import Path as CertificatePath
from hub.signatures.revocation.crl import RevocationList

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
REVISIONS = itertools.count(2 * 10**9)


def der(thing: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    return thing.public_bytes(Encoding.DER)


def loaded(*lists: x509.CertificateRevocationList) -> tuple[RevocationList, ...]:
    return tuple(RevocationList.load(der(crl)) for crl in lists)


def trust(pki: Pki, *lists: x509.CertificateRevocationList) -> TrustStore:
    """The anchor and configured lists, under a revision that no other test has."""
    return TrustStore((pki.root.certificate,), next(REVISIONS), loaded(*lists))


def path(identity: Identity, pki: Pki, at: datetime | None = None) -> CertificatePath:
    return verify_path(tuple(map(der, identity.chain)), trust(pki), at or clock.now())


def link(identity: Identity) -> Link:
    return Link(identity.chain[0], identity.chain[1])


def crl(
    authority: Authority,
    *extensions: tuple[x509.ExtensionType, bool],
    entries: Sequence[tuple[int, Sequence[tuple[x509.ExtensionType, bool]]]] = (),
    issued: datetime | None = None,
    lives: timedelta = DAY,
    number: int | None = 1,
    algorithm: hashes.HashAlgorithm | None = None,
) -> x509.CertificateRevocationList:
    """A list with exactly these extensions (and a number), and these entries (serial, extensions)."""
    issued = issued or clock.now() - 5 * MINUTE
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(issued).next_update(issued + lives)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    for serial, more in entries:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(issued)
        for value, critical in more:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(authority.key, algorithm or hashes.SHA256())


def openssl(directory: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(["openssl", *command], cwd=directory, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout + done.stderr


def epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


@st.composite
def mutated(draw: st.DrawFn, octets: bytes) -> bytes:
    """A few octets changed, a piece taken out or put in."""
    changed = bytearray(octets)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(changed) - 1))
        kind = draw(st.sampled_from(["set", "cut", "put"]))
        if kind == "set":
            changed[place] = draw(st.integers(0, 255))
        elif kind == "cut":
            del changed[place : place + draw(st.integers(1, 20))]
        else:
            changed[place:place] = draw(st.binary(min_size=1, max_size=20))
        if not changed:
            return b""
    return bytes(changed)
