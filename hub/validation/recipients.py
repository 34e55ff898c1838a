"""Check: every recipient is registered, active, named once, and can take this form; else the whole is refused."""

from __future__ import annotations

from hub.registry.model import Agency
from hub.validation.examination import Examination

HEADER = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/"


async def check(exam: Examination) -> None:
    parties = exam.parsed.recipients
    if not parties:
        exam.find("metadata-missing", "To", HEADER + "To")
        return
    if len(parties) > exam.policy.recipients:
        exam.find("recipient-limit", f"{len(parties)} of {exam.policy.recipients}", HEADER + "To")
        return
    known = await exam.directory.agencies([party.code for party in parties if party.code])
    chosen: dict[str, Agency] = {}
    for number, party in enumerate(parties, 1):
        location = f"{HEADER}To[{number}]/OrganId"
        agency = known.get(party.code)
        if not party.code:
            exam.find("metadata-missing", "To/OrganId", location)
        elif agency is None:
            exam.find("recipient-unknown", party.code, location)
        elif not agency.active:
            exam.find("recipient-suspended", party.code, location)
        elif agency.code in chosen:
            exam.find("recipient-repeated", party.code, location)
        else:
            chosen[agency.code] = agency
            if agency.inline_only and exam.received.parts:
                exam.find("recipient-form", party.code, location)
    exam.recipients = tuple(chosen.values())
