"""Auditors' questions: every filter, alone and together, finds what looking at every row finds; pages have no gap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import text

from hub.audit import Entry, Event
from hub.language.folding import SEPARATORS, folded, words_of
from hub.ledger import Ledger, exchange_log, question_entries, question_letters, question_messages, saved_questions
from hub.ledger.questions import Question
from hub.problems import Refused
from tests.ledger.archive import BEGIN, CODES, KINDS, Archive

FEW = hypothesis.settings(
    max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)


@pytest.fixture(scope="module")
def archive() -> Archive:
    made = Archive()
    made.fill(60)
    return made


@pytest.fixture
def filled(ledger: Ledger, archive: Archive) -> Ledger:
    archive.store(ledger)
    return ledger


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of few rows, so that a small archive has many of them."""
    monkeypatch.setattr(question_messages, "WINDOW", 11)
    monkeypatch.setattr(question_entries, "WINDOW", 17)
    monkeypatch.setattr(question_entries, "LETTERS", 3)
    monkeypatch.setattr(question_letters.few, "__defaults__", (4,))


def messages(ledger: Ledger, asked: Question, limit: int = 7, seen_by: str | None = None) -> list[tuple[str, str]]:
    """All pages together."""
    found: list[tuple[str, str]] = []
    cursor = ""
    while True:
        page = ledger.read_now(question_messages.page, asked, before=cursor, limit=limit, seen_by=seen_by)
        found += [(row.envelope, row.recipient) for row in page.rows]
        if not page.older:
            return found
        assert page.older != cursor
        cursor = page.older


def entries(ledger: Ledger, asked: Question, order: question_entries.Order, limit: int = 9, **more: Any) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = ledger.read_now(question_entries.page, asked, order=order, after=cursor, limit=limit, **more)
        found += [row.id for row in page.rows]
        if not page.more:
            return found
        assert page.next != cursor
        cursor = page.next


def either(*values: Any) -> st.SearchStrategy[Any]:
    """Mostly nothing: a question that asks for everything finds nothing."""
    return st.one_of(st.just(""), st.just(""), st.just(""), st.sampled_from(values))


QUESTIONS = st.builds(
    Question,
    since=st.one_of(st.none(), st.integers(0, 20).map(lambda days: BEGIN + timedelta(days=days))),
    until=st.one_of(st.none(), st.integers(5, 30).map(lambda days: BEGIN + timedelta(days=days))),
    agency=either(*CODES),
    direction=st.sampled_from(("", "sent", "received", "either")),
    sender=either(*CODES),
    recipient=either(*CODES),
    document_id=either("vb.3", "vb.999"),
    number=either("1", "2", "9"),
    notation=either("QĐ-UBND", "TB"),
    words=either("ke hoach", "KẾ HOẠCH chuyển", "gap 2027", "du phong", "hoach", "qd", "khong co", "50%"),
    document_type=either("Công văn", "Quyết định"),
    business_type=st.sampled_from((None, None, None, 0, 1)),
    outcome=either(*(one for one in question_letters.STATES), "accepted", "overdue"),
    code=either("03", "xml-dtd"),
    actor=either("person:lan", "courier"),
    kind=either(*KINDS, "delivery", "envelope"),
)


def test_questions_find_what_looking_at_every_row_finds(filled: Ledger, archive: Archive, narrow: None) -> None:
    @FEW
    @hypothesis.given(QUESTIONS)
    def asked(question: Question) -> None:
        assert messages(filled, question) == archive.messages(question)
        found = archive.found_entries(question)
        assert entries(filled, question, "commit") == found
        assert entries(filled, question, "newest") == found[::-1]

    asked()


ALONE: tuple[dict[str, Any], ...] = (
    *({"agency": "H33", "direction": one} for one in ("", "sent", "received", "either")),
    {"sender": "H33"}, {"recipient": "H40"}, {"sender": "H33", "recipient": "H40"}, {"document_id": "vb.3"},
    {"number": "2"}, {"notation": "QĐ-UBND"}, {"words": "don doan"}, {"document_type": "Quyết định"},
    {"business_type": 1}, {"code": "03"}, {"actor": "person:lan"}, {"kind": "status.received"},
    {"since": BEGIN + timedelta(days=6)}, {"until": BEGIN + timedelta(days=6)},
    *({"outcome": one} for one in (*question_letters.STATES, "accepted", "overdue")),
)  # fmt: skip


