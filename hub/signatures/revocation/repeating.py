"""Repeating a verdict from kept octets alone, years later and without a hub: nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from hub.signatures.chain import Link, Path, common_name, fingerprint
from hub.signatures.revocation.answers import Held, weigh
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.judging import from_good_responders
from hub.signatures.revocation.ocsp import OcspAnswer
from hub.signatures.revocation.standing import Standing, standing

SOURCE = "evidence"


def repeat(
    path: Path,
    lists: Sequence[bytes],
    answers: Sequence[bytes],
    at: datetime,
    max_age: timedelta | None = None,
) -> tuple[Standing, ...]:
    """How every certificate but the anchor stood at ``at`` by these lists and OCSP answers (DER), leaf first.

    Octets that are not about the path count for nothing. Raises ``ValueError`` for a list that cannot be read.
    """
    read = [RevocationList.load(der) for der in lists]
    return tuple(_stood(link, read, answers, at, max_age) for link in path.links)


def _stood(
    link: Link, lists: list[RevocationList], answers: Sequence[bytes], at: datetime, max_age: timedelta | None
) -> Standing:
    usable = [Held(one, SOURCE) for one in lists if not one.defect and one.signed_by(link.issuer)]
    found = from_good_responders([*usable, *_about(link, answers)])
    weighed = weigh(found, link.certificate.serial_number, at, max_age)
    issuer, subject = fingerprint(link.issuer), common_name(link.certificate)
    return standing(link.sha256, issuer, subject, weighed, "", 0)


def _about(link: Link, answers: Sequence[bytes]) -> Iterable[Held]:
    for der in answers:
        try:
            yield Held(OcspAnswer.load(der, link.certificate, link.issuer), SOURCE)
        except ValueError:
            continue  # about another certificate, or by somebody else
