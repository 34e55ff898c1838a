"""Pollers are told that nothing is new; a delivery tells its attempts; what is sent again is seen to be no accident."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.client import HubClient
from adapters.client.calls import Reply
from adapters.client.conversation import Exchange
from hub import clock, keyring
from hub.delivery.replay import Replays
from hub.ledger import Transaction, deliveries, people
from hub.ledger.replays import Choice
from hub.receipts.deadline_policy import load
from hub.receipts.non_delivery import give_up
from hub.receipts.signing import ReceiptSigner
from tests.gateway.edge import Edge, problem
from tests.world import Office, World, eventually


@pytest.fixture(scope="module")
def offices(world: World) -> tuple[Office, Office, Office]:
    """Sender, recipient, and a stranger."""
    return world.office(), world.office(), world.office()


@pytest.fixture(scope="module")
def desk(world: World) -> Replays:
    """Replays with the hub's own key, and two people."""

    def add(transaction: Transaction) -> None:
        for login in ("one", "two"):
            people.add_person(transaction, login, login, ("operator",), "hash", None, clock.now())

    world.ledger.write_now(add)
    return Replays(signer_of(world), load())


def signer_of(world: World) -> ReceiptSigner:
    return keyring.load_signer(world.settings)


def sent(sender: Office, *recipients: Office) -> str:
    return str(sender.client.post_envelope(sender.letter(*(one.code for one in recipients)))["id"])


def taken(recipient: Office) -> dict[str, Any]:
    return dict(eventually(lambda: recipient.client.inbox(limit=1))[0])


def again(world: World, desk: Replays, delivery: str, reason: str = "Máy chủ nơi nhận mất dữ liệu") -> str:
    replay_id = world.ledger.write_now(desk.ask, Choice(deliveries=(delivery,)), reason, "one")
    world.ledger.write_now(desk.confirm, replay_id, "two")
    return str(replay_id)


