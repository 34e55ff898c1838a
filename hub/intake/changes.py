"""Recalls, updates and replacements: accepted together with what they do to the earlier document (edXML 1.2, 2.2).

kind         | untaken earlier delivery       | taken earlier delivery         | its own delivery
-------------|--------------------------------|--------------------------------|----------------------------------
recall       | withdrawn                      | asked to give it back          | withdrawn where nothing was shown
update       | stays: it is taken before      | asked to take the newer state  | goes to all in To and those added
 removed     | withdrawn                      | asked to give it back          | none, unless To names them too
replacement  | withdrawn where it is replaced | asked to give it back          | goes to all in To

A recall reaches only the recipients that it lists. One transaction for all of it; new documents never come here, so
that their fast way stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hub import clock
from hub.envelope.model import BusinessType
from hub.ledger import Transaction, changes, envelopes
from hub.ledger.changes import Earlier, Version
from hub.ledger.envelopes import Acceptance, Stored
from hub.receipts import taking_back
from hub.receipts.signing import ReceiptSigner
from hub.receipts.taking_back import Request, Written
from hub.validation import VerifiedEnvelope

_KINDS = {BusinessType.RECALL: "recall", BusinessType.UPDATE: "update", BusinessType.REPLACE: "replace"}


def accept(
    transaction: Transaction, signer: ReceiptSigner, acceptance: Acceptance, envelope: VerifiedEnvelope
) -> Stored:
    """Commit one change with its effects. An exact repeat, or a taken key, has none."""
    sender = envelope.sender.code
    known = [
        (changes.versions(transaction, sender, [document_id], lock=True), codes)
        for document_id, codes in sorted(envelope.targets)
    ]
    newest = max((one for found, _ in known for one in found), key=_age, default=None)
    acceptance.envelope["previous_id"] = None if newest is None else newest.id
    [stored] = envelopes.accept(transaction, [acceptance])
    if not stored.new:
        return stored
    request = Request(
        kind=_KINDS[BusinessType(envelope.business_type)],
        system_id=envelope.received.system_id,
        agency=sender,
        reason=envelope.content.business.reason,
        at=clock.now(),
        envelope_id=stored.envelope_id,
        document_id=envelope.content.document_id,
        sha256=envelope.received.sha256,
    )
    recipients = [agency.code for agency in envelope.recipients]
    written = Written()
    for found, codes in known:
        if request.kind == "update":
            _update(transaction, signer, request, found, envelope, written)
        else:
            asked = codes or recipients
            _take_back(transaction, signer, request, found, asked, written)
    written.commit(transaction)
    return stored


def _age(version: Version) -> tuple[datetime, str]:
    return version.received_at, version.id


def _take_back(
    transaction: Transaction,
    signer: ReceiptSigner,
    request: Request,
    found: Sequence[Version],
    codes: Sequence[str],
    written: Written,
) -> None:
    earlier = changes.earlier(transaction, changes.of_versions([one.id for one in found], codes))
    taking_back.take_back(transaction, signer, request, earlier, written)
    if request.kind != "replace":
        _withdraw_own(transaction, signer, request, earlier, written)


def _withdraw_own(
    transaction: Transaction, signer: ReceiptSigner, request: Request, earlier: Sequence[Earlier], written: Written
) -> None:
    """Its own deliveries to those for whom there was something, of which nothing was ever shown."""
    seen = {one.recipient_code for one in earlier if one.shown}
    unseen = {one.recipient_code for one in earlier} - seen
    if unseen and request.envelope_id is not None:
        own = changes.earlier(transaction, changes.of_versions([request.envelope_id], unseen))
        taking_back.withdraw_own(transaction, signer, request, own, written)


def _update(
    transaction: Transaction,
    signer: ReceiptSigner,
    request: Request,
    found: Sequence[Version],
    envelope: VerifiedEnvelope,
    written: Written,
) -> None:
    """Take it back from the removed; ask those who have it, about the newest state that they took."""
    _take_back(transaction, signer, replace(request, kind="remove"), found, envelope.removed, written)
    kept = [agency.code for agency in envelope.recipients if agency.code not in envelope.removed]
    earlier = changes.earlier(transaction, changes.of_versions([one.id for one in found], kept))
    newest = {one.recipient_code: one for one in earlier if one.taken}
    taking_back.ask(transaction, signer, request, list(newest.values()), written, notify=False)
