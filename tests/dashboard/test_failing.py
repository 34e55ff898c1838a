"""Failures in the reader's words: in lists, and in a letter's timeline with the time of the next attempt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub import language
from hub.audit import Event
from hub.dashboard import events, failing
from hub.delivery.failures import FAILURES
from hub.ledger.journey import Entry

AT = datetime(2026, 11, 20, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english() -> None:
    language.current.set("en")


def entry(kind: Event, code: str, **detail: str) -> Entry:
    return Entry(1, "id", AT, kind, "courier", "H33", "envelope", "delivery", "document", code, dict(detail))


def test_a_failed_attempt_says_why_and_when_the_next_one_is_due() -> None:
    failed = entry(
        Event.DELIVERY_ATTEMPTED, "timed-out", reason="timed-out: no end after 600 s", next_at="2026-11-20T07:05:00Z"
    )
    said = events.reason(failed)
    assert said == "The system did not answer in time: no end after 600 s · next attempt 20/11/2026 14:05:00"


def test_a_dead_letter_says_why_once() -> None:
    assert events.reason(entry(Event.DELIVERY_DEAD, "bounced", reason="550 unknown")) == (
        "The mail came back as undeliverable: 550 unknown"
    )
    assert events.reason(entry(Event.DELIVERY_DEAD, "gone")) == "The system said that it is gone for good"


def test_a_reason_that_no_failure_code_begins_is_left_as_it_was_written() -> None:
    assert failing.failure_of("Gửi nhầm: đề nghị gửi Sở Tài chính") == ("Gửi nhầm: đề nghị gửi Sở Tài chính", "")
    assert failing.failure_of("") == ("", "")
    assert failing.failure_of("busy") == ("The system asked to come back later", "")


@pytest.mark.parametrize("code", sorted(FAILURES))
def test_every_failure_has_words_in_both_languages(code: str) -> None:
    english = failing.failure(code)
    language.current.set("vi")
    assert not failing.failure(code).isascii(), "Vietnamese is written with its marks"
    assert english != failing.failure(code)
