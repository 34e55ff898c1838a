"""A verdict repeated years later from octets alone, by our own code and by openssl, which must come to the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.sandbox.pki import Identity, Pki
from adapters.sandbox.responder import Responder
from hub import clock
from hub.signatures.revocation.repeating import repeat
from tests.signatures.revocations import DAY, HOUR, der, epoch, openssl, path

THEN = clock.now().replace(microsecond=0) - 300 * DAY


Lists = list[x509.CertificateRevocationList]


class Archive:
    """What was kept of a letter received at ``THEN``; its authorities went on issuing lists."""

    def __init__(self) -> None:
        self.pki = Pki.create(moment=THEN)
        self.identity: Identity = self.pki.issue("H33.02", "Sở Nội vụ", moment=THEN)
        self.kept = [self.pki.root.crl(issued=THEN - HOUR), self.pki.issuing.crl(issued=THEN - HOUR)]
        self.answer = Responder.own(self.pki.issuing).answer(self.identity.certificate, issued=THEN - HOUR)
        self.pki.issuing.revoke(self.identity.certificate, THEN + 10 * DAY)
        self.later = [self.pki.root.crl(issued=THEN + 20 * DAY), self.pki.issuing.crl(issued=THEN + 20 * DAY)]

    def ours(self, lists: Lists, at: datetime, answers: tuple[bytes, ...] = ()) -> list[str]:
        found = repeat(path(self.identity, self.pki, THEN), [der(one) for one in lists], answers, at)
        return [one.status for one in found]

    def openssl(self, directory: Path, lists: Lists, at: datetime) -> bool:
        files = {
            "root.pem": self.pki.anchor_pem,
            "issuing.pem": self.pki.issuing.certificate_pem,
            "leaf.pem": self.identity.certificate_pem,
            "lists.pem": b"".join(one.public_bytes(Encoding.PEM) for one in lists),
        }
        for name, content in files.items():
            (directory / name).write_bytes(content)
        status, _ = openssl(
            directory, "verify", "-attime", epoch(at), "-x509_strict", "-crl_check_all", "-CAfile", "root.pem",
            "-untrusted", "issuing.pem", "-CRLfile", "lists.pem", "leaf.pem",
        )  # fmt: skip
        return status == 0


@pytest.fixture(scope="module")
def archive() -> Archive:
    return Archive()


@pytest.mark.parametrize(
    ("days", "status"),
    [(0, "good"), (6, "good"), (8, "unknown"), (-1, "unknown")],
    ids=["then", "week", "late", "early"],
)
def test_the_kept_lists_say_the_same_today_as_then(archive: Archive, tmp_path: Path, days: int, status: str) -> None:
    at = THEN + timedelta(days=days)
    assert archive.ours(archive.kept, at) == [status, status]
    assert archive.openssl(tmp_path, archive.kept, at) == (status == "good")


def test_the_kept_ocsp_answer_says_the_same_today_as_then(archive: Archive, tmp_path: Path) -> None:
    assert archive.ours(archive.kept[:1], THEN, (archive.answer,)) == ["good", "good"]
    (tmp_path / "answer").write_bytes(archive.answer)
    (tmp_path / "chain.pem").write_bytes(archive.pki.anchor_pem + archive.pki.issuing.certificate_pem)
    (tmp_path / "issuing.pem").write_bytes(archive.pki.issuing.certificate_pem)
    (tmp_path / "leaf.pem").write_bytes(archive.identity.certificate_pem)
    _, said = openssl(
        tmp_path, "ocsp", "-respin", "answer", "-CAfile", "chain.pem", "-issuer", "issuing.pem",
        "-cert", "leaf.pem", "-no_nonce", "-attime", epoch(THEN),
    )  # fmt: skip
    assert "Response verify OK" in said
    assert "status expired" in said, "openssl compares nextUpdate with today, whatever -attime says"
    assert "\ngood\n" in said


def test_lists_made_later_tell_of_the_revocation(archive: Archive, tmp_path: Path) -> None:
    """They belong to another question; whoever asks it gets the honest answer from both."""
    at = THEN + 21 * DAY
    assert archive.ours(archive.later, at) == ["revoked", "good"]
    assert not archive.openssl(tmp_path, archive.later, at)


def test_evidence_of_somebody_else_proves_nothing(archive: Archive) -> None:
    other = Archive()
    assert archive.ours(other.kept, THEN, (other.answer,)) == ["unsourced", "unsourced"]
