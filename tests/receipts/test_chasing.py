"""What the chaser does at a look, whatever happened before: no step twice, none that is moot, no burst, no loss."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger.overdue import Chased
from hub.receipts import chasing
from hub.receipts.chasing import Progress
from hub.receipts.deadline_policy import load
from hub.receipts.deadlines import Facts

POLICY = load()
ACCEPTED = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # a Friday, 09:00 in Vietnam
READER = {"remind": "recipient", "contact": "contact", "warn": "sender", "notice": "sender", "end": "end"}


def chased(facts: Facts, state: str = "ready") -> Chased:
    """A delivery that was just accepted."""
    due = POLICY.of(facts, ACCEPTED)
    return Chased(
        id="d", envelope_id="e", system_id="s", recipient_code="H33", sender_code="G22", sender_system_id="t",
        document_id="", sha256="", number="1", notation="CV", subject="", document_type=facts.document_type,
        priority=facts.priority, business_type=facts.business_type, due_on=facts.due_on, state=state,
        available_at=None, status_code=None, not_before=None, expires_at=due.expires_at, confirm_by=due.confirm_by,
        process_by=due.process_by, chase_at=due.chase_at, chase_step="", superseded_by=None,
    )  # fmt: skip


FACTS = st.builds(
    Facts,
    priority=st.integers(0, 4),
    business_type=st.integers(0, 1),
    document_type=st.sampled_from(["Công văn", "Giấy mời"]),
    due_on=st.none() | st.dates(date(2026, 11, 18), date(2026, 12, 20)),
)
# hours that pass until the next look (an hour back: the clock was set), and what happened meanwhile
EVENTS = st.tuples(
    st.floats(-1, 200, allow_nan=False),
    st.sampled_from(["", "", "", "taken", "01", "03", "06", "13", "mail fails", "asked"]),
)


@given(FACTS, st.lists(EVENTS, max_size=25))
def test_every_history_is_chased_without_repeats_bursts_or_moot_steps(
    facts: Facts, events: list[tuple[float, str]]
) -> None:
    row, now = chased(facts), ACCEPTED
    sent: Counter[str] = Counter()
    for hours, event in events:
        now += timedelta(hours=hours)
        if event == "taken" and row.state == "ready":
            row = replace(row, state="settled")
        elif event.isdigit():
            row = replace(row, status_code=event)
        elif event == "asked" and not chasing.over(row):
            row = replace(row, **dict(zip(("chase_at", "chase_step"), chasing.asked(POLICY, row, now), strict=True)))
        if row.chase_at is None or row.chase_at > now:
            continue
        look = chasing.look(POLICY, row, now)
        assert not any(chasing.moot(step, row) for step in look.steps)
        assert max(Counter(READER[step.kind] for step in look.steps).values(), default=0) <= 1
        assert look.chase_at is None or look.chase_at > now
        row = replace(row, chase_at=look.chase_at, chase_step=look.chase_step)
        assert Progress.read(row.chase_step).text() == row.chase_step
        for step in look.steps:
            if step.kind == "contact":
                outcome = "failed" if event == "mail fails" else "sent"
                noted = chasing.mailed(POLICY, row, [step.name], now, outcome)  # type: ignore[arg-type]  # one of the words
                row = replace(row, chase_at=noted.chase_at, chase_step=noted.chase_step)
                assert row.chase_at is None or row.chase_at > now
                if outcome == "failed" or step.name == chasing.ASKED:
                    continue
            sent[step.name] += 1
        if any(step.kind == "end" for step in look.steps):
            break
    assert max(sent.values(), default=1) == 1, sent


@given(FACTS, st.floats(0.01, 3000))
def test_what_nobody_does_ends_with_a_signed_notice_however_late_the_first_look(facts: Facts, hours: float) -> None:
    row = chased(facts)
    assert row.expires_at is not None
    now = row.expires_at + timedelta(hours=hours)
    assert [step.kind for step in chasing.look(POLICY, row, now).steps] == ["end"]
    taken = chasing.look(POLICY, replace(row, state="settled"), now)
    assert [step.kind for step in taken.steps].count("notice") == 1
    assert taken.chase_at is None or taken.chase_at <= now + chasing.CLAIM + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("state", "status", "hours", "expected"),
    [
        ("ready", None, -1, ""),
        ("ready", None, 1, "unconfirmed"),
        ("settled", None, 1, "unconfirmed"),
        ("settled", "03", 1, ""),
        ("settled", "03", 200, "unprocessed"),
        ("settled", "05", 200, "unprocessed"),
        ("settled", "06", 200, ""),
        ("settled", "02", 200, ""),
        ("settled", "13", 200, ""),
        ("refused", None, 200, ""),
        ("dead", None, 200, ""),
        ("withdrawn", None, 200, ""),
    ],
)
def test_what_counts_as_overdue(state: str, status: str | None, hours: int, expected: str) -> None:
    confirm_by, process_by = ACCEPTED, ACCEPTED + timedelta(hours=100)
    now = confirm_by + timedelta(hours=hours)
    assert chasing.overdue(state, status, confirm_by, process_by, now) == expected
