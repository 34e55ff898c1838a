"""An agency's certificates: another one is bound to it, or one is taken from it, when two people want it.

Arguments: ``agency`` is a code. To add: ``certificate`` and ``chain`` are DER in base64, the chain without the anchor.
To withdraw: ``certificate`` is a SHA-256.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from hub import clock
from hub.language import mark
from hub.ledger import Transaction, agencies, registration, trust
from hub.ledger.agencies import HeldCertificate
from hub.problems import Deferred, Refused
from hub.proposals.kinds import Effect, Kind, text_in
from hub.registry.model import Agency
from hub.signatures.chain import Path, TrustStore, fingerprint, verify_path
from hub.signatures.revocation.sources import sources

PEOPLE = frozenset({"administrator"})
DECIDING = frozenset({"administrator", "operator"})
LONGEST_CHAIN = 4
LARGEST = 8 * 1024
NONE = "–"


@dataclass(frozen=True, slots=True)
class Judged:
    """A certificate as the hub would judge it from the day it begins: the path that held, or why none does."""

    certificates: tuple[x509.Certificate, ...]
    path: Path | None
    refusal: Refused | None

    @property
    def leaf(self) -> x509.Certificate:
        return self.certificates[0]


def read(content: bytes) -> tuple[bytes, ...]:
    """The DERs in a file, PEM or DER, leaf first. Raises ``Refused('certificate-malformed')``."""
    if b"PRIVATE KEY" in content:
        raise Refused(
            "certificate-malformed", "a private key is in the file: keep it where it is, send only certificates"
        )
    try:
        pem = b"-----BEGIN CERTIFICATE-----" in content
        found = x509.load_pem_x509_certificates(content) if pem else [x509.load_der_x509_certificate(content)]
        ders = tuple(one.public_bytes(Encoding.DER) for one in found)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise Refused("certificate-malformed", str(error).splitlines()[0] if str(error) else "") from error
    if len(ders) > LONGEST_CHAIN or sum(map(len, ders)) > LARGEST:
        raise Refused("certificate-malformed", f"at most {LONGEST_CHAIN} certificates and {LARGEST} octets together")
    return ders


def judge(ders: tuple[bytes, ...], store: TrustStore, now: datetime) -> Judged:
    """Path, dates and configured revocation lists; whoever is asked over the network is asked by letters only.

    A certificate for later is judged as of its first day: it is registered before it is needed.
    Raises ``Refused('certificate-malformed')``.
    """
    try:
        certificates = tuple(x509.load_der_x509_certificate(der) for der in ders)
        begins = certificates[0].not_valid_before_utc
    except ValueError as error:
        raise Refused("certificate-malformed", str(error).splitlines()[0]) from error
    try:
        path = verify_path(ders, store, max(now, begins))
        _check_lists(path, store)
    except Refused as refusal:
        return Judged(certificates, None, refusal)
    except Deferred as deferred:
        return Judged(certificates, None, Refused("certificate-untrusted", deferred.detail))
    return Judged(path.certificates, path, None)


def _check_lists(path: Path, store: TrustStore) -> None:
    for link in path.links:
        for one in store.lists:
            if one.signed_by(link.issuer) and one.revoked(link.certificate.serial_number) is not None:
                raise Refused(
                    "certificate-revoked", f"{link.certificate.subject.rfc4514_string()}: on a list of its issuer"
                )


def packed(agency: str, ders: tuple[bytes, ...]) -> dict[str, Any]:
    """The arguments of ``certificate.add``."""
    encoded = [base64.b64encode(der).decode() for der in ders]
    return {"agency": agency, "certificate": encoded[0], "chain": encoded[1:]}


def unpacked(arguments: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The DERs in the arguments of ``certificate.add``. Raises ``Refused('request-invalid')``."""
    chain = arguments.get("chain", [])
    listed = [arguments.get("certificate"), *(chain if isinstance(chain, list) else [])]
    try:
        return tuple(base64.b64decode(one, validate=True) for one in listed)
    except (TypeError, ValueError) as error:
        raise Refused("request-invalid", "not base64", "certificate") from error


class AddCertificate:
    name, title, urgent = "certificate.add", mark("Bind a certificate to an agency"), False
    asking, deciding = PEOPLE, DECIDING

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        agency = _agency(transaction, arguments)
        judged = judge(unpacked(arguments), trust.store(transaction), clock.now())
        if judged.refusal is not None:
            raise judged.refusal
        leaf, held = judged.leaf, _in_use(transaction, agency.code)
        sha256 = fingerprint(leaf)
        if any(one.sha256 == sha256 for one in held):
            raise Refused("registry-conflict", sha256, "certificate")
        lines = (
            (mark("Agency"), f"{agency.name} ({agency.code})"),
            (mark("Holder"), leaf.subject.rfc4514_string()),
            (mark("Certificate"), sha256),
            (mark("Issued by"), " ← ".join(one.subject.rfc4514_string() for one in judged.certificates[1:]) or NONE),
            (mark("Valid"), f"{_day(leaf.not_valid_before_utc)} – {_day(leaf.not_valid_after_utc)}"),
            (mark("Revocation is asked at"), ", ".join(one.url for one in sources(leaf)) or NONE),
            (mark("In use beside it"), "; ".join(_short(one) for one in held) or NONE),
        )
        return Effect(agency.code, lines)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        leaf = x509.load_der_x509_certificate(unpacked(arguments)[0])
        registration.add_certificate(transaction, text_in(arguments, "agency"), leaf, actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("request-invalid", "it was not carried out at once")


class WithdrawCertificate:
    name, title, urgent = "certificate.withdraw", mark("Take a certificate from an agency"), False
    asking, deciding = PEOPLE, DECIDING

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        agency, sha256 = _agency(transaction, arguments), text_in(arguments, "certificate")
        held = _in_use(transaction, agency.code)
        meant = next((one for one in held if one.sha256 == sha256), None)
        if meant is None:
            raise Refused("registry-unknown", sha256, "certificate")
        others = "; ".join(_short(one) for one in held if one.sha256 != sha256)
        lines = (
            (mark("Agency"), f"{agency.name} ({agency.code})"),
            (mark("Holder"), meant.subject),
            (mark("Certificate"), sha256),
            (mark("Valid"), f"{_day(meant.not_before)} – {_day(meant.not_after)}"),
            (mark("What the agency signs with then"), others or NONE),
        )
        return Effect(agency.code, lines)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        code, sha256 = text_in(arguments, "agency"), text_in(arguments, "certificate")
        registration.withdraw_certificate(transaction, code, sha256, actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("request-invalid", "it was not carried out at once")


def _agency(transaction: Transaction, arguments: Mapping[str, Any]) -> Agency:
    code = text_in(arguments, "agency")
    known = agencies.find(transaction, [code]).get(code)
    if known is None:
        raise Refused("registry-unknown", code, "agency")
    return known


def _in_use(transaction: Transaction, code: str) -> list[HeldCertificate]:
    return [one for one in agencies.certificates(transaction, code) if one.withdrawn_at is None]


def _short(one: HeldCertificate) -> str:
    return f"{one.sha256[:16]}… ({_day(one.not_before)} – {_day(one.not_after)})"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(clock.VIETNAM):%d/%m/%Y}"


CERTIFICATES: tuple[Kind, ...] = (AddCertificate(), WithdrawCertificate())
