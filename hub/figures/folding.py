"""What counts as what: one entry of the log after the other, and what each changes in the figures. Pure.

A document is a letter of business type new or replacement; a recall or an update of one is not counted again, but may
be overdue as the list of overdue ones has it. Test documents do not count at all.

- sent, of which signed (the signature held), electronic (no paper copy follows) and paper (one does; where the sender
  says nothing it is neither); addressed: its recipients. At the sender, when the hub accepted it.
- received and the same of it: at the recipient, when its system first took it. ``arrive`` is the time since acceptance.
- accepted: the office's first word of 03 to 06; finished: its first 06. ``accept`` and ``finish`` are the times since
  the hub accepted the letter.
- confirmed on time or late: the office's first word of any kind, by the delivery's ``confirm_by``; finished on time or
  late: by its ``process_by``, where it has one.
- returned: the recipient's system refused it, or its office did (02). Undelivered: the hub gave it up. Withdrawn.
- refused: submissions of the agency that the hub refused.
- overdue: what came to be overdue in the month less what ceased to be. Its sum over all months up to one is what was
  overdue at that month's end (see ``_wait``). Which deadline counts is what ``UNCONFIRMED`` and ``UNPROCESSED`` say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.audit import Event
from hub.envelope.model import BusinessType
from hub.figures.tally import Tally
from hub.ledger.figure_counting import Case, Counted, DeliveryFacts, LetterFacts
from hub.ledger.overdue import REPORTED_ENDS
from hub.receipts import business_status
from hub.receipts.business_status import ACCEPTED, ASSIGNED, FINISHED, IN_PROCESS, REFUSED, TAKE_BACK

DOCUMENTS = (BusinessType.NEW, BusinessType.REPLACE)
_ACCEPTING = (ACCEPTED, ASSIGNED, IN_PROCESS, FINISHED)
# of whose agency an entry is counted by code; every other entry is counted for the hub alone
BY_AGENCY = frozenset(
    {
        Event.ENVELOPE_REFUSED.value,
        Event.ENVELOPE_DEFERRED.value,
        Event.OPERATOR_ALERTED.value,
        Event.DELIVERY_REFUSED.value,
        Event.DELIVERY_DEAD.value,
        Event.STATUS_REFUSED.value,
    }
)
# counted above, and not by code
_SILENT = frozenset(
    {
        Event.ENVELOPE_ACCEPTED.value,
        Event.DELIVERY_SETTLED.value,
        Event.DELIVERY_WITHDRAWN.value,
        Event.STATUS_RECEIVED.value,
    }
)


@dataclass
class Known:
    """What entries speak of: letters, deliveries, those that letters came with, and cases, which folding changes."""

    letters: Mapping[str, LetterFacts]
    deliveries: Mapping[str, DeliveryFacts]
    firsts: Mapping[str, list[DeliveryFacts]]
    cases: dict[tuple[str, str], Case] = field(default_factory=dict)
    changed: set[tuple[str, str]] = field(default_factory=set)

    def case(self, facts: DeliveryFacts) -> Case:
        key = (facts.envelope_id, facts.recipient_code)
        self.changed.add(key)
        if key not in self.cases:
            self.cases[key] = Case(*key, confirm_by=facts.confirm_by, process_by=facts.process_by)
        return self.cases[key]


def fold(entries: Sequence[Counted], known: Known, tally: Tally) -> None:
    """Count entries, which come in the order of their commits."""
    fold_codes(entries, known, tally)
    fold_letters(entries, known, tally)


def fold_codes(entries: Iterable[Counted], known: Known, tally: Tally) -> None:
    """Count entries by kind and code, in any order."""
    for entry in entries:
        letter = known.letters.get(entry.envelope_id)
        if entry.kind in _SILENT or (letter is not None and letter.trial):
            continue
        tally.entry(entry.agency_code if entry.kind in BY_AGENCY else "", entry.at, entry.kind, entry.code)
        if entry.kind == Event.ENVELOPE_REFUSED:
            tally.count(entry.agency_code, entry.at, "refused")


def fold_letters(entries: Iterable[Counted], known: Known, tally: Tally) -> None:
    """Count what became of letters, as far as they and their deliveries are known."""
    for entry in entries:
        letter = known.letters.get(entry.envelope_id)
        if entry.kind == Event.ENVELOPE_ACCEPTED and letter is not None and not letter.trial:
            _accepted(entry, letter, known, tally)
        elif entry.kind == Event.REVOCATION_SETTLED and letter is not None and not letter.trial:
            _revoked(entry, letter, tally)
        elif entry.kind in _STEPS and (facts := known.deliveries.get(entry.delivery_id)) is not None:
            about = known.letters.get(facts.envelope_id)
            if about is not None and not about.trial:
                _STEPS[entry.kind](entry, about, facts, known.case(facts), tally)


def _accepted(entry: Counted, letter: LetterFacts, known: Known, tally: Tally) -> None:
    firsts = known.firsts.get(letter.id, [])
    if letter.business_type in DOCUMENTS:
        _kinds(tally, letter.sender_code, entry.at, "sent", letter)
        tally.count(letter.sender_code, entry.at, "addressed", len(firsts))
    for facts in firsts:
        _wait(known.case(facts), entry.at, tally)


def _kinds(tally: Tally, agency_code: str, at: datetime, what: str, letter: LetterFacts) -> None:
    """``what`` and of which kinds."""
    tally.count(agency_code, at, what)
    if letter.signed:
        tally.count(agency_code, at, f"{what}_signed")
    if letter.paper is not None:
        tally.count(agency_code, at, f"{what}_paper" if letter.paper else f"{what}_electronic")


def _revoked(entry: Counted, letter: LetterFacts, tally: Tally) -> None:
    """Its signature was taken for good before it was known that the certificate had been revoked: it is not."""
    if entry.code and letter.signed and letter.business_type in DOCUMENTS:
        tally.count(letter.sender_code, letter.received_at, "sent_signed", -1)


def _settled(entry: Counted, letter: LetterFacts, facts: DeliveryFacts, case: Case, tally: Tally) -> None:
    if case.arrived_at is None:
        case.arrived_at = entry.at
        if letter.business_type in DOCUMENTS:
            _kinds(tally, facts.recipient_code, entry.at, "received", letter)
            tally.span(facts.recipient_code, entry.at, "arrive", letter.received_at)


def _ended(entry: Counted, letter: LetterFacts, facts: DeliveryFacts, case: Case, tally: Tally) -> None:
    measure = {Event.DELIVERY_REFUSED: "returned", Event.DELIVERY_DEAD: "undelivered"}.get(Event(entry.kind))
    if letter.business_type in DOCUMENTS:
        tally.count(facts.recipient_code, entry.at, measure or "withdrawn")
    case.open = False
    _wait(case, entry.at, tally)


def _replayed(entry: Counted, _letter: LetterFacts, facts: DeliveryFacts, case: Case, tally: Tally) -> None:
    """It is waited for anew, by the new delivery's deadlines."""
    case.open, case.confirm_by, case.process_by = True, facts.confirm_by, facts.process_by
    _wait(case, entry.at, tally)


