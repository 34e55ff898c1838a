"""``lienthong verify``: check a signed envelope, a receipt or an evidence pack on this machine, trusting no hub."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import clock
from hub.cli import output, pack
from hub.language import _

_JWS_FIELDS = ("acknowledgement", "refusal", "receipt", "jws")

File = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, metavar="FILE", help=_("An .edxml envelope, a receipt or a pack.")),
]
Anchor = Annotated[
    list[Path], typer.Option(exists=True, dir_okay=False, help=_("Trusted root (PEM), for an envelope or a pack."))
]
Lists = Annotated[list[Path], typer.Option("--crl", exists=True, dir_okay=False, help=_("Revocation lists (PEM)."))]
Answers = Annotated[list[Path], typer.Option("--ocsp", exists=True, dir_okay=False, help=_("OCSP answers (DER)."))]
Keys = Annotated[
    Path | None,
    typer.Option("--jwks", "--hub-key", exists=True, dir_okay=False, help=_("The hub's keys (JWKS), for receipts.")),
]
LogKeys = Annotated[
    list[str], typer.Option("--log-key", metavar="VKEY", help=_("The log's verifier key, or a file with it."))
]
WitnessKeys = Annotated[
    list[str], typer.Option("--witness-key", metavar="VKEY", help=_("A witness's verifier key, or a file with it."))
]
TsaAnchors = Annotated[
    list[Path],
    typer.Option("--tsa-anchor", exists=True, dir_okay=False, help=_("Root of a time-stamping authority (PEM).")),
]
SealFile = Annotated[
    Path | None,
    typer.Option("--seal", exists=True, dir_okay=False, help=_("Certificate of the hub's evidence seal (PEM).")),
]
Proof = Annotated[
    Path | None,
    typer.Option("--proof", exists=True, dir_okay=False, help=_("The proof that the receipt is in the log.")),
]
At = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%SZ"], help=_("Moment to judge by (UTC); now when absent."))
]
Of = Annotated[
    Path | None, typer.Option("--of", exists=True, dir_okay=False, help=_("The envelope that the receipt is about."))
]


def verify(
    file: File,
    anchor: Anchor = [],  # noqa: B006 - Typer reads it as "none given" and never changes it
    lists: Lists = [],  # noqa: B006 - as above
    answers: Answers = [],  # noqa: B006 - as above
    keys: Keys = None,
    at: At = None,
    envelope: Of = None,
    log_keys: LogKeys = [],  # noqa: B006 - as above
    witness_keys: WitnessKeys = [],  # noqa: B006 - as above
    tsa_anchors: TsaAnchors = [],  # noqa: B006 - as above
    seal: SealFile = None,
    proof: Proof = None,
    as_json: output.AsJson = False,
) -> None:
    if pack.is_pack(file):
        pack.verify(file, pack.trusted(anchor, log_keys, witness_keys, tsa_anchors, keys, seal))
        return
    content = file.read_bytes()
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        if not anchor:
            raise typer.BadParameter(_("An envelope needs --anchor FILE."))
        result = _envelope(content, anchor, lists, answers, at.replace(tzinfo=UTC) if at else clock.now())
    else:
        if keys is None and proof is None:
            raise typer.BadParameter(_("A receipt needs --jwks FILE."))
        result = {} if keys is None else _receipt(content, json.loads(keys.read_bytes()), envelope)
        if proof is not None:
            result |= {"included": _included(content, proof, log_keys, witness_keys)}
    output.show(result, [_("Valid."), *(f"{name}: {value}" for name, value in result.items())])


def _envelope(
    content: bytes, anchors: list[Path], lists: list[Path], answers: list[Path], at: datetime
) -> dict[str, Any]:
    """Raises ``Refused`` with the code that the hub would give."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from hub.cli.pem import revocation_lists
    from hub.envelope.hardening import parse
    from hub.envelope.names import PROFILE
    from hub.problems import Refused
    from hub.signatures.chain import TrustStore
    from hub.signatures.revocation.repeating import repeat
    from hub.signatures.verify import verify as verify_signature
    from hub.validation.rules import profile

    trusted = tuple(x509.load_pem_x509_certificates(b"".join(file.read_bytes() for file in anchors)))
    given = [crl.public_bytes(Encoding.DER) for file in lists for crl in revocation_lists(file.read_bytes())]
    signed = verify_signature(parse(content), TrustStore(trusted, 0), at)
    standings = repeat(signed.path, given, [file.read_bytes() for file in answers], at)
    for one in standings:
        if one.status == "revoked":
            raise Refused("certificate-revoked", f"{one.subject}, {one.reason}")
    rules = profile(PROFILE).rules
    for remark in signed.path.remarks:
        if rules[remark.rule].severity == "refuse":
            raise Refused(rules[remark.rule].code, remark.detail)
    return {
        "signer": signed.path.leaf.subject.rfc4514_string(),
        "algorithm": signed.algorithm,
        "digest": signed.digest,
        "certificate_sha256": signed.path.leaf_sha256,
        "revocation": "good" if all(one.status == "good" for one in standings) else "pending",
        "revocations": [one.facts(at) for one in standings],
    }


def _receipt(content: bytes, jwks: dict[str, Any], envelope: Path | None) -> dict[str, Any]:
    """The payload; raises ``Refused`` when the signature does not hold or the receipt is about other octets."""
    import hashlib

    from adapters.client.proof import verify_receipt
    from hub.problems import Refused

    payload = verify_receipt(_jws(content), jwks)
    if envelope is not None:
        digest = hashlib.sha256(envelope.read_bytes()).hexdigest()
        if payload.get("sha256") != digest:
            raise Refused("signature-digest", f"the receipt is about {payload.get('sha256')}, the file is {digest}")
    return payload


def _included(content: bytes, proof: Path, log_keys: list[str], witness_keys: list[str]) -> dict[str, Any]:
    """Where the receipt stands in the log; raises ``Refused`` when the proof does not hold."""
    from hub.cli import log_proof

    if not log_keys:
        raise typer.BadParameter(_("A proof needs --log-key VKEY."))
    keys, witnesses = log_proof.verifier_keys(log_keys), log_proof.verifier_keys(witness_keys)
    return log_proof.included(_jws(content), log_proof.proof_in(proof.read_text(encoding="utf-8")), keys, witnesses)


def _jws(content: bytes) -> str:
    """The compact JWS in the file: bare, or in one of the answers that carry one."""
    text = content.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return text
    answer = json.loads(text)
    return next((str(answer[name]) for name in _JWS_FIELDS if answer.get(name)), "")


def register(app: typer.Typer) -> None:
    app.command("verify", help=_("Check an envelope, a receipt or an evidence pack on this machine."))(verify)
