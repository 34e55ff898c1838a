"""Check: the signer's certificate is registered for the sender, and keeps the rules that RFC 5280 leaves open."""

from __future__ import annotations

from hub.problems import Refused
from hub.signatures.chain import common_name
from hub.validation.examination import Examination

LOCATION = "/edXML/edXMLEnvelope/edXMLHeader/Signature/KeyInfo/X509Data"


async def check(exam: Examination) -> None:
    """The binding is octet for octet; several certificates of an agency overlap for a rollover."""
    assert exam.signed is not None, "the signature check runs before"
    assert exam.sender is not None, "the sender check runs before"
    path = exam.signed.path
    holders = await exam.directory.holders(path.leaf_sha256)
    subject = common_name(path.leaf)
    if not holders:
        raise Refused("certificate-unregistered", subject, LOCATION)
    if exam.sender.code not in holders:
        raise Refused("certificate-other-agency", f"{subject} is registered for {', '.join(sorted(holders))}", LOCATION)
    for remark in path.remarks:
        exam.apply(remark.rule, remark.detail, LOCATION)
