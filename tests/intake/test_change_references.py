"""Which document a change is about, and whom its lists may name; on both stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.envelope.writing import Business
from hub.intake import Admitted, Rejected
from hub.ledger import Ledger
from tests.intake.exchange import DOCUMENT, SENDER, Exchange, ids

A, B, C = "H33.90", "H33.91", "H33.92"


@pytest.fixture
def exchange(ledger: Ledger, tmp_path: Path) -> Exchange:
    return Exchange(ledger, tmp_path / "payloads", codes=(A, B, C))


@pytest.mark.parametrize(
    ("kind", "rule", "accepted"),
    [(1, "recall.reference", False), (2, "update.reference", True), (3, "replacement.reference", True)],
)
async def test_a_change_of_what_was_never_sent(exchange: Exchange, kind: int, rule: str, accepted: bool) -> None:
    outcome = await exchange.post(exchange.letter(A, kind=kind, document_id="chưa gửi"))
    assert isinstance(outcome, Admitted) == accepted
    found = outcome.warnings if isinstance(outcome, Admitted) else outcome.findings
    assert [(one.code, one.detail) for one in found if one.rule == rule] == [("document-unknown", "chưa gửi")]


async def test_the_document_is_named_in_bussiness_or_else_in_the_header(exchange: Exchange) -> None:
    sent = await exchange.send(A, document_id="gốc")
    named = Business(1, "x", document_id="gốc")
    await exchange.send(A, business=named, document_id="lệnh thu hồi số 1")
    assert exchange.states(sent.stored.envelope_id) == {A: "withdrawn"}
    second = await exchange.send(A, document_id="gốc 2")
    wrong = Business(1, "x", document_id="không có")
    await exchange.send(A, business=wrong, document_id="gốc 2")
    assert exchange.states(second.stored.envelope_id) == {A: "withdrawn"}


async def test_who_never_had_the_document_is_warned_of_under_receiver_had(exchange: Exchange) -> None:
    await exchange.send(A)
    for letter in (
        exchange.letter(A, B, kind=1),
        exchange.letter(A, business=Business(2, "x", receivers={B: 0})),
        exchange.letter(A, business=Business(3, "x", replaces={DOCUMENT: (A, B)}), document_id="mới"),
    ):
        outcome = await exchange.post(letter)
        assert isinstance(outcome, Admitted)
        found = [(one.code, one.detail) for one in outcome.warnings if one.rule == "receiver.had"]
        assert found == [("receiver-without-document", B)]


async def test_an_added_receiver_gets_the_update_though_the_letter_is_not_addressed_to_it(exchange: Exchange) -> None:
    await exchange.send(A)
    update = await exchange.send(A, business=Business(2, "x", receivers={B: 1, C: 1}))
    assert exchange.states(update.stored.envelope_id) == {A: "pending", B: "pending", C: "pending"}


async def test_receivers_that_cannot_be_are_refused_by_name(exchange: Exchange) -> None:
    await exchange.send(A)
    assert await exchange.refusal(A, business=Business(2, "x", receivers={"H99.99": 1})) == [
        ("recipient-unknown", "H99.99")
    ]
    assert await exchange.refusal(A, business=Business(2, "x", receivers={"H99.99": 0})) == [
        ("recipient-unknown", "H99.99")
    ]


async def test_long_lists_are_refused_before_anybody_looks_them_up(exchange: Exchange) -> None:
    await exchange.send(A)
    many = {f"H99.{number}": 1 for number in range(6)}
    narrow = exchange.door(recipients=5)
    for letter, code in (
        (exchange.letter(A, business=Business(2, "x", receivers=many)), "recipient-limit"),
        (exchange.letter(A, business=Business(3, "x", replaces={DOCUMENT: tuple(many)})), "recipient-limit"),
        (
            exchange.letter(A, business=Business(3, "x", replaces=dict.fromkeys(map(str, range(51)), ()))),
            "metadata-too-long",
        ),
    ):
        outcome = await exchange.post(letter, narrow)
        assert isinstance(outcome, Rejected)
        assert [one.code for one in outcome.findings] == [code]


async def test_a_removed_receiver_that_is_not_addressed_is_told_in_its_feed_alone(exchange: Exchange) -> None:
    sent = await exchange.send(A, B)
    await exchange.move(ids(sent)[B], "settled")
    update = await exchange.send(A, business=Business(2, "Không còn liên quan", receivers={B: 0}))
    assert exchange.states(update.stored.envelope_id) == {A: "pending"}
    assert [one.description for one in exchange.told(B, "change.asked")] == ["Không còn liên quan"]
    await exchange.message("15", B, SENDER)
    assert exchange.outcomes(sent.stored.envelope_id, B) == [("remove", "agreed")]
