"""Check: the agency that claims to send is registered, active and served by the calling system (edXML 1.9)."""

from __future__ import annotations

from hub.problems import Refused
from hub.registry.directory import Directory
from hub.registry.model import Agency
from hub.validation.examination import Examination

LOCATION = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId"


async def check(exam: Examination) -> None:
    exam.sender = await party(exam.directory, exam.parsed.sender.code, exam.received.system_id)


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
