"""The chaser on both stores: who is told when, never twice, never a burst, whatever the clock does."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from typing import Any

import pytest

from hub import clock
from hub.clock import parse_rfc3339
from hub.ledger import Ledger, leasing
from hub.problems import Deferred, Refused
from hub.receipts.asking import Chases
from hub.receipts.deadlines import Facts
from hub.receipts.overdue import Chaser
from hub.signatures.jws import open_jws
from tests.ledger.stage import Store
from tests.receipts.chase_stage import DUE, MORNING, POLICY, Scene, at

HOUR = timedelta(hours=1)


async def test_an_ordinary_letter_that_lies_is_chased_step_by_step_and_the_sender_gets_a_signed_notice(
    scene: Scene,
) -> None:
    scene.contact("H33", "truc@h33.example")
    [one] = scene.letter("H33", taken=True)
    for moment, to_recipient, to_sender, mails in (
        ("2026-11-20 14:59", 0, [], 0),
        ("2026-11-20 15:00", 1, [], 0),
        ("2026-11-20 16:00", 1, [], 1),
        ("2026-11-20 16:30", 1, ["delivery.expires-soon"], 1),
        ("2026-11-20 17:00", 1, ["delivery.expires-soon", "delivery.unconfirmed"], 1),
        ("2026-11-23 09:30", 2, ["delivery.expires-soon", "delivery.unconfirmed"], 1),
    ):
        await scene.until(at(moment))
        assert scene.told("h33") == ["delivery.reminder"] * to_recipient, moment
        assert scene.told("sender") == to_sender, moment
        assert len(scene.post.sent) == mails, moment
    notice = scene.feed("sender")[-1]
    key = scene.stage.signer.key
    payload = open_jws(notice.jws, {key.kid: key.public}, "lienthong-receipt+jws")
    assert (payload["event"], payload["delivery_id"], payload["taken"]) == ("delivery.unconfirmed", one, True)
    assert parse_rfc3339(payload["deadline"]) == at("2026-11-20 17:00")
    assert "17:00 20/11/2026" in notice.description
    assert [entry["code"] for entry in scene.log("delivery.chased")] == [
        "remind",
        "contact",
        "warn",
        "unconfirmed",
        "remind",
    ]


async def test_a_letter_that_nobody_took_ends_as_a_dead_letter_with_its_signed_non_delivery(scene: Scene) -> None:
    [one] = scene.letter("H33", facts=Facts(priority=3))
    await scene.until(MORNING + timedelta(days=2, hours=23))
    assert scene.stage.state(one) == "ready"
    assert "delivery.unconfirmed" in scene.told("sender")
    assert "did not take the document" in scene.feed("sender")[0].description
    await scene.until(MORNING + timedelta(days=3))
    assert scene.stage.state(one) == "dead"
    assert scene.told("sender")[-1] == "delivery.dead"
    assert scene.feed("sender")[-1].code == "expired"
    assert [entry["code"] for entry in scene.log("delivery.dead")] == ["expired"]
    assert scene.row(one).chase_at is None


async def test_a_letter_under_a_lease_is_not_taken_out_of_its_takers_hands(scene: Scene) -> None:
    [one] = scene.letter("H33", facts=Facts(priority=3))
    scene.now = expires = MORNING + timedelta(days=3)
    scene.set([one], state="leased", lease_id="lease-1", available_at=expires + HOUR)
    await scene.look()
    assert scene.stage.state(one) == "leased"
    await scene.until(expires + HOUR + timedelta(seconds=2))
    assert scene.stage.state(one) == "dead"


async def test_work_that_is_not_finished_by_its_due_date_gives_a_signed_notice(scene: Scene) -> None:
    [one] = scene.letter("H33", facts=Facts(due_on=DUE), taken=True)
    scene.set([one], status_code="05")
    for moment in ("2026-11-23 16:00", "2026-11-24 08:00", "2026-11-25 08:00", "2026-11-25 14:00", "2026-11-26 00:00"):
        await scene.until(at(moment))
    assert scene.told("sender") == ["delivery.expires-soon", "document.not-processed"]
    assert scene.feed("sender")[-1].code == "process"
    assert scene.told("h33") == ["delivery.reminder"]
    assert scene.row(one).chase_at is None


@pytest.mark.parametrize("status", ["01", "03", "04"])
async def test_any_word_of_the_office_ends_the_wait_for_a_confirmation(scene: Scene, status: str) -> None:
    [one] = scene.letter("H33", taken=True)
    scene.set([one], status_code=status)
    await scene.until(at("2026-11-20 17:00"))
    assert (scene.told("h33"), scene.told("sender")) == ([], [])
    assert scene.row(one).chase_at is None


@pytest.mark.parametrize(
    "values",
    [
        {"status_code": "06"},
        {"status_code": "02"},
        {"status_code": "13"},
        {"state": "refused"},
        {"state": "withdrawn"},
        {"state": "dead"},
        {"superseded_by": "another"},
    ],
)
async def test_nothing_is_chased_that_is_finished_ended_taken_back_or_sent_anew(
    scene: Scene, values: dict[str, str]
) -> None:
    [one] = scene.letter("H33", facts=Facts(due_on=DUE), taken=True)
    scene.set([one], **values)
    await scene.until(at("2026-12-30 09:00"))
    assert (scene.told("h33"), scene.told("sender")) == ([], [])
    assert scene.row(one).chase_at is None


async def test_after_days_of_downtime_each_reader_gets_one_message_not_all_that_were_missed(scene: Scene) -> None:
    scene.contact("H33", "truc@h33.example")
    [one] = scene.letter("H33", facts=Facts(due_on=DUE), taken=True)
    await scene.until(at("2026-12-02 09:00"))
    assert scene.told("sender") == ["document.not-processed"]
    assert scene.told("h33") == ["delivery.reminder"]
    assert len(scene.post.sent) == 1
    await scene.look()
    assert (len(scene.told("sender")), len(scene.told("h33")), len(scene.post.sent)) == (1, 1, 1)
    assert scene.row(one).chase_at is None


async def test_a_letter_that_came_late_in_the_day_is_not_reminded_of_before_it_was_there(scene: Scene) -> None:
    scene.now = at("2026-11-20 16:45")
    scene.letter("H33", taken=True)
    await scene.until(at("2026-11-20 16:46"))
    assert (scene.told("h33"), scene.told("sender")) == ([], [])
    await scene.until(at("2026-11-20 17:00"))
    assert (scene.told("h33"), scene.told("sender")) == ([], ["delivery.unconfirmed"])


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_clock_that_jumps_an_hour_neither_loses_nor_repeats_a_step(scene: Scene, jump: timedelta) -> None:
    scene.contact("H33", "truc@h33.example")
    scene.letter("H33", taken=True)
    quarter = timedelta(minutes=15)
    moment, skew = MORNING, timedelta(0)
    while moment < at("2026-11-23 12:00"):
        if moment == at("2026-11-20 15:45"):
            skew = jump
        if moment == at("2026-11-20 18:00"):
            skew = timedelta(0)
        await scene.until(moment + skew)
        moment += quarter
    assert scene.told("sender") == ["delivery.expires-soon", "delivery.unconfirmed"]
    assert scene.told("h33") == ["delivery.reminder"] * 2
    assert len(scene.post.sent) == 1


async def test_two_sweeps_at_once_chase_everything_once(scene: Scene, store: Store) -> None:
    for _ in range(12):
        scene.letter("H33", "H40", taken=True)
    scene.contact("H40", "h40@example.vn")
    others = [scene.another(store.open()) for _ in range(2)]
    scene.now = at("2026-11-20 16:00")

    async def sweep(chaser: Chaser) -> None:
        while await chaser.step():
            pass
        await chaser.mails_sent()

    await asyncio.gather(*(sweep(one) for one in (scene.chaser, *others)))
    assert scene.told("h33") == ["delivery.reminder"] * 12
    assert scene.told("h40") == ["delivery.reminder"] * 12
    assert sum(text.count("* 12/UBND-VP") for _, _, text in scene.post.sent) == 24  # each once in each language


async def test_a_crash_before_the_commit_repeats_the_look_and_tells_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    [one] = scene.letter("H33", taken=True)
    with monkeypatch.context() as broken:
        broken.setattr("hub.ledger.overdue.remember", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await scene.until(at("2026-11-20 15:00"))
    assert scene.told("h33") == []
    await scene.look()
    await scene.look()
    assert scene.told("h33") == ["delivery.reminder"]
    assert scene.row(one).chase_step == "confirm.remind.1"


async def test_mail_that_fails_is_logged_and_tried_again_and_holds_nothing_else_up(scene: Scene) -> None:
    scene.contact("H33", "truc@h33.example")
    scene.letter("H33", taken=True)
    scene.post.down = True
    await scene.until(at("2026-11-20 16:00"))
    await scene.until(at("2026-11-20 16:04"))
    assert [entry["code"] for entry in scene.log("delivery.chased")] == ["remind", "contact-failed"]
    await scene.until(at("2026-11-20 16:30"))
    assert scene.told("sender") == ["delivery.expires-soon"]
    scene.post.down = False
    await scene.until(at("2026-11-20 18:30"))
    assert len(scene.post.sent) == 1
    await scene.until(at("2026-11-21 18:30"))
    assert len(scene.post.sent) == 1
    assert [entry["code"] for entry in scene.log("delivery.chased")].count("contact") == 1


async def test_a_crash_between_claim_and_mail_lets_another_look_write_it(scene: Scene) -> None:
    scene.contact("H33", "truc@h33.example")
    scene.letter("H33", taken=True)
    scene.now = at("2026-11-20 16:00")
    scene.ledger.write_now(scene.chaser._look, scene.now)  # claimed, and the process is gone
    await scene.until(at("2026-11-20 16:04"))
    assert scene.post.sent == []
    await scene.until(at("2026-11-20 16:06"))
    assert len(scene.post.sent) == 1


async def test_one_mail_tells_an_agency_of_all_its_documents_in_both_languages(scene: Scene) -> None:
    scene.contact("H33", "truc@h33.example")
    scene.contact("H33", "vanthu@h33.example")
    for _ in range(3):
        scene.letter("H33", "H40", taken=True)
    await scene.until(at("2026-11-20 16:00"))
    assert [to for to, _, _ in scene.post.sent] == ["truc@h33.example", "vanthu@h33.example"]
    _, subject, text = scene.post.sent[0]
    assert subject == "[Liên Thông] 3 văn bản đang chờ đơn vị xử lý / 3 documents wait for your office"
    vietnamese, english = text.split("\n--\n")
    assert vietnamese.count("* 12/UBND-VP") == english.count("* 12/UBND-VP") == 3
    assert "Cơ quan G22" in vietnamese
    assert "17:00 20/11/2026" in english
    assert "\r" not in text


async def test_more_than_a_batch_is_chased_in_several_looks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.receipts.overdue.BATCH", 8)
    for _ in range(6):
        scene.letter("H33", "H40", taken=True)
    scene.now = at("2026-11-20 15:00")
    assert [await scene.chaser.step() for _ in range(3)] == [8, 4, 0]
    assert len(scene.told("h33")) == len(scene.told("h40")) == 6


async def test_the_sender_may_have_a_recipient_reminded_and_its_duty_contact_is_written_to(scene: Scene) -> None:
    scene.contact("H33", "truc@h33.example")
    [one] = scene.letter("H33", taken=True)
    chases = Chases(scene.ledger, scene.stage.signer, POLICY)
    scene.now = at("2026-11-20 09:10")
    asked = await chases.ask("sender", one, "Cần trước cuộc họp 14:00")
    assert asked.again_at == scene.now + POLICY.again
    [reminder] = scene.feed("h33")
    assert (reminder.event, reminder.code) == ("delivery.reminder", "asked")
    assert "Cần trước cuộc họp 14:00" in reminder.description
    assert [entry["agency_code"] for entry in scene.log("chase.asked")] == ["G22"]
    await scene.look()
    assert len(scene.post.sent) == 1
    with pytest.raises(Deferred) as soon:
        await chases.ask("sender", one)
    assert soon.value.code == "chase-too-soon"
    assert soon.value.retry_after == POLICY.again.total_seconds()
    scene.now += POLICY.again
    await chases.ask("sender", one)
    await scene.look()
    assert len(scene.post.sent) == 2
    await scene.until(at("2026-11-20 17:00"))
    assert scene.told("sender") == ["delivery.unconfirmed"]


async def test_what_was_missed_while_the_sweep_was_away_is_not_forgotten_because_the_sender_asked(scene: Scene) -> None:
    [one] = scene.letter("H33", taken=True)
    scene.now = at("2026-11-21 09:00")
    await Chases(scene.ledger, scene.stage.signer, POLICY).ask("sender", one)
    await scene.look()
    assert scene.told("sender") == ["delivery.unconfirmed"]


async def test_only_the_sender_asks_and_only_where_something_is_waited_for(scene: Scene) -> None:
    [one, other] = scene.letter("H33", "H40", taken=True)
    chases = Chases(scene.ledger, scene.stage.signer, POLICY)
    for system in ("h33", "h40", "nobody"):
        with pytest.raises(Refused, match="not-found"):
            await chases.ask(system, one)
    with pytest.raises(Refused, match="not-found"):
        await chases.ask_for("thu", "H33", one)
    scene.set([one], status_code="06")
    with pytest.raises(Refused) as needless:
        await chases.ask("sender", one)
    assert (needless.value.code, needless.value.detail) == ("chase-needless", "06")
    scene.set([other], not_before=MORNING + HOUR)
    with pytest.raises(Refused, match="chase-needless"):
        await chases.ask("sender", other)
    scene.set([other], not_before=None)
    await chases.ask_for("thu", "G22", other)
    assert scene.log("chase.asked")[-1]["actor"] == "person:thu"


async def test_a_letter_is_taken_or_given_up_never_both(scene: Scene, store: Store) -> None:
    ids = [one for _ in range(12) for one in scene.letter("H33", facts=Facts(priority=3))]
    scene.now = MORNING + timedelta(days=3)
    other = store.open()

    async def take() -> list[str]:
        taken = []
        for _ in range(6):
            at, until = scene.now, scene.now + HOUR
            leased = await other.write(leasing.lease, "h33", clock.new_id(), 2, at, until)
            taken += [one.id for one in leased]
        return taken

    taken, _ = await asyncio.gather(take(), scene.chaser.step())
    await scene.look()
    states = {one: scene.stage.state(one) for one in ids}
    assert {one for one, state in states.items() if state == "leased"} == set(taken)
    assert set(states.values()) <= {"leased", "dead"}
    assert scene.told("sender").count("delivery.dead") == len(ids) - len(taken)


async def test_a_ledger_that_is_away_for_a_moment_does_not_end_the_sweep(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.letter("H33", taken=True)
    scene.now = at("2026-11-20 15:00")
    troubles = [Deferred("ledger-unavailable"), Deferred("ledger-unavailable")]
    write = Ledger.write

    async def unsteady(ledger: Ledger, *work: Any) -> Any:
        if troubles:
            raise troubles.pop()
        return await write(ledger, *work)

    monkeypatch.setattr(Ledger, "write", unsteady)
    chaser = Chaser(scene.ledger, scene.stage.signer, POLICY, scene.post, every=0.01)
    running = asyncio.create_task(chaser.run())
    for _ in range(500):
        await asyncio.sleep(0.01)
        if scene.told("h33"):
            break
    running.cancel()
    assert troubles == []
    assert scene.told("h33") == ["delivery.reminder"]


async def test_two_questions_at_once_are_one_reminder(scene: Scene, store: Store) -> None:
    [one] = scene.letter("H33", taken=True)
    doors = [Chases(store.open(), scene.stage.signer, POLICY) for _ in range(4)]
    outcomes = await asyncio.gather(*(door.ask("sender", one) for door in doors), return_exceptions=True)
    assert sum(isinstance(outcome, Deferred) for outcome in outcomes) == 3
    assert scene.told("h33") == ["delivery.reminder"]


async def test_a_clock_set_back_does_not_bar_the_sender(scene: Scene) -> None:
    [one] = scene.letter("H33", taken=True)
    chases = Chases(scene.ledger, scene.stage.signer, POLICY)
    scene.now = MORNING + 2 * HOUR
    await chases.ask("sender", one)
    scene.now = MORNING
    await chases.ask("sender", one)
    assert scene.now.astimezone(UTC) == scene.feed("h33")[-1].at
