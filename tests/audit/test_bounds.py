"""No entry is longer than a bundle can hold, whatever was sent."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

import pytest

from hub import clock
from hub.audit import Entry, Event, bounds
from hub.audit.canonical import canonical
from hub.audit.leaves import LONGEST, entry_leaf, receipt_leaf
from hub.problems import Finding
from hub.receipts.signing import Subject

FINDINGS = [asdict(Finding("metadata-missing", "ộ" * 1000, f"/edXML/{n}" + "x" * 990)) for n in range(200)]
CODES = [f"{n:03}.{n:02}.{n:02}.H{n:04}.{'9' * 40}" for n in range(5000)]
LONG: list[dict[str, Any]] = [
    {"recipients": CODES, "sha256": "a" * 64},
    {"findings": FINDINGS, "system": "s"},
    {"findings": FINDINGS, "recipients": CODES, "note": "\x01" * 100_000},
    {"reason": "ế" * 1_000_000},
    {"nested": {"list": CODES}},
    {f"member {n}": "x" * 100 for n in range(5000)},
]


def test_a_short_detail_stays_as_it_is() -> None:
    given = {"recipients": CODES[:300], "number": 1.5, "none": None}
    assert bounds.detail(given) is given


@pytest.mark.parametrize("given", LONG)
def test_an_entry_of_any_detail_and_any_claims_fits_into_a_bundle(given: dict[str, Any]) -> None:
    claim = "\x01" * 70_000
    entry = Entry(Event.ENVELOPE_REFUSED, clock.now(), claim, claim, claim, claim, claim, claim, given)
    assert len(entry_leaf(entry.row())) <= LONGEST
    assert len(entry_leaf(Entry(Event.ENVELOPE_REFUSED, clock.now(), detail=given).row())) <= LONGEST


def test_what_was_cut_is_named_with_its_number_and_digest() -> None:
    made = bounds.detail({"recipients": CODES, "sha256": "a" * 64})
    assert made["recipients"] == CODES[: len(made["recipients"])]
    assert len(made["recipients"]) > 600
    assert made["sha256"] == "a" * 64
    digest = hashlib.sha256(canonical(CODES)).hexdigest()
    assert made["shortened"] == {"recipients": {"of": 5000, "sha256": digest}}


def test_claims_in_a_receipt_are_bounded_too() -> None:
    subject = Subject(None, "\x01" * 70_000, "\x02" * 70_000, "0" * 64, "d", "\x03" * 70_000)
    row = {
        "id": clock.new_id(), "at": clock.now(), "event": "envelope.refused", "envelope_id": None, "delivery_id": None,
        "document_id": subject.document_id, "sender_code": subject.sender, "recipient_code": subject.recipient,
        "jws": "x",
    }  # fmt: skip
    assert len(receipt_leaf(row)) <= LONGEST


def test_an_entry_from_before_there_were_bounds_is_named_by_the_digest_of_its_detail() -> None:
    row = {**Entry(Event.ENVELOPE_ACCEPTED, clock.now()).row(), "detail": {"recipients": CODES}}
    leaf = entry_leaf(row)
    assert len(leaf) <= LONGEST
    assert hashlib.sha256(canonical({"recipients": CODES})).hexdigest().encode() in leaf
