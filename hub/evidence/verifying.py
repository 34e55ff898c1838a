"""Checking a pack offline: no hub, no ledger, no network; only the file and the keys that the reader trusts.

1. The container, octet by octet; every member against the lists; the lists against the seal.   [here]
2. The document: signature, path and revocation at the moment of acceptance, attachments.       [document]
3. Receipts by the hub's keys; their digest is the document's; leaves, proofs, checkpoints,
   cosignatures, time stamps.                                                                    [course]
A key that only came with the pack proves nothing to who does not trust the pack: such claims are called unproved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509

from hub.audit.note import VerifierKey
from hub.evidence import cms, listing
from hub.evidence.container import MEDIA_TYPE, MIMETYPE, Damaged, Member, members_of
from hub.evidence.findings import Finding, Findings
from hub.evidence.names import ASIC_MANIFEST, DECISION, FORM, MANIFEST, SEAL_CERTIFICATE, SIGNATURE, SUMS

# a document is parsed whole, attachments beside it are only hashed
LARGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Trusted:
    """What the reader has from elsewhere; what is missing is taken from the pack, and said so."""

    anchors: tuple[x509.Certificate, ...] = ()
    log_keys: tuple[VerifierKey, ...] = ()
    witness_keys: tuple[VerifierKey, ...] = ()
    tsa_anchors: tuple[x509.Certificate, ...] = ()
    jwks: Mapping[str, Any] | None = None
    seal: x509.Certificate | None = None


@dataclass(frozen=True)
class Opened:
    """A pack whose container and lists were looked at. ``facts``: ``decision.json``."""

    members: Mapping[str, Member]
    facts: Mapping[str, Any]

    def read(self, name: str) -> bytes:
        """A member's octets. Raises ``ValueError`` where there is none, or it is longer than anything we write."""
        if name not in self.members:
            raise ValueError(f"{name} is missing")
        if self.members[name].size > LARGEST:
            raise ValueError(f"{name} is longer than {LARGEST} octets")
        return self.members[name].read()

    def named(self, folder: str, ending: str) -> list[str]:
        return [name for name in self.members if name.startswith(f"{folder}/") and name.endswith(ending)]

    @property
    def envelope(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.facts["envelope"]
        return found


@dataclass(frozen=True)
class Report:
    """``facts`` are those of ``decision.json``, empty when it could not be read."""

    found: Sequence[Finding]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(one.standing != "wrong" for one in self.found)

    @property
    def complete(self) -> bool:
        """Nothing is wrong and nothing is left unproved."""
        return all(one.standing == "good" for one in self.found)


def verify(path: Path, trusted: Trusted) -> Report:
    """Every claim of a pack. Raises ``OSError`` when the file cannot be read."""
    from hub.evidence import course, document

    findings = Findings()
    try:
        members = members_of(path)
    except Damaged as damage:
        findings.wrong(damage.member, "container", damage.reason)
        return Report(findings.found)
    _check_lists(members, trusted, findings)
    opened = _opened(members, findings)
    if opened is None:
        return Report(findings.found)
    # a member that is not what the lists say was named; what it says is not worth looking into
    if findings.holds:
        for check in (document.check, course.check):
            with findings.watching(DECISION, "record"):
                check(opened, trusted, findings)
    return Report(findings.found, opened.facts)


def _check_lists(members: Sequence[Member], trusted: Trusted, findings: Findings) -> None:
    by_name = {one.name: one for one in members}
    first = members[0] if members else None
    if first is None or first.name != MIMETYPE or first.read() != MEDIA_TYPE.encode():
        findings.wrong(MIMETYPE, "container", "the first member does not say that this is an ASiC-E container")
    missing = [name for name in (SUMS, MANIFEST, ASIC_MANIFEST, SIGNATURE, DECISION) if name not in by_name]
    for name in missing:
        findings.wrong(name, "listed", "missing")
    if missing:
        return
    listed = listing.asic_manifest_of(by_name[ASIC_MANIFEST].read())
    sums = listing.sums_of(by_name[SUMS].read())
    sealed = _check_seal(by_name, trusted, findings)
    if not sealed or listed is None:
        if sealed:
            findings.wrong(ASIC_MANIFEST, "list", "not of the one form")
        return
    findings.good(ASIC_MANIFEST, "list")
    _compare([one for one in members if one.name not in (ASIC_MANIFEST, SIGNATURE)], listed, findings)
    outside = (SUMS, ASIC_MANIFEST, SIGNATURE)
    if sums != listing.digests([one for one in members if one.name not in outside]):
        findings.wrong(SUMS, "list", "not the list of these members")
    inside = [name for name in by_name if name not in (MIMETYPE, MANIFEST, ASIC_MANIFEST, SIGNATURE)]
    if by_name[MANIFEST].read() != listing.manifest(inside):
        findings.wrong(MANIFEST, "list", "not the list of these members")


def _check_seal(by_name: Mapping[str, Member], trusted: Trusted, findings: Findings) -> bool:
    """Whether ASiCManifest.xml is what was sealed, by the certificate in the pack or the reader's."""
    try:
        sealed = cms.opened(by_name[SIGNATURE].read())
    except ValueError as error:
        findings.wrong(SIGNATURE, "seal", str(error))
        return False
    if sealed.sha256.hex() != by_name[ASIC_MANIFEST].sha256:
        findings.wrong(ASIC_MANIFEST, "list", "not the list that was sealed")
        return False
    detail = f"{sealed.at:%Y-%m-%dT%H:%M:%SZ}, certificate {_fingerprint(sealed.certificate)}"
    if trusted.seal is not None and trusted.seal != sealed.certificate:
        findings.wrong(SIGNATURE, "seal", f"by another certificate than the one given: {detail}")
        return False
    findings.by(trusted.seal is not None, SIGNATURE, "seal", detail)
    kept = by_name.get(SEAL_CERTIFICATE)
    with findings.watching(SEAL_CERTIFICATE, "key"):
        if kept is None or x509.load_pem_x509_certificate(kept.read()) != sealed.certificate:
            findings.wrong(SEAL_CERTIFICATE, "key", "not the certificate of the seal")
    return True


def _fingerprint(certificate: x509.Certificate) -> str:
    from hub.signatures.chain import fingerprint

    return fingerprint(certificate)


def _compare(members: Sequence[Member], listed: listing.Digests, findings: Findings) -> None:
    wanted = dict(listed)
    for member in members:
        if member.name not in wanted:
            findings.wrong(member.name, "listed", "not listed: added to the pack")
        elif wanted[member.name] != member.sha256:
            findings.wrong(member.name, "listed", "changed: not the octets that were sealed")
        else:
            findings.good(member.name, "listed")
    names = {one.name for one in members}
    for name, _ in listed:
        if name not in names:
            findings.wrong(name, "listed", "missing: taken from the pack")


def _opened(members: Sequence[Member], findings: Findings) -> Opened | None:
    by_name = {one.name: one for one in members}
    opened = Opened(by_name, {})
    with findings.watching(DECISION, "record"):
        facts = json.loads(opened.read(DECISION))
        if facts["form"] != FORM or not isinstance(facts["envelope"]["id"], str):
            raise ValueError(f"not {FORM}")
        findings.good(DECISION, "record", f"accepted {facts['decision']['verified_at']} by {facts['hub']}")
        return Opened(by_name, facts)
    return None
