"""What a letter's page says about its time stamp, in both languages."""

from __future__ import annotations

from datetime import datetime

import pytest

from hub import clock
from hub.dashboard import stamps
from hub.language import Language, current
from hub.ledger.timestamps import Bounds


def at(minute: int) -> datetime:
    return clock.parse_rfc3339(f"2026-11-21T07:{minute:02d}:00Z")


TSA = "https://user:secret@tsa.test/stamp"


@pytest.mark.parametrize(
    ("bounds", "english", "vietnamese"),
    [
        (
            Bounds(at(1), at(0), at(2), TSA),
            "in the log at 21/11/2026 14:02:00 at the latest, certified by tsa.test;"
            " at the earliest 21/11/2026 14:00:00",
            "vào nhật ký chậm nhất 21/11/2026 14:02:00, tsa.test chứng thực; sớm nhất 21/11/2026 14:00:00",
        ),
        (
            Bounds(at(1), None, at(2), TSA),
            "in the log at 21/11/2026 14:02:00 at the latest, certified by tsa.test",
            "vào nhật ký chậm nhất 21/11/2026 14:02:00, tsa.test chứng thực",
        ),
        (
            Bounds(at(1), at(0), None),
            "pending since 21/11/2026 14:01:00; in the log at the earliest 21/11/2026 14:00:00",
            "đang chờ từ 21/11/2026 14:01:00; vào nhật ký sớm nhất 21/11/2026 14:00:00",
        ),
        (Bounds(at(1), None, None), "pending since 21/11/2026 14:01:00", "đang chờ từ 21/11/2026 14:01:00"),
        (
            Bounds(None, at(0), None),
            "pending: the log is about to be sealed",
            "đang chờ: nhật ký sắp được niêm phong",
        ),
    ],
    ids=["both", "latest", "pending with a bound", "pending", "not sealed"],
)
def test_bounds_are_told_as_they_are(bounds: Bounds, english: str, vietnamese: str) -> None:
    told: dict[Language, str] = {"en": english, "vi": vietnamese}
    for language, words in told.items():
        token = current.set(language)
        assert stamps.spoken(bounds, expected=True) == words
        current.reset(token)


def test_a_stamp_is_shown_even_when_no_authority_is_asked_any_more_but_none_is_waited_for() -> None:
    assert stamps.spoken(Bounds(at(1), None, at(2), TSA), expected=False)
    assert stamps.spoken(Bounds(at(1), at(0), None), expected=False) == ""
    assert stamps.spoken(Bounds(None, None, None), expected=False) == ""
