"""Check: sender = signer = an agency of the system that called (edXML 1.9, cross checks)."""

from __future__ import annotations

from hub.problems import Refused
from hub.registry.directory import Directory
from hub.registry.model import Agency
from hub.signatures.chain import common_name
from hub.signatures.verify import SignedContent
from hub.validation.examination import Examination

LOCATION = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId"


async def check(exam: Examination) -> None:
    assert exam.signed is not None, "the signature check runs before"
    code = exam.parsed.sender.code
    exam.sender = await party(exam.directory, code, exam.received.system_id)
    await bind(exam.directory, exam.signed, exam.sender)


async def party(directory: Directory, code: str, system_id: str) -> Agency:
    """The agency that claims to send, if the calling system serves it. Raises ``Refused`` (``sender-*``)."""
    if not code:
        raise Refused("metadata-missing", "From/OrganId", LOCATION)
    agency = (await directory.agencies([code])).get(code)
    if agency is None:
        raise Refused("sender-unknown", code, LOCATION)
    if agency.system_id != system_id:
        raise Refused("sender-not-served", code, LOCATION)
    if not agency.active:
        raise Refused("sender-suspended", code, LOCATION)
    return agency


async def bind(directory: Directory, signed: SignedContent, sender: Agency) -> None:
    """The signer's certificate must be registered for the sender, octet for octet. Raises ``certificate-*``."""
    holders = await directory.holders(signed.path.leaf_sha256)
    if sender.code in holders:
        return
    subject = common_name(signed.path.leaf)
    if holders:
        raise Refused("certificate-other-agency", f"{subject} is registered for {', '.join(sorted(holders))}", LOCATION)
    raise Refused("certificate-unregistered", subject, LOCATION)
