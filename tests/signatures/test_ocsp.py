"""OCSP: an answer counts only from the right responder, about the right certificate, to the right request."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters.sandbox.pki import Authority, Identity, KeyKind, Pki, new_key, private_pem
from adapters.sandbox.responder import Responder
from hub import clock
from hub.signatures.revocation.answers import Held, Revoked
from hub.signatures.revocation.judging import from_good_responders
from hub.signatures.revocation.ocsp import WITHOUT_NEXT_UPDATE, OcspAnswer, request
from tests.signatures.revocations import DAY, HOUR, MINUTE, crl, loaded, openssl

NONCE = bytes(range(16))


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


@pytest.fixture(scope="module")
def identity(pki: Pki) -> Identity:
    return pki.issue("H33.02", "Sở Nội vụ")


def load(octets: bytes, identity: Identity, nonce: bytes | None = NONCE) -> OcspAnswer:
    return OcspAnswer.load(octets, identity.chain[0], identity.chain[1], nonce)


@pytest.mark.parametrize("delegated", [False, True])
@pytest.mark.parametrize("by_name", [False, True])
def test_the_issuer_and_who_it_delegated_are_believed(
    pki: Pki, identity: Identity, delegated: bool, by_name: bool
) -> None:
    issued = clock.now().replace(microsecond=0) - HOUR
    responder = Responder.delegated(pki.issuing) if delegated else Responder.own(pki.issuing)
    made = responder.answer(identity.certificate, issued=issued, nonce=NONCE, by_name=by_name)
    answer = load(made, identity)
    assert answer.revoked(identity.certificate.serial_number) is None
    assert (answer.this_update, answer.next_update) == (issued, issued + DAY)
    assert answer.delegated == delegated


def test_revoked_is_said_with_time_and_reason() -> None:
    pki = Pki.create()
    identity, when = pki.issue("H33.02", "Sở Nội vụ"), clock.now().replace(microsecond=0) - DAY
    pki.issuing.revoke(identity.certificate, when, x509.ReasonFlags.ca_compromise)
    answer = load(Responder.own(pki.issuing).answer(identity.certificate), identity)
    assert answer.revoked(identity.certificate.serial_number) == Revoked(when, "cACompromise")
    assert answer.revoked(1) is None, "the answer is about one certificate only"


def test_a_responder_may_leave_the_nonce_out_but_not_change_it(pki: Pki, identity: Identity) -> None:
    own = Responder.own(pki.issuing)
    assert load(own.answer(identity.certificate), identity).serial == identity.certificate.serial_number
    with pytest.raises(ValueError, match="nonce"):
        load(own.answer(identity.certificate, nonce=b"x" * 16), identity)


def test_an_answer_without_end_ends_after_an_hour_and_no_answer_outlives_its_responder(
    pki: Pki, identity: Identity
) -> None:
    issued = clock.now().replace(microsecond=0) - MINUTE
    endless = load(Responder.own(pki.issuing).answer(identity.certificate, issued=issued, lives=None), identity)
    assert endless.next_update == issued + WITHOUT_NEXT_UPDATE
    until = issued + HOUR
    brief = Responder.delegated(pki.issuing, until=until)
    long = load(brief.answer(identity.certificate, issued=issued, lives=900 * DAY), identity)
    assert long.next_update == until


def wrong_answers(pki: Pki, identity: Identity) -> dict[str, tuple[bytes, str]]:
    """Octets, and what must be said of them."""
    own, leaf = Responder.own(pki.issuing), identity.certificate
    other = pki.issue("H33.03", "Sở Tài chính")
    twin = Pki.create().issuing  # the same name under another key
    stranger = Responder.delegated(Authority(new_key("p256"), pki.issuing.certificate))
    tls = Responder.delegated(pki.issuing, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    ended = Responder.delegated(pki.issuing, since=clock.now() - 9 * DAY, until=clock.now() - 8 * DAY)
    agency = Responder(pki.issuing, other.key, other.certificate)
    good = own.answer(leaf)
    unsuccessful = ocsp.OCSPResponseBuilder.build_unsuccessful
    flipped = bytearray(good)
    flipped[-20] ^= 1
    return {
        "another certificate": (own.answer(other.certificate), "about another certificate"),
        "unknown": (own.answer(leaf, status=ocsp.OCSPCertStatus.UNKNOWN), "does not know"),
        "the same name under another key": (
            Responder(pki.issuing, twin.key, twin.certificate).answer(leaf, by_name=True), "own issuer",
        ),
        "another authority's responder": (stranger.answer(leaf), "own issuer"),
        "the parent": (Responder(pki.issuing, pki.root.key, pki.root.certificate).answer(leaf), "own issuer"),
        "a certificate for something else": (tls.answer(leaf), "not for OCSP"),
        "another agency": (agency.answer(leaf), "not for OCSP"),
        "an expired responder": (ended.answer(leaf), "not valid when it answered"),
        "a changed octet": (bytes(flipped), "signature"),
        "try later": (unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER), "try_later"),
        "unauthorized": (unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED).public_bytes(Encoding.DER), "unauthorized"),
        "a weak hash": (own.answer(leaf, algorithm=hashes.SHA224()), "sha224"),
        "half": (good[: len(good) // 2], ""),
        "a web page": (b"<html>", ""),
        "nothing": (b"", ""),
    }  # fmt: skip


def test_every_wrong_answer_is_refused_with_the_reason(pki: Pki, identity: Identity) -> None:
    for name, (octets, words) in wrong_answers(pki, identity).items():
        with pytest.raises(ValueError) as error:  # noqa: PT011 - the words are compared below
            load(octets, identity)
        assert words in str(error.value), name


def test_an_answer_for_a_namesake_with_another_key_is_about_another_certificate(pki: Pki) -> None:
    """CertID names the issuer's key as well: after a change of keys serial numbers may come again."""
    twin = Pki.create()
    identity = twin.issue("H33.02", "Sở Nội vụ")
    with pytest.raises(ValueError, match="issuer"):
        load(Responder.own(pki.issuing).answer(identity.certificate), identity)