def test_an_envelope_is_unchanged_until_something_happens_to_it(edge: Edge, offices: tuple[Office, ...]) -> None:
    sender, recipient, _ = offices
    path = f"/v1/envelopes/{sent(sender, recipient)}"
    delivery = taken(recipient)
    seen = set()

    def changed() -> str:
        answer = edge.get(path, by=sender)
        tag = answer.headers["etag"]
        assert tag not in seen
        seen.add(tag)
        same = edge.get(path, by=sender, headers={"If-None-Match": tag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert edge.get(path, by=sender, headers={"If-None-Match": f'"x", W/{tag}'}).status_code == 304
        assert edge.get(path, by=sender, headers={"If-None-Match": '"x"'}).json() == answer.json()
        return str(answer.json()["recipients"][0]["state"])

    assert changed() == "leased"
    recipient.client.release(delivery["delivery"])
    assert changed() == "ready"
    delivery = taken(recipient)
    assert changed() == "leased"
    recipient.client.settle(delivery["delivery"])
    assert changed() == "settled"
    recipient.client.report_status(delivery["delivery"], "03", "Đã vào sổ")
    assert changed() == "settled"


def test_receipts_of_an_envelope_are_unchanged_until_one_comes(edge: Edge, offices: tuple[Office, ...]) -> None:
    sender, recipient, _ = offices
    path = f"/v1/envelopes/{sent(sender, recipient)}/receipts"
    first = edge.get(path, by=sender)
    tag = {"If-None-Match": first.headers["etag"]}
    assert edge.get(path, by=sender, headers=tag).status_code == 304
    recipient.client.settle(taken(recipient)["delivery"])
    after = edge.get(path, by=sender, headers=tag)
    assert after.status_code == 200
    assert len(after.json()["receipts"]) == len(first.json()["receipts"]) + 1
    assert after.headers["etag"] != first.headers["etag"]


def test_the_feed_is_unchanged_for_one_who_sends_the_same_cursor_and_tag(edge: Edge, world: World) -> None:
    sender, recipient = world.office(), world.office()
    sent(sender, recipient)
    page = edge.get("/v1/receipts", by=sender)
    assert len(page.json()["receipts"]) == 1
    assert edge.get("/v1/receipts", by=sender, headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    path = f"/v1/receipts?after={page.json()['next']}"
    empty = edge.get(path, by=sender)
    tag = {"If-None-Match": empty.headers["etag"]}
    assert empty.json()["receipts"] == []
    assert edge.get(path, by=sender, headers=tag).status_code == 304
    assert edge.get(f"{path}&limit=1", by=sender, headers={"If-None-Match": page.headers["etag"]}).status_code == 200
    recipient.client.settle(taken(recipient)["delivery"])
    news = edge.get(path, by=sender, headers=tag)
    assert [one["event"] for one in news.json()["receipts"]] == ["delivery.settled"]
    assert edge.get(path, by=sender, headers={"If-None-Match": news.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("header", [{}, {"If-None-Match": "*"}, {"If-None-Match": '""'}, {"If-None-Match": ""}])
def test_a_stranger_learns_nothing_by_asking_conditionally(
    edge: Edge, offices: tuple[Office, ...], header: dict[str, str]
) -> None:
    sender, recipient, stranger = offices
    envelope = sent(sender, recipient)
    delivery = sender.client.envelope(envelope)["recipients"][0]["delivery"]
    for path in (f"/v1/envelopes/{envelope}", f"/v1/envelopes/{envelope}/receipts", f"/v1/deliveries/{delivery}"):
        problem(edge.get(path, by=stranger, headers=header), "not-found")
    recipient.client.settle(taken(recipient)["delivery"])


def test_the_client_library_polls_conditionally_and_gives_the_whole_answer(
    offices: tuple[Office, ...], world: World
) -> None:
    sender, recipient, _ = offices
    envelope = sent(sender, recipient)
    eventually(lambda: sender.client.envelope(envelope)["recipients"][0]["state"] == "ready")
    with Watched(world.url, sender.client_id, sender.secret) as client:
        first = client.envelope(envelope)
        assert client.envelope(envelope) == first
        page = client.feed()
        assert client.feed() == page
        assert client.receipts(envelope) == client.receipts(envelope)
        assert client.statuses == [200, 304, 200, 304, 200, 304]
        recipient.client.settle(taken(recipient)["delivery"])
        assert client.envelope(envelope)["recipients"][0]["state"] == "settled"
        assert client.statuses[-1] == 200


class Watched(HubClient):
    """A client that notes what the hub answered to everything under ``/v1``."""

    def __init__(self, url: str, client_id: str, secret: str) -> None:
        super().__init__(url, client_id, secret)
        self.statuses: list[int] = []
        plain = self._transport.exchange

        def noting(exchange: Exchange) -> Any:
            outcome = plain(exchange)
            if isinstance(outcome, Reply) and exchange.path.startswith("/v1/"):
                self.statuses.append(outcome.status)
            return outcome

        self._transport.exchange = noting  # type: ignore[method-assign]  # a look at what passes, nothing is changed


def test_a_delivery_tells_its_attempts_to_sender_recipient_and_auditor(
    edge: Edge, offices: tuple[Office, ...], world: World
) -> None:
    sender, recipient, _ = offices
    envelope = sent(sender, recipient)
    delivery = taken(recipient)["delivery"]
    recipient.client.release(delivery)
    told = sender.client.delivery(delivery)
    assert (told["state"], told["round"], told["replay"], told["superseded_by"]) == ("ready", 1, None, None)
    [attempt] = told["attempts"]
    assert (attempt["outcome"], attempt["code"], attempt["channel"]) == ("lapsed", "returned", "pull")
    assert attempt["explanation"] == "Hệ thống trả lại văn bản để nhận sau"
    assert told["next_attempt_at"] is not None
    assert told["deadlines"]["confirm_by"]
    assert recipient.client.delivery(delivery) == world.auditor.delivery(delivery) == told
    row = sender.client.envelope(envelope)["recipients"][0]
    assert (row["round"], row["attempts"], row["next_attempt_at"]) == (1, 1, told["next_attempt_at"])
    recipient.client.settle(taken(recipient)["delivery"])


def test_a_dead_letter_keeps_its_octets_and_says_why(
    offices: tuple[Office, ...], world: World, desk: Replays, edge: Edge
) -> None:
    sender, recipient, _ = offices
    letter = sender.letter(recipient.code)
    envelope = sender.client.post_envelope(letter)["id"]
    delivery = taken(recipient)["delivery"]

    def give(transaction: Transaction) -> bool:
        record = deliveries.find(transaction, [delivery], lock=True)[delivery]
        return give_up(transaction, signer_of(world), record, "bounced", "550 no such user", clock.now())

    assert world.ledger.write_now(give)
    told = sender.client.delivery(delivery)
    assert (told["state"], told["reason"]) == ("dead", "bounced: 550 no such user")
    assert sender.client.content(envelope) == letter
    again(world, desk, delivery)
    second = taken(recipient)
    assert recipient.client.content(envelope) == letter
    recipient.client.settle(second["delivery"])


def test_an_action_s_address_answers_only_to_post(edge: Edge, offices: tuple[Office, ...]) -> None:
    answer = edge.get("/v1/deliveries/some:settle", by=offices[0])
    problem(answer, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_what_is_sent_again_is_never_swallowed_by_the_duplicate_key(
    offices: tuple[Office, ...], world: World, desk: Replays
) -> None:
    sender, recipient, _ = offices
    letter = sender.letter(recipient.code)
    envelope = sender.client.post_envelope(letter)["id"]
    first = taken(recipient)
    assert (first["round"], first["replay"]) == (1, None)
    recipient.client.settle(first["delivery"])
    # a repeat by the sender is one letter, and no delivery comes of it
    assert sender.client.post_envelope(letter)["id"] == envelope
    assert recipient.client.inbox() == []

    replay_id = again(world, desk, first["delivery"])
    second = taken(recipient)
    assert second["envelope"] == first["envelope"] == envelope
    assert second["delivery"] != first["delivery"]
    assert second["round"] == 2
    assert second["arrival"] == first["arrival"] + 1
    reason = "Máy chủ nơi nhận mất dữ liệu"
    assert second["replay"] == {"id": replay_id, "reason": reason, "round": 2, "previous": first["delivery"]}
    assert recipient.client.content(envelope) == letter
    recipient.client.settle(second["delivery"])
    assert sender.client.delivery(first["delivery"])["superseded_by"] == second["delivery"]
    assert sender.client.delivery(second["delivery"])["replay"] == second["replay"]
    events = [(one["kind"], one["event"], one["description"]) for one in sender.client.receipts(envelope)]
    assert ("notice", "delivery.replayed", reason) in events
    assert [event for _, event, _ in events].count("delivery.settled") == 2
    [row] = sender.client.envelope(envelope)["recipients"]
    assert (row["delivery"], row["round"], row["state"]) == (second["delivery"], 2, "settled")


def test_a_replay_of_a_refused_delivery_is_a_fresh_offer(
    offices: tuple[Office, ...], world: World, desk: Replays
) -> None:
    sender, recipient, _ = offices
    envelope = sent(sender, recipient)
    first = taken(recipient)["delivery"]
    recipient.client.refuse(first, "Gửi nhầm")
    again(world, desk, first, "Nơi nhận đồng ý nhận lại")
    second = taken(recipient)
    recipient.client.settle(second["delivery"])
    [row] = sender.client.envelope(envelope)["recipients"]
    assert (row["state"], row["round"], row["reason"]) == ("settled", 2, "")


def test_a_late_status_for_the_earlier_delivery_counts_for_the_one_that_followed(
    offices: tuple[Office, ...], world: World, desk: Replays
) -> None:
    sender, recipient, _ = offices
    envelope = sent(sender, recipient)
    first = taken(recipient)["delivery"]
    recipient.client.settle(first)
    again(world, desk, first)
    recipient.client.report_status(first, "06", "Đã xử lý xong")
    [row] = sender.client.envelope(envelope)["recipients"]
    assert row["round"] == 2
    assert row["business_status"] is not None
    assert row["business_status"]["code"] == "06"
    recipient.client.settle(taken(recipient)["delivery"])