def test_every_filter_alone_finds_some_and_leaves_out_others(filled: Ledger, archive: Archive) -> None:
    for alone in ALONE:
        question = Question(**alone)
        found = messages(filled, question, limit=1000)
        assert found == archive.messages(question), alone
        assert found, alone
        assert len(found) < len(archive.deliveries) or alone == {"outcome": "accepted"}, alone
        assert entries(filled, question, "commit", limit=1000) == archive.found_entries(question), alone


def test_words_are_found_with_and_without_diacritics_and_marks(filled: Ledger, archive: Archive) -> None:
    wanted = sorted(one["id"] for one in archive.letters.values() if "kế hoạch" in one["subject"].lower())
    for words in ("kế hoạch", "ke hoach", "KE HOACH", "Kê hoạch", "hoạch  kế", "kế-hoạch", "kế, hoạch"):
        found = messages(filled, Question(words=words))
        assert sorted({envelope for envelope, _ in found}) == wanted != [], words


def test_the_store_tells_words_apart_as_the_program_does(ledger: Ledger) -> None:
    if ledger.dialect != "postgresql":
        return  # there it is the program that does
    written = folded(f"12/QĐ-UBND (gấp): {'x'.join(SEPARATORS)}x “tiếng Việt”…  a\u00a0b")
    split = text("SELECT search_words(:written)")
    found = ledger.read_now(lambda transaction: transaction.execute(split, {"written": written}).scalar_one())
    assert list(dict.fromkeys(one for one in found if one)) == words_of(written)


def test_a_part_of_a_word_and_a_sign_of_the_database_find_nothing(filled: Ledger) -> None:
    assert messages(filled, Question(words="hoac")) == []
    assert messages(filled, Question(words="hoach%")) == messages(filled, Question(words="hoach")) != []


def test_refused_submissions_are_listed_where_they_are_asked_for(filled: Ledger, archive: Archive) -> None:
    def refused(**more: Any) -> list[tuple[str, str]]:
        page = filled.read_now(question_messages.page, Question(outcome="refused", **more), limit=1000)
        assert {row.outcome for row in page.rows} <= {"refused"}
        return [(row.sender, row.code) for row in page.rows]

    rows = [(one["agency_code"], one["code"]) for one in archive.entries if one["kind"] == "envelope.refused"][::-1]
    assert refused() == rows != []
    assert refused(code="xml-dtd") == [one for one in rows if one[1] == "xml-dtd"]
    assert refused(sender="H33") == refused(agency="H33") == [one for one in rows if one[0] == "H33"]
    assert refused(recipient="H33") == refused(words="ke hoach") == refused(agency="H33", direction="received") == []
    assert len(messages(filled, Question(outcome="refused"), limit=2)) == len(rows)


def test_pages_neither_skip_nor_repeat_while_others_write(filled: Ledger, archive: Archive, narrow: None) -> None:
    later = Archive(draw=archive.draw)

    def meanwhile() -> None:
        """More letters and entries, newer than all."""
        fresh = Archive(draw=archive.draw)
        fresh.letter(BEGIN + timedelta(days=40 + len(later.entries)))
        letter = next(iter(fresh.letters.values()))
        letter["document_id"] = f"later-{len(later.entries)}"
        fresh.store(filled)
        later.entries += fresh.entries

    for question in (Question(), Question(words="ke hoach"), Question(sender="H33")):
        before = archive.messages(question)
        first = filled.read_now(question_messages.page, question, limit=1000)
        whole = [(row.envelope, row.recipient) for row in first.rows]
        found, cursor = [], ""
        while True:
            page = filled.read_now(question_messages.page, question, before=cursor, limit=5)
            found += [(row.envelope, row.recipient) for row in page.rows]
            meanwhile()
            if not (cursor := page.older):
                break
        assert len(found) == len(set(found))
        assert set(before) <= set(found)
        assert set(whole) <= set(found)
    kept, cursor = [], ""
    for _ in range(200):
        page_of = filled.read_now(question_entries.page, Question(), after=cursor, limit=40)
        kept += [row.id for row in page_of.rows]
        cursor = page_of.next
        if not page_of.rows:
            break
        if len(kept) < 200:
            meanwhile()
    assert kept == [*archive.found_entries(Question()), *(one["id"] for one in later.entries)]


