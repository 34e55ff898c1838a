"""Recall, update, replacement and status 13 against every state that a delivery can be in, on both stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import clock
from hub.envelope.writing import Business
from hub.intake import Admitted
from hub.ledger import Ledger, envelopes, outbox
from hub.signatures.jws import open_jws
from tests.intake.exchange import DOCUMENT, PEOPLE, SENDER, STATES, TAKEN, UNTAKEN, Exchange, ids
from tests.rights import tamper

A, B, C = "H33.90", "H33.91", "H33.92"


@pytest.fixture
def exchange(ledger: Ledger, tmp_path: Path) -> Exchange:
    return Exchange(ledger, tmp_path / "payloads")


async def everywhere(exchange: Exchange) -> Admitted:
    """A letter to nine agencies, whose deliveries are in nine states."""
    sent = await exchange.send(*PEOPLE.values())
    for state, code in PEOPLE.items():
        await exchange.move(ids(sent)[code], state)
    return sent


AFTER = {
    "pending": "withdrawn", "published": "withdrawn", "ready": "withdrawn", "released": "withdrawn",
    "leased": "leased", "lapsed": "leased", "settled": "settled", "refused": "refused", "dead": "dead",
}  # fmt: skip


def outcome_of(state: str) -> str | None:
    """What comes of asking for a document back, by the state of its delivery."""
    return {"refused": None, "dead": "withdrawn"}.get(state, "asked" if state in TAKEN else "withdrawn")


def check_taken_back(exchange: Exchange, sent: Admitted, kind: str, request: str | None) -> None:
    matrix = exchange.matrix(sent.stored.envelope_id)
    assert {state: matrix[code].state for state, code in PEOPLE.items()} == AFTER
    for state, code in PEOPLE.items():
        wanted = outcome_of(state)
        rows = exchange.changes(sent.stored.envelope_id, code)
        assert [(one.kind, one.outcome) for one in rows] == ([(kind, wanted)] if wanted else []), state
        before = {"released": "ready", "lapsed": "leased"}.get(state, state)
        assert [one.state_then for one in rows] == ([before] if wanted else [])
        assert [one.request_envelope_id for one in rows] == ([request] if wanted else [])
        asked = state in TAKEN and kind in ("recall", "remove")
        assert matrix[code].status_code == ("13" if asked else None), state
    withdrawn = [
        one for one in exchange.told(SENDER, "delivery.withdrawn") if one.envelope_id == sent.stored.envelope_id
    ]
    assert sorted(one.recipient_code for one in withdrawn) == sorted(PEOPLE[state] for state in UNTAKEN)
    for one in withdrawn:
        proof = open_jws(one.jws, {exchange.key.kid: exchange.key.public}, "lienthong-receipt+jws")
        assert proof["reason"] == "withdrawn before it was taken: Gửi nhầm"
        assert (proof["sha256"], proof["recipient"]) == (sent.stored.sha256, one.recipient_code)


async def test_a_recall_withdraws_what_was_not_taken_and_asks_about_what_was(exchange: Exchange) -> None:
    sent = await everywhere(exchange)
    recall = await exchange.send(*PEOPLE.values(), kind=1)
    check_taken_back(exchange, sent, "recall", recall.stored.envelope_id)
    # its own deliveries go to those who were shown the document, and to nobody else
    unseen = {"pending", "published", "ready", "dead"}
    own = exchange.states(recall.stored.envelope_id)
    assert own == {code: "withdrawn" if state in unseen else "pending" for state, code in PEOPLE.items()}
    for state, code in PEOPLE.items():
        notices = [one.description for one in exchange.told(code, "change.asked")]
        assert notices == (["Gửi nhầm"] if state in TAKEN else []), state
    record = exchange.ledger.read_now(envelopes.find, recall.stored.envelope_id)
    assert record is not None
    assert record.previous_id == sent.stored.envelope_id
    # nothing of what was withdrawn waits to be published
    assert exchange.ledger.read_now(outbox.waiting) == list(own.values()).count("pending")


async def test_what_was_withdrawn_is_never_shown(exchange: Exchange) -> None:
    sent = await everywhere(exchange)
    recall = await exchange.send(*PEOPLE.values(), kind=1)
    for state, code in PEOPLE.items():
        shown = await exchange.inbox(code)
        seen = [ids(recall)[code]] if state in ("released", "leased", "lapsed", "settled", "refused") else []
        assert shown == seen, state
    # the lease ran out before anybody settled: it is not handed out once more
    assert exchange.states(sent.stored.envelope_id)[PEOPLE["lapsed"]] == "withdrawn"
    assert exchange.outcomes(sent.stored.envelope_id, PEOPLE["lapsed"]) == [("recall", "withdrawn")]


async def test_an_update_takes_back_from_the_removed_only_asks_the_others_and_reaches_the_added(
    exchange: Exchange,
) -> None:
    sent = await everywhere(exchange)
    removed = dict.fromkeys(PEOPLE.values(), 0)
    update = await exchange.send(
        A, business=Business(2, "Gửi nhầm", receivers={**removed, A: 1}, document_changed=True), document_id=DOCUMENT
    )
    assert PEOPLE["pending"] == A
    matrix = exchange.matrix(sent.stored.envelope_id)
    assert matrix[A].state == "pending"  # the earlier state of the document is taken before the later one
    assert {state: matrix[code].state for state, code in PEOPLE.items() if code != A} == {
        state: after for state, after in AFTER.items() if state != "pending"
    }
    for state, code in PEOPLE.items():
        wanted = None if code == A else outcome_of(state)
        assert exchange.outcomes(sent.stored.envelope_id, code) == ([("remove", wanted)] if wanted else []), state
    assert exchange.states(update.stored.envelope_id) == {A: "pending"}


async def test_an_update_stays_behind_what_waits_and_asks_those_who_have_the_document(exchange: Exchange) -> None:
    sent = await everywhere(exchange)
    update = await exchange.send(*PEOPLE.values(), kind=2)
    unchanged = {"released": "ready", "lapsed": "leased"}
    matrix = exchange.matrix(sent.stored.envelope_id)
    for state, code in PEOPLE.items():
        assert matrix[code].state == unchanged.get(state, state)
        assert matrix[code].status_code is None
        asked = [("update", "asked")] if state in TAKEN else []
        assert exchange.outcomes(sent.stored.envelope_id, code) == asked, state
        assert exchange.told(code, "change.asked") == []  # the update itself says it
    assert set(exchange.states(update.stored.envelope_id).values()) == {"pending"}
    assert await exchange.inbox(PEOPLE["ready"]) == [ids(sent)[PEOPLE["ready"]], ids(update)[PEOPLE["ready"]]]


async def test_a_replacement_withdraws_what_it_replaces_and_is_delivered_itself(exchange: Exchange) -> None:
    sent = await everywhere(exchange)
    replaces = {DOCUMENT: tuple(PEOPLE.values())}
    new = await exchange.send(
        *PEOPLE.values(), business=Business(3, "Gửi nhầm", replaces=replaces), document_id="bản thay thế"
    )
    check_taken_back(exchange, sent, "replace", new.stored.envelope_id)
    assert set(exchange.states(new.stored.envelope_id).values()) == {"pending"}


async def test_a_replacement_touches_only_those_it_lists(exchange: Exchange) -> None:
    sent = await exchange.send(A, B, C)
    await exchange.send(A, B, C, business=Business(3, "x", replaces={DOCUMENT: (B,)}), document_id="bản thay thế")
    assert exchange.states(sent.stored.envelope_id) == {A: "pending", B: "withdrawn", C: "pending"}


async def test_a_replacement_of_two_documents_takes_both_back(exchange: Exchange) -> None:
    first, second = await exchange.send(A, document_id="một"), await exchange.send(A, B, document_id="hai")
    new = await exchange.send(A, B, business=Business(3, "x", replaces={"một": (A,), "hai": (A, B)}), document_id="ba")
    assert exchange.states(first.stored.envelope_id) == {A: "withdrawn"}
    assert exchange.states(second.stored.envelope_id) == {A: "withdrawn", B: "withdrawn"}
    record = exchange.ledger.read_now(envelopes.find, new.stored.envelope_id)
    assert record is not None
    assert record.previous_id == second.stored.envelope_id


@pytest.mark.parametrize("how", ["json", "edxml"])
async def test_status_13_withdraws_what_was_not_taken_and_asks_about_what_was(exchange: Exchange, how: str) -> None:
    sent = await everywhere(exchange)
    for code in PEOPLE.values():
        if how == "json":
            await exchange.report("13", ids(sent)[code], "Gửi nhầm")
        else:
            await exchange.message("13", SENDER, code, "Gửi nhầm")
    matrix = exchange.matrix(sent.stored.envelope_id)
    for state, code in PEOPLE.items():
        assert matrix[code].state == AFTER[state]
        wanted = outcome_of(state)
        assert exchange.outcomes(sent.stored.envelope_id, code) == ([("recall", wanted)] if wanted else []), state
        # the recipient is told of it only where it was shown the document
        told = [one.code for one in exchange.feed(code)]
        assert told == (["13"] if state in ("released", *TAKEN, "refused") else []), state
    withdrawn = {one.recipient_code for one in exchange.told(SENDER, "delivery.withdrawn")}
    assert withdrawn == {PEOPLE[state] for state in UNTAKEN}


async def test_a_recall_touches_only_those_it_lists(exchange: Exchange) -> None:
    sent = await exchange.send(A, B, C)
    recall = await exchange.send(B, kind=1)
    assert exchange.states(sent.stored.envelope_id) == {A: "pending", B: "withdrawn", C: "pending"}
    assert exchange.states(recall.stored.envelope_id) == {B: "withdrawn"}


async def test_a_recall_takes_back_every_version_of_the_document(exchange: Exchange) -> None:
    sent = await exchange.send(A)
    await exchange.move(ids(sent)[A], "settled")
    same_name = await exchange.send(A, kind=2)
    other_name = await exchange.send(A, business=Business(2, "x", document_id=DOCUMENT), document_id="bản 3")
    later = await exchange.send(A, business=Business(2, "x", document_id="bản 3"), document_id="bản 4")
    recall = await exchange.send(A, kind=1)
    states = [exchange.states(one.stored.envelope_id)[A] for one in (sent, same_name, other_name, later, recall)]
    # it was shown the first one, so the recall goes to it
    assert states == ["settled", "withdrawn", "withdrawn", "withdrawn", "pending"]
    chain = [exchange.ledger.read_now(envelopes.find, one.stored.envelope_id) for one in (same_name, other_name, later)]
    assert [one.previous_id for one in chain if one] == [
        one.stored.envelope_id for one in (sent, same_name, other_name)
    ]


async def test_the_document_of_the_same_name_of_another_sender_is_left_alone(exchange: Exchange) -> None:
    """Only what this sender sent is its own to take back."""
    sent = await exchange.send(A)
    other = exchange.ledger.read_now(envelopes.find, sent.stored.envelope_id)
    assert other is not None
    from sqlalchemy import update

    from hub.ledger.tables import envelope

    foreign = update(envelope).where(envelope.c.id == other.id).values(sender_code=B)
    tamper(exchange.ledger, foreign)
    assert await exchange.refusal(A, kind=1) == [("document-unknown", DOCUMENT)]
    assert exchange.states(sent.stored.envelope_id) == {A: "pending"}


STATUSES_BEFORE = (((), False), (("01",), False), (("01", "03"), True), (("06",), True), (("02",), False))


@pytest.mark.parametrize(("codes", "acted"), STATUSES_BEFORE)
async def test_it_is_kept_whether_the_office_had_acted_before_the_recall(
    exchange: Exchange, codes: tuple[str, ...], acted: bool
) -> None:
    sent = await exchange.send(A)
    await exchange.move(ids(sent)[A], "settled")
    for number, code in enumerate(codes):
        await exchange.report(code, ids(sent)[A], "vì lý do", at=number)
    recall = await exchange.send(A, kind=1)
    await exchange.report("03", ids(sent)[A], at=50)  # too late to have been before
    [row] = exchange.changes(sent.stored.envelope_id, A)
    last = codes[-1] if codes else None
    assert (row.state_then, row.status_then, row.acted_before) == ("settled", last, acted)
    [notice] = [one for one in exchange.told(SENDER, "change.asked") if one.envelope_id == recall.stored.envelope_id]
    proof = open_jws(notice.jws, {exchange.key.kid: exchange.key.public}, "lienthong-receipt+jws")
    assert (proof["acted_before"], proof["state"], proof["status"]) == (acted, "settled", last)
    assert (proof["concerns"], proof["recipient"]) == (sent.stored.envelope_id, A)


@pytest.mark.parametrize(("code", "outcome"), [("15", "agreed"), ("16", "declined")])
@pytest.mark.parametrize("how", ["document", "recall", "edxml"])
async def test_the_recipients_answer_closes_the_question_once(
    exchange: Exchange, code: str, outcome: str, how: str
) -> None:
    sent = await exchange.send(A)
    await exchange.move(ids(sent)[A], "settled")
    recall = await exchange.send(A, kind=1)
    other = "16" if code == "15" else "15"
    if how == "edxml":
        await exchange.message(code, A, SENDER, "đã rõ")
        await exchange.message(other, A, SENDER, "nghĩ lại")
    else:
        target = ids(sent if how == "document" else recall)[A]
        await exchange.report(code, target, "đã rõ", at=1)
        await exchange.report(other, target, "nghĩ lại", at=2)
    for one in (sent, recall):
        [row] = exchange.changes(one.stored.envelope_id, A)
        assert (row.outcome, row.answered_at is not None) == (outcome, True)
    assert [one.code for one in exchange.feed(SENDER) if one.kind == "status"] == [code, other]


async def test_an_answer_to_no_question_is_a_fact(exchange: Exchange) -> None:
    sent = await exchange.send(A)
    await exchange.move(ids(sent)[A], "settled")
    assert (await exchange.report("15", ids(sent)[A])).new
    assert exchange.changes(sent.stored.envelope_id, A) == []
    assert exchange.matrix(sent.stored.envelope_id)[A].status_code == "15"


async def test_13_after_a_withdrawal_and_again_after_an_answer(exchange: Exchange) -> None:
    sent = await exchange.send(A, B)
    await exchange.move(ids(sent)[B], "settled")
    for number in range(2):
        await exchange.report("13", ids(sent)[A], at=number)
        await exchange.report("13", ids(sent)[B], at=number)
    assert exchange.outcomes(sent.stored.envelope_id, A) == [("recall", "withdrawn")]
    assert exchange.outcomes(sent.stored.envelope_id, B) == [("recall", "asked")]
    await exchange.report("16", ids(sent)[B], at=3)
    await exchange.report("13", ids(sent)[B], "xin xem lại", at=4)
    assert exchange.outcomes(sent.stored.envelope_id, B) == [("recall", "declined"), ("recall", "asked")]
    assert exchange.matrix(sent.stored.envelope_id)[B].status_code == "13"
    await exchange.report("15", ids(sent)[B], at=5)
    await exchange.report("13", ids(sent)[B], "nhắc lại", at=6)
    assert exchange.outcomes(sent.stored.envelope_id, B) == [("recall", "declined"), ("recall", "agreed")]
    assert exchange.matrix(sent.stored.envelope_id)[B].status_code == "15"


async def test_a_delivery_given_back_while_the_question_stands_is_withdrawn(exchange: Exchange) -> None:
    from hub.delivery.lease import Close

    sent = await exchange.send(A)
    await exchange.move(ids(sent)[A], "leased")
    await exchange.send(A, kind=1)
    await exchange.leases.release(Close(exchange.systems[A], ids(sent)[A], None))
    assert exchange.states(sent.stored.envelope_id) == {A: "withdrawn"}
    assert exchange.outcomes(sent.stored.envelope_id, A) == [("recall", "withdrawn")]
    [proof] = exchange.told(SENDER, "delivery.withdrawn")
    assert proof.description == "withdrawn after it came back untaken: Gửi nhầm"


async def test_a_third_update_is_accepted_and_an_exact_repeat_gets_its_first_acknowledgement(
    exchange: Exchange,
) -> None:
    await exchange.send(A)
    bodies = [exchange.letter(A, kind=2, subject=f"Lần {number}") for number in range(3)]
    made = [await exchange.post(body) for body in bodies]
    again = [await exchange.post(body, exchange.door()) for body in bodies]
    for first, repeat in zip(made, again, strict=True):
        assert isinstance(first, Admitted)
        assert isinstance(repeat, Admitted)
        assert (first.stored.new, repeat.stored.new) == (True, False)
        assert first.stored.acknowledgement == repeat.stored.acknowledgement
    assert len({one.stored.envelope_id for one in made if isinstance(one, Admitted)}) == 3


async def test_an_exact_repeat_of_a_recall_does_nothing_again(exchange: Exchange) -> None:
    sent = await exchange.send(A, B)
    await exchange.move(ids(sent)[B], "settled")
    body = exchange.letter(A, B, kind=1)
    await exchange.post(body)
    before = [(code, len(exchange.feed(code))) for code in (SENDER, A, B)]
    repeat = await exchange.post(body)
    assert isinstance(repeat, Admitted)
    assert not repeat.stored.new
    assert [(code, len(exchange.feed(code))) for code in (SENDER, A, B)] == before
    assert exchange.outcomes(sent.stored.envelope_id, B) == [("recall", "asked")]


async def test_a_circular_is_recalled_whole(exchange: Exchange) -> None:
    assert len(STATES) == 9
    sent = await exchange.send(*PEOPLE.values())
    for code in PEOPLE.values():
        await exchange.move(ids(sent)[code], "settled")
    await exchange.send(*PEOPLE.values(), kind=1)
    for code in PEOPLE.values():
        await exchange.message("15", code, SENDER)
    rows = [exchange.changes(sent.stored.envelope_id, code) for code in PEOPLE.values()]
    assert [[one.outcome for one in row] for row in rows] == [["agreed"]] * 9
    assert all(row[0].answered_at is not None and row[0].answered_at <= clock.now() for row in rows)
