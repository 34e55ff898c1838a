"""The read models on both stores: what they count, what they list, and that every list is bounded."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.ledger import Ledger, Transaction, journey, log_pages, overview, question_letters, search, tables
from hub.ledger.log_pages import LogFilters
from hub.ledger.search import Filters
from tests.dashboard.seeding import AGENCIES, seed
from tests.services import PostgreSQL

NOW = datetime(2026, 11, 20, 7, 42, 30, tzinfo=UTC)
DAY_AGO = NOW - timedelta(hours=24)


STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]


@contextlib.contextmanager
def opened(store: str, request: pytest.FixtureRequest, directory: Path) -> Iterator[Ledger]:
    if store == "sqlite":
        ledger = Ledger.sqlite(directory / "ledger.db")
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        ledger = Ledger.postgresql(server.create_database(f"test_{uuid.uuid4().hex}"), 4)
    yield ledger
    ledger.close()


@pytest.fixture(scope="module", params=STORES)
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Ledger, dict[str, str]]]:
    """A day of exchange with trouble in it, on each store; the tests read it only."""
    with opened(request.param, request, tmp_path_factory.mktemp("told")) as ledger:
        yield ledger, seed(ledger, "day", "trouble", now=NOW)


def all_pages(ledger: Ledger, filters: Filters, limit: int = 40) -> list[str]:
    """Identifiers from the newest to the oldest, page by page."""
    found: list[str] = []
    before = ""
    while True:
        page = ledger.read_now(search.page, filters, before=before, limit=limit)
        found += [row.id for row in page.rows]
        if page.older is None:
            return found
        before = page.older


def test_the_figures_are_what_the_tables_hold(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told

    def counted(transaction: Transaction) -> tuple[int, int, int]:
        delivery = tables.delivery
        accepted = select(func.count()).where(tables.envelope.c.received_at >= DAY_AGO)
        settled = select(func.count()).where(delivery.c.state == "settled", delivery.c.closed_at >= DAY_AGO)
        waiting = select(func.count()).where(delivery.c.state.in_(tables.TAKEABLE))
        first, second, third = (transaction.execute(one).scalar_one() for one in (accepted, settled, waiting))
        return first, second, third

    figures = ledger.read_now(overview.figures, DAY_AGO)
    assert (figures.accepted, figures.delivered, figures.waiting) == ledger.read_now(counted)
    assert (figures.refused_deliveries, figures.refused_submissions, figures.dead, figures.in_transit) == (1, 3, 1, 1)
    assert figures.in_transit_since is not None
    assert figures.in_transit_since < NOW


def test_the_hours_add_up_to_the_day(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    figures = ledger.read_now(overview.figures, DAY_AGO)
    hours = ledger.read_now(overview.per_hour, DAY_AGO, NOW + timedelta(seconds=1))
    assert sum(hour.accepted for hour in hours.values()) == figures.accepted
    assert sum(hour.delivered for hour in hours.values()) == figures.delivered
    assert all(start == hour.start and not (start.minute or start.second) for start, hour in hours.items())


def test_one_agencys_figures_count_its_letters_only(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    parts = [ledger.read_now(overview.figures, DAY_AGO, code).accepted for code, *_rest in AGENCIES]
    assert sum(parts) == ledger.read_now(overview.figures, DAY_AGO).accepted
    assert ledger.read_now(overview.figures, DAY_AGO, "H33.12").refused_submissions == 1


def test_what_waits_longest_comes_first_and_fresh_letters_do_not(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    waiting = ledger.read_now(overview.waiting_longest, NOW - timedelta(minutes=30))
    assert [one.at for one in waiting] == sorted(one.at for one in waiting)
    assert {one.recipient_code for one in waiting} == {"H33.21.04"}
    systems = ledger.read_now(overview.slowest_systems)
    assert [(one.name, one.waiting) for one in systems] == [("hoason", 15), ("anphu", 1)]


def test_refused_deliveries_come_with_the_recipients_reason(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, letters = told
    refused = ledger.read_now(overview.refused_deliveries, DAY_AGO)
    assert {(one.envelope_id, one.state) for one in refused} == {
        (letters["trouble"], "refused"),
        (letters["trouble"], "dead"),
    }
    assert any("Sở Tài chính" in one.reason for one in refused)


def test_pages_show_every_letter_once_newest_first(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    found = all_pages(ledger, Filters())
    assert found == sorted(set(found), reverse=True)

    def held(transaction: Transaction) -> int:
        return transaction.execute(select(func.count()).select_from(tables.envelope)).scalar_one()

    assert len(found) == ledger.read_now(held)


def test_newer_leads_back_the_same_way(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    first = ledger.read_now(search.page, Filters(), limit=30)
    second = ledger.read_now(search.page, Filters(), before=first.older or "", limit=30)
    back = ledger.read_now(search.page, Filters(), after=second.newer or "", limit=30)
    assert [row.id for row in back.rows] == [row.id for row in first.rows]
    assert first.newer is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(text="giao du toan", state="refused"), 1),
        (Filters(state="dead"), 1),
        (Filters(agency="H33.21.04", direction="sent", text="khong co"), 0),
        (Filters(agency="không có cơ quan này"), 0),
        (Filters(first_day=(NOW + timedelta(days=2)).date()), 0),
        (Filters(last_day=(NOW - timedelta(days=3)).date()), 0),
    ],
)
def test_filters_narrow_the_list(told: tuple[Ledger, dict[str, str]], filters: Filters, expected: int) -> None:
    assert len(all_pages(told[0], filters)) == expected


def test_an_agency_is_found_by_its_name_and_by_a_former_code(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    by_code = all_pages(ledger, Filters(agency="H33.07"))
    assert by_code
    assert all_pages(ledger, Filters(agency="sở y tế")) == by_code
    assert all_pages(ledger, Filters(agency="000.00.07.H33")) == by_code
    assert set(all_pages(ledger, Filters(text="Sở Y tế"))) == set(by_code)


def test_sent_and_received_are_seen_from_the_agency(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    sent = all_pages(ledger, Filters(own_agency="H33.07", direction="sent"))
    received = all_pages(ledger, Filters(own_agency="H33.07", direction="received"))
    assert sent
    assert received
    assert not set(sent) & set(received)
    assert set(all_pages(ledger, Filters(own_agency="H33.07"))) == {*sent, *received}


def test_a_search_stops_at_its_window_and_goes_on_behind_it(
    told: tuple[Ledger, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, letters = told
    whole = all_pages(ledger, Filters(text="tiem chung"))
    monkeypatch.setattr(search, "WINDOW", 25)
    first = ledger.read_now(search.page, Filters(agency="H33", text="khong-co-o-dau"))
    assert first.rows == []
    assert first.window_ended
    assert first.older is not None
    assert all_pages(ledger, Filters(text="tiem chung")) == whole
    assert letters


def test_the_list_is_the_same_whether_its_words_count_as_frequent_or_as_rare(
    told: tuple[Ledger, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _letters = told
    found = {}
    for enough in (1, 10**9):
        monkeypatch.setattr(question_letters, "FREQUENT_WORDS", enough)
        frequent = ledger.read_now(question_letters.frequent, ["tiem", "chung"])
        assert frequent == (enough == 1 and ledger.dialect == "postgresql")
        assert not ledger.read_now(question_letters.frequent, ["tiem", "khong-co"])
        found[enough] = all_pages(ledger, Filters(text="tiem chung")), all_pages(ledger, Filters(text="khong-co-o-dau"))
    assert found[1] == found[10**9]
    assert found[1][0]
    assert not found[1][1]


def test_one_box_finds_a_letter_by_its_identifiers_and_its_words(
    told: tuple[Ledger, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, letters = told
    head = ledger.read_now(journey.letter, letters["trouble"])
    assert head is not None
    texts = (head.id.upper(), head.document_id, f"{head.number}/{head.notation}", f"{head.number} giao dự toán")
    for text in texts:
        assert all_pages(ledger, Filters(text=text)) == [head.id], text
    assert all_pages(ledger, Filters(text=head.id, own_agency="G09")) == [], "not a letter of theirs"
    assert head.id in all_pages(ledger, Filters(text="so y te")), "an agency, without diacritics"
    marked, plain = Filters(text="triển khai kết nối"), Filters(text="ket noi trien khai")
    assert all_pages(ledger, marked) == all_pages(ledger, plain)
    monkeypatch.setattr(search, "WINDOW", 3)
    for text in texts[:2] if ledger.dialect == "sqlite" else texts:
        assert [one.id for one in ledger.read_now(search.page, Filters(text=text)).rows] == [head.id], text


def test_a_letters_timeline_holds_what_concerns_the_reader(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, letters = told
    entries, more = ledger.read_now(journey.timeline, letters["trouble"])
    assert more is None
    assert {entry.agency_code for entry in entries} >= {"H33", "H33.07", "H33.12"}
    own, _more = ledger.read_now(journey.timeline, letters["trouble"], only="H33.07")
    assert {entry.agency_code for entry in own} == {"H33", "H33.07"}
    assert ledger.read_now(journey.letter, letters["trouble"], "G09") is None
    assert ledger.read_now(journey.letter, letters["trouble"], "H33.07") is not None


def test_a_circular_is_shown_in_pages(told: tuple[Ledger, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, letters = told
    monkeypatch.setattr(journey, "RECIPIENTS_PER_PAGE", 2)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        rows, after = ledger.read_now(journey.recipients, letters["day"], after=after)
        assert len(rows) <= 2
        seen += [row.code for row in rows]
    assert seen == ["G09", "H33.01", "H33.07", "H33.12", "H33.21"]


def test_the_log_is_paged_and_filtered(told: tuple[Ledger, dict[str, str]]) -> None:
    ledger, _letters = told
    first = ledger.read_now(log_pages.page, LogFilters(), limit=60)
    second = ledger.read_now(log_pages.page, LogFilters(), before=first.older or 0, limit=60)
    sequence = [entry.seq for entry in (*first.entries, *second.entries)]
    assert sequence == sorted(set(sequence), reverse=True)
    assert len(sequence) == 120
    back = ledger.read_now(log_pages.page, LogFilters(), after=second.newer or 0, limit=60)
    assert [entry.seq for entry in back.entries] == sequence[:60]
    refused = ledger.read_now(log_pages.page, LogFilters(kind="envelope.refused", agency="G09"))
    assert [entry.code for entry in refused.entries] == ["recipient-unknown"]
    group = ledger.read_now(log_pages.page, LogFilters(kind="status"), limit=200)
    assert {entry.kind for entry in group.entries} == {"status.received"}


def test_agency_lists_are_read_by_an_index(tmp_path: Path) -> None:
    """On SQLite, which plans by rules: PostgreSQL rightly scans tables as small as these."""
    ledger = Ledger.sqlite(tmp_path / "ledger.db")
    seed(ledger, "day", now=NOW)

    def plan(transaction: Transaction) -> str:
        lists = search._candidates(transaction, Filters(own_agency="H33.07"), "", "")
        statement = str(lists.compile(transaction.engine, compile_kwargs={"literal_binds": True}))
        return "\n".join(str(row) for row in transaction.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"))

    steps = ledger.read_now(plan)
    assert "ix_envelope_sender" in steps
    assert "sqlite_autoindex_delivery" in steps
    assert "SCAN envelope" not in steps
    assert "SCAN delivery" not in steps
    ledger.close()


@pytest.mark.parametrize("store", STORES)
def test_what_the_intake_saw_is_read_on_both_stores(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with opened(store, request, tmp_path) as ledger:
        letters = seed(ledger, "intake", "settled", now=NOW)
        [deferred] = ledger.read_now(overview.deferrals, DAY_AGO)
        assert (deferred.code, deferred.count, deferred.latest) == (
            "trust-unavailable",
            3,
            NOW - timedelta(minutes=20),
        )
        assert ledger.read_now(overview.deferrals, NOW - timedelta(minutes=20, seconds=30))[0].count == 1
        both = ledger.read_now(log_pages.page, LogFilters(kinds=("envelope.refused", "envelope.deferred")))
        assert {entry.kind for entry in both.entries} == {"envelope.refused", "envelope.deferred"}
        assert len(both.entries) == 4
        [settled] = ledger.read_now(journey.settlements, letters["settled"])
        assert settled.detail["status"] == "revoked"
        assert ledger.read_now(journey.settlements, letters["intake"]) == []
