"""Taking a document back: what was not taken is withdrawn, of what was taken the recipient is asked.

1. The caller has locked the deliveries, and commits its own part in the same transaction.
2. Untaken: withdrawn, a signed receipt to the sender, an entry in the log. It is never shown afterwards.
3. Taken: a question (status 13 is shown, a notice goes to the recipient's feed) that 15 or 16 answers. What was known
   at that moment is kept with it: "was it acted on before?" has an answer for good.
4. Given up before: noted, so that nobody sends it again; its sender has the non-delivery.
5. A delivery that was taken when the question came, and is given back or let lie, is withdrawn then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Transaction, changes, deliveries, exchange_log, receipts
from hub.ledger.changes import TAKING_BACK, Earlier, NewChange, Question
from hub.receipts.signing import Audience, Receipt, ReceiptSigner, Subject

# why, in receipts and in the log; the sender's own words follow
WITHDRAWN = "withdrawn before it was taken"
GIVEN_BACK = "withdrawn after it came back untaken"
NEVER_NEEDED = "the document was withdrawn before it was taken; there is nothing to tell its recipient"


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks what: ``kind`` as in the table ``change``, by an envelope or by a status report (its receipt).

    ``system_id`` is the asking system, ``sha256`` digests the asking envelope's octets.
    """

    kind: str
    system_id: str
    agency: str
    reason: str
    at: datetime
    envelope_id: str | None = None
    receipt_id: str | None = None
    document_id: str = ""
    sha256: str = ""


@dataclass(slots=True)
class Written:
    """What one transaction writes beside the state of deliveries."""

    receipts: list[Receipt] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    changes: list[NewChange] = field(default_factory=list)

    def commit(self, transaction: Transaction) -> None:
        receipts.add(transaction, [receipt.row for receipt in self.receipts])
        changes.add(transaction, self.changes)
        exchange_log.append(transaction, self.entries)


def take_back(
    transaction: Transaction,
    signer: ReceiptSigner,
    request: Request,
    earlier: Sequence[Earlier],
    written: Written,
    *,
    notify: bool = True,
) -> None:
    """Withdraw or ask, delivery by delivery; the caller commits what is ``written``."""
    withdrawn = [one for one in earlier if one.untaken]
    moved = set(deliveries.end(transaction, [one.id for one in withdrawn], "withdrawn", request.reason, request.at))
    for one in withdrawn:
        assert one.id in moved, "a locked delivery that nobody took can be withdrawn"
        _withdrawn(written, signer, request, one, WITHDRAWN)
        written.changes.append(_change(request, one, "withdrawn", acted=False))
    dead = [one for one in earlier if one.state == "dead" and not one.superseded]
    written.changes += [_change(request, one, "withdrawn", acted=False) for one in dead]
    ask(transaction, signer, request, [one for one in earlier if one.taken], written, notify=notify)


def ask(
    transaction: Transaction,
    signer: ReceiptSigner,
    request: Request,
    taken: Sequence[Earlier],
    written: Written,
    *,
    notify: bool,
) -> None:
    """Put the question to those who have the document; an update asks too, but does not want it back."""
    acted = changes.acted(transaction, [one.id for one in taken])
    if request.kind in ("recall", "remove"):
        changes.show(transaction, [one.id for one in taken], "13", request.reason, request.at)
    for one in taken:
        row = _change(request, one, "asked", acted=one.id in acted)
        written.changes.append(row)
        known = {"kind": row.kind, "state": row.state_then, "status": row.status_then, "acted_before": row.acted_before}
        if notify:
            audience = Audience(one.system_id, one.recipient_code)
            asks = {"kind": row.kind, "request": request.envelope_id}
            notice = signer.notice("change.asked", subject_of(one), audience, request.at, request.reason, **asks)
            written.receipts.append(notice)
        if request.envelope_id is not None:
            written.receipts.append(_told_sender(signer, request, one, known))
        written.entries.append(_entry(Event.CHANGE_ASKED, request, one, reason=request.reason, **known))


def withdraw_own(
    transaction: Transaction, signer: ReceiptSigner, request: Request, own: Sequence[Earlier], written: Written
) -> None:
    """Close the request's own deliveries to those who were never shown what it is about."""
    deliveries.end(transaction, [one.id for one in own], "withdrawn", request.reason, request.at)
    for one in own:
        _withdrawn(written, signer, request, one, NEVER_NEEDED)


