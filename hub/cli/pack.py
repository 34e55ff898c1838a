"""``lienthong verify FILE.asice``: the check of an evidence pack, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hub.cli import output
from hub.language import _

if TYPE_CHECKING:
    from hub.evidence.findings import Finding
    from hub.evidence.verifying import Report, Trusted

SIGN = b"PK\x03\x04"


def is_pack(file: Path) -> bool:
    """Whether the file begins as a ZIP file does."""
    with file.open("rb") as octets:
        return octets.read(len(SIGN)) == SIGN


def trusted(
    anchors: list[Path],
    log_keys: list[str],
    witness_keys: list[str],
    tsa_anchors: list[Path],
    jwks: Path | None,
    seal: Path | None,
) -> Trusted:
    """What the options name. Raises ``typer.BadParameter`` for what cannot be read."""
    import json

    from cryptography import x509

    from hub.evidence.verifying import Trusted

    def certificates(files: list[Path]) -> tuple[x509.Certificate, ...]:
        return tuple(one for file in files for one in x509.load_pem_x509_certificates(file.read_bytes()))

    try:
        return Trusted(
            certificates(anchors),
            _keys(log_keys),
            _keys(witness_keys),
            certificates(tsa_anchors),
            None if jwks is None else json.loads(jwks.read_bytes()),
            None if seal is None else x509.load_pem_x509_certificate(seal.read_bytes()),
        )
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error


def _keys(texts: list[str]) -> Any:
    """Verifier keys, each as it is or in a file."""
    from hub.audit.note import VerifierKey

    lines = [line for text in texts for line in (Path(text).read_text() if Path(text).is_file() else text).splitlines()]
    return tuple(VerifierKey.parse(line) for line in lines if line.strip())


def verify(file: Path, given: Trusted) -> None:
    """Print the table; exit code 1 when any claim is wrong."""
    from hub.evidence.verifying import verify as check

    report = check(file, given)
    output.show(_shown(report), _lines(report))
    if not report.holds:
        raise typer.Exit(1)


def _shown(report: Report) -> dict[str, Any]:
    rows = [
        {"member": one.member, "claim": one.claim, "standing": one.standing, "detail": one.detail}
        for one in report.found
    ]
    return {
        "holds": report.holds,
        "complete": report.complete,
        "envelope": report.facts.get("envelope"),
        "claims": rows,
    }


def _lines(report: Report) -> list[str]:
    words = {"good": _("good"), "unproved": _("unproved"), "wrong": _("WRONG")}
    rows = [(words[one.standing], one.member, one.words, one.detail) for one in _ordered(report)]
    wrong = [one.member for one in report.found if one.standing == "wrong"]
    if wrong:
        verdict = _("WRONG: %(members)s") % {"members": ", ".join(dict.fromkeys(wrong))}
    elif report.complete:
        verdict = _("Valid: everything is proved by keys that you gave.")
    else:
        verdict = _("Nothing is wrong, but not everything is proved: see the lines “unproved”.")
    return [*output.table([_("Result"), _("Member"), _("Claim"), _("Detail")], rows), "", verdict]


def _ordered(report: Report) -> list[Finding]:
    """As they were looked at, what is not good last, where it is read."""
    order = ("good", "unproved", "wrong")
    return sorted(report.found, key=lambda one: order.index(one.standing))