def test_reading_the_log_to_its_end_ends_though_every_page_is_an_entry(filled: Ledger) -> None:
    def read(asker: str) -> int:
        cursor = ""
        for number in range(100):
            page = filled.read_now(question_entries.page, Question(), after=cursor, limit=100, asker=asker)
            if not page.rows:
                return number
            filled.write_now(exchange_log.append, [Entry(Event.LOG_QUERIED, BEGIN, "auditor")])
            cursor = page.next
        return 100

    assert read("auditor") < 10
    own = filled.read_now(question_entries.page, Question(kind="log.queried"), asker="auditor")
    assert len(own.rows) > 0


def test_an_agency_sees_only_what_it_sent_or_may_see_as_recipient(filled: Ledger, archive: Archive) -> None:
    for code in CODES:
        seen = messages(filled, Question(), seen_by=code)
        sent = {one["id"] for one in archive.letters.values() if one["sender_code"] == code}
        own = [
            (one["envelope_id"], one["recipient_code"])
            for one in archive.deliveries
            if one["envelope_id"] in sent or (one["recipient_code"] == code and one["state"] != "withdrawn")
        ]
        assert seen == sorted(own, reverse=True)
        refused = filled.read_now(question_messages.page, Question(outcome="refused"), seen_by=code)
        assert {row.sender for row in refused.rows} <= {code}
        others = Question(outcome="refused", agency=next(one for one in CODES if one != code))
        assert filled.read_now(question_messages.page, others, seen_by=code).rows == []


def test_a_question_is_kept_replaced_and_forgotten_by_its_owner_alone(ledger: Ledger) -> None:
    first = ledger.write_now(saved_questions.keep, "person:lan", "tháng 5", "entries", {"kind": "delivery.dead"})
    again = ledger.write_now(saved_questions.keep, "person:lan", " tháng  5", "messages", {"from": "H33"})
    other = ledger.write_now(saved_questions.keep, "person:mai", "tháng 5", "messages", {})
    assert (again.id, again.filters, other.id != first.id) == (first.id, {"from": "H33"}, True)
    assert ledger.read_now(saved_questions.of_owner, "person:lan") == [again]
    with pytest.raises(Refused):
        ledger.write_now(saved_questions.remove, "person:mai", first.id)
    ledger.write_now(saved_questions.remove, "person:lan", first.id)
    assert ledger.read_now(saved_questions.of_owner, "person:lan") == []


def test_a_question_survives_its_way_through_an_address() -> None:
    whole = Question(
        BEGIN, BEGIN + timedelta(days=31), "H33", "either", "G22", "H40", "vb.1", "12", "QĐ-UBND", "kế hoạch",
        "Công văn", 2, "dead", "03", "person:lan", "delivery.dead", "e1",
    )  # fmt: skip
    assert Question.of(whole.filters()) == whole
    assert {"from", "to"} <= whole.filters().keys()
    assert Question.of({"until": "2026-05-31"}).until == BEGIN.replace(day=31, hour=17)
    assert Question().filters() == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"), ("since", "2026-05-01T00:00:00"), ("until", "9999-12-31"), ("since", "0001-01-01"),
        ("outcome", "lost"), ("direction", "up"), ("business_type", "7"), ("words", "..."),
        ("words", " ".join("abcdefghijklmnopqrstuv")),
        ("agency", "x" * 201), ("code", "a\0b"),
    ],
)  # fmt: skip
def test_what_no_question_can_mean_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        Question.of({name: value})
    assert (refused.value.code, refused.value.findings[0].location) == ("request-invalid", name)
    with pytest.raises(Refused):
        Question.of({"since": "2026-05-02", "until": "2026-05-01"})


def test_a_cursor_that_no_page_gave_out_is_refused(filled: Ledger) -> None:
    for cursor in ("x", "n1", "nfffffffffffffff-1", "0" * 36, f"{'0' * 36}_\0", "1-2"):
        with pytest.raises(Refused):
            filled.read_now(question_messages.page, Question(), before=cursor)
        with pytest.raises(Refused):
            filled.read_now(question_entries.page, Question(), order="newest", after=cursor)
        if cursor != "1-2":
            with pytest.raises(Refused):
                filled.read_now(question_entries.page, Question(), after=cursor)