def given_back(transaction: Transaction, signer: ReceiptSigner, delivery_id: str, at: datetime) -> bool:
    """Withdraw a delivery that came back untaken while the question stands; whether there was one."""
    asked = _open(transaction, [delivery_id])
    if not asked:
        return False
    [one] = changes.earlier(transaction, changes.of_deliveries([delivery_id]))
    if not one.untaken:
        return False
    last = asked[-1]
    request = Request(last.kind, "hub", one.sender_code, last.reason, at, last.request_envelope_id)
    written = Written()
    deliveries.end(transaction, [one.id], "withdrawn", request.reason, at)
    _withdrawn(written, signer, request, one, GIVEN_BACK)
    changes.close(transaction, [question.id for question in asked], "withdrawn", at)
    written.commit(transaction)
    return True


def asked_back(transaction: Transaction, delivery_ids: Collection[str]) -> set[str]:
    """Those of the deliveries whose sender waits for an answer whether it gets them back."""
    return {one.delivery_id for one in _open(transaction, delivery_ids)}


def _open(transaction: Transaction, delivery_ids: Collection[str]) -> list[Question]:
    asked = changes.questions_of(transaction, delivery_ids)
    return [one for one in asked if one.outcome == "asked" and one.kind in TAKING_BACK]


def answer(
    transaction: Transaction,
    document: Collection[str],
    delivery_id: str,
    request_envelope_id: str,
    agreed: bool,
    entry: Entry,
) -> str:
    """15 or 16 answers what was asked; each question once.

    Naming the document (``document``: its deliveries to the reporter) answers all that is open about it. Naming one
    delivery answers what was asked about that one or, where it is a request's own, what was asked up to that request.
    Returns ``agreed``, ``declined``, or nothing where no question was open.
    """
    named = changes.asked_of(transaction, request_envelope_id, entry.agency_code)
    about = {delivery_id, *document, *(one.delivery_id for one in named)}
    until = None if document else max((one.asked_at for one in named), default=None)
    asked = changes.questions_of(transaction, about)
    meant = [one for one in asked if one.outcome == "asked" and (until is None or one.asked_at <= until)]
    outcome = "agreed" if agreed else "declined"
    if not changes.close(transaction, [one.id for one in meant], outcome, entry.at):
        return ""
    answered = list(dict.fromkeys(one.delivery_id for one in meant))
    changes.show(transaction, answered, entry.code, str(entry.detail.get("description", "")), entry.at)
    kinds = {delivery_id: [one.kind for one in meant if one.delivery_id == delivery_id] for delivery_id in answered}
    told = [
        replace(
            entry,
            kind=Event.CHANGE_ANSWERED,
            delivery_id=delivery_id,
            detail={**entry.detail, "outcome": outcome, "kinds": kinds[delivery_id]},
            id=clock.new_id(),
        )
        for delivery_id in answered
    ]
    exchange_log.append(transaction, told)
    return outcome


def subject_of(one: Earlier) -> Subject:
    return Subject(one.envelope_id, one.document_id, one.sender_code, one.sha256, one.id, one.recipient_code)


def _reason(why: str, request: Request) -> str:
    return f"{why}: {request.reason}" if request.reason else why


def _change(request: Request, one: Earlier, outcome: str, *, acted: bool) -> NewChange:
    return NewChange(
        kind=request.kind,
        delivery_id=one.id,
        request_envelope_id=request.envelope_id,
        request_receipt_id=request.receipt_id,
        asked_at=request.at,
        reason=request.reason,
        state_then=one.state,
        status_then=one.status_code,
        acted_before=acted,
        outcome=outcome,
    )


def _withdrawn(written: Written, signer: ReceiptSigner, request: Request, one: Earlier, why: str) -> None:
    audience = Audience(one.sender_system_id, one.sender_code)
    reason = _reason(why, request)
    written.receipts.append(signer.withdrawn(subject_of(one), audience, reason, request.at))
    detail = {"kind": request.kind, "state": one.state, "shown": one.shown, "why": why}
    written.entries.append(_entry(Event.DELIVERY_WITHDRAWN, request, one, reason=request.reason, **detail))


def _told_sender(signer: ReceiptSigner, request: Request, one: Earlier, known: dict[str, Any]) -> Receipt:
    """The asking envelope's own receipt: how it stood with this recipient when the question came."""
    subject = Subject(
        request.envelope_id, request.document_id, one.sender_code, request.sha256, one.id, one.recipient_code
    )
    audience = Audience(one.sender_system_id, one.sender_code)
    more = {"concerns": one.envelope_id, **known}
    return signer.notice("change.asked", subject, audience, request.at, request.reason, **more)


def _entry(event: Event, request: Request, one: Earlier, /, **detail: Any) -> Entry:
    return Entry(
        event,
        request.at,
        actor=request.system_id,
        agency_code=one.recipient_code,
        envelope_id=one.envelope_id,
        delivery_id=one.id,
        document_id=one.document_id,
        detail={
            "recipient": one.recipient_code,
            "system": one.system_id,
            "request": request.envelope_id or request.receipt_id,
            **detail,
        },
    )
