"""The sender's chase over HTTP: a reminder in the recipient's feed, not too often, only for the sender's letters."""

from __future__ import annotations

from datetime import timedelta

from hub import clock
from tests.gateway.edge import Edge, problem
from tests.world import Office, World, eventually


def delivered(edge: Edge, sender: Office, recipient: Office) -> tuple[str, str]:
    """A letter in the recipient's inbox; its envelope and delivery."""
    made = sender.client.post_envelope(sender.letter(recipient.code))
    [taken] = eventually(recipient.client.inbox)
    recipient.client.settle(taken["delivery"])
    return made["id"], taken["delivery"]


def test_the_recipient_reads_the_sender_s_reminder_once_in_a_while(edge: Edge, world: World) -> None:
    sender, recipient = world.office(), world.office()
    envelope, delivery = delivered(edge, sender, recipient)
    chase = f"/v1/deliveries/{delivery}:chase"
    asked = edge.post(chase, by=sender, json={"note": "Cần trước 14:00"})
    assert asked.status_code == 200, asked.text
    assert asked.json()["recipient"] == recipient.code
    [reminder] = [one for one in recipient.client.feed()["receipts"] if one["event"] == "delivery.reminder"]
    assert (reminder["kind"], reminder["envelope"], reminder["delivery"]) == ("notice", envelope, delivery)
    assert "Cần trước 14:00" in reminder["description"]
    again = edge.post(chase, by=sender)
    problem(again, "chase-too-soon")
    assert 0 < int(again.headers["retry-after"]) <= 1800
    assert [one["event"] for one in sender.client.feed()["receipts"]] == ["envelope.accepted", "delivery.settled"]


def test_nobody_else_has_a_recipient_reminded_and_nobody_of_what_is_done(edge: Edge, world: World) -> None:
    sender, recipient = world.office(), world.office()
    _, delivery = delivered(edge, sender, recipient)
    chase = f"/v1/deliveries/{delivery}:chase"
    problem(edge.post(chase, by=recipient), "not-found")
    problem(edge.post("/v1/deliveries/none:chase", by=sender), "not-found")
    problem(edge.post(chase, by=sender, json={"note": "x" * 301}), "request-invalid")
    problem(edge.post(chase), "authentication-required")
    recipient.client.report_status(delivery, "06")
    problem(edge.post(chase, by=sender), "chase-needless")


def test_the_matrix_says_until_when_what_must_have_happened(edge: Edge, world: World) -> None:
    sender, recipient = world.office(), world.office()
    urgent = sender.client.post_envelope(sender.letter(recipient.code, priority=3))
    [row] = sender.client.envelope(urgent["id"])["recipients"]
    deadlines = row["deadlines"]
    accepted = clock.parse_rfc3339(urgent["received_at"])
    assert clock.parse_rfc3339(deadlines["confirm_by"]) == accepted + timedelta(minutes=30)
    assert clock.parse_rfc3339(deadlines["expires_at"]) == accepted + timedelta(days=3)
    assert (deadlines["process_by"], deadlines["overdue"]) == (None, None)
