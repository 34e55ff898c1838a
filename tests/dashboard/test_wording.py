"""Times, sentences, sums and the chart, as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hub import language
from hub.audit import Event
from hub.dashboard import browsers, events, moments, wording
from hub.dashboard.chart import HALF, LEAST, chart
from hub.dashboard.situation import Situation, headline
from hub.dashboard.timeline import timeline
from hub.envelope.names import PROFILE
from hub.language import Language
from hub.ledger.journey import Entry, Names
from hub.ledger.overview import Figures, Hour, SlowSystem
from hub.validation.rules import profile

NOW = datetime(2026, 11, 20, 7, 42, tzinfo=UTC)
NAMES = Names({f"H33.{number:02d}": f"Sở {number}" for number in range(1, 10)}, {"s1": "hệ thống một"})


@pytest.fixture(params=["vi", "en"])
def reading(request: pytest.FixtureRequest) -> Iterator[Language]:
    token = language.current.set(request.param)
    yield request.param
    language.current.reset(token)


def entry(kind: Event, agency: str, seconds: int, **values: object) -> Entry:
    given = {
        "seq": seconds,
        "id": str(seconds),
        "at": NOW + timedelta(seconds=seconds),
        "kind": kind.value,
        "actor": "relay",
        "agency_code": agency,
        "envelope_id": "e",
        "delivery_id": f"d-{agency}",
        "document_id": "",
        "code": "",
        "detail": {"recipient": agency},
    } | values
    return Entry(**given)  # type: ignore[arg-type]  # the fields are named above


@pytest.mark.parametrize(
    ("back", "vietnamese", "english"),
    [
        (timedelta(minutes=5), "14:37 hôm nay", "14:37 today"),
        (timedelta(hours=14, minutes=43), "23:59 hôm qua", "23:59 yesterday"),
        (timedelta(days=3), "3 ngày trước", "3 days ago"),
        (timedelta(days=30), "21/10/2026", "21/10/2026"),
    ],
)
def test_times_are_said_as_people_say_them(reading: Language, back: timedelta, vietnamese: str, english: str) -> None:
    assert moments.spoken(NOW - back, NOW) == (vietnamese if reading == "vi" else english)


def test_a_time_carries_the_exact_one() -> None:
    tag = moments.time_tag(NOW, NOW)
    assert 'title="20/11/2026 14:42:00"' in tag
    assert 'datetime="2026-11-20T07:42:00+00:00"' in tag
    assert moments.time_tag(None, NOW) == "–"


def test_the_same_step_for_many_recipients_is_one_line_that_unfolds(reading: Language) -> None:
    entries = [entry(Event.DELIVERY_PUBLISHED, f"H33.{number:02d}", number) for number in range(1, 6)]
    entries += [entry(Event.DELIVERY_READY, "H33.01", 6), entry(Event.DELIVERY_PUBLISHED, "H33.06", 7)]
    [day] = timeline(entries, NAMES, NOW)
    assert [len(step.folded) for step in day.steps] == [6, 0]
    assert "6" in day.steps[0].sentence
    assert "Sở 6" in day.steps[0].folded[5]


def test_a_step_for_a_few_recipients_names_them() -> None:
    entries = [entry(Event.DELIVERY_SETTLED, f"H33.{number:02d}", number) for number in (1, 2)]
    [day] = timeline(entries, NAMES, NOW)
    assert [step.sentence for step in day.steps] == ["Đã đến Sở 1, Sở 2"]


def test_refusals_and_late_repeats_are_never_folded_away() -> None:
    entries = [
        entry(Event.DELIVERY_REFUSED, "H33.01", 1, detail={"recipient": "H33.01", "reason": "gửi nhầm"}),
        entry(Event.DELIVERY_REFUSED, "H33.02", 2),
        entry(Event.DELIVERY_PUBLISHED, "H33.01", 3),
        entry(Event.DELIVERY_PUBLISHED, "H33.01", 600),
    ]
    [day] = timeline(entries, NAMES, NOW)
    assert len(day.steps) == 4
    assert day.steps[0].reason == "gửi nhầm"


def test_a_recall_request_is_said_by_the_sender_not_by_the_recipient() -> None:
    asked = entry(Event.STATUS_RECEIVED, "H33.01", 1, code="13", agency_code="H33.02")
    assert events.sentence(asked, NAMES) == "Sở 2 báo: Yêu cầu lấy lại"


def test_every_kind_of_entry_has_its_sentence(reading: Language) -> None:
    for kind in Event:
        words = events.sentence(entry(kind, "H33.01", 1), NAMES)
        assert words
        assert words != kind.value
        assert "%(" not in words
        assert events.kind_name(kind.value) != kind.value


def test_findings_explain_themselves_in_the_readers_language(reading: Language) -> None:
    refused = entry(
        Event.ENVELOPE_REFUSED,
        "H33.01",
        1,
        code="xml-dtd",
        detail={"findings": [{"code": "xml-dtd", "detail": "line 2", "location": "/"}, "odd", {"code": "new-code"}]},
    )
    first, second = events.findings(refused, profile(PROFILE))
    assert first.title == (
        "Không được có khai báo kiểu tài liệu (DTD)"
        if reading == "vi"
        else "A document type declaration is not allowed"
    )
    assert (first.detail, first.location) == ("line 2", "/")
    assert second.title == "new-code"


def test_a_list_sums_up_with_trouble_first() -> None:
    summed = wording.summary({"ready": 2, "published": 1, "03": 5, "02": 1, "refused": 1})
    assert [(tag.shape, count) for tag, count in summed] == [("cross", 2), ("ring", 3), ("check", 5)]
    assert wording.summary({"leased": 1})[0][0].word == "Đang nhận"


def test_an_unknown_status_shows_its_number() -> None:
    assert wording.tag("09").word == "Trạng thái 09"


def test_sizes_and_numbers_are_written_as_the_reader_writes_them(reading: Language) -> None:
    assert wording.size(812) == "812 B"
    assert wording.size(48_213) == "48 KB"
    assert wording.size(3_260_000) == ("3,3 MB" if reading == "vi" else "3.3 MB")
    assert wording.number(1_284_000) == "1\u2009284\u2009000"


def test_bars_stand_on_zero_and_share_one_scale() -> None:
    hours = [Hour(NOW + timedelta(hours=number), count, count * 2) for number, count in enumerate((0, 1, 40, 100))]
    drawn = chart(hours)
    assert drawn.top == 200
    assert [bar.accepted_height for bar in drawn.bars] == [0, LEAST, round(HALF / 5, 1), HALF / 2]
    assert drawn.bars[3].delivered_height == HALF
    assert chart([Hour(NOW, 0, 0)]).top == 1


def situation(**values: object) -> Situation:
    figures = Figures(10, 20, 0, 0, 0, 0, 0, None)
    given = {"at": NOW, "figures": figures, "hours": [], "refused": [], "waiting": [], "systems": []} | values
    return Situation(**given)  # type: ignore[arg-type]  # the fields are named above


def test_the_headline_names_the_worst_trouble() -> None:
    slow = SlowSystem("hoason", 14, NOW - timedelta(hours=2))
    stuck = Figures(10, 20, 3, 0, 2, 5, 7, NOW - timedelta(minutes=9))
    assert headline(situation()).tone == "ok"
    assert headline(situation(systems=[slow])).title == "Hệ thống hoason chưa nhận văn bản"
    assert "14 văn bản đang chờ, lâu nhất đã 2 giờ" in headline(situation(systems=[slow])).text
    assert "hoason, hoason" in headline(situation(systems=[slow, slow])).title
    assert headline(situation(figures=stuck, systems=[slow])).title == "Văn bản không được chuyển đi"
    refused = Figures(10, 20, 3, 0, 0, 0, 0, None)
    assert headline(situation(figures=refused)).text.startswith("3 lượt giao bị từ chối")


def test_fresh_letters_are_no_trouble() -> None:
    fresh = Figures(10, 20, 0, 0, 0, 4, 2, NOW - timedelta(seconds=30))
    system = SlowSystem("anphu", 4, NOW - timedelta(minutes=5))
    assert headline(situation(figures=fresh, systems=[system])).tone == "ok"


def test_the_attempts_of_a_day_are_one_line_with_the_last_reason_unfolded() -> None:
    failed = [
        entry(
            Event.DELIVERY_ATTEMPTED, "H33.01", 600 * number, code=code, detail={"system": "s", "recipient": "H33.01"}
        )
        for number, code in enumerate(("unreachable", "timed-out", "unreachable", "timed-out"))
    ]
    person = entry(Event.CHASE_ASKED, "H33.01", 9000, actor="person:truc", detail={"recipient": "H33.01"})
    [day] = timeline([*failed, person], NAMES, NOW, people=True)
    tried, chased = day.steps
    assert "Sở 1" in tried.sentence
    assert "4 lần thử" in tried.sentence
    assert len(tried.folded) == 4
    assert tried.reason == events.reason(failed[3])
    assert (chased.tone, chased.by) == ("ink", "truc")
    [other] = timeline([person], NAMES, NOW)
    assert other.steps[0].by == ""


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome · Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) coc_coc_browser/120 Chrome/120 Safari/537.36", "Cốc Cốc · Windows"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari · iPad"),
        ("curl/8.5", "curl/8.5"),
        ("", "–"),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, words: str) -> None:
    assert browsers.words(agent) == words
