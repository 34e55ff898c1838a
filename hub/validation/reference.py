"""Check: a recall, update or replacement is about what its sender sent, and changes receivers that are known.

Receivers that an update adds are recipients of it, whether or not ``To`` names them (edXML 1.2, clause 2.2.3.3).
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.envelope.model import BusinessType
from hub.registry.model import Agency
from hub.validation.examination import Examination, Sent, Target

BUSINESS = "/edXML/edXMLEnvelope/edXMLHeader/TraceHeaderList/Bussiness/"
RECEIVERS = BUSINESS + "BussinessDocumentInfo/ReceiverList/Receiver"
REMOVED, ADDED = "0", "1"
_RULES = {
    BusinessType.RECALL: "recall.reference",
    BusinessType.UPDATE: "update.reference",
    BusinessType.REPLACE: "replacement.reference",
}
MOST = 20  # places named of one kind
DOCUMENTS = 50  # that one message replaces


async def check(exam: Examination) -> None:
    if exam.business_type == BusinessType.NEW or _too_many(exam):
        return
    known = await exam.directory.agencies(_named(exam))
    if exam.business_type == BusinessType.UPDATE:
        _change_receivers(exam, known)
    if exam.policy.sent is not None and exam.sender is not None:
        await _look_up(exam, exam.policy.sent, exam.sender.code, known)


def targets(exam: Examination, known: dict[str, Agency]) -> tuple[Target, ...]:
    """What the message may be about, as written; a replacement may name several documents."""
    business = exam.parsed.business
    if exam.business_type != BusinessType.REPLACE or not business.replaces:
        return tuple(Target(one) for one in exam.parsed.concerned)
    found: dict[str, dict[str, None]] = {}
    for one in business.replaces:
        if one.document_id:
            codes = found.setdefault(one.document_id, {})
            codes.update((known[code].code if code in known else code, None) for code in one.holders)
    return tuple(Target(document_id, tuple(codes)) for document_id, codes in found.items())


def _too_many(exam: Examination) -> bool:
    """More receivers than a letter may have, or documents than anybody replaces at once; before any is looked up."""
    business, most = exam.parsed.business, exam.policy.recipients
    if len(business.replaces) > DOCUMENTS:
        place = BUSINESS + "ReplacementInfoList"
        exam.find("metadata-too-long", f"ReplacementInfo: {len(business.replaces)} of {DOCUMENTS}", place)
        return True
    count = max([len(business.receivers), *(len(one.holders) for one in business.replaces)])
    if count > most:
        exam.find("recipient-limit", f"{count} of {most}", BUSINESS)
    return count > most


def _named(exam: Examination) -> list[str]:
    """Every agency that ``Bussiness`` names, in the sender's words."""
    business = exam.parsed.business
    holders = (code for one in business.replaces for code in one.holders)
    return [code for code in dict.fromkeys([*(one.code for one in business.receivers), *holders]) if code]


def _change_receivers(exam: Examination, known: dict[str, Agency]) -> None:
    """Take the added ones into the recipients, note the removed ones; what cannot be is refused by name."""
    seen: dict[str, str] = {}
    removed: list[str] = []
    recipients = {agency.code: agency for agency in exam.recipients}
    for number, receiver in enumerate(exam.parsed.business.receivers, 1):
        place = f"{RECEIVERS}[{number}]/OrganId"
        agency = known.get(receiver.code)
        if not receiver.code:
            exam.find("metadata-missing", "Receiver/OrganId", place)
        elif agency is None:
            exam.find("recipient-unknown", receiver.code, place)
        elif agency.code in seen:
            exam.find("recipient-repeated", receiver.code, place)
        elif receiver.kind == REMOVED:
            removed.append(agency.code)
        elif not agency.active:
            exam.find("recipient-suspended", receiver.code, place)
        elif agency.inline_only and exam.received.parts:
            exam.find("recipient-form", receiver.code, place)
        else:
            recipients[agency.code] = agency
        if agency is not None:
            seen[agency.code] = receiver.kind
    if len(recipients) > exam.policy.recipients:
        exam.find("recipient-limit", f"{len(recipients)} of {exam.policy.recipients}", RECEIVERS)
    exam.recipients, exam.removed = tuple(recipients.values()), tuple(removed)


async def _look_up(exam: Examination, sent: Sent, sender: str, known: dict[str, Agency]) -> None:
    named = targets(exam, known)
    found = await sent.receivers(sender, [one.document_id for one in named])
    rule = _RULES[BusinessType(exam.business_type)]
    if exam.business_type == BusinessType.REPLACE and exam.parsed.business.replaces:
        missing = [one.document_id for one in named if one.document_id not in found]
        exam.targets = tuple(one for one in named if one.document_id in found)
    else:  # one document, looked for under the names it may have
        exam.targets = tuple(one for one in named if one.document_id in found)[:1]
        missing = [] if exam.targets else [one.document_id for one in named[:1]]
    for document_id in missing[:MOST]:
        exam.apply(rule, document_id, BUSINESS + "DocumentId")
    had = frozenset().union(*(found[one.document_id] for one in exam.targets))
    if exam.targets:
        for code in sorted(set(_asked(exam)) - had)[:MOST]:
            exam.apply("receiver.had", code, BUSINESS + "BussinessDocType")


def _asked(exam: Examination) -> Iterable[str]:
    """Who is to give something back."""
    if exam.business_type == BusinessType.UPDATE:
        return exam.removed
    if exam.business_type == BusinessType.REPLACE:
        return [code for one in exam.targets for code in one.codes]
    return [agency.code for agency in exam.recipients]