def _reported(entry: Counted, letter: LetterFacts, facts: DeliveryFacts, case: Case, tally: Tally) -> None:
    code, office = entry.code, facts.recipient_code
    if not business_status.from_sender(code) and letter.business_type in DOCUMENTS:
        if case.status is None and case.open and case.confirm_by is not None:
            tally.count(office, entry.at, "confirmed_on_time" if entry.at <= case.confirm_by else "confirmed_late")
        if code in _ACCEPTING and case.accepted_at is None:
            tally.count(office, entry.at, "accepted")
            tally.span(office, entry.at, "accept", letter.received_at)
        if code == FINISHED and case.finished_at is None:
            tally.count(office, entry.at, "finished")
            tally.span(office, entry.at, "finish", letter.received_at)
            if case.process_by is not None:
                tally.count(office, entry.at, "finished_on_time" if entry.at <= case.process_by else "finished_late")
        if code == REFUSED and case.status != REFUSED:
            tally.count(office, entry.at, "returned")
            tally.entry(office, entry.at, entry.kind, code)
    if code in _ACCEPTING and case.accepted_at is None:
        case.accepted_at = entry.at
    if code == FINISHED and case.finished_at is None:
        case.finished_at = entry.at
    if case.status is None or case.status in business_status.may_follow(code):
        _shown(entry, code, case, tally)


def _asked(entry: Counted, _letter: LetterFacts, _facts: DeliveryFacts, case: Case, tally: Tally) -> None:
    """A recall is shown as 13 whatever stood there."""
    if entry.detail.get("kind") in ("recall", "remove"):
        _shown(entry, TAKE_BACK, case, tally)


def _answered(entry: Counted, _letter: LetterFacts, _facts: DeliveryFacts, case: Case, tally: Tally) -> None:
    _shown(entry, entry.code, case, tally)


def _shown(entry: Counted, code: str, case: Case, tally: Tally) -> None:
    case.status = code
    _wait(case, entry.at, tally)


def _wait(case: Case, at: datetime, tally: Tally) -> None:
    """What is waited for from ``at`` on, in place of what was before.

    What is waited for is overdue from its deadline on, or from now if that has passed: one more in the month of that
    moment. When the waiting ends, one less, in the month of that moment or of the end, whichever is later: if it ended
    before its deadline it never was overdue, and the two make nothing.
    """
    until = _deadline(case)
    if case.overdue_from is not None:
        tally.count(case.recipient_code, max(case.overdue_from, at), "overdue", -1)
    case.overdue_from = None if until is None else max(until, at)
    if case.overdue_from is not None:
        tally.count(case.recipient_code, case.overdue_from, "overdue")


def _deadline(case: Case) -> datetime | None:
    if not case.open or case.status in REPORTED_ENDS:
        return None
    return case.confirm_by if case.status is None else case.process_by


Step = Callable[[Counted, LetterFacts, DeliveryFacts, Case, Tally], None]
_STEPS: dict[str, Step] = {
    Event.DELIVERY_SETTLED.value: _settled,
    Event.DELIVERY_REFUSED.value: _ended,
    Event.DELIVERY_DEAD.value: _ended,
    Event.DELIVERY_WITHDRAWN.value: _ended,
    Event.DELIVERY_REPLAYED.value: _replayed,
    Event.STATUS_RECEIVED.value: _reported,
    Event.CHANGE_ASKED.value: _asked,
    Event.CHANGE_ANSWERED.value: _answered,
}
