"""A list of letters from A to B is checked against every leaf of its time: one too few, too many or cut off is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.audit import Entry, Event, canonical
from hub.audit.completeness import Completeness
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.audit.verify_log import Wrong, check
from hub.ledger import completeness, exchange_log, log_export, transparency
from hub.problems import Refused
from tests.ledger.stage import Stage

LOG = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def letter(name: str, at: datetime, sender: str = "G22", recipients: tuple[str, ...] = ("H33",), **more: Any) -> Entry:
    detail = {"recipients": list(recipients), **more}
    return Entry(Event.ENVELOPE_ACCEPTED, at, "s", sender, envelope_id=name, document_id=name, detail=detail)


@pytest.fixture
def sealed(stage: Stage) -> Stage:
    """A letter a day from April to July, every third of them to H33; in May one to very many."""
    circular = stage.accept("H33", "H40").envelope_id
    many = {"of": 2, "sha256": hashlib.sha256(canonical.canonical(["H33", "H40"])).hexdigest()}
    entries = []
    for day in range(90):
        at = MAY + timedelta(days=day - 20, hours=1)
        recipients = ("H40", "H33") if day % 3 == 0 else ("H40",)
        entries.append(letter(f"e{day}", at, recipients=recipients))
        entries.append(letter(f"other{day}", at, sender="H33.01"))
    entries.append(letter(circular, MAY + timedelta(days=4), recipients=(), shortened={"recipients": many}))
    stage.ledger.write_now(exchange_log.append, sorted(entries, key=lambda one: one.at))
    stage.ledger.write_now(transparency.seal, Signing([LOG]), 1000)
    return stage


@pytest.fixture
def verified(sealed: Stage, tmp_path: Path) -> Callable[[log_export.Written], Completeness]:
    def verify(opened: log_export.Written) -> Completeness:
        file = tmp_path / "complete.ndjson"
        file.write_bytes(b"".join(log_export.lines_now(sealed.ledger, opened)))
        watching = Completeness()
        check([file], [LOG.log_key.text], watch=watching)
        return watching

    return verify


def opening(stage: Stage, since: datetime = MAY, until: datetime = JUNE) -> log_export.Written:
    return stage.ledger.read_now(completeness.opening, "G22", "H33", since, until)


def asked_again(stage: Stage, start: int, end: int, **changed: Any) -> log_export.Written:
    """The right question over other leaves, or another question."""
    right = _question(opening(stage))
    return stage.ledger.read_now(log_export.opening, start, end, question=right | changed)


def _question(opened: log_export.Written) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(opened.header)["question"]
    return found


def test_all_letters_of_a_month_are_proved_to_be_all(
    sealed: Stage, verified: Callable[[log_export.Written], Completeness]
) -> None:
    opened = opening(sealed)
    question = _question(opened)
    expected = [f"e{day}" for day in range(21, 51, 3)]
    circular = next(iter(question["recipients"]))
    assert question["matches"] == [*expected[:1], circular, *expected[1:]]
    assert question["recipients"] == {circular: ["H33", "H40"]}
    [answer] = verified(opened).answers.values()
    assert answer.found == question["matches"]
    assert not answer.open_end
    size = sealed.ledger.read_now(transparency.newest)
    assert size is not None
    assert opened.end - opened.start < size.size / 2, "no more leaves than the month and its margin need"


def test_a_list_with_one_too_few_or_too_many_is_refused(
    sealed: Stage, verified: Callable[[log_export.Written], Completeness]
) -> None:
    opened = opening(sealed)
    matches = _question(opened)["matches"]
    for changed in (matches[1:], matches[:-1], [*matches, "e20"], [], matches[::-1]):
        with pytest.raises(Wrong, match="not what the leaves say"):
            verified(asked_again(sealed, opened.start, opened.end, matches=changed))
    with pytest.raises(Wrong, match="not what the leaves say"):
        verified(asked_again(sealed, opened.start, opened.end, to="H40"))


def test_a_stretch_that_begins_or_ends_inside_the_time_proves_nothing(
    sealed: Stage, verified: Callable[[log_export.Written], Completeness]
) -> None:
    opened = opening(sealed)
    matches = _question(opened)["matches"]
    with pytest.raises(Wrong, match="begins inside"):
        verified(asked_again(sealed, opened.start + 2, opened.end, matches=matches))
    with pytest.raises(Wrong, match="ends inside"):
        verified(asked_again(sealed, opened.start, opened.end - 2, matches=matches))


def test_recipients_that_the_leaf_had_no_room_for_are_held_to_its_digest(
    sealed: Stage, verified: Callable[[log_export.Written], Completeness]
) -> None:
    opened = opening(sealed)
    [circular] = _question(opened)["recipients"]
    for lists in ({}, {circular: ["H40"]}, {circular: "H33"}):
        with pytest.raises(Wrong, match="digest"):
            verified(asked_again(sealed, opened.start, opened.end, recipients=lists))


def test_where_the_log_ends_inside_the_time_it_is_said(
    sealed: Stage, verified: Callable[[log_export.Written], Completeness]
) -> None:
    [answer] = verified(opening(sealed, MAY + timedelta(days=60), MAY + timedelta(days=400))).answers.values()
    assert answer.open_end
    [early] = verified(opening(sealed, MAY - timedelta(days=300), MAY - timedelta(days=10))).answers.values()
    assert early.found == [f"e{day}" for day in range(0, 10, 3)]
    [none] = verified(opening(sealed, MAY - timedelta(days=300), MAY - timedelta(days=200))).answers.values()
    assert none.found == []


def test_a_question_of_another_form_and_a_time_too_long_are_refused(
    sealed: Stage, verified: Callable[[log_export.Written], Completeness]
) -> None:
    opened = opening(sealed)
    for changed in (
        {"since": "may"},
        {"margin": -1},
        {"matches": "e1"},
        {"until": "2026-01-01T00:00:00Z"},
        {"from": 1},
    ):
        with pytest.raises(Wrong):
            verified(asked_again(sealed, opened.start, opened.end, **changed))
    with pytest.raises(Refused):
        opening(sealed, MAY, MAY + timedelta(days=500))
