"""Replays: chosen by one person, confirmed by another, carried out once, and never mistaken for an accident."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub import clock
from hub.delivery.lease import Close, Leases
from hub.delivery.replay import Replays
from hub.ledger import Transaction, deliveries, envelopes, exchange_log, outbox, people, receipts, replays, tables
from hub.ledger.delivery_tables import change, replay
from hub.ledger.exchange_log import LogQuery
from hub.ledger.replays import Choice
from hub.ledger.tables import delivery
from hub.problems import Refused
from hub.receipts.deadline_policy import load
from hub.receipts.non_delivery import give_up
from hub.signatures.jws import open_jws
from tests.ledger.stage import Stage, Store
from tests.rights import tamper

PEOPLE = (("one", ("operator",)), ("two", ("administrator",)), ("hoa", ("auditor",)))


@pytest.fixture
def desk(stage: Stage) -> Replays:
    """Replays over a stage with two who may decide and one who may not."""

    def add(transaction: Transaction) -> None:
        for login, roles in PEOPLE:
            people.add_person(transaction, login, login.title(), roles, "hash", None, clock.now())  # type: ignore[arg-type]  # roles of the table above

    stage.ledger.write_now(add)
    return Replays(stage.signer, load())


def dead(stage: Stage, *recipients: str, code: str = "rejected", **more: Any) -> list[str]:
    ids = stage.in_inbox(*recipients, **more)

    def kill(transaction: Transaction) -> None:
        for record in deliveries.find(transaction, ids, lock=True).values():
            assert give_up(transaction, stage.signer, record, code, "not an XML file", clock.now())

    stage.ledger.write_now(kill)
    return ids


async def closed(stage: Stage, *, refused: bool = False) -> str:
    """A delivery that its recipient took, or refused."""
    stage.in_inbox("H33")
    leases = Leases(stage.ledger, stage.signer)
    [taken] = await leases.take("h33", 1, 60, 0)
    close = Close("h33", taken.id, taken.lease_id)
    await (leases.refuse(close, "Gửi nhầm") if refused else leases.settle(close))
    return taken.id


def ask(stage: Stage, desk: Replays, choice: Choice, by: str = "one", reason: str = "Ổ đĩa nơi nhận hỏng") -> str:
    return stage.ledger.write_now(desk.ask, choice, reason, by)


def row(stage: Stage, delivery_id: str) -> Any:
    return stage.ledger.read_now(
        lambda transaction: transaction.execute(select(delivery).where(delivery.c.id == delivery_id)).one()
    )


def code_of(work: Any, *arguments: Any) -> str:
    with pytest.raises(Refused) as refusal:
        work(*arguments)
    return refusal.value.code


def kinds(stage: Stage) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 20_000)
    return [entry["kind"] for entry in entries]


# ---------------------------------------------------------------- the whole way


async def test_a_confirmed_replay_of_a_dead_letter_reaches_the_recipient_as_a_delivery_of_its_own(
    stage: Stage, desk: Replays
) -> None:
    [old] = dead(stage, "H33", priority=2, document_id="7/2026")
    replay_id = ask(stage, desk, Choice(state="dead"))
    assert stage.ledger.read_now(outbox.waiting) == 0, "nothing happens before confirmation"
    done = stage.ledger.write_now(desk.confirm, replay_id, "two")
    assert (done.sent, done.left_out, done.again) == (1, 0, False)
    assert stage.ledger.read_now(outbox.waiting) == 1

    before = row(stage, old)
    new = row(stage, before.superseded_by)
    assert (before.state, new.state, new.round, new.replay_id, new.priority) == ("dead", "pending", 2, replay_id, 2)
    assert new.expires_at > clock.now()
    assert new.confirm_by > clock.now()
    assert before.chase_at is None

    stage.ledger.write_now(deliveries.take_over, [new.id], clock.now())
    [taken] = await Leases(stage.ledger, stage.signer).take("h33", 5, 60, 0)
    assert (taken.id, taken.envelope_id, taken.round) == (new.id, before.envelope_id, 2)
    assert taken.replay is not None
    assert (taken.replay.id, taken.replay.reason, taken.replay.previous) == (replay_id, "Ổ đĩa nơi nhận hỏng", old)


def test_the_sender_gets_a_signed_notice_with_the_reason_for_each(stage: Stage, desk: Replays) -> None:
    [old] = dead(stage, "H33")
    stage.ledger.write_now(desk.confirm, ask(stage, desk, Choice(deliveries=(old,))), "two")
    found, _ = stage.ledger.read_now(receipts.feed, "sender", None, 100)
    [notice] = [one for one in found if one.event == "delivery.replayed"]
    assert (notice.kind, notice.description) == ("notice", "Ổ đĩa nơi nhận hỏng")
    key = stage.signer.key
    said = open_jws(notice.jws, {key.kid: key.public}, "lienthong-receipt+jws")
    assert (said["round"], said["previous"], said["delivery_id"]) == (2, old, row(stage, old).superseded_by)
    assert kinds(stage)[-3:] == ["replay.asked", "delivery.replayed", "replay.decided"]


@pytest.mark.parametrize("refused", [False, True])
async def test_what_was_taken_or_refused_is_sent_again_with_a_warning_where_it_was_taken(
    stage: Stage, desk: Replays, refused: bool
) -> None:
    old = await closed(stage, refused=refused)
    plan = stage.ledger.read_now(desk.plan, Choice(deliveries=(old,)))
    assert [one.has_it for one in plan.sendable] == [not refused]
    assert plan.had == (not refused)
    assert plan.sendable[0].ended_at is not None
    stage.ledger.write_now(desk.confirm, ask(stage, desk, plan.choice), "two")
    assert row(stage, row(stage, old).superseded_by).state == "pending"


async def test_what_the_office_had_said_stands_after_a_replay(stage: Stage, desk: Replays) -> None:
    old = await closed(stage)
    at = clock.now()
    said = (
        update(delivery)
        .where(delivery.c.id == old)
        .values(status_code="03", status_description="Đã vào sổ", status_at=at)
    )
    stage.ledger.write_now(lambda transaction: transaction.execute(said))
    stage.ledger.write_now(desk.confirm, ask(stage, desk, Choice(deliveries=(old,))), "two")
    new = row(stage, row(stage, old).superseded_by)
    assert (new.status_code, new.status_description, new.status_at) == ("03", "Đã vào sổ", at)


def test_a_replay_can_be_replayed_and_the_matrix_shows_the_last_round_only(stage: Stage, desk: Replays) -> None:
    [first] = dead(stage, "H33")
    stage.ledger.write_now(desk.confirm, ask(stage, desk, Choice(deliveries=(first,))), "two")
    second = row(stage, first).superseded_by
    stage.ledger.write_now(deliveries.end, [second], "dead", "expired", clock.now())
    stage.ledger.write_now(desk.confirm, ask(stage, desk, Choice(state="dead", recipient="H33")), "two")
    shown = stage.ledger.read_now(deliveries.matrix, row(stage, first).envelope_id)
    assert [one.delivery_id for one in shown] == [row(stage, second).superseded_by]
    assert row(stage, shown[0].delivery_id).round == 3


# ---------------------------------------------------------------- what is left out


def test_open_withdrawn_and_recalled_deliveries_are_left_out_with_the_reason(stage: Stage, desk: Replays) -> None:
    [open_one] = stage.in_inbox("H33")
    [withdrawn] = stage.in_inbox("H33")
    stage.ledger.write_now(deliveries.end, [withdrawn], "withdrawn", "recalled", clock.now())
    [recalled] = dead(stage, "H33")
    asked = {"id": clock.new_id(), "kind": "recall", "delivery_id": recalled, "asked_at": clock.now()}
    asked |= {"state_then": "dead", "outcome": "withdrawn"}
    stage.ledger.write_now(lambda transaction: transaction.execute(insert(change).values(**asked)))
    choice = Choice(deliveries=(open_one, withdrawn, recalled))
    plan = stage.ledger.read_now(desk.plan, choice)
    assert {one.id: one.skipped for one in plan.candidates} == {
        open_one: "under-way", withdrawn: "withdrawn", recalled: "recalled",
    }  # fmt: skip
    assert code_of(ask, stage, desk, choice) == "replay-empty"


def test_a_letter_whose_recall_was_sent_to_the_recipient_is_left_out(stage: Stage, desk: Replays) -> None:
    [old] = dead(stage, "H33", document_id="9/2026")
    recall = stage.accept("H33", document_id="9/2026", business_type=1)
    previous = update(tables.envelope).where(tables.envelope.c.id == recall.envelope_id)
    previous = previous.values(previous_id=row(stage, old).envelope_id)
    tamper(stage.ledger, previous)
    [one] = stage.ledger.read_now(desk.plan, Choice(deliveries=(old,))).candidates
    assert one.skipped == "recalled"


def test_an_inactive_recipient_is_left_out(stage: Stage, desk: Replays) -> None:
    [old] = dead(stage, "H33")
    off = update(tables.agency).where(tables.agency.c.code == "H33").values(active=False)
    stage.ledger.write_now(lambda transaction: transaction.execute(off))
    [one] = stage.ledger.read_now(desk.plan, Choice(deliveries=(old,))).candidates
    assert one.skipped == "recipient-inactive"


def test_a_recipient_that_changed_its_system_gets_the_replay_there(stage: Stage, desk: Replays) -> None:
    [old] = dead(stage, "H33")
    moved = update(tables.agency).where(tables.agency.c.code == "H33").values(system_id="h40")
    stage.ledger.write_now(lambda transaction: transaction.execute(moved))
    stage.ledger.write_now(desk.confirm, ask(stage, desk, Choice(deliveries=(old,))), "two")
    assert row(stage, row(stage, old).superseded_by).system_id == "h40"


def test_the_filters_choose_what_they_say(stage: Stage, desk: Replays) -> None:
    [rejected] = dead(stage, "H33", document_id="1/2026")
    [gone] = dead(stage, "H40", code="gone", document_id="2/2026")
    envelope_id = row(stage, gone).envelope_id
    at: datetime = row(stage, gone).closed_at
    for choice, wanted in (
        (Choice(state="dead"), [rejected, gone]),
        (Choice(code="gone"), [gone]),
        (Choice(code="gon"), []),
        (Choice(recipient="H33"), [rejected]),
        (Choice(sender="G22", state="dead"), [rejected, gone]),
        (Choice(sender="H33"), []),
        (Choice(system="system h40"), [gone]),
        (Choice(document_id="1/2026"), [rejected]),
        (Choice(envelope_id=envelope_id), [gone]),
        (Choice(state="dead", since=at), [gone]),
        (Choice(state="dead", until=at), [rejected]),
        (Choice(since=at, until=at + timedelta(hours=1)), [gone]),
    ):
        assert [one.id for one in stage.ledger.read_now(desk.plan, choice).candidates] == wanted, choice
        assert Choice.of(choice.json()) == choice


@pytest.mark.parametrize("choice", [Choice(), Choice(state="lost")])
def test_a_choice_of_everything_or_of_an_unknown_state_is_refused(stage: Stage, desk: Replays, choice: Choice) -> None:
    assert code_of(stage.ledger.read_now, desk.plan, choice) == "request-invalid"


# ---------------------------------------------------------------- people


def test_the_one_who_asked_cannot_confirm_and_others_without_the_role_can_do_neither(
    stage: Stage, desk: Replays
) -> None:
    [old] = dead(stage, "H33")
    choice = Choice(deliveries=(old,))
    assert code_of(ask, stage, desk, choice, "hoa") == "forbidden"
    assert code_of(ask, stage, desk, choice, "nobody") == "forbidden"
    assert code_of(ask, stage, desk, choice, "one", " \n ") == "reason-missing"
    assert code_of(ask, stage, desk, choice, "one", "x" * 501) == "request-invalid"
    replay_id = ask(stage, desk, choice)
    assert code_of(stage.ledger.write_now, desk.confirm, replay_id, "one") == "replay-second-person"
    assert code_of(stage.ledger.write_now, desk.confirm, replay_id, " ONE ") == "replay-second-person"
    assert code_of(stage.ledger.write_now, desk.confirm, replay_id, "hoa") == "forbidden"
    assert code_of(stage.ledger.write_now, desk.confirm, "no such replay", "two") == "not-found"
    off = update(tables.person).where(tables.person.c.login == "two").values(active=False)
    stage.ledger.write_now(lambda transaction: transaction.execute(off))
    assert code_of(stage.ledger.write_now, desk.confirm, replay_id, "two") == "forbidden"
    assert row(stage, old).superseded_by is None


def test_the_store_itself_refuses_a_confirmation_by_the_person_who_asked(stage: Stage, desk: Replays) -> None:
    [old] = dead(stage, "H33")
    replay_id = ask(stage, desk, Choice(deliveries=(old,)))
    with pytest.raises(IntegrityError):
        stage.ledger.write_now(replays.decide, replay_id, "confirmed", "one", clock.now())


def test_a_declined_replay_sends_nothing_and_stays_declined(stage: Stage, desk: Replays) -> None:
    [old] = dead(stage, "H33")
    replay_id = ask(stage, desk, Choice(deliveries=(old,)))
    for _ in range(2):
        stage.ledger.write_now(desk.decline, replay_id, "one")
    assert code_of(stage.ledger.write_now, desk.confirm, replay_id, "two") == "replay-decided"
    assert row(stage, old).superseded_by is None
    assert kinds(stage).count("replay.decided") == 1


# ---------------------------------------------------------------- once, wholly, and as shown


def test_confirming_again_does_nothing_and_says_what_was_done(stage: Stage, desk: Replays) -> None:
    dead(stage, "H33", "H40")
    replay_id = ask(stage, desk, Choice(state="dead"))
    first = stage.ledger.write_now(desk.confirm, replay_id, "two")
    again = stage.ledger.write_now(desk.confirm, replay_id, "two")
    assert (first.sent, again.sent, again.again) == (2, 2, True)
    assert kinds(stage).count("delivery.replayed") == 2
    assert code_of(stage.ledger.write_now, desk.decline, replay_id, "two") == "replay-decided"


def test_two_confirmations_at_once_are_one_execution(store: Store, stage: Stage, desk: Replays) -> None:
    dead(stage, "H33", "H40")
    replay_id = ask(stage, desk, Choice(state="dead"))
    gate = threading.Barrier(2)

    def confirm(ledger: Any) -> Any:
        gate.wait(10)
        return ledger.write_now(desk.confirm, replay_id, "two")

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(confirm, [store.open(), store.open()]))
    assert sorted(one.again for one in done) == [False, True]
    assert [one.sent for one in done] == [2, 2]
    assert kinds(stage).count("delivery.replayed") == 2


def test_two_replays_of_one_delivery_send_it_once_and_the_second_shows_what_changed(
    stage: Stage, desk: Replays
) -> None:
    [one, other] = dead(stage, "H33", "H40")
    first = ask(stage, desk, Choice(deliveries=(one,)))
    second = ask(stage, desk, Choice(deliveries=(one, other)))
    seen = stage.ledger.read_now(desk.view, second)
    assert (seen.sendable, seen.changed) == (2, 0)
    stage.ledger.write_now(desk.confirm, first, "two")
    now = stage.ledger.read_now(desk.view, second)
    assert (now.sendable, now.changed) == (1, 1)
    assert code_of(stage.ledger.write_now, desk.confirm, second, "two", seen.seen) == "replay-changed"
    done = stage.ledger.write_now(desk.confirm, second, "two", now.seen)
    assert (done.sent, done.left_out) == (1, 1)
    kept = {item.now.id: (item.kept, item.new_delivery_id) for item in stage.ledger.read_now(desk.view, second).items}
    assert kept[one] == ("superseded", None)
    assert kept[other] == ("", row(stage, other).superseded_by)


def test_a_list_that_changed_after_it_was_shown_is_not_stored(stage: Stage, desk: Replays) -> None:
    dead(stage, "H33")
    choice = Choice(state="dead")
    plan = stage.ledger.read_now(desk.plan, choice)
    dead(stage, "H40")
    with pytest.raises(Refused) as refusal:
        stage.ledger.write_now(desk.ask, choice, "vì", "one", plan.seen)
    assert refusal.value.code == "replay-changed"


def test_a_crash_before_the_commit_leaves_nothing_and_the_next_confirmation_does_it_all(
    stage: Stage, desk: Replays
) -> None:
    [old] = dead(stage, "H33")
    replay_id = ask(stage, desk, Choice(deliveries=(old,)))

    def dying(transaction: Transaction) -> None:
        desk.confirm(transaction, replay_id, "two")
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        stage.ledger.write_now(dying)
    assert row(stage, old).superseded_by is None
    assert "delivery.replayed" not in kinds(stage)
    assert stage.ledger.write_now(desk.confirm, replay_id, "two").sent == 1


def test_five_thousand_are_sent_again_in_one_transaction(stage: Stage, desk: Replays) -> None:
    letters = [stage.acceptance("H33", "H40") for _ in range(2500)]
    stage.ledger.write_now(envelopes.accept, letters)
    at = clock.now()
    kill = update(delivery).values(state="dead", closed_at=at, since=at, reason="expired")
    stage.ledger.write_now(lambda transaction: transaction.execute(kill))
    replay_id = ask(stage, desk, Choice(code="expired"))
    done = stage.ledger.write_now(desk.confirm, replay_id, "two")
    assert (done.sent, done.left_out) == (5000, 0)

    def counted(transaction: Transaction) -> tuple[int, int, int]:
        open_now = (
            select(func.count())
            .select_from(delivery)
            .where(delivery.c.replay_id == replay_id, delivery.c.state == "pending", delivery.c.superseded_by.is_(None))
        )
        followed = select(func.count(delivery.c.superseded_by.distinct()))
        noticed = select(func.count()).select_from(tables.receipt).where(tables.receipt.c.event == "delivery.replayed")
        return tuple(transaction.execute(one).scalar_one() for one in (open_now, followed, noticed))  # type: ignore[return-value]  # three counts

    assert stage.ledger.read_now(counted) == (5000, 5000, 5000)


def test_more_than_the_limit_is_refused(stage: Stage, desk: Replays, monkeypatch: pytest.MonkeyPatch) -> None:
    dead(stage, "H33", "H40")
    monkeypatch.setattr("hub.delivery.replay.LARGEST", 1)
    assert code_of(ask, stage, desk, Choice(state="dead")) == "replay-too-many"


def test_the_list_has_those_that_wait_first(stage: Stage, desk: Replays) -> None:
    [one, other] = dead(stage, "H33", "H40")
    waits = ask(stage, desk, Choice(deliveries=(one,)))
    decided = ask(stage, desk, Choice(deliveries=(other,)))
    stage.ledger.write_now(desk.confirm, decided, "two")
    listed = stage.ledger.read_now(replays.listing)
    assert [(line.record.id, line.chosen, line.sent) for line in listed] == [(waits, 1, 0), (decided, 1, 1)]
    assert stage.ledger.read_now(replays.waiting) == 1
    assert [line.record.id for line in stage.ledger.read_now(replays.listing, "confirmed")] == [decided]
    assert listed[1].record.decided_by == "two"
    assert (
        stage.ledger.read_now(
            lambda transaction: transaction.execute(select(func.count()).select_from(replay)).scalar_one()
        )
        == 2
    )