def test_the_answers_of_a_revoked_responder_do_not_count(pki: Pki, identity: Identity) -> None:
    responder = Responder.delegated(pki.issuing)
    answer = Held(load(responder.answer(identity.certificate), identity), "")
    listed = crl(pki.issuing, entries=[(responder.certificate.serial_number, [])])
    against, without = (Held(loaded(one)[0], "") for one in (listed, crl(pki.issuing)))
    assert list(from_good_responders([answer, without])) == [answer, without]
    assert list(from_good_responders([answer, against])) == [against]


INDEX = "{state}\t{until}\t{revoked}\t{serial}\tunknown\t/CN=x\n"


def index_row(identity: Identity, revoked: datetime | None) -> str:
    """A row of openssl's certificate index."""
    stamp = "%y%m%d%H%M%SZ"
    serial = f"{identity.certificate.serial_number:X}"
    return INDEX.format(
        state="R" if revoked else "V",
        until=identity.certificate.not_valid_after_utc.strftime(stamp),
        revoked=f"{revoked.strftime(stamp)},keyCompromise" if revoked else "",
        serial=serial if len(serial) % 2 == 0 else f"0{serial}",
    )


@pytest.mark.parametrize("key", ["p256", "rsa2048"])
def test_openssl_answers_what_we_ask_and_we_understand_it(tmp_path: Path, key: KeyKind) -> None:
    """The second implementation of the responder, and of the request."""
    assert shutil.which("openssl"), "the Debian package openssl is needed"
    pki, revoked_at = Pki.create(), clock.now().replace(microsecond=0) - DAY
    good, bad = pki.issue("H33.02", "Sở Nội vụ", key=key), pki.issue("H33.03", "Sở Tài chính", key=key)
    responder = Responder.delegated(pki.issuing)
    files = {
        "ca.pem": pki.issuing.certificate_pem, "index": (index_row(good, None) + index_row(bad, revoked_at)).encode(),
        "responder.pem": responder.certificate.public_bytes(Encoding.PEM), "key.pem": private_pem(responder.key),
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for identity, word in ((good, None), (bad, Revoked(revoked_at, "keyCompromise"))):
        (tmp_path / "request").write_bytes(request(identity.chain[0], identity.chain[1], NONCE))
        status, said = openssl(
            tmp_path, "ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "responder.pem", "-rkey", "key.pem",
            "-reqin", "request", "-respout", "answer", "-ndays", "2",
        )  # fmt: skip
        assert status == 0, said
        answer = load((tmp_path / "answer").read_bytes(), identity)
        assert answer.revoked(identity.certificate.serial_number) == word
        with pytest.raises(ValueError, match="nonce"):
            load((tmp_path / "answer").read_bytes(), identity, b"another nonce...")


def test_openssl_understands_the_answers_of_the_sandbox(pki: Pki, identity: Identity, tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(pki.anchor_pem + pki.issuing.certificate_pem)
    (tmp_path / "issuing.pem").write_bytes(pki.issuing.certificate_pem)
    (tmp_path / "leaf.pem").write_bytes(identity.certificate_pem)
    for responder in (Responder.own(pki.issuing), Responder.delegated(pki.issuing)):
        (tmp_path / "answer").write_bytes(responder.answer(identity.certificate))
        status, said = openssl(
            tmp_path, "ocsp", "-respin", "answer", "-CAfile", "chain.pem", "-issuer", "issuing.pem",
            "-cert", "leaf.pem", "-no_nonce",
        )  # fmt: skip
        assert status == 0, said
        assert "Response verify OK" in said
        assert "leaf.pem: good" in said
