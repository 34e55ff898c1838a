"""Signatures inside a PDF (ISO 32000-1 §12.8, ETSI EN 319 142-1), checked by pyHanko. In the worker process only.

``trusted`` means a path to an anchor of this hub at the moment of receipt, not revoked by the lists that came along;
nothing is fetched.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, BinaryIO

from asn1crypto import crl, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from hub.inspection.pdf import PARSING, PARSING_MORE

SIGNATURES = 20  # looked at in one file
# what may follow a signature without touching what was signed: further signatures, form fields, evidence for archives
HARMLESS = (ModificationLevel.NONE, ModificationLevel.LTA_UPDATES, ModificationLevel.FORM_FILLING)
_FAILURES = (PdfError, SigningError, *PARSING, *PARSING_MORE)


def signatures(content: BinaryIO, anchors: list[bytes], lists: list[bytes], at: datetime) -> list[dict[str, Any]]:
    """One row for each signature, in the order of signing, as ``AttachmentFacts.signatures`` has them."""
    try:
        reader = PdfFileReader(content, strict=False)
        if reader.encrypted:
            reader.decrypt("")
        found = reader.embedded_regular_signatures
    except _FAILURES as error:
        return [_row(problem=f"the signatures cannot be read: {error}")]
    roots = [x509.Certificate.load(der) for der in anchors]  # type: ignore[no-untyped-call]  # asn1crypto is untyped
    revocation = [crl.CertificateList.load(der) for der in lists]  # type: ignore[no-untyped-call]  # likewise untyped
    return [_judged(one, roots, revocation, at) for one in found[:SIGNATURES]]


def _row(**known: Any) -> dict[str, Any]:
    empty = {"signer": "", "organisation": "", "valid": False, "trusted": False, "covers_whole": False}
    return {**empty, "signed_at": "", "problem": "", **known}


def _judged(
    one: EmbeddedPdfSignature, roots: list[x509.Certificate], lists: list[crl.CertificateList], at: datetime
) -> dict[str, Any]:
    context = ValidationContext(
        trust_roots=roots, crls=lists, allow_fetching=False, moment=at, revocation_mode="soft-fail"
    )
    try:
        status = asyncio.run(async_validate_pdf_signature(one, context))
        person = status.signing_cert.subject.native
        signed_at = status.timestamp_validity.timestamp if status.timestamp_validity else status.signer_reported_dt
    except _FAILURES as error:
        return _row(problem=f"{type(error).__name__}: {error}"[:200])
    problem = _problem(status)
    return _row(
        signer=_text(person.get("common_name")),
        organisation=_text(person.get("organization_name")),
        valid=not problem,
        trusted=bool(status.trusted),
        covers_whole=status.coverage is SignatureCoverageLevel.ENTIRE_FILE,
        signed_at=signed_at.isoformat() if signed_at else "",
        problem=problem,
    )


def _problem(status: PdfSignatureStatus) -> str:
    """Why the signature does not hold, trust aside; empty when it does."""
    if not status.intact:
        return "the octets that it covers were changed"
    if not status.valid:
        return "the signature's value is wrong"
    if status.coverage not in (SignatureCoverageLevel.ENTIRE_FILE, SignatureCoverageLevel.ENTIRE_REVISION):
        return "it does not cover a whole revision of the file"
    if status.modification_level not in HARMLESS or status.docmdp_ok is False:
        return "the file was changed after signing in more than signatures and form fields"
    return ""


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")
