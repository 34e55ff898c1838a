"""The document of a pack: signed by its sender, unchanged, the signer's path and revocation as of the acceptance."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub import clock
from hub.envelope import hardening, reading
from hub.evidence.findings import Findings
from hub.evidence.names import CHAIN, DECISION, DOCUMENT
from hub.evidence.verifying import Opened, Trusted
from hub.signatures.chain import Path, TrustStore
from hub.signatures.revocation.repeating import repeat
from hub.signatures.verify import verify

# an answer that was made a moment after the acceptance may have been used: clocks differ
_SKEW = timedelta(minutes=5)


def check(pack: Opened, trusted: Trusted, findings: Findings) -> None:
    """Everything about the octets; of a purged document only that nothing of it is there."""
    _check_pieces(pack, findings)
    if pack.facts["document"] is None:
        _purged(pack, findings)
        return
    with findings.watching(DOCUMENT, "signature"):
        if pack.members[DOCUMENT].sha256 != pack.envelope["sha256"]:
            raise ValueError("its digest is not the one in decision.json")
        anchors = trusted.anchors or _packed_anchors(pack)
        if not anchors:
            findings.unproved(DOCUMENT, "signature", "the pack has no chain, and no --anchor was given")
            return
        at = clock.parse_rfc3339(pack.facts["decision"]["verified_at"])
        signed = verify(hardening.parse(pack.read(DOCUMENT)), _store(anchors), at)
        leaf = signed.path.leaf
        detail = f"{leaf.subject.rfc4514_string()}, {signed.algorithm}, as of {clock.rfc3339(at)}"
        findings.by(bool(trusted.anchors), DOCUMENT, "signature", detail)
        _check_header(pack, signed.root, findings)
        _check_parts(pack, signed.root, findings)
        _check_revocation(pack, signed.path, at, bool(trusted.anchors), findings)


def _purged(pack: Opened, findings: Findings) -> None:
    if any(name == DOCUMENT or name.startswith("parts/") for name in pack.members):
        findings.wrong(DOCUMENT, "record", "the record says that the octets were purged, and here they are")
        return
    purged = pack.facts["purged"] or {}
    detail = f"the octets were purged {purged.get('at')}: {purged.get('asked_by')}, {purged.get('decided_by')}"
    findings.unproved(DOCUMENT, "signature", detail)


def _store(anchors: Sequence[x509.Certificate]) -> TrustStore:
    """A store of its own: paths are remembered by its revision, which no registry has."""
    digest = hashlib.sha256(b"".join(one.public_bytes(Encoding.DER) for one in anchors)).digest()
    return TrustStore(tuple(anchors), -int.from_bytes(digest[:16], "big") - 1)


def _pieces(pack: Opened, kind: str, *roles: str) -> list[bytes]:
    rows = [one for one in pack.facts["evidence"] if one["kind"] == kind and (not roles or one["role"] in roles)]
    return [pack.read(one["member"]) for one in rows]


def _packed_anchors(pack: Opened) -> tuple[x509.Certificate, ...]:
    return tuple(map(x509.load_der_x509_certificate, _pieces(pack, "certificate", "anchor")))


def _check_pieces(pack: Opened, findings: Findings) -> None:
    """Certificates, lists and answers are the ones that the decision names; the readable copies say the same."""
    chain = b""
    for one in pack.facts["evidence"]:
        member = str(one["member"])
        with findings.watching(member, "certificate"):
            der = pack.read(member)
            if hashlib.sha256(der).hexdigest() != one["sha256"]:
                raise ValueError("its digest is not the one in decision.json")
            findings.good(member, "certificate", f"{one['role']}, {one['kind']}")
            if one["kind"] == "certificate":
                copy, pem = f"{member.removesuffix('.cer')}.pem", _pem(x509.load_der_x509_certificate(der))
                chain += pem if one["role"] != "settlement" else b""
            elif one["kind"] == "crl":
                copy, pem = f"{member}.pem", x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
            else:
                continue
            _same(pack, copy, pem, findings)
    if chain:
        _same(pack, CHAIN, chain, findings)


def _same(pack: Opened, member: str, octets: bytes, findings: Findings) -> None:
    with findings.watching(member, "certificate"):
        if pack.read(member) != octets:
            raise ValueError("not a copy of the DER file beside it")
        findings.good(member, "certificate", "PEM")


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _check_header(pack: Opened, root: Any, findings: Findings) -> None:
    """The record names the document as its signed header does."""
    content = reading.read_document(root)
    said = (content.sender.code, content.document_id, content.number, content.notation, content.subject)
    envelope: Mapping[str, Any] = pack.envelope
    recorded = tuple(envelope[name] for name in ("document_id", "number", "notation", "subject"))
    if said[1:] != recorded:
        findings.wrong(DECISION, "record", "it names another document than the signed header")


def _check_parts(pack: Opened, root: Any, findings: Findings) -> None:
    """Digest and size of what lies beside the document stand in its manifest, under the one signature."""
    bound = {one.content_id: one for one in reading.read_document(root).manifest}
    for part in pack.facts["parts"]:
        member = pack.members.get(str(part["member"]))
        if member is None:
            findings.wrong(str(part["member"]), "attachment", "missing")
            continue
        entry = bound.get(part["content_id"])
        digest = base64.b64encode(bytes.fromhex(member.sha256)).decode()
        if entry is None or (entry.digest, entry.size) != (digest, str(member.size)):
            findings.wrong(member.name, "attachment", "not the octets that the sender signed for")
        else:
            findings.good(member.name, "attachment", str(part["name"]))


def _check_revocation(pack: Opened, path: Path, at: datetime, given: bool, findings: Findings) -> None:
    """Each certificate but the anchor, by the kept lists and answers alone."""
    used = {kind: _pieces(pack, kind, "revocation") for kind in ("crl", "ocsp")}
    later = {kind: _pieces(pack, kind) for kind in ("crl", "ocsp")}
    moments = [clock.parse_rfc3339(one["this_update"]) for one in pack.facts["evidence"] if one["this_update"]]
    standings = repeat(path, used["crl"], used["ocsp"], at)
    settled = repeat(path, later["crl"], later["ocsp"], max([at, *moments]))
    for then, since in zip(standings, settled, strict=True):
        if "revoked" in (then.status, since.status if since.revoked and since.revoked.at <= at + _SKEW else ""):
            findings.wrong(DOCUMENT, "revocation", f"{then.subject}: revoked, {since.reason or then.reason}")
        elif then.status == "good":
            detail = f"{then.subject}: {then.kind} of {then.this_update:%Y-%m-%d %H:%M}Z"
            findings.by(given, DOCUMENT, "revocation", detail)
        elif since.status == "good":
            detail = f"{since.subject}: {since.kind} of {since.this_update:%Y-%m-%d %H:%M}Z, after the acceptance"
            findings.by(given, DOCUMENT, "revocation", detail)
        else:
            findings.unproved(DOCUMENT, "revocation", f"{then.subject}: {then.reason}")
